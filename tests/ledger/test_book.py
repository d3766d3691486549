"""Reserve, settle and release in every order: no limit is exceeded, nothing is lost."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from extauth.errors import LedgerUnavailable, LimitExceeded, PolicyError
from extauth.ledger.book import Book
from extauth.ledger.entry import Cleared, Granted
from extauth.ledger.ledger import Counter, Demand, Reservation
from extauth.types import Account, CalendarPeriod, Lifetime, Limit, TokenBucket, Usage

if TYPE_CHECKING:
    from extauth.types import Window

pytestmark = pytest.mark.slow

ADA = Account("acme", "acme/ada", "chat", "1")
BEN = Account("acme", "acme/ben", "chat", "1")
START = 1_790_000_000.0
RPM = Limit("requests_per_minute", "tenant:acme", "requests", 60, 5)
TPM = Limit("tokens_per_minute", "tenant:acme", "tokens", 60, 1000)
TPD = Limit("tokens_per_day", "principal", "tokens", 86_400, 3000)


ALL = (RPM, TPM, TPD)
COUNTED = tuple(Counter(each.key, each.unit, each.window) for each in ALL)


def demand(tokens: int, *limits: Limit, prompt: int = 0) -> Demand:
    """Return a demand for that many tokens at most, of which the prompt is known."""
    worst, known = Usage(prompt, tokens - prompt), Usage(prompt)
    return Demand(limits or ALL, worst, Usage(prompt, min(1, tokens - prompt)), known)


def reserve(
    book: Book,
    tokens: int,
    *limits: Limit,
    now: float = START,
    account: Account = ADA,
    prompt: int = 0,
) -> Reservation:
    reservation, _ = book.reserve(account, demand(tokens, *limits, prompt=prompt), now)
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
            reservation, _ = self.book.reserve(ADA, demand(tokens), self.clock)
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
        counted = self.book.usage(COUNTED, self.clock)
        for limit, used in zip(ALL, counted, strict=True):
            assert isinstance(limit.window, int)
            assert used <= limit.max
            since = self.latest - limit.window
            longest = self.latest - limit.window * 61 / 60 - 0.01
            if limit.unit == "requests":
                assert sum(time > since for time in self.begun) <= used
                assert used <= sum(time > longest for time in self.begun)
            else:
                assert held + sum(n for time, n in self.spent if time > since) <= used
                assert used <= held + sum(n for time, n in self.spent if time > longest)

    def teardown(self) -> None:
        for reservation, _ in self.running:
            self.book.release(reservation, self.clock)
        whole = reserve(self.book, 1000, now=self.latest + 2 * 86_400)
        assert [state.remaining for state in whole.states] == [4, 0, 2000]


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=60, stateful_step_count=40)


def test_all_or_none() -> None:
    book = Book()
    reserve(book, 900, TPM)

    with pytest.raises(LimitExceeded):
        reserve(book, 200)

    states = reserve(book, 0).states
    assert [state.remaining for state in states] == [4, 100, 3000]


def test_the_refusal_names_the_limit_and_tells_when_there_is_room() -> None:
    book = Book()
    book.settle(reserve(book, 800, TPM), Usage(300, 500), START)

    with pytest.raises(LimitExceeded, match="tokens_per_minute of 1000 tokens in 60 s") as refused:
        reserve(book, 300, now=START + 10)

    error = refused.value
    assert error.code == "tokens_per_minute"
    assert [state.remaining for state in error.states] == [5, 200, 3000]
    assert error.retry_after is not None
    reserve(book, 300, now=START + 10 + error.retry_after)


def test_of_several_full_limits_the_one_that_takes_longest_is_named() -> None:
    book = Book()
    small = Limit("tokens_per_day", "principal", "tokens", 86_400, 1000)
    book.settle(reserve(book, 1000, TPM, small), Usage(1000, 0), START)

    with pytest.raises(LimitExceeded) as refused:
        reserve(book, 10, TPM, small)

    assert refused.value.code == "tokens_per_day"


def test_while_running_requests_hold_the_room_a_client_asks_again_soon() -> None:
    book = Book()
    reserve(book, 1000, TPM)

    with pytest.raises(LimitExceeded) as refused:
        reserve(book, 1, TPM)

    assert refused.value.retry_after == 1.0


def test_a_request_larger_than_the_limit_learns_what_would_fit() -> None:
    with pytest.raises(LimitExceeded, match="max_tokens, over all choices, to at most 900") as no:
        reserve(Book(), 1100, TPM, prompt=100)

    assert no.value.retry_after is None


def test_a_prompt_larger_than_the_limit_is_told_so() -> None:
    with pytest.raises(LimitExceeded, match="this prompt alone has 1001"):
        reserve(Book(), 1100, TPM, prompt=1001)


def test_a_request_as_large_as_the_limit_is_let_through() -> None:
    assert reserve(Book(), 1000, TPM).states[0].remaining == 0


def test_five_parallel_calls_share_what_there_is() -> None:
    # LiteLLM let 5 parallel calls spend 663 of 100 tokens (litellm#18730).
    book, limit = Book(), Limit("tokens", "key", "tokens", 60, 100)
    reservations = []
    for _ in range(5):
        try:
            reservations.append(reserve(book, 40, limit))
        except LimitExceeded:
            continue

    assert len(reservations) == 2


def test_a_running_request_counts_however_long_it_runs() -> None:
    # A rolling window of a minute, and a stream of an hour: its tokens flow all the time.
    book = Book()
    stream = reserve(book, 800, TPM)

    with pytest.raises(LimitExceeded):
        reserve(book, 300, TPM, now=START + 3600)

    book.settle(stream, Usage(0, 800), START + 3600)
    with pytest.raises(LimitExceeded):
        reserve(book, 300, TPM, now=START + 3659)


def test_limits_of_one_counter_count_a_request_once_and_hold_both() -> None:
    strict = Limit("trial", TPM.key, "tokens", 60, 300)
    book = Book()

    states = reserve(book, 200, TPM, strict).states

    assert [state.remaining for state in states] == [800, 100]
    with pytest.raises(LimitExceeded) as refused:
        reserve(book, 200, TPM, strict)
    assert refused.value.code == "trial"


def test_a_changed_maximum_goes_on_with_what_was_used() -> None:
    book = Book()
    reserve(book, 600, TPM)
    lower = Limit(TPM.name, TPM.key, "tokens", 60, 500)

    with pytest.raises(LimitExceeded) as refused:
        reserve(book, 1, lower)

    assert refused.value.states[0].remaining == 0


def test_more_than_was_reserved_is_booked_as_it_is() -> None:
    book = Book()
    book.settle(reserve(book, 100, TPM), Usage(100, 300), START)

    assert reserve(book, 0, TPM).states[0].remaining == 600


def test_a_stranger_has_used_nothing() -> None:
    assert Book().usage(COUNTED, START) == (0, 0, 0)


def test_releasing_what_nobody_counts_any_more_frees_nothing() -> None:
    book = Book()
    held_up = reserve(book, 0, RPM)
    for minute in range(1, 10):  # other counters come, and idle ones are dropped
        other = Limit("other", f"other:{minute}", "requests", 60, 1)
        reserve(book, 0, other, now=START + 3 * 86_400 + 60 * minute, account=BEN)

    book.release(held_up, START + 4 * 86_400)

    assert reserve(book, 0, RPM, now=START + 4 * 86_400).states[0].remaining == 4


def test_nothing_grows_with_uptime() -> None:
    book, sizes = Book(), []
    for minute in range(60):
        for client in range(50):
            account = Account(f"t{minute}", f"t{minute}/{client}", "chat", "1")
            limit = Limit("tokens", f"p:{minute}/{client}", "tokens", 60, 1000)
            now = START + minute * 2 * 86_400 + client
            reservation = reserve(book, 10, limit, now=now, account=account)
            book.settle(reservation, Usage(5, 5), now)
        sizes.append(book.size)

    assert max(sizes) <= 3 * 50


@pytest.mark.parametrize(
    ("tokens", "limit", "error"),
    [
        (-1, TPM, LedgerUnavailable),
        (1, Limit("zero", "key", "tokens", 0, 10), PolicyError),
    ],
)
def test_what_can_not_be_counted_is_refused(
    tokens: int, limit: Limit, error: type[Exception]
) -> None:
    book = Book()

    with pytest.raises(error):
        reserve(book, tokens, RPM, limit)

    assert reserve(book, 0, RPM).states[0].remaining == 4


def test_a_grant_and_what_is_held_that_come_to_nothing_are_not_forgotten() -> None:
    book, counter = Book(), Counter(TPM.key, "tokens", 60)
    book.apply(Granted(START, counter, 5))
    held = reserve(book, 5, TPM)
    for number in range(5):  # others come, and idle ones are dropped
        reserve(book, 0, Limit("other", f"other:{number}", "requests", 60, 1), account=BEN)

    (standing,) = book.standing(TPM.key, START)
    assert (standing.used, standing.held) == (-5, 5)
    book.settle(held, Usage(0, 5), START)
    assert book.usage((counter,), START) == (0,)
    assert book.usage((counter,), START + 120) == (0,)


def test_thresholds_are_told_once_a_window() -> None:
    book = Book()
    warned = Limit("tokens", "tenant:acme", "tokens", 60, 100, warn_at=(50, 80))

    def crossed(tokens: int, now: float) -> list[int]:
        settled = book.settle(reserve(book, tokens, warned, now=now), Usage(tokens), now)
        assert settled is not None
        return [crossing.percent for crossing in settled[1]]

    assert crossed(40, START) == []
    assert crossed(15, START) == [50]
    assert crossed(10, START + 1) == []
    assert crossed(25, START + 2) == [80]
    assert crossed(60, START + 130) == [50]


def test_a_warning_limit_lets_pass_and_counts() -> None:
    book = Book()
    soft = Limit("soft", "tenant:acme", "tokens", 60, 100, on_exceed="warn")
    for _ in range(3):
        reserve(book, 80, soft)

    assert book.usage((Counter("tenant:acme", "tokens", 60),), START) == (240,)


def test_a_clamped_request_is_granted_what_is_left_or_refused() -> None:
    book = Book()
    soft = Limit("soft", "tenant:acme", "tokens", 60, 100, on_exceed="clamp")

    assert reserve(book, 500, soft, prompt=30).granted == (100,)
    with pytest.raises(LimitExceeded) as refused:
        reserve(book, 500, soft, prompt=30)
    assert refused.value.limit == soft


def test_slots_are_held_and_never_spent() -> None:
    book = Book()
    slots = Limit("slots", "pool:a", "slots", Lifetime(), 2)
    running = [reserve(book, 10, slots) for _ in range(2)]
    with pytest.raises(LimitExceeded, match="none free"):
        reserve(book, 10, slots)
    book.settle(running[0], Usage(1, 1), START)
    reserve(book, 10, slots)


def test_a_reset_forgets_what_is_booked_and_keeps_what_is_held() -> None:
    book = Book()
    book.settle(reserve(book, 60, TPM), Usage(60), START)
    reserve(book, 30, TPM)
    book.apply(Cleared(START, TPM.key))

    (standing,) = [each for each in book.standing("tenant:*", START) if each.name == TPM.name]
    assert (standing.used, standing.held) == (0, 30)


@pytest.mark.parametrize(
    "window", [60, CalendarPeriod("month", anchor=15), TokenBucket(10, 60), Lifetime()]
)
def test_a_million_keys_fit_in_a_gigabyte(window: Window) -> None:
    keys, book, decode = 3_000, Book(), msgspec.json.Decoder(Limit).decode
    # As policies give them: no two requests share an object.
    asked = msgspec.json.encode(Limit("user-tokens-per-day", "KEY", "tokens", window, 1_000_000))
    tracemalloc.start()
    for number in range(keys):
        key = f"tenant:acme|user:user-{number:07}@example.com"
        reservation = reserve(book, 500, decode(asked.replace(b"KEY", key.encode())))
        book.settle(reservation, Usage(300, 200), START)
        book.changes()
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert book.size == keys
    assert held / keys < 1000
