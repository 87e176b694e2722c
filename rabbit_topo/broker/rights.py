"""Which permissions the declared objects need, and which of them a user's patterns grant.

Source: RabbitMQ's access control guide, and `rabbit_channel`. A pattern is searched in the name, an empty one is
`^$`, and the default exchange goes by the name `amq.default`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from rabbit_topo.arguments import ALTERNATE, DEAD_LETTER
from rabbit_topo.model import PREDECLARED, Binding, Exchange, Key, Kind, Policy, Queue, Vhost
from rabbit_topo.policies import pattern_matches
from rabbit_topo.report.diagnosis import Ability, Action, Denied, Need, Permissions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rabbit_topo.model import DestinationKind, Plain, Resource, Topology

ACTIONS: tuple[Action, ...] = ("create", "bind", "delete", "lock")


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


def tasks(declared: Topology, lock: str = "") -> Mapping[str, list[Task]]:
    """Return what an apply may have to do, by vhost, in the order of keys; external objects are left alone.

    `lock` names the queue by which it keeps others out; empty where it cannot.
    """
    found: defaultdict[str, list[Task]] = defaultdict(list)
    for key, resource in sorted(declared.resources.items(), key=lambda item: item[0].order):
        if declared.note(key).external:
            continue
        match resource:
            case Exchange() | Queue():
                found[key.vhost].append(Task(key, "create", needs(resource), resource))
            case Binding():
                found[key.vhost].append(Task(key, "bind", _topical(resource, declared), resource))
            case Vhost() | Policy():
                pass
    for key in sorted(declared.absent, key=lambda key: key.order):
        match key.kind:
            case Kind.QUEUE | Kind.EXCHANGE:
                found[key.vhost].append(Task(key, "delete", (configure(key),)))
            case Kind.BINDING | Kind.POLICY | Kind.VHOST:
                pass
    for vhost in found if lock else ():
        key = Key(vhost, Kind.QUEUE, lock)
        found[vhost].append(Task(key, "lock", (configure(key),)))
    return found


def policies(declared: Topology) -> Counter[str]:
    """Count the policies that each vhost is to have, or to lose."""
    return Counter(key.vhost for key in (*declared.resources, *declared.absent) if key.kind is Kind.POLICY)


def needs(resource: Exchange | Queue | Binding) -> tuple[Need, ...]:
    """Return what making it takes, but for the permissions on routing keys; removing a binding takes the same.

    >>> [need.permission for need in needs(Queue("/", "q"))]
    ['configure']
    """
    match resource:
        case Binding(destination_kind=kind, destination=destination, source=source):
            return Need("write", kind, destination), Need("read", "exchange", source)
        case Exchange(name=name, arguments=arguments):
            return configure(resource.key), *_diverting("exchange", name, arguments.get(ALTERNATE))
        case Queue(name=name, arguments=arguments):
            return configure(resource.key), *_diverting("queue", name, arguments.get(DEAD_LETTER))


def configure(key: Key) -> Need:
    """Return what deleting a queue or an exchange takes, and making a plain one."""
    return Need("configure", "queue" if key.kind is Kind.QUEUE else "exchange", key.name)


def _diverting(kind: DestinationKind, name: str, exchange: Plain) -> tuple[Need, ...]:
    """Return what sending messages on from it to an exchange takes."""
    return (Need("read", kind, name), Need("write", "exchange", exchange)) if isinstance(exchange, str) else ()


def _topical(binding: Binding, declared: Topology) -> tuple[Need, ...]:
    """Return what a binding takes; at a topic exchange, or one of unknown type, its routing key counts too."""
    source = declared.resources.get(binding.source_key)
    kind = source.type if isinstance(source, Exchange) else PREDECLARED.get(binding.source)
    topic = binding.routing_key if kind in {"topic", None} else None
    write, read = needs(binding)
    return write, replace(read, topic=topic)


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
    whole = pattern_matches(getattr(permissions, need.permission) or "^$", need.called)
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
