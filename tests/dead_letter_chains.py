"""Random queues that dead-letter to one another, messages for them, and what must come of it by our own walk.

A chain's objects carry its number in their names, so that many chains share one vhost. A message is published once,
and then, step by step, a queue rejects, overflows or runs out of deliveries. In between, what expires goes on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.model import Arguments, Binding, Exchange, Kind, Policy, Queue, Topology
from rabbit_topo.routing import Message, Router
from rabbit_topo.routing.dead_letters import Held, dead_letter, held

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from rabbit_topo.routing.dead_letters import DeadLetter
    from rabbit_topo.routing.effective import Event

Body = str
State = dict[str, list[tuple[Body, Held]]]
CYCLE: Final = "cycle"
EVENTS: Final = ("rejected", "expired", "maxlen", "delivery_limit", CYCLE)
_MANY: Final = 24  # copies; a chain that makes more is left out
_LATER: Final = 3_600_000


class UnclearError(Exception):
    """What happens depends on which of two messages comes first."""


@dataclass
class Step:
    """One thing that is done to one queue; for an overflow `message` is published to it by name."""

    queue: str
    event: Event
    message: Message | None = None


@dataclass
class Chain:
    """Objects and policies, a message, steps, and which bodies each queue holds: at first, and after each step."""

    number: int
    resources: list[Queue | Exchange | Binding] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    operators: list[Policy] = field(default_factory=list)
    message: Message = field(default_factory=lambda: Message(""))
    steps: list[Step] = field(default_factory=list)
    states: list[dict[str, list[Body]]] = field(default_factory=list)
    letters: Counter[str] = field(default_factory=Counter)  # sent on somewhere, by event; and what ended as a cycle

    @property
    def queues(self) -> list[Queue]:
        return [one for one in self.resources if isinstance(one, Queue)]

    @property
    def exchanges(self) -> list[Exchange]:
        return [one for one in self.resources if isinstance(one, Exchange)]

    def router(self, version: str) -> Router:
        known = {one.key: one for one in (*self.resources, *self.policies)}
        return Router(Topology(known), version, self.operators)


def chain(random: Random, number: int, vhost: str, version: str) -> Chain:
    """Make a chain in which something is dead-lettered, and of which the outcome is clear."""
    while True:
        made = _Maker(random, number, vhost, version).make()
        try:
            _foretell(random, made, version)
        except UnclearError:
            continue
        if any(made.letters[event] for event in EVENTS if event != CYCLE):
            return made


class _Maker:
    def __init__(self, random: Random, number: int, vhost: str, version: str) -> None:
        self.random = random
        self.vhost = vhost
        self.chain = Chain(number)
        self.old = version.startswith("3.")
        self.names = [f"c{number}.q{index}" for index in range(random.randint(1, 5))]
        self.exchanges = [f"c{number}.x{index}" for index in range(random.randint(1, 3))]
        self.keys = [*self.names, "k", f"c{number}.k", ""]

    def make(self) -> Chain:
        for name in self.exchanges:
            self._exchange(name)
        for name in self.names:
            self._queue(name)
        self.chain.message = self._message()
        return self.chain

    def _exchange(self, name: str) -> None:
        random = self.random
        kind = random.choice(("direct", "fanout", "fanout", "topic", "headers", "headers"))
        arguments = {}
        if random.random() < 0.2:
            arguments["alternate-exchange"] = random.choice(self.exchanges)
        internal = name != self.exchanges[0] and random.random() < 0.3
        self.chain.resources.append(Exchange(self.vhost, name, kind, internal=internal, arguments=Arguments(arguments)))
        for queue in self.names:
            if random.random() < 0.6:
                self.chain.resources.append(self._binding(name, kind, queue))
        if random.random() < 0.2:
            other = random.choice(self.exchanges)
            self.chain.resources.append(Binding(self.vhost, name, "exchange", other, random.choice(self.keys)))

    def _binding(self, source: str, kind: str, queue: str) -> Binding:
        random = self.random
        key = random.choice(self.keys)
        if kind == "topic":
            key = random.choice((*self.keys, "#", "*.*", f"c{self.chain.number}.#"))
        arguments: dict[str, Any] = {}
        if kind == "headers":
            arguments["x-match"] = random.choice(("all", "any", "all-with-x", "any-with-x"))
            events = ("rejected", "expired", "maxlen", "delivery_limit")
            pool: dict[str, Any] = {
                "h": random.choice((1, 2, None)),
                "CC": None,
                "BCC": None,
                "x-death": None,
                "x-first-death-queue": random.choice((None, *self.names)),
                "x-first-death-reason": random.choice((None, *events)),
                "x-first-death-exchange": random.choice((None, "", *self.exchanges)),
                "x-last-death-queue": random.choice((None, *self.names)),
                "x-last-death-reason": random.choice((None, *events)),
                "x-last-death-exchange": random.choice((None, "", *self.exchanges)),
                "x-own": random.choice((None, "a")),
            }
            arguments |= {name: pool[name] for name in random.sample(sorted(pool), random.choice((0, 1, 1, 2)))}
        return Binding(self.vhost, source, "queue", queue, key, Arguments(arguments))

    def _queue(self, name: str) -> None:
        random = self.random
        kind = random.choices(("classic", "quorum", "stream"), (6, 3, 0.4))[0]
        if kind == "stream":
            self.chain.resources.append(Queue(self.vhost, name, "stream"))
            return
        given: list[dict[str, Any]] = [{}, {}, {}]  # argument, policy, operator policy
        for key, values, operator in self._options(kind):
            for index, likely in ((0, 0.5), (1, 0.35), (2, 0.15 if operator else 0)):
                if random.random() < likely:
                    given[index][key] = random.choice(values)
        own = given[0]
        if "dead-letter-exchange" not in own:
            own.pop("dead-letter-routing-key", None)
        arguments = Arguments({f"x-{key}": value for key, value in own.items()})
        self.chain.resources.append(Queue(self.vhost, name, kind, arguments=arguments))
        pattern = f"^{name}$".replace(".", "\\.")
        if given[1]:
            policy = Policy(self.vhost, name, pattern, "queues", 1, Arguments(given[1]))
            self.chain.policies.append(policy)
        if given[2]:
            operator_policy = Policy(self.vhost, f"o.{name}", pattern, "queues", 1, Arguments(given[2]))
            self.chain.operators.append(operator_policy)

    def _options(self, kind: str) -> Sequence[tuple[str, Sequence[Any], bool]]:
        """Return what this queue may be given: the key, its values, and whether an operator policy may give it."""
        random = self.random
        targets = [*self.exchanges, *self.exchanges, "", f"c{self.chain.number}.missing"]
        options: list[tuple[str, Sequence[Any], bool]] = [("dead-letter-exchange", targets, False)]
        if random.random() < 0.4:
            options.append(("dead-letter-routing-key", self.keys, False))
        if random.random() < 0.4:
            options.append(("message-ttl", (0, 1, 15, 15, _LATER), True))
        if random.random() < 0.4:
            options.append(("max-length", (0, 1, 1, 5), True))
            overflow = ["drop-head", "reject-publish-dlx"] + (["reject-publish"] if kind == "classic" else [])
            options.append(("overflow", overflow, not self.old and kind == "classic"))
        elif kind == "quorum" and random.random() < 0.4:
            options += [("dead-letter-strategy", ("at-least-once",), False), ("overflow", ("reject-publish",), False)]
        if kind == "quorum":
            options.append(("delivery-limit", (0, 1, 2) if self.old else (-1, 0, 1, 2), True))
        return options

    def _message(self) -> Message:
        random = self.random
        headers: dict[str, Any] = {}
        if random.random() < 0.3:
            headers["CC"] = random.sample(self.keys, random.randint(1, 2))
        if random.random() < 0.2:
            headers["BCC"] = random.sample(self.keys, 1)
        if random.random() < 0.5:
            headers["h"] = random.choice((1, 2))
        if random.random() < 0.2:
            headers["x-own"] = random.choice(("a", "b"))
        if random.random() < 0.25:
            deaths = random.sample(self.names, min(len(self.names), random.randint(1, 3)))
            headers["x-death"] = [
                {"queue": queue, "reason": random.choice(("expired", "rejected", "maxlen"))} for queue in deaths
            ]
        exchange = random.choice(("", self.exchanges[0]))
        key = random.choice(self.names if not exchange else self.keys)
        return Message(exchange, key, headers, self.vhost, random.choice((None, None, None, 0, 10)))


def _foretell(random: Random, made: Chain, version: str) -> None:
    router = made.router(version)
    state: State = {queue.name: [] for queue in made.queues}
    route = router.route(made.message)
    made.letters += _settle(router, state, [("m", held(route, name)) for name in route.queues])
    made.states.append(_bodies(state))
    for index in range(3):
        step = _step(random, router, made, state)
        if step is None:
            return
        if step.message is not None:
            arrived = [(f"f{index}", held(router.route(step.message), step.queue))]
        else:
            left, state[step.queue] = state[step.queue], []
            arrived = []
            for body, message in left:
                letter = dead_letter(router, message, step.event)
                made.letters += _counted(letter)
                arrived += [(body, letter.held_in(name)) for name in letter.queues]
        made.letters += _settle(router, state, arrived)
        made.steps.append(step)
        made.states.append(_bodies(state))


def _step(random: Random, router: Router, made: Chain, state: State) -> Step | None:
    """Choose what is done next, to a queue that holds a message."""
    possible = []
    for queue in made.queues:
        care = router.care(queue)
        if not state[queue.name] or queue.type == "stream":
            continue
        possible += [Step(queue.name, "rejected")] * 2
        if queue.type == "quorum" and not care.cannot("delivery_limit") and len(state[queue.name]) == 1:
            possible += [Step(queue.name, "delivery_limit")] * 2
        if care.max_length == 1:
            possible += [Step(queue.name, "maxlen", Message("", queue.name, {}, queue.vhost))] * 3
    return random.choice(possible) if possible else None


def _settle(router: Router, state: State, arriving: list[tuple[Body, Held]]) -> Counter[str]:
    """Let messages arrive, and everything that leaves by itself go on; count the letters."""
    letters: Counter[str] = Counter()
    into: dict[str, int] = {}
    short: set[str] = set()  # queues where a message has a time to live of its own
    made = len(arriving)
    while arriving:
        body, message = arriving.pop(0)
        queue = router.queue(message.vhost, message.queue)
        assert queue is not None
        into[queue.name] = into.get(queue.name, 0) + 1
        if message.expiration_ms is not None and router.care(queue).ttl_ms in (None, _LATER):
            short.add(queue.name)
        if any(into[name] > 1 for name in short):
            raise UnclearError  # it expires only at the head of the queue
        for what, left, why in _arrive(router, queue, state[queue.name], (body, message), into[queue.name]):
            letter = dead_letter(router, left, why)
            letters += _counted(letter)
            arriving += [(what, letter.held_in(target)) for target in letter.queues]
            made += len(letter.queues)
        if made > _MANY:
            raise UnclearError
    return letters


def _counted(letter: DeadLetter) -> Counter[str]:
    """Count a dead letter that goes somewhere, and the queues that do not get it because it has been there."""
    circles = sum("a cycle" in why for _, why in letter.dropped)
    return Counter({letter.event: int(letter.route is not None), CYCLE: circles})


def _arrive(
    router: Router, queue: Queue, there: list[tuple[Body, Held]], new: tuple[Body, Held], turn: int
) -> list[tuple[Body, Held, Event]]:
    """Put a message into a queue, and return what leaves it. It is the queue's `turn`th since all was quiet."""
    care = router.care(queue)
    if care.kind == "stream":
        there.append(new)
        return []
    room = care.max_length
    event = care.leaves(new[1].expiration_ms)
    if event == "expired" and min(_LATER if ms is None else ms for ms in (care.ttl_ms, new[1].expiration_ms)) == _LATER:
        event = None  # nobody waits for it
    full = room is not None and len(there) >= room
    if full and care.overflow != "drop-head" and _has_safe(router):
        raise UnclearError  # the source tries again, until there is room
    if room and (turn > room or (full and room > 1) or (full and event)):
        raise UnclearError
    if full and care.overflow == "reject-publish":
        return []
    if full and (room == 0 or care.overflow == "reject-publish-dlx"):
        return [(*new, "maxlen")]
    if event is not None:
        return [(*new, event)]
    there.append(new)
    return [(*there.pop(0), "maxlen")] if full else []


def _has_safe(router: Router) -> bool:
    return any(router.care(one).safely for one in router.topology.of(Kind.QUEUE) if isinstance(one, Queue))


def _bodies(state: State) -> dict[str, list[Body]]:
    return {name: sorted(body for body, _ in there) for name, there in state.items()}
