"""The rule for overlaps: longest, then earliest, then kind; nothing stays partly in the clear."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.privacy import KINDS, Finding, Kind, resolve


def found(kind: Kind, start: int, end: int) -> Finding:
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
def test_rule(findings: list[tuple[Kind, int, int]], expected: list[tuple[Kind, int, int]]) -> None:
    assert resolve(found(*f) for f in findings) == tuple(found(*f) for f in expected)


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
