"""Topology files as many hands write them: any order, any style, comments and blank lines wherever YAML allows them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from rabbit_topo.write.scalars import spell, spell_value

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

NAMES = ("shop.orders", "on", "1.10", "a b", "größe", "#", "it's", "{x}", "back\\slash", "a: b", "x, y", "- z")
_TEXTS = st.one_of(
    st.sampled_from(
        [*NAMES, "", " led by a blank", "two\nlines", "kept\n\n", "\nfirst empty", "a\u2028b", "true", "7"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    st.lists(st.sampled_from(["words", "and", "more", "#", ":", "-", "'", '"', "", "\\"]), max_size=30).map(" ".join),
)
_VALUES = st.one_of(st.none(), st.booleans(), st.integers(-5, 99), st.sampled_from([0.5, -1.0, 1e22]), _TEXTS)
_DURATIONS = st.sampled_from(["3600s", "1h", "60m", "90m", "0.5h", "1500ms", "7 d", "0ms"])
_SIZES = st.sampled_from(["1000kB", "1MB", "1024KiB", "2GB", "1500B", "1.5 kB", "0B"])
_AGES = st.sampled_from(["7D", "7d", "604800s", "1Y", "12M", "90m", "24h"])
_TABLES = st.dictionaries(st.sampled_from(["z", "message_ttl", "x-a", "type"]), _VALUES, max_size=3)


def _some(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a mapping with some of these keys, in any order."""
    return st.permutations(list(kinds)).flatmap(
        lambda keys: st.integers(0, len(keys)).flatmap(lambda n: st.fixed_dictionaries({k: kinds[k] for k in keys[:n]}))
    )


def _whole(needed: dict[str, st.SearchStrategy[Any]], **kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw a mapping with these keys and some others, in any order."""
    return st.tuples(st.fixed_dictionaries(needed), _some(**kinds)).flatmap(
        lambda found: st.permutations(list((found[1] | found[0]).items())).map(dict)
    )


_PEOPLE = {"description": _TEXTS, "owner": _TEXTS}
_BINDING = st.sampled_from(NAMES).map(lambda key: {"routing_key": key, "exchange": "e"})
_EXCHANGE = _whole({"type": st.just("topic")}, durable=st.booleans(), arguments=_TABLES, **_PEOPLE)
_QUEUE = _some(
    type=st.just("classic"),
    message_ttl=_DURATIONS,
    max_length_bytes=_SIZES,
    dead_letter=st.just({"routing_key": "k", "exchange": "e"}),
    bindings=st.lists(_BINDING, max_size=3, unique_by=lambda one: one["routing_key"]),
    protect=st.booleans(),
    **_PEOPLE,
)
_STREAM = _whole({"type": st.just("stream")}, max_age=_AGES, segment_size=_SIZES)
_POLICY = _whole(
    {
        "pattern": st.just("^a\\."),
        "definition": _whole({"max_length": st.integers(1, 9)}, message_ttl=_DURATIONS, overflow=st.just("drop-head")),
    },
    priority=st.integers(0, 9),
    apply_to=st.just("queues"),
)
_TEST = _whole(
    {
        "publish": st.just({"routing_key": "k", "exchange": "e"}),
        "expect_unroutable": st.booleans().filter(lambda one: not one),
    },
    description=_TEXTS,
)


def _sections() -> st.SearchStrategy[dict[str, Any]]:
    """Draw a document that the loader takes."""
    queues = st.dictionaries(st.sampled_from(NAMES), st.one_of(st.none(), _QUEUE, _STREAM), max_size=4)
    return _whole(
        {"version": st.just(1), "exchanges": st.fixed_dictionaries({"e": _EXCHANGE})},
        queues=queues,
        owns=st.just([".*\\.pidbox"]),
        policies=st.dictionaries(st.sampled_from(["p", "yes"]), _POLICY, max_size=2),
        tests=st.lists(_TEST, max_size=2).map(lambda tests: [{**t, "name": f"t{n}"} for n, t in enumerate(tests)]),
        publishers=st.dictionaries(st.sampled_from(["a", "b"]), st.just({"exchange": "e"}), max_size=2),
    )


ANYTHING = st.recursive(
    _VALUES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=12,
)
WELL_FORMED = st.dictionaries(
    st.sampled_from(["queues", "exchanges", "tests", "policies", "bindings", "x-mine", "typo", "version"]),
    ANYTHING,
    max_size=4,
)


@dataclass
class Written:
    """A text, the comments in it, and of those beside a key, or right above one, which key that is."""

    lines: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)
    above: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Return the whole text."""
        return "".join(f"{line}\n" for line in self.lines)


class _Hand:
    """Writes data as YAML, each time in another style."""

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw
        self.out = Written()

    def _one_in(self, n: int) -> bool:
        return self._draw(st.integers(1, n)) == n

    def _comment(self) -> str:
        text = f"#{self._draw(st.sampled_from(['', ' ', '  ', '# ']))}c{len(self.out.comments)}"
        text += self._draw(st.sampled_from(["", " key: value", " - item", " [", ' "', " \u00e9", " # twice"]))
        self.out.comments.append(text)
        return text

    def between(self, most: int, key: str | None = None, indent: int = 0) -> None:
        """Write comments and blank lines; the last comment may speak of the key that follows."""
        while self._one_in(4):
            if self._one_in(2):
                self.out.lines.append(self._draw(st.sampled_from(["", "  "])) if most else "")
            else:
                self.out.lines.append(" " * self._draw(st.integers(0, most)) + self._comment())
        if key is not None and self._one_in(4):
            comment = self._comment()
            self.out.above[comment] = key
            self.out.lines.append(" " * indent + comment)

    def line_up(self, column: int) -> None:
        """Put comments beside keys into one column, where there is room."""
        for comment in self.out.beside:
            at = next(number for number, line in enumerate(self.out.lines) if line.endswith(comment))
            self.out.lines[at] = self.out.lines[at].removesuffix(comment).rstrip().ljust(column - 1) + " " + comment

    def _end(self, key: str | None = None) -> str:
        if not self._one_in(5):
            return self._draw(st.sampled_from(["", "", " ", "  "]))
        comment = self._comment()
        if key is not None:
            self.out.beside[comment] = key
        return " " * self._draw(st.integers(1, 4)) + comment

    def _scalar(self, value: Any, *, flow: bool) -> str:
        if isinstance(value, str):
            ways = [spell(value, flow=flow)]
            if value.isprintable():
                ways.append(json.dumps(value, ensure_ascii=False))
                ways.append("'" + value.replace("'", "''") + "'")
            return self._draw(st.sampled_from(ways))
        if value is None:
            return self._draw(st.sampled_from(["null", "~"]))
        if isinstance(value, bool):
            return self._draw(st.sampled_from([str(value), str(value).lower()]))
        return spell_value(value)

    def flow(self, value: Any, indent: int, *, broken: bool) -> str:
        """Return a value in brackets, its lines joined by line feeds."""
        if isinstance(value, dict):
            items = [
                f"{self._scalar(key, flow=True)}: {self.flow(item, indent, broken=broken)}"
                for key, item in value.items()
            ]
            begin, end = "{", "}"
        elif isinstance(value, list):
            items = [self.flow(item, indent, broken=broken) for item in value]
            begin, end = "[", "]"
        else:
            return self._scalar(value, flow=True)
        text = begin
        for number, item in enumerate(items):
            text += self._gap(indent, broken=broken) + item + self._gap(indent, broken=broken)
            text += "," if number < len(items) - 1 or self._one_in(3) else ""
        return text + self._gap(indent, broken=broken) + end

    def _gap(self, indent: int, *, broken: bool) -> str:
        if not broken or not self._one_in(4):
            return self._draw(st.sampled_from(["", " "]))
        end = f" {self._comment()}" if self._one_in(3) else ""
        own = f"\n{self._comment()}" if self._one_in(4) else ""
        return f"{end}{own}\n{' ' * indent}"

    def node(self, head: str, value: Any, indent: int, key: str | None) -> None:
        """Write a value behind its head: on that line, below it, or in brackets."""
        if isinstance(value, (dict, list)) and value and not self._one_in(3):
            if key is None and self._one_in(2):
                self._compact(head, value, indent)
                return
            self.out.lines.append(head + self._end(key))
            self.entries(
                value, indent + self._draw(st.integers(0 if isinstance(value, list) and key is not None else 1, 4))
            )
        elif isinstance(value, (dict, list)):
            text = self.flow(value, indent + 1, broken=self._one_in(3))
            self.out.lines += (f"{head} {text}" + self._end(key if "\n" not in text else None)).split("\n")
        elif isinstance(value, str) and self._can_be_block(value) and self._one_in(2):
            self._block(head, value, indent, key)
        elif isinstance(value, str) and " " in value.strip() and value == spell(value, flow=False) and self._one_in(2):
            first, rest = value.split(" ", 1)
            if first and rest == rest.strip() and spell(rest, flow=False) == rest and spell(first, flow=False) == first:
                self.out.lines += [f"{head} {first}", " " * (indent + 2) + rest + self._end(key)]
            else:
                self.out.lines.append(f"{head} {value}" + self._end(key))
        else:
            self.out.lines.append(f"{head} {self._scalar(value, flow=False)}" + self._end(key))

    @staticmethod
    def _can_be_block(value: str) -> bool:
        return bool(value.strip()) and all(char == "\n" or " " <= char <= "~" for char in value)

    def _block(self, head: str, value: str, indent: int, key: str | None) -> None:
        keep = (
            "-"
            if not value.endswith("\n")
            else "+"
            if value.endswith("\n\n")
            else self._draw(st.sampled_from("+ ")).strip()
        )
        first = next(line for line in value.split("\n") if line)
        step = self._draw(st.integers(1, 3))
        sign = str(step) if first.startswith(" ") or value.startswith("\n") or self._one_in(3) else ""
        self.out.lines.append(f"{head} |{keep}{sign}" + self._end(key))
        pad = " " * (max(indent, 0) + step)
        self.out.lines += [pad + line if line else "" for line in value.removesuffix("\n").split("\n")]
        if keep != "+":
            self.out.lines += [""] * self._draw(st.integers(0, 2))

    def _compact(self, head: str, value: Any, indent: int) -> None:
        at = len(self.out.lines)
        self.entries(value, indent + 2, quiet=True)
        self.out.lines[at] = f"{head} {self.out.lines[at].lstrip()}"

    def entries(self, value: Any, indent: int, *, quiet: bool = False) -> None:
        """Write the entries of a mapping or list, each on its own lines."""
        pad = " " * indent
        for number, item in enumerate(value):
            key = item if isinstance(value, dict) else None
            if number or not quiet:
                self.between(indent, key, indent)
            if key is not None:
                assert isinstance(value, dict)
                self.node(f"{pad}{self._scalar(key, flow=False)}:", value[key], indent, key)
            else:
                self.node(f"{pad}-", item, indent, None)


@st.composite
def written(draw: DrawFn, documents: st.SearchStrategy[Any], most: int) -> Written:
    """Draw a file of one or more documents, `most` at most."""
    hand = _Hand(draw)
    for number in range(draw(st.integers(1, most))):
        hand.between(0)
        if number:
            hand.out.lines.append("---" + hand._end())
        value = draw(documents)
        if isinstance(value, dict) and value:
            hand.entries(value, 0)
        else:
            hand.out.lines.append(hand.flow(value, 1, broken=False))
    hand.between(3)
    if draw(st.booleans()):
        hand.line_up(draw(st.integers(8, 40)))
    return hand.out


TOPOLOGIES = written(_sections(), 1)
FILES = written(WELL_FORMED, 2)
