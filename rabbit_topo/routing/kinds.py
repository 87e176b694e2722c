"""The types of exchanges: which bindings of one take a message.

Source: the rabbit_exchange_type_* modules, and the plugins' README files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from rabbit_topo.routing import headers as by_headers
from rabbit_topo.routing.topic import Trie, fits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rabbit_topo.model import Binding, Plain

ONE_OF: Final = {
    "x-consistent-hash": "a hash of the message chooses",
    "x-modulus-hash": "a hash of the routing key chooses",
    "x-random": "chance chooses",
}
LOCAL_RANDOM: Final = "x-local-random"
DELAYED: Final = "x-delayed-message"
FANOUTS: Final = frozenset({"fanout", "x-recent-history"})


class Asked(NamedTuple):
    """What of a message an exchange looks at."""

    keys: Sequence[str]
    headers: Mapping[str, Plain]


class Found(NamedTuple):
    """A binding that takes a message, its number among those of the exchange, and why; not certain where it may."""

    number: int
    reason: str
    certain: bool = True


Matcher: TypeAlias = "Callable[[Asked], list[Found]]"


def matcher(kind: str | None, bindings: Sequence[Binding], version: str) -> Matcher:
    """Index the bindings of an exchange of this type; a type that is not known may take any of them."""
    match kind:
        case "direct":
            return _direct(bindings)
        case "topic":
            return _topic(bindings)
        case "headers":
            return _headers(bindings, version)
        case str() if kind in FANOUTS:
            everything = [Found(number, "takes every message") for number in range(len(bindings))]
            return lambda _: everything
        case str() if kind in ONE_OF:
            return _one_of(bindings, ONE_OF[kind])
        case _:
            reason = "chance chooses among the queues on the publisher's node" if kind == LOCAL_RANDOM else ""
            what = f"the type {kind} is not known here" if kind else "nobody says of which type the exchange is"
            perhaps = [Found(number, reason or what, certain=False) for number in range(len(bindings))]
            return lambda _: perhaps


def missed(kind: str | None, binding: Binding, asked: Asked, version: str) -> str:
    """Say why a binding does not take a message."""
    match kind:
        case "headers":
            return by_headers.takes(binding.arguments, asked.headers, version).reason
        case "topic":
            return f"{_listed(asked.keys)} does not fit {_quoted(binding.routing_key)}"
        case _:
            return f"{_listed(asked.keys)} is not {_quoted(binding.routing_key)}"


def _direct(bindings: Sequence[Binding]) -> Matcher:
    by_key: dict[str, list[int]] = {}
    for number, binding in enumerate(bindings):
        by_key.setdefault(binding.routing_key, []).append(number)

    def ask(asked: Asked) -> list[Found]:
        return [Found(number, f"the key is {_quoted(key)}") for key in asked.keys for number in by_key.get(key, ())]

    return ask


def _topic(bindings: Sequence[Binding]) -> Matcher:
    trie = Trie((binding.routing_key, number) for number, binding in enumerate(bindings))

    def ask(asked: Asked) -> list[Found]:
        found: dict[int, str] = {}
        for key in asked.keys:
            for number in trie.find(key):
                found.setdefault(number, key)
        return [
            Found(number, f"{_quoted(key)} fits {_quoted(bindings[number].routing_key)}")
            for number, key in sorted(found.items())
        ]

    return ask


def _headers(bindings: Sequence[Binding], version: str) -> Matcher:
    def ask(asked: Asked) -> list[Found]:
        found = []
        for number, binding in enumerate(bindings):
            verdict = by_headers.takes(binding.arguments, asked.headers, version)
            if verdict.takes is not False:
                found.append(Found(number, verdict.reason, certain=bool(verdict.takes)))
        return found

    return ask


def _one_of(bindings: Sequence[Binding], how: str) -> Matcher:
    ends = {binding.destination_key for binding in bindings}
    alone = len(ends) == 1
    reason = "the only way on" if alone else f"one of {len(ends)}: {how}"
    found = [Found(number, reason, certain=alone) for number in range(len(bindings))]
    return lambda _: found


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(map(_quoted, keys))


def _quoted(text: str) -> str:
    return f'"{text}"'


__all__ = ["DELAYED", "FANOUTS", "LOCAL_RANDOM", "ONE_OF", "Asked", "Found", "Matcher", "fits", "matcher", "missed"]
