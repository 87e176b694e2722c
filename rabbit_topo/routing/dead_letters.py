"""What becomes of a message that a queue gives up: where it goes next, and where that ends.

Source: rabbit_dead_letter, and rabbit_fifo_dlx_worker for quorum queues that dead-letter at least once. The broker
keeps, with the message, the history of its deaths: by queue and reason, the newest first. A queue that is in it gets
the message again only if somebody has rejected it since, or if it is rejected now; otherwise that copy is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from rabbit_topo.policies import release
from rabbit_topo.routing.effective import EVENTS, Care, Event
from rabbit_topo.routing.router import keys_of
from rabbit_topo.routing.types import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rabbit_topo.model import Plain, Queue
    from rabbit_topo.routing.router import Router
    from rabbit_topo.routing.types import Route

Death: TypeAlias = tuple[str, str]  # the queue, and the reason
_HISTORY_APART: Final = (3, 13)  # before, the history is the header `x-death`, which clients may write too
STREAMS_TAKE: Final = (3, 12)  # before, the broker could not write to a stream but from a channel
NO_STREAM: Final = "before RabbitMQ 3.12 a stream gets no dead letters, unless at least once: dropped"
_UNTYPED: Final = "; its type is not stated: taken as classic"
_CYCLE: Final = "it has been there before and nobody has rejected it since: a cycle, dropped"


@dataclass(frozen=True, slots=True)
class Held:
    """A message that lies in a queue.

    `keys` are its routing keys, `CC` and `BCC` included, and `exchange` is the one that it was published to. `deaths`
    is its history, the newest first. `expiration_ms` is its own time to live.
    """

    queue: str
    vhost: str
    keys: tuple[str, ...]
    headers: Mapping[str, Plain] = field(default_factory=dict)
    deaths: tuple[Death, ...] = ()
    expiration_ms: int | None = None
    exchange: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What happens to a message that a queue gives up.

    `exchange` gets it, with `keys`; None where nothing is dead-lettered. `reason` says by whose setting, or why not.
    Of `route`, `queues` get the message and `perhaps` may; both sorted. `dropped` are queues that the route reaches and
    that do not get it, each with why. `kept` says that the queue keeps it until some queue takes it. `impossible` says
    why a message never leaves this queue in this way; nothing where it may.
    """

    queue: str
    event: Event
    exchange: str | None
    reason: str
    keys: tuple[str, ...] = ()
    route: Route | None = None
    queues: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    kept: bool = False
    deaths: tuple[Death, ...] = ()
    impossible: str = ""
    either: tuple[DeadLetter, ...] = ()

    def held_in(self, queue: str) -> Held:
        """Return the message as it lies in a queue that it has reached. Raises KeyError for another queue."""
        for one in self.either or (self,):
            if one.route is not None and queue in (*one.queues, *one.perhaps):
                message = one.route.message
                return Held(queue, one.route.vhost, one.keys, message.headers, self.deaths, exchange=message.exchange)
        raise KeyError(queue)


def held(route: Route, queue: str) -> Held:
    """Return a published message as it lies in a queue that its route reaches."""
    message = route.message
    headers = {name: value for name, value in message.headers.items() if name != "BCC"}
    return Held(
        queue, route.vhost, keys_of(message)[1], headers, expiration_ms=message.expiration_ms, exchange=message.exchange
    )


def dead_letter(router: Router, message: Held, event: Event) -> DeadLetter:
    """Return where a message goes when its queue gives it up.

    Raises nothing: what cannot happen, as an expiry where nothing expires, is said in the `reason`.
    """
    queue = router.queue(message.vhost, message.queue)
    if queue is None:
        return DeadLetter(message.queue, event, None, f"there is no queue {message.queue}")
    told = _told(router, message, event, router.care(queue))
    if not router.has_known_type(queue):
        types = ("quorum", "stream") if told.exchange is not None else ("quorum",)  # a stream gives nothing up
        others = (_told(router, message, event, router.care_as(replace(queue, type=one))) for one in types)
        if any(_effect(other) != _effect(told) for other in others):
            return replace(told, reason=told.reason + _UNTYPED)
    return told


def _told(router: Router, message: Held, event: Event, care: Care) -> DeadLetter:
    letters: dict[object, DeadLetter] = {}
    for letter in (_letter(router, message, event, one) for one in care.each):
        letters.setdefault(_effect(letter), letter)
    likeliest, *others = letters.values()
    return _sum((likeliest, *others), care) if others else likeliest


def _effect(letter: DeadLetter) -> object:
    it = letter
    return it.exchange, it.keys, it.queues, it.perhaps, it.dropped, it.kept, bool(it.impossible)


def _sum(letters: tuple[DeadLetter, ...], care: Care) -> DeadLetter:
    """Tell as one what may happen in several ways: nothing of it is certain but what all have in common."""
    shown = max(letters, key=lambda one: (one.route is not None, one.exchange is not None))
    first, *others = (one.reason for one in letters)
    return replace(
        shown,
        reason=f"not certain, as {care.doubt}: {first}; or else {'; or else '.join(others)}",
        queues=(),
        perhaps=tuple(sorted({name for one in letters for name in (*one.queues, *one.perhaps)})),
        dropped=tuple(one for one in shown.dropped if all(one in other.dropped for other in letters)),
        kept=all(one.kept for one in letters),
        impossible="",
        either=letters,
    )


def _letter(router: Router, message: Held, event: Event, care: Care) -> DeadLetter:
    if why := care.cannot(event, message.expiration_ms):
        return DeadLetter(message.queue, event, None, why, impossible=why)
    if care.exchange is None:
        return DeadLetter(message.queue, event, None, "the queue has no dead-letter-exchange: dropped")
    keys = message.keys if care.routing_key is None else (care.routing_key,)
    deaths = _died(_history(message, router.version), (message.queue, event), router.version)
    reason = _reason(care)
    if care.exchange and router.exchange(message.vhost, care.exchange) is None:
        reason += "; there is no such exchange: " + ("kept until there is" if care.safely else "dropped")
        return DeadLetter(message.queue, event, care.exchange, reason, keys, kept=care.safely, deaths=deaths)
    headers = _headers(message, event, deaths, router.version, keyed=care.routing_key is not None)
    route = router.route(
        Message(care.exchange, keys[0] if keys else "", headers, message.vhost), keys=keys, published=False
    )
    reached = [
        (name, _bar(router, care, router.queue(message.vhost, name), deaths))
        for name in sorted((*route.queues, *route.perhaps))
    ]
    dropped = tuple((name, why) for name, why in reached if why)
    gone = {name for name, _ in dropped}
    queues, perhaps = (tuple(name for name in names if name not in gone) for names in (route.queues, route.perhaps))
    return DeadLetter(
        message.queue,
        event,
        care.exchange,
        reason,
        keys,
        route,
        queues,
        perhaps,
        dropped,
        kept=care.safely and not queues,
        deaths=deaths,
    )


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to a message that leaves a queue, and then, by itself, to its copies.

    `then` holds the queues that it leaves again with nobody's doing, because they expire or take nothing. `again` are
    queues that it leaves likewise, as is told elsewhere in the same tree.
    """

    letter: DeadLetter
    then: tuple[Fate, ...] = ()
    again: tuple[str, ...] = ()

    def walk(self) -> Iterator[tuple[int, Fate]]:
        """Go through the tree from the top, each fate with its depth, however deep it is."""
        left = [(0, self)]
        while left:
            depth, fate = left.pop()
            yield depth, fate
            left += [(depth + 1, one) for one in reversed(fate.then)]


def fates(router: Router, message: Held) -> tuple[Fate, ...]:
    """Return what becomes of a message in each way that it can leave its queue, followed to where it stays or ends.

    A queue is followed once in each tree, for each set of routing keys; so the trees are finite and not larger than the
    topology.
    """
    queue = router.queue(message.vhost, message.queue)
    if queue is None:
        return ()
    care = router.care(queue)
    possible = [event for event in EVENTS if not all(one.cannot(event, message.expiration_ms) for one in care.each)]
    return tuple(_follow(router, dead_letter(router, message, event)) for event in possible)


def _follow(router: Router, letter: DeadLetter) -> Fate:
    letters, children, again = [letter], [[]], [[]]  # type: list[DeadLetter], list[list[int]], list[list[str]]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    at = 0
    while at < len(letters):
        for message in _copies(letters[at]):
            queue = router.queue(message.vhost, message.queue)
            leaves = {one.leaves() for one in router.care(queue).each} if queue else set()
            events = [event for event in EVENTS if event in leaves]
            if (message.queue, message.keys) in seen and events:
                again[at].append(message.queue)
                continue
            for event in events:
                seen.add((message.queue, message.keys))
                children[at].append(len(letters))
                letters.append(dead_letter(router, message, event))
                children.append([])
                again.append([])
        at += 1
    made: dict[int, Fate] = {}
    for at in reversed(range(len(letters))):
        made[at] = Fate(letters[at], tuple(made[one] for one in children[at]), tuple(again[at]))
    return made[0]


def _copies(letter: DeadLetter) -> list[Held]:
    """Return the message as it may lie in each queue that it has reached, once for each set of keys."""
    found: dict[object, Held] = {}
    for one in letter.either or (letter,):
        for name in (*one.queues, *one.perhaps):
            message = one.held_in(name)
            found.setdefault((name, message.keys), message)
    return list(found.values())


def _bar(router: Router, care: Care, target: Queue | None, deaths: tuple[Death, ...]) -> str:
    """Say why a queue that a dead letter is routed to does not get it; nothing if it does."""
    if target and _is_cycle(target.name, deaths):
        return _CYCLE
    if target and router.care(target).kind == "stream" and release(router.version) < STREAMS_TAKE and not care.safely:
        return NO_STREAM
    return ""


def _reason(care: Care) -> str:
    said = [f"dead-letter-exchange {care.exchange or 'the default exchange'} ({care.options['dead-letter-exchange']})"]
    if care.routing_key is not None:
        said.append(f'dead-letter-routing-key "{care.routing_key}" ({care.options["dead-letter-routing-key"]})')
    if care.safely:
        said.append(f"at least once ({care.options['dead-letter-strategy']})")
    return ", ".join(said)


def _history(message: Held, version: str) -> tuple[Death, ...]:
    told = message.headers.get("x-death")
    if message.deaths or release(version) >= _HISTORY_APART or not isinstance(told, list):
        return message.deaths
    found = [(one.get("queue"), one.get("reason")) for one in told if isinstance(one, dict)]
    return tuple((queue, reason) for queue, reason in found if isinstance(queue, str) and isinstance(reason, str))


def _died(deaths: tuple[Death, ...], death: Death, version: str) -> tuple[Death, ...]:
    if release(version) < _HISTORY_APART and len(deaths) > 1:
        deaths = tuple(dict.fromkeys(deaths))[::-1]  # as group_by_queue_and_reason leaves them
    return (death, *(one for one in deaths if one != death)) if death in deaths else (death, *deaths)


def _is_cycle(queue: str, deaths: tuple[Death, ...]) -> bool:
    for where, reason in deaths:
        if reason == "rejected":
            return False
        if where == queue:
            return True
    return False


def _headers(message: Held, event: Event, deaths: tuple[Death, ...], version: str, *, keyed: bool) -> dict[str, Plain]:
    """Return the headers by which a dead letter is routed, less the times in its history."""
    headers = dict(message.headers)
    told = {"reason": event, "queue": message.queue, "exchange": message.exchange}
    first = {f"x-first-death-{name}": value for name, value in told.items()}
    if release(version) >= _HISTORY_APART:
        last = {f"x-last-death-{name}": value for name, value in told.items()}
        return headers | last | ({} if message.deaths else first)
    if "x-death" not in headers:
        headers |= first
    headers["x-death"] = [{"queue": queue, "reason": reason} for queue, reason in deaths]
    if keyed:
        headers.pop("CC", None)
    return headers
