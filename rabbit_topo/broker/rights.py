"""Which permissions the declared objects need, and which of them a user's patterns grant.

Source: RabbitMQ's access control guide, and `rabbit_channel`. A pattern is searched in the name, an empty one is
`^$`, and the default exchange goes by the name `amq.default`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from rabbit_topo.model import PREDECLARED, Binding, Exchange, Kind, Policy, Queue, Vhost
from rabbit_topo.policies import pattern_matches
from rabbit_topo.report.diagnosis import Ability, Action, Denied, Need, Permissions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rabbit_topo.model import Key, Resource, Topology

ACTIONS: tuple[Action, ...] = ("create", "bind", "delete")
DEFAULT_EXCHANGE = "amq.default"


class Task(NamedTuple):
    """Something that an apply would do with a declared object, and what it needs for it."""

    key: Key
    action: Action
    needs: tuple[Need, ...]
    resource: Resource | None = None


class Verdict(NamedTuple):
    """`lacks` is None where nobody knows."""

    lacks: tuple[Need, ...] | None
    words: str = ""


UNKNOWN = Verdict(None)


def tasks(declared: Topology) -> Mapping[str, list[Task]]:
    """Return what an apply may have to do, by vhost, in the order of keys; external objects are left alone."""
    found: defaultdict[str, list[Task]] = defaultdict(list)
    for key, resource in sorted(declared.resources.items(), key=lambda item: item[0].order):
        if declared.note(key).external:
            continue
        match resource:
            case Exchange():
                found[key.vhost].append(Task(key, "create", _exchange_needs(resource), resource))
            case Queue():
                found[key.vhost].append(Task(key, "create", _queue_needs(resource), resource))
            case Binding():
                found[key.vhost].append(Task(key, "bind", _binding_needs(resource, declared), resource))
            case Vhost() | Policy():
                pass
    for key in sorted(declared.absent, key=lambda key: key.order):
        match key.kind:
            case Kind.QUEUE | Kind.EXCHANGE:
                kind: Literal["queue", "exchange"] = "queue" if key.kind is Kind.QUEUE else "exchange"
                found[key.vhost].append(Task(key, "delete", (Need("configure", kind, key.name),)))
            case Kind.BINDING | Kind.POLICY | Kind.VHOST:
                pass
    return found


def policies(declared: Topology, vhost: str) -> int:
    """Count the policies that a vhost is to have, or to lose."""
    keys = [key for key, resource in declared.resources.items() if isinstance(resource, Policy)]
    return sum(key.vhost == vhost for key in [*keys, *(key for key in declared.absent if key.kind is Kind.POLICY)])


def _exchange_needs(exchange: Exchange) -> tuple[Need, ...]:
    needs = [Need("configure", "exchange", exchange.name)]
    alternate = exchange.arguments.get("alternate-exchange")
    if isinstance(alternate, str):
        needs += [Need("read", "exchange", exchange.name), Need("write", "exchange", alternate)]
    return tuple(needs)


def _queue_needs(queue: Queue) -> tuple[Need, ...]:
    needs = [Need("configure", "queue", queue.name)]
    dead = queue.arguments.get("x-dead-letter-exchange")
    if isinstance(dead, str):
        needs += [Need("read", "queue", queue.name), Need("write", "exchange", dead)]
    return tuple(needs)


def _binding_needs(binding: Binding, declared: Topology) -> tuple[Need, ...]:
    source = declared.resources.get(binding.source_key)
    kind = source.type if isinstance(source, Exchange) else PREDECLARED.get(binding.source)
    topic = binding.routing_key if kind in {"topic", None} else None
    return (
        Need("write", binding.destination_kind, binding.destination),
        Need("read", "exchange", binding.source, topic),
    )


def lacking(need: Need, permissions: Permissions, user: str, vhost: str) -> tuple[Need, ...] | None:
    """Return what these patterns do not grant of a need; None where a pattern is one that Python cannot read.

    >>> small = Permissions("^shop", "", ".*", {"t": ("", "^a")})
    >>> lacking(Need("configure", "queue", "shop.q"), small, "u", "/")
    ()
    >>> lacking(Need("write", "exchange", "shop"), small, "u", "/")
    (Need(permission='write', kind='exchange', name='shop', topic=None),)
    >>> lacking(Need("read", "exchange", "t", "b"), small, "u", "/")
    (Need(permission='read', kind='exchange', name='t', topic='b'),)
    """
    whole = pattern_matches(getattr(permissions, need.permission) or "^$", need.name or DEFAULT_EXCHANGE)
    if whole is False:
        return (replace(need, topic=None),)
    part: bool | None = True
    if need.topic is not None and need.name in permissions.topics:
        write, read = permissions.topics[need.name]
        pattern = (write if need.permission == "write" else read) or "^$"
        for variable, value in (("{username}", user), ("{vhost}", vhost)):
            pattern = pattern.replace(variable, value)
        part = pattern_matches(pattern, need.topic)
    if part is False:
        return (need,)
    return () if whole and part else None


def by_patterns(permissions: Permissions, user: str, vhost: str) -> Callable[[Task], Verdict]:
    """Judge tasks by a user's patterns."""

    def judge(task: Task) -> Verdict:
        answers = [lacking(need, permissions, user, vhost) for need in task.needs]
        lacks = tuple(need for answer in answers for need in answer or ())
        return Verdict(None if None in answers and not lacks else lacks)

    return judge


def abilities(todo: Iterable[Task], judge: Callable[[Task], Verdict]) -> tuple[Ability, ...]:
    """Sum up what may be done and what not, action by action."""
    by_action: defaultdict[Action, list[tuple[Task, Verdict]]] = defaultdict(list)
    for task in todo:
        by_action[task.action].append((task, judge(task)))
    return tuple(
        Ability(
            action,
            len(judged),
            tuple(Denied(task.key, action, said.lacks, said.words) for task, said in judged if said.lacks),
            sum(said.lacks is None for _, said in judged),
        )
        for action in ACTIONS
        if (judged := by_action[action])
    )
