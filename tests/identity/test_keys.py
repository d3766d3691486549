"""API keys from their making to their end, in every kind of store."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from extauth.errors import InvalidRequest, NotFound, Unauthenticated
from extauth.identity import SqliteKeys
from extauth.types import Consent, Principal

from .contract import HOUR, NOW

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.identity import KeyRing, KeyStore

    from .contract import Kept


async def refused(ring: KeyRing, presented: str, now: float = NOW) -> str:
    """The message of the refusal."""
    with pytest.raises(Unauthenticated) as error:
        await ring.authenticate(presented, now)
    return error.value.message


async def test_a_key_stands_for_its_principal(keys: KeyStore, ring: KeyRing) -> None:
    _, key = keys.create(
        name="ada",
        tenant="acme",
        tier="premium",
        roles=["developer", "reviewer"],
        region="eu-west",
        attributes={"team": "search & ranking"},
        now=NOW,
    )

    assert await ring.authenticate(key, NOW) == Principal(
        id="acme/ada",
        kind="api_key",
        tenant="acme",
        tier="premium",
        roles=("developer", "reviewer"),
        region="eu-west",
        attributes={"team": "search & ranking"},
    )


async def test_consent_follows_at_once(keys: KeyStore, elsewhere: KeyStore, ring: KeyRing) -> None:
    given = Consent(("support",), "2027-01-31")
    _, key = keys.create(
        name="ada", tenant="acme", tier="free", consent=given, retention="short", now=NOW
    )
    principal = await ring.authenticate(key, NOW)
    assert (principal.consent, principal.retention) == (given, "short")

    keys.consent("acme/ada", Consent(()))

    assert (await ring.authenticate(key, NOW)).consent == Consent(())


@pytest.mark.parametrize(
    "consent", [Consent(("a b",)), Consent(("support",), "2027-02-30"), Consent((), "soon")]
)
async def test_a_consent_that_no_policy_could_read_is_refused(
    keys: KeyStore, ring: KeyRing, consent: Consent
) -> None:
    with pytest.raises(InvalidRequest, match="consent"):
        keys.create(name="ada", tenant="acme", tier="free", consent=consent, now=NOW)
    keys.create(name="ada", tenant="acme", tier="free", now=NOW)
    with pytest.raises(InvalidRequest, match="consent"):
        keys.consent("acme/ada", consent)


def test_nobody_consents_for_a_key_that_is_not_there(keys: KeyStore) -> None:
    with pytest.raises(NotFound):
        keys.consent("acme/ada", None)


async def test_what_is_erased_is_in_no_byte_of_the_file(
    kept: Kept, keys: KeyStore, ring: KeyRing
) -> None:
    _, key = keys.create(name="jane.doe", tenant="acme", tier="free", now=NOW)
    keys.create(name="bob", tenant="acme", tier="free", now=NOW)

    assert keys.erase("acme", "jane.doe") == 1

    assert await refused(ring, key)
    assert [key.name for key in keys.list()] == ["bob"]
    assert b"bob" in kept.contents()
    assert b"jane.doe" not in kept.contents()


def test_the_key_is_shown_once_and_its_secret_never_stored(kept: Kept, keys: KeyStore) -> None:
    record, key = keys.create(name="ada", tenant="acme", tier="free", now=NOW)

    prefix, key_id, secret = key.split("-", 2)
    assert (prefix, key_id) == ("sk", record.id)
    assert len(key_id) >= 12
    assert key_id.isalnum()
    assert len(secret) == 43  # 256 bits
    assert secret not in repr(record) + repr(keys.list())
    assert record.id.encode() in kept.contents()
    assert secret.encode() not in kept.contents()


async def test_every_refusal_reads_the_same(keys: KeyStore, ring: KeyRing) -> None:
    record, key = keys.create(name="ada", tenant="acme", tier="free", now=NOW)
    expired, short = keys.create(name="ben", tenant="acme", tier="free", now=NOW, lifetime=HOUR)
    wrong_secret = key[:-1] + ("A" if key[-1] != "A" else "B")
    unknown = key.replace(record.id, "0" * 16)
    assert expired.expires == NOW + HOUR

    messages = {
        await refused(ring, presented, NOW + HOUR)
        for presented in (
            wrong_secret,
            unknown,
            short,
            key[:-1],
            key + "A",
            key.replace("sk-", "pk-"),
            key[:20] + "é" + key[21:],
            key[:20] + "\udce9" + key[21:],
            key.replace(record.id + "-", record.id + "_"),
            key.replace(record.id, "0" * 15 + "\0"),
            key.replace(record.id, "0" * 15 + ","),
            "sk-",
            "",
            "sk-" + "A" * 100_000,
        )
    }

    assert len(messages) == 1
    assert (await ring.authenticate(key, NOW + HOUR)).id == "acme/ada"


async def test_a_revoked_key_stops_at_once_in_every_process(
    keys: KeyStore, elsewhere: KeyStore, ring: KeyRing
) -> None:
    record, key = keys.create(name="ada", tenant="acme", tier="free", now=NOW)
    await ring.authenticate(key, NOW)

    (revoked,) = elsewhere.revoke(record.id, now=NOW + 1)

    assert revoked.revoked == NOW + 1
    await refused(ring, key)


async def test_a_key_made_elsewhere_works_at_once(
    keys: KeyStore, elsewhere: KeyStore, ring: KeyRing
) -> None:
    _, key = elsewhere.create(name="ada", tenant="acme", tier="free", now=NOW)

    assert (await ring.authenticate(key, NOW)).id == "acme/ada"


def test_revoking_again_keeps_the_first_time(keys: KeyStore) -> None:
    record, _ = keys.create(name="ada", tenant="acme", tier="free", now=NOW)
    keys.revoke(record.id, now=NOW + 1)

    (again,) = keys.revoke(record.id, now=NOW + 2)

    assert again.revoked == NOW + 1


async def test_a_key_works_until_it_expires(keys: KeyStore, ring: KeyRing) -> None:
    _, key = keys.create(name="ada", tenant="acme", tier="free", now=NOW, lifetime=HOUR)

    await ring.authenticate(key, NOW + HOUR - 0.001)
    await refused(ring, key, NOW + HOUR)


async def test_a_rotated_key_works_for_its_grace(keys: KeyStore, ring: KeyRing) -> None:
    old, old_key = keys.create(name="ada", tenant="acme", tier="premium", now=NOW)

    new, new_key = keys.rotate(old.id, grace=HOUR, now=NOW)

    assert await ring.authenticate(new_key, NOW) == await ring.authenticate(old_key, NOW + HOUR - 1)
    await refused(ring, old_key, NOW + HOUR)
    await ring.authenticate(new_key, NOW + HOUR)
    assert {key.id: key.successor for key in keys.list()} == {old.id: new.id, new.id: None}


async def test_the_new_key_lives_as_long_as_the_old_one_was_made_for(
    keys: KeyStore, ring: KeyRing
) -> None:
    old, old_key = keys.create(name="ada", tenant="acme", tier="free", now=NOW, lifetime=HOUR)

    new, _ = keys.rotate("acme/ada", grace=10 * HOUR, now=NOW + HOUR / 2)

    assert new.expires == NOW + HOUR * 1.5
    await refused(ring, old_key, NOW + HOUR)  # a grace prolongs nothing
    assert old.expires == NOW + HOUR


def test_a_key_is_rotated_once(keys: KeyStore) -> None:
    old, _ = keys.create(name="ada", tenant="acme", tier="free", now=NOW)
    new, _ = keys.rotate(old.id, grace=HOUR, now=NOW)

    with pytest.raises(InvalidRequest, match="rotated already"):
        keys.rotate(old.id, grace=HOUR, now=NOW)

    assert keys.rotate("acme/ada", grace=HOUR, now=NOW)[0].id != new.id


def test_what_does_not_work_is_not_rotated(keys: KeyStore) -> None:
    record, _ = keys.create(name="ada", tenant="acme", tier="free", now=NOW)
    keys.revoke(record.id, now=NOW)

    for reference in (record.id, "acme/ada", "acme/nobody", "nothing"):
        with pytest.raises(NotFound):
            keys.rotate(reference, grace=HOUR, now=NOW)


async def test_revoking_a_principal_ends_its_keys_in_grace_too(
    keys: KeyStore, ring: KeyRing
) -> None:
    _, old_key = keys.create(name="ada", tenant="acme", tier="free", now=NOW)
    _, new_key = keys.rotate("acme/ada", grace=HOUR, now=NOW)

    keys.revoke("acme/ada", now=NOW)

    await refused(ring, old_key)
    await refused(ring, new_key)


async def test_a_name_is_free_again_when_its_key_is_dead(keys: KeyStore, ring: KeyRing) -> None:
    keys.create(name="ada", tenant="acme", tier="free", now=NOW)
    keys.create(name="ada", tenant="globex", tier="free", now=NOW)
    with pytest.raises(InvalidRequest, match="already called acme/ada"):
        keys.create(name="ada", tenant="acme", tier="free", now=NOW)
    keys.revoke("acme/ada", now=NOW)

    _, key = keys.create(name="ada", tenant="acme", tier="free", now=NOW)

    assert (await ring.authenticate(key, NOW)).id == "acme/ada"


def test_keys_are_listed_by_tenant(keys: KeyStore) -> None:
    for tenant, name in (("acme", "ada"), ("globex", "bob"), ("acme", "ben")):
        keys.create(name=name, tenant=tenant, tier="free", now=NOW)

    assert {key.principal.id for key in keys.list()} == {"acme/ada", "acme/ben", "globex/bob"}
    assert {key.principal.id for key in keys.list(tenant="acme")} == {"acme/ada", "acme/ben"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a/b"),
        ("tenant", "acme/evil"),
        ("tenant", "-acme"),
        ("tenant", "acme\n"),
        ("tier", ""),
        ("roles", ["developer", "a b"]),
        ("region", "eu west"),
        ("attributes", {"te am": "x"}),
        ("attributes", {"team": "x\x00"}),
        ("attributes", {"team": "x" * 256}),
    ],
)
async def test_names_that_could_be_mistaken_are_refused(
    keys: KeyStore, field: str, value: object
) -> None:
    fields: dict[str, object] = {"name": "ada", "tenant": "acme", "tier": "free", field: value}

    with pytest.raises(InvalidRequest) as error:
        keys.create(now=NOW, **fields)

    assert error.value.param == field
    assert keys.list() == ()


def test_files_are_private(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    keys = SqliteKeys(directory / "identity.db")
    keys.create(name="ada", tenant="acme", tier="free", now=NOW)

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}
    keys.close()
