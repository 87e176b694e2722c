"""What one release of RabbitMQ refuses, or stores and does not know, and others take.

Source: as of `tables`, and brokers: 3.10.8, 4.0.5 and 4.3.6 refused and took every row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.arguments.patterns import LONGEST_PATTERN, refused_pattern
from rabbit_topo.arguments.refused import VALUE, Refused, for_others, refused_everywhere
from rabbit_topo.arguments.tables import (
    APPLY_TO_SINCE,
    EVER,
    MASTER_LOCATORS,
    MIRRORING_KEYS,
    NOT_IN_POLICIES,
    PLUGIN_POLICY_KEYS,
    POLICY_KEYS,
    POLICY_KEYS_SINCE,
    POLICY_LOCATORS,
    QUEUE_ARGUMENTS,
    QUEUE_MODES,
    one_of,
    whole,
)
from rabbit_topo.arguments.versions import NEWEST, OLDEST, read_release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rabbit_topo.model import Plain, Policy, Queue

_Release = tuple[int, int]
INVALID_POLICY: Final = "RT110"


class _Values(NamedTuple):
    """Which values the releases from `since` to before `before` take."""

    check: Callable[[Plain], str]
    since: _Release = OLDEST
    before: _Release = (99, 0)


_ARGUMENTS: Final[Mapping[str, _Values]] = {
    "x-queue-mode": _Values(one_of(QUEUE_MODES), before=(4, 3)),
    "x-queue-version": _Values(one_of((2,)), since=(4, 3)),
    "x-queue-leader-locator": _Values(one_of(POLICY_LOCATORS), before=(4, 0)),
    "x-queue-master-locator": _Values(one_of(MASTER_LOCATORS), before=(4, 0)),
    "x-consumer-timeout": _Values(whole(0, None, "milliseconds"), since=(4, 3)),
    "x-consumer-disconnected-timeout": _Values(whole(0, None, "milliseconds"), since=(4, 3)),
    "x-stream-filter-size-bytes": _Values(whole(16, 255, "bytes"), since=(3, 13)),
}
_POLICY_VALUES: Final[Mapping[str, _Values]] = {
    "delivery-limit": _Values(whole(0), before=(4, 0)),
    "queue-master-locator": _Values(one_of(MASTER_LOCATORS), before=(4, 0)),
}


# Where an argument works before it is compared: then it is no news to the broker.
_WORKS_SINCE: Final = {"x-consumer-timeout": "3.12", "x-stream-filter-size-bytes": "3.13"}


def at(version: str) -> _Release:
    """Return the release of a version, the newest known one where it cannot be read."""
    return read_release(version) or NEWEST


def since(spelled: str) -> _Release:
    """Return a release that a table spells."""
    return read_release(spelled) or OLDEST


def refused_by(queue: Queue, version: str) -> list[Refused]:
    """Return why this version would not declare the queue, with what no version declares.

    What depends on the type is left out for a queue whose type is unstated, and what a broker can be configured to
    permit or deny is never told.

    >>> from rabbit_topo.model import Arguments, Queue
    >>> old = Queue("/", "q", "classic", arguments=Arguments({"x-queue-version": 1}))
    >>> refused_by(old, "4.0.5"), [str(refusal) for refusal in refused_by(old, "4.3")]
    ([], ['x-queue-version: RabbitMQ 4.3 takes one of 2'])
    """
    found = refused_everywhere(queue)
    told = {refusal.subject for refusal in found}
    return found + [
        refusal
        for name in queue.arguments
        if name in QUEUE_ARGUMENTS and name not in told
        for refusal in _by_version(queue.type, name, queue.arguments[name], version)
    ]


def _by_version(kind: str | None, name: str, value: Plain, version: str) -> Iterator[Refused]:
    types = QUEUE_ARGUMENTS[name].types
    owners = [owner for owner, first in types.items() if since(first) <= at(version)]
    if kind and owners and kind not in owners:
        later = f" before {types[kind]}" if kind in types else ""
        refused = for_others(kind, name, owners)
        yield refused._replace(reason=f"{refused.reason}{later}")
    elif (not kind or kind in types) and (wanted := _wanted(_ARGUMENTS, name, value, version)):
        yield Refused(name, f"RabbitMQ {version} takes {wanted}", "", VALUE)


def _wanted(table: Mapping[str, _Values], name: str, value: Plain, version: str) -> str:
    values = table.get(name)
    return values.check(value) if values and values.since <= at(version) < values.before else ""


def comes_with(name: str, kind: str | None, version: str) -> str:
    """Return the later release with which an argument begins to mean something; empty where it means it already.

    >>> comes_with("x-delayed-retry-type", "quorum", "4.0"), comes_with("x-delayed-retry-type", "quorum", "4.3")
    ('4.3', '')
    """
    known = QUEUE_ARGUMENTS.get(name)
    listed = next((first for owner, first in known.types.items() if owner == kind), "") if known else ""
    first = _WORKS_SINCE.get(name, listed) if listed else ""
    return first if first and since(first) > at(version) else ""


def refused_policy(policy: Policy, version: str) -> list[Refused]:
    """Return why this version would not take the policy.

    Left out are keys of plugins, mirroring where it is gone, and what a broker can be configured to permit or deny.

    >>> from rabbit_topo.model import Arguments, Policy
    >>> p = Policy("/", "p", "^q", "quorum_queues", definition=Arguments({"max-length": 5}))
    >>> refused_policy(p, "4.0.5"), [str(refusal) for refusal in refused_policy(p, "3.10")]
    ([], ['apply_to: RabbitMQ 3.10 does not know quorum_queues, which came with 3.12'])
    """
    return list(_policy(policy, version))


def _policy(policy: Policy, version: str) -> Iterator[Refused]:
    if wrong := refused_pattern(policy.pattern):
        yield _invalid("pattern", f"it is no regular expression: {wrong}")
    elif len(policy.pattern.encode()) > LONGEST_PATTERN and at(version) >= (4, 3):
        yield _invalid("pattern", f"RabbitMQ {version} takes at most {LONGEST_PATTERN} bytes", "write two policies")
    if policy.apply_to not in APPLY_TO_SINCE:
        yield _invalid("apply_to", f"it must be one of {', '.join(APPLY_TO_SINCE)}, not {policy.apply_to}")
    elif since(first := APPLY_TO_SINCE[policy.apply_to]) > at(version):
        reason = f"RabbitMQ {version} does not know {policy.apply_to}, which came with {first}"
        yield _invalid("apply_to", reason, "write `apply_to: queues`, and a pattern that finds those queues only")
    if not policy.definition:
        yield _invalid("definition", "it is empty", "write `definition: {max_length: 100000}` or the like")
    for key, value in policy.definition.items():
        if reason := _key(key, value, version):
            yield _invalid(key, reason)
    yield from _together(policy.definition, version)


def _invalid(subject: str, reason: str, hint: str = "") -> Refused:
    return Refused(subject, reason, hint, INVALID_POLICY)


def _key(key: str, value: Plain, version: str) -> str:
    """Say why a version does not take a key, or its value."""
    if key in PLUGIN_POLICY_KEYS | MIRRORING_KEYS:
        return ""
    if key in NOT_IN_POLICIES:
        return "a policy cannot set it; it is an argument of queues"
    if key not in POLICY_KEYS:
        return "no version knows this key"
    first = POLICY_KEYS_SINCE.get(key, EVER)
    if since(first) > at(version):
        return f"RabbitMQ {version} does not know this key, which came with {first}"
    if wanted := POLICY_KEYS[key](value):
        return f"the value must be {wanted}"
    wanted = _wanted(_POLICY_VALUES, key, value, version)
    return f"RabbitMQ {version} takes {wanted}" if wanted else ""


def _together(definition: Mapping[str, Plain], version: str) -> Iterator[Refused]:
    """Check keys that need each other."""
    if at(version) >= since(POLICY_KEYS_SINCE["delayed-retry-min"]):
        low, high = definition.get("delayed-retry-min"), definition.get("delayed-retry-max")
        if definition.get("delayed-retry-type", "disabled") != "disabled" and low is None:
            yield _invalid("delayed-retry-type", "it needs `delayed-retry-min` beside it")
        if isinstance(low, int) and isinstance(high, int) and high < low:
            yield _invalid("delayed-retry-max", "it must not be less than `delayed-retry-min`")
    if "ha-mode" not in definition and at(version) < (4, 0) and (alone := MIRRORING_KEYS & definition.keys()):
        yield _invalid(min(alone), "it needs `ha-mode` beside it")
