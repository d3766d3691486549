"""Tokens of well-known services, composed here so that secret scanners do not stop at this file."""

import pytest

from extauth.content.privacy import Detector
from extauth.content.privacy.recognisers.vendor import VENDORS

HEX = "0123456789abcdef" * 20
MIXED = "aB3dE5fG7hJ9kL1mN0pQ2rS4tU6vW8xY" * 10
UPPER = "A1B2C3D4E5F6G7H8J9K0L1M2N3P4Q5R6" * 4
UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"

TOKENS = {
    "sk": "sk-" + "proj-" + MIXED[:48],
    "hugging-face": "hf_" + MIXED[:34],
    "groq": "gsk_" + MIXED[:52],
    "perplexity": "pplx-" + MIXED[:48],
    "replicate": "r8_" + MIXED[:37],
    "xai": "xai-" + MIXED[:80],
    "fireworks": "fw_" + MIXED[:24],
    "together": "tgp_v1_" + MIXED[:43],
    "nvidia": "nvapi-" + MIXED[:64],
    "langsmith": "lsv2_pt_" + HEX[:32] + "_" + HEX[:10],
    "pinecone": "pcsk_" + MIXED[:70],
    "elevenlabs": "sk_" + HEX[:48],
    "tavily": "tvly-" + MIXED[:32],
    "cerebras": "csk-" + MIXED[:48],
    "jina": "jina_" + MIXED[:60],
    "e2b": "e2b_" + HEX[:40],
    "firecrawl": "fc-" + HEX[:32],
    "github": "ghp_" + MIXED[:36],
    "github-pat": "github_pat_" + MIXED[:82],
    "gitlab": "glpat-" + MIXED[:20],
    "gitlab-runner": "GR1348941" + MIXED[:20],
    "bitbucket": "ATBB" + MIXED[:32],
    "atlassian": "ATATT3" + MIXED[:186],
    "sourcegraph": "sgp_" + HEX[:40],
    "npm": "npm_" + MIXED[:36],
    "pypi": "pypi-AgE" + MIXED[:60],
    "rubygems": "rubygems_" + HEX[:48],
    "crates-io": "cio" + MIXED[:32],
    "clojars": "CLOJARS_" + MIXED[:60],
    "nuget": "oy2" + MIXED.lower()[:43],
    "docker": "dckr_pat_" + MIXED[:27],
    "jfrog": "AKCp" + MIXED[:69],
    "sonarqube": "sqp_" + HEX[:40],
    "buildkite": "bkua_" + HEX[:40],
    "circleci": "CCIPAT_" + MIXED[:22] + "_" + HEX[:40],
    "postman": "PMAK-" + HEX[:24] + "-" + HEX[:34],
    "sentry": "sntrys_" + MIXED[:60],
    "snyk": "snyk_uat." + MIXED[:40],
    "figma": "figd_" + MIXED[:40],
    "linear": "lin_api_" + MIXED[:40],
    "notion": "ntn_" + MIXED[:46],
    "readme": "rdme_" + MIXED[:70],
    "launchdarkly": "sdk-" + UUID,
    "aws-access-key": "AKIA" + UPPER[:16],
    "aws-mws": "amzn.mws." + UUID,
    "aws-bedrock": "ABSK" + MIXED[:110],
    "aws-session": "IQoJb3JpZ2lu" + MIXED[:200],
    "google": "AIza" + MIXED[:35],
    "google-oauth": "GOCSPX-" + MIXED[:28],
    "google-refresh": "1//0" + MIXED[:60],
    "azure-client": "abc8Q~" + MIXED[:34],
    "azure-key": MIXED[:52] + "JQQJ99" + MIXED[:24],
    "alibaba": "LTAI" + MIXED[:20],
    "tencent": "AKID" + MIXED[:32],
    "yandex": "AQVN" + MIXED[:36],
    "digitalocean": "dop_v1_" + HEX[:64],
    "heroku": "HRKU-" + UUID,
    "cloudflare": "v1.0-" + HEX[:24] + "-" + HEX[:146],
    "fly": "fo1_" + MIXED[:43],
    "vercel": "vercel_blob_rw_" + MIXED[:30],
    "netlify": "nfp_" + MIXED[:40],
    "supabase": "sbp_" + HEX[:40],
    "planetscale": "pscale_tkn_" + MIXED[:43],
    "neon": "napi_" + MIXED.lower()[:64],
    "databricks": "dapi" + HEX[:32],
    "terraform": MIXED[:14] + ".atlasv1." + MIXED[:67],
    "vault": "hvs." + MIXED[:90],
    "pulumi": "pul-" + HEX[:40],
    "doppler": "dp.pt." + MIXED[:43],
    "1password": "ops_eyJ" + MIXED[:250],
    "1password-key": "A3-" + "AB12CD-" + "EF34GH5J6K7-" + "L8M9N-P0Q1R-S2T3U",
    "tailscale": "tskey-auth-" + MIXED[:12] + "-" + MIXED[:32],
    "openshift": "sha256~" + MIXED[:43],
    "octopus": "API-" + UPPER[:26],
    "grafana": "glsa_" + MIXED[:32] + "_" + HEX[:8],
    "grafana-cloud": "glc_eyJ" + MIXED[:60],
    "new-relic": "NRAK-" + UPPER[:27],
    "dynatrace": "dt0c01." + UPPER[:24] + "." + UPPER[:64],
    "prefect": "pnu_" + MIXED[:36],
    "slack": "xoxb-" + "123456789012-abcdEF",
    "slack-app": "xapp-1-" + UPPER[:11] + "-" + HEX[:60],
    "discord": "M" + MIXED[:23] + "." + MIXED[:6] + "." + MIXED[:27],
    "discord-webhook": "discord.com/api/webhooks/" + "123456789012345678/" + MIXED[:68],
    "teams-webhook": ".webhook.office.com/webhookb2/" + UUID + "@" + UUID,
    "zapier-webhook": "hooks.zapier.com/hooks/catch/" + "1234567/a1b2c3d",
    "telegram": "123456789" + ":AA" + MIXED[:33],
    "twilio": "SK" + HEX[:32],
    "sendgrid": "SG." + MIXED[:22] + "." + MIXED[:43],
    "mailgun": "key-" + HEX[:32],
    "mailchimp": HEX[:32] + "-us12",
    "brevo": "xkeysib-" + HEX[:64] + "-" + MIXED[:16],
    "resend": "re_" + MIXED[:8] + "_" + MIXED[:24],
    "facebook": "EAA" + MIXED[:120],
    "typeform": "tfp_" + MIXED[:59],
    "hubspot": "pat-na1-" + UUID,
    "airtable": "pat" + MIXED[:14] + "." + HEX[:64],
    "asana": "1/1234567890123456:" + HEX[:32],
    "dropbox": "sl." + MIXED[:140],
    "contentful": "CFPAT-" + MIXED[:43],
    "adafruit": "aio_" + MIXED[:28],
    "adobe": "p8e-" + MIXED[:32],
    "mapbox": "sk.eyJ" + MIXED[:40] + "." + MIXED[:22],
    "stripe": "sk_live_" + MIXED[:24],
    "square": "sq0atp-" + MIXED[:22],
    "shopify": "shpat_" + HEX[:32],
    "plaid": "access-production-" + UUID,
    "razorpay": "rzp_live_" + MIXED[:14],
    "flutterwave": "FLWSECK-" + HEX[:32] + "-X",
    "easypost": "EZAK" + MIXED[:54],
    "shippo": "shippo_live_" + HEX[:40],
    "duffel": "duffel_live_" + MIXED[:43],
    "lob": "live_" + HEX[:35],
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_a_services_token_is_found_whole(detector: Detector, token: str) -> None:
    findings = [f for f in detector.detect(f"Use {token}, please.") if f.kind == "secret"]
    assert [(f.start, f.end) for f in findings] == [(4, 4 + len(token))]


def test_at_least_a_hundred_services_are_known() -> None:
    assert len({recogniser.name for recogniser in VENDORS}) >= 100
    assert set(TOKENS) <= {recogniser.name for recogniser in VENDORS}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_inside_a_longer_word_it_is_none(detector: Detector, token: str) -> None:
    if token[0].isalnum():
        inside = f"zzz{token}"
        assert all(
            (f.start, f.end) != (3, len(inside)) or f.recogniser == "jwt"
            for f in detector.detect(inside)
        )


@pytest.mark.parametrize(
    "text",
    [
        "ghp_" + "x" * 36,
        "sk-" + "x" * 40,
        "AKIA" + "X" * 16,
        "sk-your-api-key-goes-here-12345678",
        "xoxb-your-token-here-0000",
        "hf_" + "*" * 34,
        "the prefixes ghp_, glpat- and hf_ are well known",
        "commit 3f2504e04f8941d39a0c0305e82c33013f2504e0",
        "sha256:" + HEX[:64],
        "id 3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "integrity sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC",
        "task-force-one and re_search_and_re_place",
        "live_update_2024_01_15 and test_everything_12345",
        "the EAA regulation, the SG. abbreviation, key-value pairs",
    ],
)
def test_stand_ins_hashes_and_words_are_none(detector: Detector, text: str) -> None:
    assert detector.detect(text) == ()
