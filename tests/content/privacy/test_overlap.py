"""Of overlapping findings the longest wins, then the surest, the earliest, the first kind."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.privacy import KINDS, Finding, resolve


def found(kind: str, start: int, end: int) -> Finding:
    return Finding(kind, start, end, kind)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], []),
        ([("ip", 5, 9), ("card", 0, 3)], [("card", 0, 3), ("ip", 5, 9)]),
        ([("ip", 0, 5), ("card", 5, 9)], [("ip", 0, 5), ("card", 5, 9)]),
        ([("secret", 2, 5), ("ip", 0, 9)], [("ip", 0, 9)]),
        ([("ip", 0, 6), ("secret", 4, 10)], [("ip", 0, 10)]),
        ([("phone", 0, 9), ("card", 0, 9)], [("card", 0, 9)]),
        ([("ip", 0, 4), ("phone", 3, 9), ("card", 8, 12)], [("phone", 0, 12)]),
        (
            [("ip", 0, 9), ("card", 1, 3), ("card", 5, 7), ("email", 9, 11)],
            [("ip", 0, 9), ("email", 9, 11)],
        ),
    ],
    ids=["none", "apart", "touching", "longest", "earliest", "kind", "chain", "nested"],
)
def test_rule(findings: list[tuple[str, int, int]], expected: list[tuple[str, int, int]]) -> None:
    assert resolve(found(*f) for f in findings) == tuple(found(*f) for f in expected)


@pytest.mark.parametrize(
    ("rivals", "winner"),
    [
        ([("phone", 0, 9, 0.9), ("card", 0, 9, 0.5)], "phone"),
        ([("phone", 0, 9, 0.9), ("card", 0, 10, 0.5)], "card"),
        ([("ip", 0, 6, 0.5), ("mac", 4, 10, 0.7)], "mac"),
        ([("own", 0, 9, 0.9), ("location", 0, 9, 0.9)], "location"),
        ([("b_own", 0, 9, 0.9), ("a_own", 0, 9, 0.9)], "a_own"),
    ],
    ids=["surest", "longest first", "surest before earliest", "own terms last", "own by name"],
)
def test_the_surest_of_equally_long_ones_wins(
    rivals: list[tuple[str, int, int, float]], winner: str
) -> None:
    (resolved,) = resolve(Finding(k, start, end, k, sure) for k, start, end, sure in rivals)
    assert resolved.kind == resolved.recogniser == winner
    assert (resolved.start, resolved.end) == (0, max(end for _, _, end, _ in rivals))


FINDINGS = st.lists(
    st.builds(
        lambda kind, start, size: found(kind, start, start + size),
        st.sampled_from(KINDS),
        st.integers(0, 40),
        st.integers(1, 12),
    ),
    max_size=12,
)


@given(FINDINGS, st.randoms(use_true_random=False))
def test_covers_the_same_characters_whatever_the_order(
    findings: list[Finding], random: Random
) -> None:
    resolved = resolve(findings)
    shuffled = list(findings)
    random.shuffle(shuffled)
    assert resolve(shuffled) == resolved
    assert all(a.end <= b.start for a, b in pairwise(resolved))
    covered = {at for f in findings for at in range(f.start, f.end)}
    assert {at for f in resolved for at in range(f.start, f.end)} == covered
