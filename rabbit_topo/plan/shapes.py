"""What messages a binding takes, as a value: words of a routing key, and headers; and what two bindings take both."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from itertools import product
from typing import TYPE_CHECKING, Final, TypeAlias

from rabbit_topo.routing.headers import MATCH
from rabbit_topo.routing.kinds import FANOUTS, LOCAL_RANDOM, ONE_OF
from rabbit_topo.routing.topic import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rabbit_topo.model import Binding, Plain


class Wild(Enum):
    """A wildcard, apart from the words `*` and `#` of a key that is compared as it is."""

    ONE = "*"
    MANY = "#"


Words: TypeAlias = tuple["str | Wild", ...]
_ANY_KEY: Final = frozenset({"headers", *FANOUTS, LOCAL_RANDOM, *ONE_OF})
_WILD: Final = {"*": Wild.ONE, "#": Wild.MANY}
_STEPS: Final = 200  # of looking for what two patterns have in common, which may be very much
_COMMON: Final = 4
_FREE: Final = 2  # `#` in one pattern that are tried independently of each other


@dataclass(frozen=True, slots=True)
class Shape:
    """Messages that are alike: `words` of the routing key, None for any key, and what headers they must have."""

    words: Words | None = None
    headers: Mapping[str, Plain] = field(default_factory=dict)

    @property
    def is_wide(self) -> bool:
        """Whether there is more than one key."""
        return self.words is None or any(isinstance(word, Wild) for word in self.words)

    @property
    def shown(self) -> str:
        """The key, with wildcards in it."""
        return ".".join(word.value if isinstance(word, Wild) else word for word in self.words or ())


def shapes_of(binding: Binding, kind: str | None, fresh: str) -> list[Shape]:
    """Return what a binding takes; of headers of which any will do, first all together, then each alone."""
    if kind == "headers":
        return [Shape(headers=headers) for headers in headers_of(binding, fresh)]
    if kind in _ANY_KEY:
        return [Shape()]
    words = words_of(binding.routing_key)
    return [Shape(tuple(_WILD.get(word, word) for word in words) if kind == "topic" else tuple(words))]


def headers_of(binding: Binding, fresh: str) -> list[dict[str, Plain]]:
    """Return headers that a headers binding takes."""
    found = {
        name: fresh if value is None else value
        for name, value in binding.arguments.items()
        if name not in {MATCH, "CC", "BCC"}
    }
    if len(found) > 1 and str(binding.arguments.get(MATCH)).startswith("any"):
        return [found, *({name: value} for name, value in found.items())]
    return [found]


def meet(one: Shape, other: Shape) -> Iterator[Shape]:
    """Return what messages have both shapes; the same header with two values is in none."""
    both = {**one.headers, **other.headers}
    if any(both[name] != value for name, value in one.headers.items()):
        return
    if one.words is None or other.words is None:
        yield Shape(other.words if one.words is None else one.words, both)
        return
    for words in common(one.words, other.words):
        yield Shape(words, both)


def common(one: Words, other: Words) -> Sequence[Words]:
    """Return patterns of the keys that fit both, a few if there are many.

    >>> [Shape(words).shown for words in common(("a", Wild.MANY), (Wild.ONE, "b"))]
    ['a.b']
    """
    if other in (one, (Wild.MANY,)):
        return (one,)
    if one == (Wild.MANY,):
        return (other,)
    found: dict[Words, None] = {}
    left: list[tuple[Words, Words, Words]] = [((), one, other)]
    for _ in range(_STEPS):
        if not left or len(found) == _COMMON:
            break
        done, first, second = left.pop()
        if not first and not second:
            found[done] = None
        left += _ways(done, first, second)
    return tuple(found)


def _ways(done: Words, one: Words, other: Words) -> Iterator[tuple[Words, Words, Words]]:
    """Return the ways to go on by one word; the likeliest last."""
    for first, second in ((one, other), (other, one)):
        if first and first[0] is Wild.MANY:
            if second:
                yield (*done, second[0]), first, second[1:]
            yield done, first[1:], second
    if one and other and Wild.MANY not in {one[0], other[0]}:
        if other[0] in {one[0], Wild.ONE}:
            yield (*done, one[0]), one[1:], other[1:]
        elif one[0] is Wild.ONE:
            yield (*done, other[0]), one[1:], other[1:]


def keys_of(words: Words | None, fresh: str, longest: int) -> list[str]:
    """Return routing keys of a shape, the likeliest first.

    `fresh` is a word that no binding names and stands for each `*`. `#` stands for one of them, for none, two, three,
    and for more than the `longest` pattern has.

    >>> keys_of(("order", Wild.ONE), "x", 3), keys_of(("order", Wild.MANY), "x", 2)
    (['order.x'], ['order.x', 'order', 'order.x.x', 'order.x.x.x'])
    """
    words = words or ()
    many = sum(word is Wild.MANY for word in words)
    counts = (1, 0, 2, 3, *([longest + 1] if longest > 2 else []))  # noqa: PLR2004
    alike = [(count,) * many for count in counts] if many else [()]
    mixed = product(counts, repeat=many) if many == _FREE else ()
    return [_key(words, several, fresh) for several in dict.fromkeys((*alike, *mixed))]


def _key(words: Words, several: Iterable[int], fresh: str) -> str:
    left = iter(several)
    parts: list[str] = []
    for word in words:
        if isinstance(word, Wild):
            parts += [fresh] * (1 if word is Wild.ONE else next(left))
        else:
            parts.append(word)
    return ".".join(parts)
