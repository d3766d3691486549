"""A bounded, prioritised, weighted-fair queue of requests before each counter.

A limit whose on_exceed is `queue` lets a request wait until there is room, at most `max_wait`
seconds and behind at most `max_waiting` of its class. All that wait for one counter (key, unit,
window) stand in one line; lines know nothing of each other, so that a pool that is flooded does
not delay another one.

Whose turn it is
    Weighted fair, first among the classes that have somebody waiting, by `share`, then among the
    tenants of that class, by `weight`; inside a tenant in the order of arrival. A turn counts the
    same whatever it costs the limit. At both levels a turn is given to whoever's virtual start
    time is least, and moves that by 1 / weight: start-time fair queueing (Goyal, Vin and Cheng,
    SIGCOMM 1996), which can be nested so. Virtual time itself goes on with each turn by
    1 / (the weights of all that wait): the global pass of stride scheduling (Waldspurger and
    Weihl, MIT/LCS/TM-528, 1995). So over any time in which two of them wait throughout, what they
    get for their weight differs by one turn of each and one of the lightest at most; the lowest
    class gets its share; and who was away has saved nothing.

Who tries
    The first of a line, alone: when something is freed, every `poll` seconds since another
    process may have freed it, and when the ledger said there would be room. Others stand behind
    it even if they need less: otherwise a large request would never fit. A newcomer does not try
    while others wait for any of its counters. One whose turn finds another of its limits full, or
    others waiting for that, changes to that line; its deadline and its arrival stay, and it goes
    to each of them once before it may pass those who wait there. With several processes each
    keeps its own lines; between processes it is who asks first.

Whether to wait at all
    The line's recent pace and the turns before one's own tell how long it will take. If that is
    longer than `max_wait` the request is refused at once, with that time as `retry_after`. So it
    is when the queue is full, unless another tenant of the class has more in it for its weight:
    then the one of those that came last is refused instead, as in McKenney's buffer stealing
    (Stochastic Fairness Queueing, INFOCOM 1990).

Who leaves
    is charged nothing and hands the turn on, whenever it is cancelled: before its turn, when that
    was given and not yet noticed, or while it tries. `attempt` itself gives back what it got when
    it is cancelled; after it has returned there is no await on the way to the caller.
"""

from extauth.gateway.queue.room import ClassGauges, WaitingRoom

__all__ = ["ClassGauges", "WaitingRoom"]
