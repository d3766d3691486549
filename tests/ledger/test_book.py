"""Reserving, settling and releasing, in every order: no limit is passed, nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from extauth.errors import LedgerUnavailable, LimitExceeded, PolicyError
from extauth.ledger.book import Book
from extauth.ledger.ledger import Charge, Reservation
from extauth.types import Account, Limit, Usage

ADA = Account("acme", "acme/ada", "chat", "1")
BEN = Account("acme", "acme/ben", "chat", "1")
START = 1_790_000_000.0
RPM = Limit("requests_per_minute", "tenant:acme", "requests", 60, 5)
TPM = Limit("tokens_per_minute", "tenant:acme", "tokens", 60, 1000)
TPD = Limit("tokens_per_day", "principal", "tokens", 86_400, 3000)


def charges(tokens: int) -> tuple[Charge, ...]:
    return (Charge(RPM, 1), Charge(TPM, tokens), Charge(TPD, tokens))


def reserve(
    book: Book, *charged: Charge, now: float = START, account: Account = ADA
) -> Reservation:
    reservation, _ = book.reserve(account, charged, now)
    return reservation


class Interleavings(RuleBasedStateMachine):
    """Requests of one tenant, in any order and at any time, beside a list of all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.clock = START
        self.latest = START
        self.running: list[tuple[Reservation, int]] = []
        self.ended: list[Reservation] = []
        self.begun: list[float] = []  # of requests that were not released
        self.spent: list[tuple[float, int]] = []

    @rule(seconds=st.floats(-100, 200))
    def time_passes(self, seconds: float) -> None:
        self.clock += seconds
        self.latest = max(self.latest, self.clock)

    @rule(tokens=st.integers(0, 1200))
    def reserve(self, tokens: int) -> None:
        try:
            reservation, _ = self.book.reserve(ADA, charges(tokens), self.clock)
        except LimitExceeded:
            return
        self.running.append((reservation, tokens))
        self.begun.append(reservation.time)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        reservation, tokens = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        prompt = data.draw(st.integers(0, tokens))
        completion = data.draw(st.integers(0, tokens - prompt))
        assert self.book.settle(reservation, Usage(prompt, completion), self.clock)
        self.ended.append(reservation)
        self.spent.append((self.latest, prompt + completion))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        reservation, _ = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        assert self.book.release(reservation, self.clock)
        self.ended.append(reservation)
        self.begun.remove(reservation.time)

    @precondition(lambda self: self.ended)
    @rule(data=st.data(), release=st.booleans())
    def end_again(self, data: st.DataObject, release: bool) -> None:
        reservation = data.draw(st.sampled_from(self.ended))
        if release:
            assert self.book.release(reservation, self.clock) is None
        else:
            assert self.book.settle(reservation, Usage(500, 500), self.clock) is None

    @invariant()
    def no_limit_is_passed_and_nothing_is_lost(self) -> None:
        held = sum(tokens for _, tokens in self.running)
        facts = self.book.usage("acme", "acme/ada", self.clock)
        for window, counted in ((60, facts.tenant.minute), (86_400, facts.tenant.day)):
            since = self.latest - window
            requests = sum(time > since for time in self.begun)
            tokens = held + sum(amount for time, amount in self.spent if time > since)
            assert counted.requests >= requests
            assert counted.tokens >= tokens
            longest = self.latest - window * 61 / 60 - 0.01
            assert counted.requests <= sum(time > longest for time in self.begun)
            assert counted.tokens <= held + sum(n for time, n in self.spent if time > longest)
        assert facts.principal == facts.tenant
        assert facts.tenant.minute.requests <= RPM.max
        assert facts.tenant.minute.tokens <= TPM.max
        assert facts.tenant.day.tokens <= TPD.max

    def teardown(self) -> None:
        for reservation, _ in self.running:
            self.book.release(reservation, self.clock)
        whole = reserve(self.book, *charges(1000), now=self.latest + 2 * 86_400)
        assert [state.remaining for state in whole.states] == [4, 0, 2000]


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_all_or_none() -> None:
    book = Book()
    reserve(book, Charge(TPM, 900))

    with pytest.raises(LimitExceeded):
        reserve(book, *charges(200))

    states = reserve(book, *charges(0)).states
    assert [state.remaining for state in states] == [4, 100, 3000]


def test_the_refusal_names_the_limit_and_tells_when_there_is_room() -> None:
    book = Book()
    book.settle(reserve(book, Charge(TPM, 800)), Usage(300, 500), START)

    with pytest.raises(LimitExceeded, match="tokens_per_minute of 1000 tokens in 60 s") as refused:
        reserve(book, *charges(300), now=START + 10)

    error = refused.value
    assert error.code == "tokens_per_minute"
    assert [state.remaining for state in error.states] == [5, 200, 3000]
    assert error.retry_after is not None
    reserve(book, *charges(300), now=START + 10 + error.retry_after)


def test_of_several_full_limits_the_one_that_takes_longest_is_named() -> None:
    book = Book()
    small = Limit("tokens_per_day", "principal", "tokens", 86_400, 1000)
    book.settle(reserve(book, Charge(TPM, 1000), Charge(small, 1000)), Usage(1000, 0), START)

    with pytest.raises(LimitExceeded) as refused:
        reserve(book, Charge(TPM, 10), Charge(small, 10))

    assert refused.value.code == "tokens_per_day"


def test_while_running_requests_hold_the_room_a_client_asks_again_soon() -> None:
    book = Book()
    reserve(book, Charge(TPM, 1000))

    with pytest.raises(LimitExceeded) as refused:
        reserve(book, Charge(TPM, 1))

    assert refused.value.retry_after == 1.0


def test_a_request_larger_than_the_limit_learns_what_would_fit() -> None:
    with pytest.raises(LimitExceeded, match="max_tokens, over all choices, to at most 900") as no:
        reserve(Book(), Charge(TPM, 1100, fixed=100))

    assert no.value.retry_after is None


def test_a_prompt_larger_than_the_limit_is_told_so() -> None:
    with pytest.raises(LimitExceeded, match="this prompt alone has 1001"):
        reserve(Book(), Charge(TPM, 1100, fixed=1001))


def test_a_request_as_large_as_the_limit_is_let_through() -> None:
    assert reserve(Book(), Charge(TPM, 1000)).states[0].remaining == 0


def test_five_parallel_calls_share_what_there_is() -> None:
    # LiteLLM let 5 parallel calls spend 663 of 100 tokens (litellm#18730).
    book, limit = Book(), Limit("tokens", "key", "tokens", 60, 100)
    reservations = []
    for _ in range(5):
        try:
            reservations.append(reserve(book, Charge(limit, 40)))
        except LimitExceeded:
            continue

    assert len(reservations) == 2


def test_a_running_request_counts_however_long_it_runs() -> None:
    # A rolling window of a minute, and a stream of an hour: its tokens flow all the time.
    book = Book()
    stream = reserve(book, Charge(TPM, 800))

    with pytest.raises(LimitExceeded):
        reserve(book, Charge(TPM, 300), now=START + 3600)

    book.settle(stream, Usage(0, 800), START + 3600)
    with pytest.raises(LimitExceeded):
        reserve(book, Charge(TPM, 300), now=START + 3659)


def test_limits_of_one_counter_count_a_request_once_and_hold_both() -> None:
    strict = Limit("trial", TPM.key, "tokens", 60, 300)
    book = Book()

    states = reserve(book, Charge(TPM, 200), Charge(strict, 200)).states

    assert [state.remaining for state in states] == [800, 100]
    with pytest.raises(LimitExceeded) as refused:
        reserve(book, Charge(TPM, 200), Charge(strict, 200))
    assert refused.value.code == "trial"


def test_a_changed_maximum_goes_on_with_what_was_used() -> None:
    book = Book()
    reserve(book, Charge(TPM, 600))
    lower = Limit(TPM.name, TPM.key, "tokens", 60, 500)

    with pytest.raises(LimitExceeded) as refused:
        reserve(book, Charge(lower, 1))

    assert refused.value.states[0].remaining == 0


def test_more_than_was_reserved_is_booked_as_it_is() -> None:
    book = Book()
    book.settle(reserve(book, Charge(TPM, 100)), Usage(100, 300), START)

    assert reserve(book, Charge(TPM, 0)).states[0].remaining == 600


def test_tenants_count_their_principals_together() -> None:
    book = Book()
    reserve(book, Charge(TPM, 100), account=ADA)
    reserve(book, Charge(TPM, 50), account=BEN)

    facts = book.usage("acme", "acme/ben", START)

    assert (facts.tenant.minute.requests, facts.tenant.minute.tokens) == (2, 150)
    assert (facts.principal.minute.requests, facts.principal.minute.tokens) == (1, 50)


def test_a_stranger_has_used_nothing() -> None:
    assert Book().usage("nobody", "nobody/x", START).tenant.day.tokens == 0


def test_releasing_what_nobody_counts_any_more_frees_nothing() -> None:
    book = Book()
    held_up = reserve(book, Charge(RPM, 1))
    for minute in range(1, 10):  # other counters come, and idle ones are dropped
        other = Limit("other", f"other:{minute}", "requests", 60, 1)
        reserve(book, Charge(other, 1), now=START + 3 * 86_400 + 60 * minute, account=BEN)

    book.release(held_up, START + 4 * 86_400)

    assert reserve(book, Charge(RPM, 1), now=START + 4 * 86_400).states[0].remaining == 4
    assert book.usage("acme", "acme/ada", START + 4 * 86_400).principal.day.requests == 1


def test_nothing_grows_with_uptime() -> None:
    book, sizes = Book(), []
    for minute in range(60):
        for client in range(50):
            account = Account(f"t{minute}", f"t{minute}/{client}", "chat", "1")
            limit = Limit("tokens", f"p:{minute}/{client}", "tokens", 60, 1000)
            now = START + minute * 2 * 86_400 + client
            reservation = reserve(book, Charge(limit, 10), now=now, account=account)
            book.settle(reservation, Usage(5, 5), now)
        sizes.append(book.size)

    assert max(sizes) <= 3 * 101  # a round's counters are 101


@pytest.mark.parametrize(
    ("charge", "error"),
    [
        (Charge(TPM, -1), LedgerUnavailable),
        (Charge(Limit("zero", "key", "tokens", 0, 10), 1), PolicyError),
    ],
)
def test_what_can_not_be_counted_is_refused(charge: Charge, error: type[Exception]) -> None:
    book = Book()

    with pytest.raises(error):
        reserve(book, Charge(RPM, 1), charge)

    assert reserve(book, Charge(RPM, 1)).states[0].remaining == 4
