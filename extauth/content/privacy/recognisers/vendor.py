"""Tokens of well-known services, by their prefixes."""

from __future__ import annotations

from extauth.content.privacy.recognisers.token import TokenRecogniser

_HEX = rb"[0-9a-f]"
_ALNUM = rb"[A-Za-z0-9]"
_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _of(name: str, prefix: bytes, body: bytes, *, digit: bool = False) -> TokenRecogniser:
    """Return a recogniser of a token that its prefix alone identifies."""
    return TokenRecogniser(name, prefix, rb"(?:" + prefix + rb")" + body, digit=digit)


_AI = (
    # OpenAI, Anthropic, OpenRouter, DeepSeek, and this gateway's own keys.
    TokenRecogniser(
        "sk", rb"\bsk-[\w\-]{8}", rb"sk-[\w\-]{0,24}[A-Za-z0-9]{16}[\w\-]*", digit=True
    ),
    _of("hugging-face", rb"\bhf_|\bapi_org_", _ALNUM + rb"{30,}"),
    _of("groq", rb"\bgsk_", _ALNUM + rb"{40,}"),
    _of("perplexity", rb"\bpplx-", _ALNUM + rb"{40,}"),
    _of("replicate", rb"\br8_", _ALNUM + rb"{37,}"),
    _of("xai", rb"\bxai-", _ALNUM + rb"{60,}"),
    _of("fireworks", rb"\bfw_", _ALNUM + rb"{22,24}"),
    _of("together", rb"\btgp_v1_", rb"[\w\-]{40,}"),
    _of("nvidia", rb"\bnvapi-", rb"[\w\-]{60,}"),
    _of("langsmith", rb"\blsv2_(?:pt|sk)_", _HEX + rb"{32}_" + _HEX + rb"{10}"),
    _of("langfuse", rb"\bsk-lf-", _UUID),
    _of("pinecone", rb"\bpcsk_", rb"\w{50,}"),
    _of("elevenlabs", rb"\bsk_(?:[0-9a-f]{4})", _HEX + rb"{44}"),
    _of("tavily", rb"\btvly-", rb"[\w\-]{28,}"),
    _of("cerebras", rb"\bcsk-", _ALNUM + rb"{40,}"),
    _of("jina", rb"\bjina_", rb"\w{50,}"),
    _of("e2b", rb"\be2b_", _HEX + rb"{40}"),
    _of("firecrawl", rb"\bfc-", _HEX + rb"{32}"),
)

_CODE = (
    _of("github", rb"gh[pousr]_", _ALNUM + rb"{30,}"),
    _of("github-pat", rb"github_pat_", rb"\w{22,}"),
    _of("gitlab", rb"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-", rb"[\w\-.]{20,}"),
    _of("gitlab-runner", rb"\bGR1348941", rb"[\w\-]{20,}"),
    _of("bitbucket", rb"\bATBB", _ALNUM + rb"{28,}"),
    _of("atlassian", rb"\bAT(?:ATT|CTT|STT)3", rb"[\w\-=]{60,}"),
    _of("sourcegraph", rb"\bsgp_", rb"(?:[0-9a-z]{1,16}_)?" + _HEX + rb"{40}"),
    _of("npm", rb"\bnpm_", _ALNUM + rb"{36}"),
    _of("pypi", rb"pypi-AgE", rb"[\w\-]{40,}"),
    _of("rubygems", rb"\brubygems_", _HEX + rb"{48}"),
    _of("crates-io", rb"\bcio[A-Za-z0-9]", _ALNUM + rb"{31}", digit=True),
    _of("clojars", rb"\bCLOJARS_", _ALNUM + rb"{60}"),
    _of("nuget", rb"\boy2[a-z0-9]", rb"[a-z0-9]{42}", digit=True),
    _of("docker", rb"\bdckr_(?:pat|oat)_", rb"[\w\-]{27,}"),
    _of("jfrog", rb"\bAKCp[A-Za-z0-9]|\bcmVmdGtu", _ALNUM + rb"{56,}"),
    _of("sonarqube", rb"\bsq[upa]_", _HEX + rb"{40}"),
    _of("buildkite", rb"\bbk(?:ua|at|r|t)_", _ALNUM + rb"{32,}"),
    _of("circleci", rb"\bCCIP(?:AT|RJ)_", _ALNUM + rb"{22}_" + _HEX + rb"{40}"),
    _of("codecov", rb"\bcodecov[_ ]?token[\"' :=]{1,4}", _UUID),
    _of("postman", rb"\bPMAK-", _HEX + rb"{24}-" + _HEX + rb"{34}"),
    _of("sentry", rb"\bsntry[su]_", rb"[\w+/=\-]{40,}"),
    _of("snyk", rb"\bsnyk_(?:uat|sat)\.", rb"[\w\-.]{30,}"),
    _of("figma", rb"\bfig[duro][rh]?_", rb"[\w\-]{36,}"),
    _of("linear", rb"\blin_(?:api|oauth|wh)_", _ALNUM + rb"{32,}"),
    _of("notion", rb"\bntn_|\bsecret_[A-Za-z0-9]{3}", _ALNUM + rb"{40,}"),
    _of("readme", rb"\brdme_", _ALNUM + rb"{64,}"),
    _of("launchdarkly", rb"\b(?:sdk|mob|api)-[0-9a-f]{8}-", _UUID[len(rb"[0-9a-f]{8}-") :]),
)

_CLOUD = (
    TokenRecogniser(
        "aws-access-key",
        rb"A(?:KIA|SIA|BIA|CCA|IDA|ROA|GPA|NPA|NVA|IPA)[A-Z0-9]{4}",
        rb"A(?:KIA|SIA|BIA|CCA|IDA|ROA|GPA|NPA|NVA|IPA)[A-Z0-9]{16}",
    ),
    _of("aws-mws", rb"\bamzn\.mws\.", _UUID),
    _of("aws-bedrock", rb"\bABSK[A-Za-z0-9]|\bbedrock-api-key-", rb"[A-Za-z0-9+/]{100,}={0,2}"),
    _of("aws-session", rb"\bIQoJb3JpZ2lu|\bFwoGZXIvYXdz", rb"[A-Za-z0-9+/]{100,}={0,2}"),
    _of("google", rb"AIza[\w\-]", rb"[\w\-]{34}"),
    _of("google-oauth", rb"GOCSPX-|ya29\.", rb"[\w\-]{20,}"),
    _of("google-refresh", rb"\b1//0[\w\-]", rb"[\w\-]{40,}"),
    TokenRecogniser(
        "azure-client",
        rb"\dQ~[\w~.\-]",
        rb"[\w~.\-]{3}\dQ~[\w~.\-]{31,34}",
    ),
    TokenRecogniser("azure-key", rb"JQQJ99", rb"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{24}"),
    _of("alibaba", rb"\bLTAI[A-Za-z0-9]", _ALNUM + rb"{15,23}", digit=True),
    _of("tencent", rb"\bAKID[A-Za-z0-9]", _ALNUM + rb"{31,}", digit=True),
    _of("yandex", rb"\bAQVN|\by0_", rb"[\w\-]{35,}"),
    _of("digitalocean", rb"\bdo[opr]_v1_", _HEX + rb"{64}"),
    _of("heroku", rb"\bHRKU-", rb"[\w\-]{36,}"),
    _of("cloudflare", rb"\bv1\.0-[0-9a-f]{4}", _HEX + rb"{20}-" + _HEX + rb"{140,}"),
    _of("fly", rb"\bfo1_|\bfm[12][ar]?_", rb"[\w\-+/]{43,}={0,3}"),
    _of("vercel", rb"\bvercel_blob_rw_|\bvc[pir]_", _ALNUM + rb"{24,}"),
    _of("netlify", rb"\bnfp_", _ALNUM + rb"{36,}"),
    _of("supabase", rb"\bsbp_(?:oauth_)?[0-9a-f]|\bsb_secret_", rb"[\w\-]{28,}"),
    _of("planetscale", rb"\bpscale_(?:tkn|pw|oauth)_", rb"[\w.=\-]{32,}"),
    _of("neon", rb"\bnapi_", rb"[a-z0-9]{50,}"),
    _of("databricks", rb"\bdapi[0-9a-f]", rb"[0-9a-h]{31}(?:-\d)?"),
    TokenRecogniser("terraform", rb"\.atlasv1\.", rb"[A-Za-z0-9]{14}\.atlasv1\.[\w\-=]{60,70}"),
    _of("vault", rb"\bhv[sbr]\.", rb"[\w\-]{24,}"),
    _of("pulumi", rb"\bpul-", _HEX + rb"{40}"),
    _of("doppler", rb"\bdp\.(?:pt|st|ct|sa|scim|audit)\.", rb"[\w\-.]{40,}"),
    _of("infisical", rb"\bst\.[0-9a-f]{8}", rb"[\w\-.]{40,}"),
    _of("1password", rb"\bops_eyJ", rb"[A-Za-z0-9+/]{200,}={0,3}"),
    _of(
        "1password-key",
        rb"\bA3-[A-Z0-9]{6}-",
        rb"(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",
    ),
    _of("tailscale", rb"\btskey-[a-z]{2,10}-", rb"[\w\-]{16,}"),
    _of("openshift", rb"\bsha256~", rb"[\w\-]{43}"),
    _of("octopus", rb"\bAPI-[A-Z0-9]{4}", rb"[A-Z0-9]{22,26}", digit=True),
    _of("grafana", rb"\bglsa_", _ALNUM + rb"{32}_" + _HEX + rb"{8}"),
    _of("grafana-cloud", rb"\bglc_eyJ", rb"[A-Za-z0-9+/]{32,}={0,3}"),
    _of("new-relic", rb"\bNR(?:AK|II|JS|RA)-", rb"[\w\-]{19,}", digit=True),
    _of("dynatrace", rb"\bdt0[a-z]\d\d\.", rb"[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _of("prefect", rb"\bpn[ub]_", _ALNUM + rb"{36}"),
    _of("confluent", rb"\bcflt[A-Za-z0-9/+]", rb"[A-Za-z0-9/+]{55,}"),
)

_MESSAGING = (
    _of("slack", rb"xox[abeoprs]-", rb"[A-Za-z0-9\-]{10,}"),
    _of("slack-app", rb"\bxapp-\d-", rb"[A-Za-z0-9\-]{20,}"),
    TokenRecogniser(
        "slack-webhook",
        rb"hooks\.slack\.com/",
        rb"hooks\.slack\.com/\w+/[A-Za-z0-9/]{16,}",
        literal=True,
    ),
    _of("discord-webhook", rb"discord(?:app)?\.com/api/webhooks/", rb"\d{15,20}/[\w\-]{40,}"),
    TokenRecogniser(
        "discord",
        rb"[MNO][A-Za-z0-9_\-]{23,25}\.[\w\-]{6}\.",
        rb"[MNO][A-Za-z0-9_\-]{23,25}\.[\w\-]{6}\.[\w\-]{27,45}",
        digit=True,
    ),
    _of("teams-webhook", rb"\.webhook\.office\.com/webhookb?\d?/", rb"[\w@\-/.]{60,}"),
    _of("zapier-webhook", rb"hooks\.zapier\.com/hooks/catch/", rb"\d{4,12}/\w{5,12}"),
    _of("telegram", rb"\b\d{8,10}:AA[\w\-]", rb"[\w\-]{32,34}"),
    _of("twilio", rb"\bSK[0-9a-f]{4}", _HEX + rb"{28}"),
    _of("sendgrid", rb"\bSG\.[\w\-]{4}", rb"[\w\-]{12,}\.[\w\-]{16,}"),
    _of("mailgun", rb"\bkey-[0-9a-f]{4}", _HEX + rb"{28}"),
    TokenRecogniser("mailchimp", rb"[0-9a-f]-us\d", rb"[0-9a-f]{32}-us\d{1,2}"),
    _of("brevo", rb"\bx(?:keys|smtps)ib-", _HEX + rb"{64}-" + _ALNUM + rb"{16}"),
    _of("resend", rb"\bre_[A-Za-z0-9]{2}", rb"[A-Za-z0-9]{6}_[A-Za-z0-9]{24}"),
    _of("facebook", rb"\bEAA[A-Za-z0-9]", _ALNUM + rb"{80,}"),
    _of("twitter", rb"\bA{20}", rb"[\w%]{50,}"),
    _of("typeform", rb"\btfp_", rb"[\w.=\-]{40,}"),
    _of("hubspot", rb"\bpat-(?:na|eu|ap)\d-", _UUID),
    _of("intercom", rb"\bdG9rOi?[A-Za-z0-9]", rb"[A-Za-z0-9+/]{50,}={0,2}"),
    _of("airtable", rb"\bpat[A-Za-z0-9]{14}\.", _HEX + rb"{64}"),
    _of("asana", rb"\b[0-9]/\d{16}(?:/\d{16})?:", _HEX + rb"{32}"),
    _of("dropbox", rb"\bsl\.(?:u\.)?[\w\-]", rb"[\w\-]{129,}"),
    _of("contentful", rb"\bCFPAT-", rb"[\w\-]{43}"),
    _of("algolia", rb"\balgolia[_ ]?(?:admin|api)?[_ ]?key[\"' :=]{1,4}", _HEX + rb"{32}"),
    _of("adafruit", rb"\baio_[A-Za-z0-9]{4}", _ALNUM + rb"{24}"),
    _of("adobe", rb"\bp8e-", rb"[A-Za-z0-9]{32}"),
    _of("mapbox", rb"\bsk\.eyJ", rb"[\w\-]{20,}\.[\w\-]{20,}"),
)

_MONEY = (
    _of("stripe", rb"[srp]k_(?:live|test|prod)_|whsec_", rb"[A-Za-z0-9]{10,}"),
    _of("square", rb"\bsq0(?:atp|csp|idp)-|\bEAAA[A-Za-z0-9]", rb"[\w\-]{22,}"),
    _of("shopify", rb"\bshp(?:at|ca|pa|ss|ua)_", rb"[0-9a-fA-F]{32}"),
    _of("plaid", rb"\baccess-(?:sandbox|development|production)-", _UUID),
    _of(
        "paypal-braintree",
        rb"\baccess_token\$(?:production|sandbox)\$",
        rb"[0-9a-z]{16}\$[0-9a-f]{32}",
    ),
    _of("gocardless", rb"\blive_[A-Za-z0-9]{4}", rb"[\w\-]{36}"),
    _of("lob", rb"\b(?:live|test)_[0-9a-f]{4}", _HEX + rb"{31}"),
    _of("razorpay", rb"\brzp_(?:live|test)_", _ALNUM + rb"{14,}"),
    _of("flutterwave", rb"\bFLWSECK(?:_TEST)?-", rb"[A-Za-z0-9]{12,32}(?:-X)?"),
    _of("easypost", rb"\bEZ[AT]K[A-Za-z0-9]", _ALNUM + rb"{53}"),
    _of("shippo", rb"\bshippo_(?:live|test)_", _HEX + rb"{40}"),
    _of("duffel", rb"\bduffel_(?:live|test)_", rb"[\w\-]{40,}"),
)

VENDORS = (*_AI, *_CODE, *_CLOUD, *_MESSAGING, *_MONEY)
"""A recogniser for each service's format, tried only where its prefix occurs."""
