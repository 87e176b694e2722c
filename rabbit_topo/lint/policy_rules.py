"""RT5: policies that do not do what they say, or do it to more than was meant."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rabbit_topo.arguments import ALTERNATE, QUEUE_TYPES, same_value
from rabbit_topo.arguments.refused import a_queue
from rabbit_topo.arguments.tables import POLICY_KEYS
from rabbit_topo.lint.names import named
from rabbit_topo.lint.types import Hit, Rule
from rabbit_topo.model import EMPTY, Exchange, Key, Policy, Queue
from rabbit_topo.policies import fits, pattern_matches
from rabbit_topo.policies.merging import merge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.lint.index import Index

_ANCHOR: Final = re.compile(r"(?:\(\?[a-zA-Z]+\))?(?:\(\?:|\()?(?:\^|\\A)")
_TYPES: Final[tuple[str, ...]] = QUEUE_TYPES
_ANY_NAMES: Final = ("", "~", "a b")  # whose pattern finds all of these finds everything


def _named(index: Index) -> Iterator[Queue | Exchange]:
    """Go through what policies reach, somebody else's objects too: a policy may be for them."""
    for resource in index.topology.resources.values():
        if isinstance(resource, Queue | Exchange):
            yield resource


def _reached(index: Index) -> Iterator[Queue | Exchange]:
    """Go through the queues of connections too, where a live broker is asked."""
    yield from _named(index)
    yield from index.router.hidden


def _ties(index: Index) -> dict[tuple[Policy, ...], list[Queue | Exchange]]:
    """Return the policies that tie for first place, by name, each set with what it ties on."""
    found: dict[tuple[Policy, ...], list[Queue | Exchange]] = defaultdict(list)
    for target in _named(index):
        candidates = index.candidates(target)
        first = max((policy.priority for policy in candidates), default=0)
        tied = sorted((policy for policy in candidates if policy.priority == first), key=lambda policy: policy.name)
        if len({policy.definition for policy in tied}) > 1:
            found[tuple(tied)].append(target)
    return found


def _tie(index: Index) -> Iterator[Hit]:
    for tied, targets in _ties(index).items():
        one, other = tied[0], tied[-1]
        what = f"{named(one)} and {named(other)} have the same priority, {one.priority}, and both reach"
        yield Hit(other.key, f"{what} {_listed(targets)}: which of them takes effect is not defined", subject=one.name)


def _listed(targets: list[Queue | Exchange]) -> str:
    first = min(targets, key=lambda target: target.key)
    return named(first) + (f" and {len(targets) - 1:,} more" if len(targets) > 1 else "")


def _shadowed(index: Index) -> Iterator[Hit]:
    tied = {policy.key for policies in _ties(index) for policy in policies}
    winners: dict[Key, Policy] = {}
    effective: set[Key] = set()
    for target in _reached(index):
        winner = index.policy_of(target)
        if winner is not None:
            effective.add(winner.key)
            for policy in index.candidates(target):
                winners.setdefault(policy.key, winner)
    for policy in index.policies:
        if policy.key in winners and policy.key not in effective | tied:
            winner = winners[policy.key]
            if winner.priority == policy.priority:
                message = f"{named(policy)} adds nothing: {named(winner)} says the same, with the same priority"
            else:
                message = f"{named(policy)} never takes effect: {named(winner)} has the higher priority"
            yield Hit(
                policy.key, f"{message} on everything that both reach, and only one policy applies", subject=winner.name
            )


def _matches_nothing(index: Index) -> Iterator[Hit]:
    reached = {policy.key for target in _reached(index) for policy in index.candidates(target)}
    for policy in index.policies:
        if policy.key not in reached and pattern_matches(policy.pattern, "", index.context.version) is not None:
            yield Hit(policy.key, f"{named(policy)} reaches nothing that is declared (pattern `{policy.pattern}`)")


def _ignored_by_type(index: Index) -> Iterator[Hit]:
    version = index.context.version
    for policy in index.policies:
        if useless := _not_for_kind(policy):
            keys = ", ".join(f"`{key}`" for key in useless)
            message = f"{keys} of {named(policy)}: nothing with `apply_to: {policy.apply_to}` has it"
            yield Hit(policy.key, message, subject=keys)
        kept = {kind: found for kind in _TYPES if (found := _keeping_away(policy, kind, version))}
        if kept:
            yield from _kept_away(index, policy, kept)


def _not_for_kind(policy: Policy) -> list[str]:
    """Return the keys that nothing which the policy is for has."""
    if policy.apply_to == "exchanges":
        return [key for key in policy.definition if key in POLICY_KEYS and key != ALTERNATE]
    return [] if policy.apply_to == "all" else [key for key in policy.definition if key == ALTERNATE]


def _keeping_away(policy: Policy, kind: str, version: str) -> list[str]:
    """Return the keys for which a queue type passes over the whole policy."""
    if fits(policy, kind, version) or not fits(replace(policy, definition=EMPTY), kind, version):
        return []
    return [
        key
        for key in policy.definition
        if not fits(replace(policy, definition=policy.definition.only(key)), kind, version)
    ]


def _kept_away(index: Index, policy: Policy, kept: dict[str, list[str]]) -> Iterator[Hit]:
    for kind, keys in kept.items():
        missed = [
            queue
            for queue in index.queues
            if queue.type == kind
            and queue.vhost == policy.vhost
            and pattern_matches(policy.pattern, queue.name, index.context.version)
        ]
        if missed:
            spelled = ", ".join(f"`{key}`" for key in keys)
            message = f"{named(policy)} passes {_listed([*missed])} over, whole: {a_queue(kind)} has no {spelled}"
            yield Hit(policy.key, message, subject=f"{kind} {spelled}")


def _overridden(index: Index) -> Iterator[Hit]:
    dead: dict[tuple[Key, str], list[Queue | Exchange]] = defaultdict(list)
    alive: set[tuple[Key, str]] = set()
    for target in _reached(index):
        policy = index.policy_of(target)
        if policy is None:
            continue
        merged = merge(target, policy, None, index.context.version)
        for key, value in policy.definition.items():
            if isinstance(target, Exchange) != (key == ALTERNATE):
                continue
            option = merged[key]
            if option.source == "argument" and not same_value(key, value, option.value):
                dead[policy.key, key].append(target)
            else:
                alive.add((policy.key, key))
    for policy in index.policies:
        for key in policy.definition:
            if (targets := dead.get((policy.key, key))) and (policy.key, key) not in alive:
                message = f"`{key}` of {named(policy)} is dead text: {_listed(targets)} says otherwise by an argument"
                yield Hit(policy.key, message, subject=key)


def _unread(index: Index) -> Iterator[Hit]:
    for policy in index.policies:
        if pattern_matches(policy.pattern, "", index.context.version) is None:
            yield Hit(
                policy.key, f"{named(policy)}: nobody here can say what `{policy.pattern}` finds, and the broker can"
            )


def _too_wide(index: Index) -> Iterator[Hit]:
    for policy in index.policies:
        if policy.priority >= 0 and all(pattern_matches(policy.pattern, name) for name in _ANY_NAMES):
            yield Hit(policy.key, f"{named(policy)} reaches every name: `{policy.pattern}`")
        elif not _ANCHOR.match(policy.pattern):
            message = f"the pattern of {named(policy)} is looked for anywhere in a name: `{policy.pattern}`"
            yield Hit(policy.key, message)


RULES: tuple[Rule, ...] = (
    Rule(
        "RT501",
        "policy-priority-tie",
        "error",
        default=True,
        why="Only one policy applies to an object: the one with the highest priority. Between equal ones RabbitMQ "
        "makes no promise, and the choice may change when a node restarts.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  all-limits: {pattern: ^shop\\., apply_to: queues, definition: {max_length: 100000}}
  order-limits: {pattern: ^shop\\.orders, apply_to: queues, definition: {max_length: 500}}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
  shop.bills: {type: quorum, direct: true}
policies:
  all-limits: {pattern: ^shop\\., apply_to: queues, definition: {max_length: 100000}}
  order-limits: {pattern: ^shop\\.orders, apply_to: queues, priority: 1, definition: {max_length: 500}}
""",
        hint="give one of them the higher priority",
        source="https://www.rabbitmq.com/docs/policies#priorities",
        check=_tie,
    ),
    Rule(
        "RT502",
        "policy-shadowed",
        "warning",
        default=True,
        why="Policies are not merged: where one with a higher priority matches, all keys of the others are without "
        "effect. This one is shadowed on everything that it reaches.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-length: {pattern: ^shop\\., apply_to: queues, priority: 1, definition: {max_length: 100000}}
  shop-ttl: {pattern: ^shop\\., apply_to: queues, definition: {message_ttl: 1h}}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-limits: {pattern: ^shop\\., apply_to: queues, definition: {max_length: 100000, message_ttl: 1h}}
""",
        hint="put all keys into one policy, or narrow the pattern of the other",
        source="https://www.rabbitmq.com/docs/policies#combining-policy-definitions",
        check=_shadowed,
    ),
    Rule(
        "RT503",
        "policy-matches-nothing",
        "warning",
        default=False,
        why="No declared queue and no declared exchange has a name that the pattern finds and a type that the policy "
        "is for. It may be meant for queues that applications declare.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-limits: {pattern: ^shop-, apply_to: queues, definition: {max_length: 100000}}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-limits: {pattern: ^shop\\., apply_to: queues, definition: {max_length: 100000}}
""",
        hint="correct the pattern or `apply_to`, or remove the policy",
        source="rabbit_policy:matches",
        check=_matches_nothing,
    ),
    Rule(
        "RT504",
        "policy-key-ignored-by-type",
        "warning",
        default=False,
        why="A policy with a key that a type of queue does not have is not applied to such a queue at all, and the "
        "next one by priority is: its other keys are without effect too. Keys of queues mean nothing to exchanges, and "
        "`alternate-exchange` nothing to queues.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
  shop.bills: {type: classic, direct: true}
policies:
  shop-limits: {pattern: ^shop\\., apply_to: queues, definition: {max_length: 100000, delivery_limit: 5}}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
  shop.bills: {type: classic, direct: true}
policies:
  shop-limits: {pattern: ^shop\\., apply_to: queues, definition: {max_length: 100000}}
  shop-quorum: {pattern: ^shop\\., apply_to: quorum_queues, priority: 1, definition: {delivery_limit: 5}}
""",
        hint="write one policy for each type, with `apply_to: classic_queues`, quorum_queues or streams",
        source="rabbit_policy:is_applicable, and unsupported_policies in the capabilities() of the queue types",
        check=_ignored_by_type,
    ),
    Rule(
        "RT505",
        "argument-overrides-policy",
        "warning",
        default=True,
        why="Where a queue's own argument wins, as it does for dead-letter exchanges, or is the lower limit, the "
        "policy says one thing and the queue does another; changing the policy changes nothing. This is told where it "
        "is so on everything that the policy applies to.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, max_length: 500, direct: true}
policies:
  shop-limits: {pattern: ^shop\\., apply_to: queues, definition: {max_length: 100000}}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, max_length: 500, direct: true}
  shop.bills: {type: quorum, direct: true}
policies:
  shop-limits: {pattern: ^shop\\., apply_to: queues, definition: {max_length: 100000}}
""",
        hint="keep one of the two; the policy can be changed later",
        source="rabbit_queue_type_util:args_policy_lookup, rabbit_amqqueue_process:process_args_policy",
        check=_overridden,
    ),
    Rule(
        "RT506",
        "policy-pattern-too-wide",
        "warning",
        default=False,
        why="A pattern is looked for anywhere in a name: `orders` finds `old-orders.tmp` too, and `.*` every queue of "
        "the vhost, those of other teams and of tomorrow with it.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-limits: {pattern: shop, apply_to: queues, definition: {max_length: 100000}}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-limits: {pattern: ^shop\\., apply_to: queues, definition: {max_length: 100000}}
""",
        hint="begin the pattern with ^ and what only your names have; give a policy for all a negative priority",
        source="https://www.rabbitmq.com/docs/policies#how-policies-work",
        check=_too_wide,
    ),
    Rule(
        "RT507",
        "policy-pattern-unread",
        "info",
        default=True,
        why="RabbitMQ reads patterns by PCRE, and this linter by Python's `re`, which does not know all of it. Whether "
        "such a policy reaches a queue or an exchange is open: rules and routes that depend on it say less than they "
        "could, and what is wrong behind it is not found.",
        bad="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-limits: {pattern: '^\\Qshop.\\E', apply_to: queues, definition: {max_length: 100000}}
""",
        good="""\
version: 1
queues:
  shop.orders: {type: quorum, direct: true}
policies:
  shop-limits: {pattern: '^shop\\.', apply_to: queues, definition: {max_length: 100000}}
""",
        hint="write it with what both know: classes, groups, repeats, anchors, and a backslash before a dot",
        source="rabbit_policy:matches, Erlang's `re`",
        check=_unread,
    ),
)
