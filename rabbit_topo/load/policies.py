"""Policies: our keys and RabbitMQ's own, side by side in one definition."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rabbit_topo.arguments import QUEUE_KEYS
from rabbit_topo.arguments.tables import NOT_IN_POLICIES, POLICY_KEYS
from rabbit_topo.load.codes import POLICY
from rabbit_topo.load.draft import note_of
from rabbit_topo.load.merge import lacks
from rabbit_topo.load.nodes import YMap, plain
from rabbit_topo.load.objects import refuse_ours
from rabbit_topo.load.problems import did_you_mean, quoted
from rabbit_topo.load.shapes import LIMITS, TEXT, Fields, Refused, Scalar
from rabbit_topo.model import Arguments, Key, Kind, Policy
from rabbit_topo.policies import pattern_matches

if TYPE_CHECKING:
    from rabbit_topo.load.draft import Draft
    from rabbit_topo.load.shapes import Shape
    from rabbit_topo.model import Plain


def _in_a_policy(shape: Shape) -> Shape:
    """Let a wrong value be the policy's mistake, and not a queue's."""
    match shape:
        case Scalar() | Refused():
            return replace(shape, code=POLICY)
        case Fields():
            return replace(shape, known={key: _in_a_policy(inner) for key, inner in shape.known.items()})
        case _:
            return shape


FRIENDLY: dict[str, Shape] = {
    key: _in_a_policy(shape) for key, shape in (LIMITS | {"alternate_exchange": TEXT}).items()
}
_OWN_KEY = {spelled: known.policy_key for spelled, known in QUEUE_KEYS.items()}
_OWN_KEY["alternate_exchange"] = "alternate-exchange"


def policy(draft: Draft, vhost: str, name: str, written: YMap, place: int) -> None:
    """Read one policy."""
    draft.named.add(Key(vhost, Kind.POLICY, name))
    what = f"the policy {quoted(name)}"
    if aimless := lacks(written, "pattern"):
        hint = "write `pattern: ...`, a regular expression that is looked for anywhere in a name"
        draft.problems.add(written.file, place, f"{what} has no pattern", hint, POLICY)
    before = draft.problems.noted
    definition = _definition(draft, written.get("definition") or YMap(written.file, place))
    if not definition and draft.problems.noted == before and "definition" not in written.dropped:
        hint = "RabbitMQ refuses an empty one: write `definition: {max_length: 100000}` or the like"
        draft.problems.add(written.file, place, f"{what} has no definition", hint, POLICY)
    declared = Policy(
        vhost,
        name,
        written.get("pattern") or "",
        written.get("apply_to") or "all",
        written.get("priority") or 0,
        Arguments(definition),
    )
    if draft.problems.noted > before or written.dropped:
        draft.damaged.add(declared.key)
        draft.partial.add(declared.key)
    if not definition or aimless or written.dropped & {"pattern", "apply_to", "priority"}:
        draft.spoilt.add(declared.key)
    refuse_ours(draft, written, "policy", name, place)
    draft.declare(declared, note_of(written, written.file, place), what)


def may_reach(policy: Policy, name: str) -> bool:
    """Say whether a policy may reach a name, though something was left out of it, or its pattern cannot be read."""
    return not policy.pattern or pattern_matches(policy.pattern, name) is not False


def _definition(draft: Draft, keys: YMap) -> dict[str, Plain]:
    definition: dict[str, Plain] = {}
    for key, value in keys.items():
        if key in NOT_IN_POLICIES or _OWN_KEY.get(key) == "":
            _refuse(draft, keys, key)
        elif shape := FRIENDLY.get(key):
            place = keys.key_place(key) if isinstance(shape, Refused) else keys.value_place(key)
            if draft.walk.check(shape, f"`{key}`", value, keys.file, place):
                _friendly(draft, keys, key, value, definition)
        elif "_" in key:
            known = [name for name in (*_OWN_KEY, *POLICY_KEYS) if "." not in name and name not in keys]
            message = f"the key {quoted(key)} is not known in a policy's definition"
            hint = did_you_mean(key, known) or "RabbitMQ's own keys are written with dashes, like max-length"
            draft.problems.add(keys.file, keys.key_place(key), message, hint, POLICY)
        else:
            if (known_check := POLICY_KEYS.get(key)) and (wanted := known_check(value)):
                message = f"`{key}` must be {wanted}, not {quoted(value)}"
                hint = _with_unit(key) if isinstance(value, str) else ""
                draft.problems.add(keys.file, keys.value_place(key), message, hint, POLICY)
                continue
            if key in definition:
                _twice(draft, keys, key)
            definition[key] = plain(value)
    return definition


def _friendly(draft: Draft, keys: YMap, key: str, value: Plain, definition: dict[str, Plain]) -> None:
    pairs = {f"{key}.{inner}": item for inner, item in value.items()} if isinstance(value, dict) else {key: value}
    for spelled, item in pairs.items():
        own = _OWN_KEY[spelled]
        if item is None:
            continue
        if own in definition:
            _twice(draft, keys, key)
        definition[own] = QUEUE_KEYS[spelled].convert(item) if spelled in QUEUE_KEYS else item


def _refuse(draft: Draft, keys: YMap, key: str) -> None:
    message = f"a policy cannot set `{key}`"
    hint = f"set it on the queues: `{key.replace('-', '_')}`, directly or through a profile"
    draft.problems.add(keys.file, keys.key_place(key), message, hint, POLICY)


def _twice(draft: Draft, keys: YMap, key: str) -> None:
    message = f"`{key}` says again what stands above it under another name"
    draft.problems.add(keys.file, keys.key_place(key), message, "keep one of the two")


def _with_unit(own_key: str) -> str:
    ours = next((spelled for spelled, own in _OWN_KEY.items() if own == own_key and spelled != own_key), "")
    return f"RabbitMQ's own key takes a bare number; `{ours}` takes a unit" if ours and "." not in ours else ""
