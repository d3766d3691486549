"""Policy inputs: the ordinary one, and any that the types allow."""

from __future__ import annotations

from typing import get_args, get_type_hints

import hypothesis.strategies as st

from extauth.types import (
    Api,
    BehaviourFacts,
    Counters,
    Facts,
    LoadFacts,
    ModelFacts,
    Operation,
    Parameters,
    Principal,
    RequestFacts,
    SourceFacts,
    TimeFacts,
    TokenFacts,
    UsageFacts,
    Windows,
)

ADA = Principal(
    id="acme/ada",
    kind="api_key",
    tenant="acme",
    tier="premium",
    roles=("developer",),
    region="eu-west",
)
NOON = TimeFacts(date="2026-03-04", weekday="wednesday", hour=12, minute=30)
CHAT = Facts(
    request=RequestFacts(api=Api.OPENAI, operation=Operation.CHAT),
    principal=ADA,
    source=SourceFacts(ip="198.51.100.20"),
    time=NOON,
    model=ModelFacts(name="chat", version=None, alias=None, bucket=5000),
    parameters=Parameters(max_tokens=64, temperature=0.7),
    tokens=TokenFacts(prompt=20, max_completion=64),
    sensitive={"email": 2},
    usage=UsageFacts(principal=Windows(minute=Counters(requests=3, tokens=250))),
    load=LoadFacts(pending=1, queue_ms=2.5, in_flight=3, gpu=None, age=0.7),
    behaviour=BehaviourFacts(requests=3),
)

# Names that the policies know, beside any others: rules have to meet what they ask about.
text = st.text(max_size=12)
counts = st.integers(0, 3) | st.integers(0, 1_000_000)
tenants = st.sampled_from(["acme", "globex", "initech", "hooli", "platform"]) | text
tiers = st.sampled_from(["free", "premium", "batch", "internal"]) | text
roles = st.sampled_from(["admin", "developer", "viewer", "privacy-officer"]) | text
regions = st.sampled_from(["eu-west", "us-east", None]) | text
models = st.sampled_from(["chat", "echo", "embed"]) | text
named = st.sampled_from([(None, None)] * 3 + [("1", None), ("2", None), ("9", None)]) | (
    st.sampled_from(["stable", "next", "none"]).map(lambda alias: (None, alias))
)
kinds = st.sampled_from(["email", "phone", "secret"]) | text
# An IPv4 client is known by its IPv4 address, never as ::ffff:192.0.2.7.
addresses = st.sampled_from(["192.0.2.7", "2001:db8::9"]) | st.ip_addresses().filter(
    lambda ip: getattr(ip, "ipv4_mapped", None) is None
).map(str)
weekdays = st.sampled_from(get_args(get_type_hints(TimeFacts)["weekday"]))
windows = st.builds(
    Windows,
    minute=st.builds(Counters, requests=counts, tokens=counts),
    day=st.builds(Counters, requests=counts, tokens=st.integers(0, 100_000_000)),
)
principals = st.builds(
    Principal,
    id=text,
    kind=st.sampled_from(["api_key", "jwt"]),
    tenant=tenants,
    tier=tiers,
    roles=st.lists(roles, max_size=3).map(tuple),
    region=regions,
    attributes=st.dictionaries(text, text, max_size=2),
)
references = st.builds(
    lambda name, which, bucket: ModelFacts(
        name=name, version=which[0], alias=which[1], bucket=bucket
    ),
    models,
    named,
    st.integers(0, 9999),
)
parameters = st.builds(
    Parameters,
    max_tokens=st.none() | counts,
    temperature=st.none() | st.floats(-2, 4) | st.sampled_from([0.0, 1.0, 1.5, 2.0]),
    top_p=st.none() | st.floats(0, 1),
    n=st.integers(1, 20),
    stream=st.booleans(),
    seed=st.none() | st.integers(-(2**53), 2**53),
    stop=st.integers(0, 4),
    tools=st.integers(0, 200),
    response_format=st.sampled_from(["text", "json_object", "json_schema"]),
    inputs=st.integers(0, 3000),
)
loads = st.builds(
    LoadFacts,
    pending=counts,
    queue_ms=st.none() | st.floats(0, 1e6),
    in_flight=counts,
    gpu=st.none() | st.floats(0, 1),
    age=st.floats(0, 10),
)
behaviours = st.builds(
    BehaviourFacts, requests=counts, denied=counts, limited=counts, failed=counts
)
facts = st.builds(
    Facts,
    request=st.builds(RequestFacts, api=st.sampled_from(Api), operation=st.sampled_from(Operation)),
    principal=principals,
    source=st.builds(SourceFacts, ip=addresses),
    time=st.builds(
        TimeFacts,
        date=st.dates().map(str),
        weekday=weekdays,
        hour=st.integers(0, 23),
        minute=st.integers(0, 59),
    ),
    model=st.none() | references,
    parameters=st.none() | parameters,
    tokens=st.none() | st.builds(TokenFacts, prompt=counts, max_completion=counts),
    sensitive=st.none() | st.dictionaries(kinds, st.integers(0, 9), max_size=4),
    usage=st.none() | st.builds(UsageFacts, principal=windows, tenant=windows),
    load=st.none() | loads,
    behaviour=st.none() | behaviours,
)
