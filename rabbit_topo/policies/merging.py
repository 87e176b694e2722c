"""What an object's options come to: its arguments, one policy and one operator policy, merged.

The two policies are merged first (`rabbit_policies:merge_policy_value`), and what comes of it with the arguments, by
rules of each queue type's own: `process_args_policy` of classic queues, `gather_policy_config` of quorum queues,
`update_stream_conf` of streams, `rabbit_policy:get_arg` for exchanges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from rabbit_topo.model import Exchange
from rabbit_topo.policies.limits import DIVERSIONS, LIMITS
from rabbit_topo.policies.matching import effective, kind_of, release

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.model import Plain, Policy, Queue

Source: TypeAlias = Literal["argument", "policy", "operator policy"]
_Rule: TypeAlias = Literal["least", "most", "limit", "first", "second"]  # of two values: (policy, the other)


@dataclass(frozen=True, slots=True)
class Option:
    """One effective option: its value, and what it comes from. `name` is the policy's, empty for an argument.

    >>> str(Option(5, "operator policy", "caps")), str(Option(5, "argument"))
    ('operator policy caps', 'argument')
    """

    value: Plain
    source: Source
    name: str = ""

    def __str__(self) -> str:
        """Name where the value comes from."""
        return f"{self.source} {self.name}".rstrip()


_LEAST: Final = (
    *("expires", "message-ttl", "max-length", "max-length-bytes", "max-in-memory-length", "max-in-memory-bytes"),
    "delayed-retry-max",
)
# What an operator policy gives beside a policy; every other key is the operator's.
_OPERATOR: Final[Mapping[str, _Rule]] = {
    **dict.fromkeys(_LEAST, "least"),
    "delivery-limit": "limit",
    "target-group-size": "most",
    "delayed-retry-min": "most",
}
# What a policy gives beside an argument, by kind; the rest follows _OTHERWISE.
_ARGUMENT: Final[Mapping[str, Mapping[str, _Rule]]] = {
    "classic": {
        **dict.fromkeys(("expires", "message-ttl", "max-length", "max-length-bytes"), "least"),
        **dict.fromkeys(("queue-leader-locator", "queue-master-locator"), "first"),
    },
    "quorum": {
        **dict.fromkeys((*_LEAST, "delayed-retry-min", "consumer-disconnected-timeout"), "least"),
        **dict.fromkeys(("dead-letter-exchange", "dead-letter-routing-key", "dead-letter-strategy"), "second"),
        "delivery-limit": "limit",
    },
}
_OTHERWISE: Final[Mapping[str, _Rule]] = {"classic": "second", "exchange": "second"}
_EXPIRES_LEAST: Final = (3, 13)  # before, a quorum queue's policy decides alone when it expires


def merged_definition(policy: Policy | None, operator: Policy | None) -> dict[str, Plain]:
    """Merge a policy with an operator policy, as HTTP shows it under `effective_policy_definition`."""
    return {key: option.value for key, option in _given(policy, operator).items()}


def effective_options(
    target: Queue | Exchange, policies: Iterable[Policy], operator_policies: Iterable[Policy], version: str
) -> dict[str, Option]:
    """Return every option that an object has, with where its value comes from; sorted by key.

    The keys are the policy's spelling, `max-length` and not `x-max-length`. What the server takes where nothing is
    said, as the delivery limit of 4.0, is not among them.
    """
    found = effective(policies, target, version), effective(operator_policies, target, version)
    return merge(target, *found, version)


def merge(target: Queue | Exchange, policy: Policy | None, operator: Policy | None, version: str) -> dict[str, Option]:
    """Merge an object's arguments with the policy and the operator policy that are in effect; sorted by key."""
    kind = kind_of(target)
    own = {
        name.removeprefix("x-"): Option(value, "argument")
        for name, value in target.arguments.items()
        if isinstance(target, Exchange) or name.startswith("x-")
    }
    given = _given(policy, operator)
    merged = {}
    for key in sorted(own.keys() | given.keys()):
        if key in own and key in given:
            rule = _ARGUMENT.get(kind, {}).get(key, _OTHERWISE.get(kind, "first"))
            if kind == "quorum" and key == "expires" and release(version) < _EXPIRES_LEAST:
                rule = "first"
            merged[key] = _pick(rule, given[key], own[key])
        else:
            merged[key] = own[key] if key in own else given[key]
    return merged


def options(queue: Queue, policy: Policy | None, operator: Policy | None, version: str = "") -> dict[str, Any]:
    """Return what limits and diverts a queue's messages, in the policy's spelling.

    Arguments, policy and operator policy are merged as `merge` does, in the newest version where none is told.
    """
    merged = merge(queue, policy, operator, version)
    return {key: option.value for key, option in merged.items() if key in LIMITS | DIVERSIONS}


def _given(policy: Policy | None, operator: Policy | None) -> dict[str, Option]:
    given = {key: Option(value, "policy", policy.name) for key, value in policy.definition.items()} if policy else {}
    if operator:
        for key, value in operator.definition.items():
            limit = Option(value, "operator policy", operator.name)
            given[key] = _pick(_OPERATOR.get(key, "second"), given[key], limit) if key in given else limit
    return dict(sorted(given.items()))


def _pick(rule: _Rule, one: Option, other: Option) -> Option:
    """Choose between what a policy gives and the other; of two equal values the other's is named."""
    if rule == "first":
        return one
    if rule == "second" or not (_is_number(one.value) and _is_number(other.value)):
        return other
    most = rule == "most" or (rule == "limit" and (one.value < 0 or other.value < 0))
    return one if (one.value > other.value if most else one.value < other.value) else other


def _is_number(value: Plain) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
