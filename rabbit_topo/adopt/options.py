"""What is written of one object: friendly keys with their units first, raw arguments for the rest."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.arguments import ALTERNATE, QUEUE_KEYS, friendly_key, queue_argument, spelled
from rabbit_topo.arguments.order import LIMITS
from rabbit_topo.arguments.tables import MATCHES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.model import Binding, Exchange, Plain, Policy, Queue

Options = dict[str, Any]  # in the order in which they are written

_MATCH: Final = "x-match"
_NEED_A_KEY: Final = frozenset({"direct", "topic", "x-consistent-hash"})
_OF_POLICIES: Final = {known.policy_key: key for key, known in QUEUE_KEYS.items() if known.policy_key}


def exchange_options(exchange: Exchange) -> Options:
    """Return what is written of an exchange, less its bindings."""
    arguments = dict(exchange.arguments)
    options: Options = {"type": exchange.type}
    if not exchange.durable:
        options["durable"] = False
    if exchange.auto_delete:
        options["auto_delete"] = True
    if exchange.internal:
        options["internal"] = True
    if isinstance(arguments.get(ALTERNATE), str):
        options["alternate_exchange"] = arguments.pop(ALTERNATE)
    if arguments:
        options["arguments"] = dict(sorted(arguments.items()))
    return options


def queue_options(queue: Queue) -> Options:
    """Return what is written of a queue, less its bindings.

    >>> from rabbit_topo.model import Arguments, Queue
    >>> queue_options(Queue("/", "q", "quorum", arguments=Arguments({"x-message-ttl": 60000, "x-mine": 1})))
    {'type': 'quorum', 'message_ttl': '1m', 'arguments': {'x-mine': 1}}
    """
    friendly: Options = {}
    raw: Options = {}
    for argument, value in queue.arguments.items():
        key = friendly_key(argument)
        fits = key and queue_argument(key, queue.type) == argument
        _put(friendly, raw, (key if fits else "", argument), value)
    options: Options = {} if queue.type is None else {"type": queue.type}
    if not queue.durable:
        options["durable"] = False
    if queue.auto_delete:
        options["auto_delete"] = True
    options |= _in_order(friendly)
    if raw:
        options["arguments"] = raw
    return options


def policy_options(policy: Policy) -> Options:
    """Return what is written of a policy."""
    friendly: Options = {}
    raw: Options = {}
    for own, value in policy.definition.items():
        if own == ALTERNATE and isinstance(value, str):
            friendly["alternate_exchange"] = value
        else:
            _put(friendly, raw, (_OF_POLICIES.get(own, ""), own), value)
    options: Options = {"pattern": policy.pattern}
    if policy.apply_to != "all":
        options["apply_to"] = policy.apply_to
    if policy.priority:
        options["priority"] = policy.priority
    options["definition"] = _in_order(friendly) | raw
    return options


def binding_entries(bindings: Iterable[Binding], types: Mapping[str, str | None]) -> list[Options]:
    """Return the entries of a `bindings:` list for bindings that lead to one place.

    `types` are those of the exchanges, by name. Routing keys of one exchange are gathered, where no arguments tell the
    bindings apart.
    """
    gathered: defaultdict[tuple[str, str], list[Binding]] = defaultdict(list)
    for binding in bindings:
        gathered[binding.source, binding.arguments.text].append(binding)
    return [_entry(some, types.get(source)) for (source, _), some in sorted(gathered.items())]


def _entry(some: list[Binding], type_: str | None) -> Options:
    first = some[0]
    keys = sorted(binding.routing_key for binding in some)
    entry: Options = {"exchange": first.source}
    if len(keys) > 1:
        entry["routing_keys"] = keys
    elif keys[0] or type_ in _NEED_A_KEY:
        entry["routing_key"] = keys[0]
    arguments: dict[str, Plain] = dict(first.arguments.items())
    if type_ != "headers":
        return entry | ({"arguments": arguments} if arguments else {})
    if arguments.get(_MATCH) in MATCHES:
        entry["match"] = arguments.pop(_MATCH)
    if headers := {name: value for name, value in arguments.items() if name != _MATCH}:
        entry["headers"] = headers
    if raw := {name: value for name, value in arguments.items() if name == _MATCH}:
        entry["arguments"] = raw
    return entry


def _put(friendly: Options, raw: Options, names: tuple[str, str], value: Plain) -> None:
    """Write a value under its friendly key, where it has one that can say it, else under its own name."""
    key, own = names
    said = spelled(key, value) if key else None
    if said is None:
        raw[own] = value
    else:
        friendly[key] = said


def _in_order(friendly: Options) -> Options:
    """Put friendly keys into their usual order, and what belongs to dead letters into a mapping of its own."""
    gathered: Options = {}
    for key in QUEUE_KEYS:
        if key in friendly:
            outer, _, inner = key.partition(".")
            if inner:
                gathered.setdefault(outer, {})[inner] = friendly.pop(key)
    gathered |= friendly
    return {key: gathered[key] for key in (*LIMITS, "alternate_exchange") if key in gathered}
