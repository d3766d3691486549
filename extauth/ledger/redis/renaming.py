"""The renaming of an erased person's counters and lines on the server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

import msgspec

from extauth.ledger.ledger import Counter, Moved
from extauth.ledger.redis.script import LISTED, RELABEL, RENAME
from extauth.types.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from extauth.ledger.redis.claim import Spec
    from extauth.ledger.redis.ends import Arguments
    from extauth.ledger.redis.script import Script
    from extauth.ledger.redis.server import Server

    Asking = Callable[[Script, Callable[[], Arguments]], Awaitable[list[object]]]
    Specs = Callable[[Sequence[Counter]], list[Spec]]

_AT_ONCE = 100
_counter = msgspec.json.Decoder(Counter).decode


async def rename(server: Server, ask: Asking, specs: Specs, names: Mapping[str, str]) -> Moved:
    """Rename as `Ledger.rename` describes. Raises LedgerUnavailable.

    Each step is atomic. What a failure leaves undone, another call does.
    """
    pseudonyms = Pseudonyms(names)
    rows = left = 0
    for key in [each async for each in server.keys_like("") if pseudonyms.of(each) != each]:
        listed = await ask(LISTED, partial(dict, key=key))
        old = [_counter(name) for name in cast("list[bytes | str]", listed[2])]
        for begin in range(0, len(old), _AT_ONCE):
            some = old[begin : begin + _AT_ONCE]
            new = [each._replace(key=pseudonyms.of(each.key)) for each in some]
            answer = await ask(RENAME, partial(_pair, specs, some, new))
            rows += cast("int", answer[2])
            left += cast("int", answer[3])
    rows += await _relabel(server, ask, pseudonyms)
    left += await _running(server, pseudonyms)
    return Moved(rows, left)


def _pair(specs: Specs, old: Sequence[Counter], new: Sequence[Counter]) -> Arguments:
    return {"old": specs(old), "new": specs(new)}


async def _relabel(server: Server, ask: Asking, pseudonyms: Pseudonyms) -> int:
    rows = 0
    async for key in server.scan("u:*"):
        day = key.rpartition(":")[2]
        lines = []
        async for field, _ in server.fields(key):
            line = field.decode()
            tenant, principal, *rest = msgspec.json.decode(line)
            new = pseudonyms.of(principal)
            if new != principal:
                lines.append((line, msgspec.json.encode((tenant, new, *rest)).decode()))
        for begin in range(0, len(lines), _AT_ONCE):
            some = lines[begin : begin + _AT_ONCE]
            answer = await ask(RELABEL, partial(dict, day=day, lines=some))
            rows += cast("int", answer[2])
    return rows


async def _running(server: Server, pseudonyms: Pseudonyms) -> int:
    """Return the number of open reservations under an old name, which they settle under."""
    count = 0
    async for key in server.scan("open:*"):
        async for _, reserved in server.fields(key):
            count += pseudonyms.stand_in(reserved)
    return count
