"""A route as a tree: at every exchange on the way what takes the message, what does not, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rabbit_topo.model import Kind
from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.layout import Line, Span, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rabbit_topo.model import Binding, Key, Topology
    from rabbit_topo.routing import Hop, Route, Taken

MISSED_SHOWN: Final = 20
_DEEPEST: Final = 10  # levels that are indented; what lies deeper stands below the last one
_WIDEST: Final = 40
_STEP: Final = "    "


class Row(NamedTuple):
    """One line of a route: what stands left and in which style, why, and the place at the right edge."""

    left: str
    style: str
    why: str = ""
    place: str = ""
    faint: bool = False


def route_lines(
    route: Route, topology: Topology, width: int, *, shown: int = MISSED_SHOWN, indent: str = "  "
) -> Iterator[Line]:
    """Draw a route as a tree, with a reason and a place in every row.

    Of the bindings that do not take the message, `shown` are listed at each exchange and the rest is counted.
    """
    if route.refusal:
        yield from wrapped(f"{indent}! ", "danger", route.refusal, width)
        return
    found = list(_tree(route, topology, shown, indent))
    column = column_of(found)
    for row in found:
        yield from laid_out(row, column, width)


def _tree(route: Route, topology: Topology, shown: int, indent: str) -> Iterator[Row]:
    below = {id(hop.by): hop for hop in route.hops if hop.by is not None}
    types = {hop.exchange: hop.type for hop in route.hops}
    first = route.hops[0]
    kind = f" ({_type(first.type)})" if first.exchange else ""
    yield Row(f"{indent}{exchange_words(first.exchange)}{kind}", "bold")
    stack = [_rows(first, topology, types, shown, indent + "  ")]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            continue
        row, taken = step
        yield row
        if taken is not None and id(taken) in below:
            inner = indent + "  " + _STEP * min(len(stack), _DEEPEST)
            stack.append(_rows(below[id(taken)], topology, types, shown, inner))


def _rows(
    hop: Hop, topology: Topology, types: Mapping[str, str | None], shown: int, indent: str
) -> Iterator[tuple[Row, Taken | None]]:
    for taken in hop.taken:
        mark, style = _mark(taken)
        name = _end(taken.destination, types)
        alternate = "alternate " if taken.way == "alternate" else ""
        yield (
            Row(f"{indent}{mark} {alternate}{name}", style, _why(taken), place(topology, taken.binding)),
            taken,
        )
    if hop.note and not any(taken.way == "binding" for taken in hop.taken):  # else every reason says it
        yield Row(f"{indent}!", "update" if hop.taken else "danger", hop.note), None
    missed = hop.missed
    for one in missed[:shown]:
        name = _end(one.binding.destination_key, types)
        yield Row(f"{indent}. {name}", "dim", one.reason, place(topology, one.binding), faint=True), None
    if len(missed) > shown:
        said = f"and {counted(len(missed) - shown, 'more binding')} that {_do(len(missed) - shown)} not take it"
        yield Row(f"{indent}. {said}", "dim"), None


def _do(number: int) -> str:
    return "does" if number == 1 else "do"


def _mark(taken: Taken) -> tuple[str, str]:
    if taken.missing:
        return "x", "danger"
    if not taken.certain:
        return "?", "update"
    if taken.destination.kind is Kind.QUEUE:
        return "+", "create"
    return ">", "dim" if taken.again else "bold"


def _why(taken: Taken) -> str:
    if taken.missing:
        gone = "" if taken.way == "default" else f"; there is no such {taken.destination.kind}"
        return f"{taken.reason}{gone}: dropped"
    if taken.again:
        return f"{taken.reason}; it was there already"
    return taken.reason


def _end(key: Key, types: Mapping[str, str | None]) -> str:
    if key.kind is Kind.EXCHANGE and key.name in types:
        return f"exchange {words.label(key.name)} ({_type(types[key.name])})"
    return f"{key.kind} {words.label(key.name)}"


def _type(kind: str | None) -> str:
    return words.clean(kind) if kind else "of unknown type"


def exchange_words(name: str) -> str:
    """Spell an exchange's name."""
    return words.label(name) if name else "default exchange"


def place(topology: Topology, binding: Binding | None) -> str:
    """Spell where a binding is declared; empty where no file says so."""
    origin = topology.note(binding.key).origin if binding else None
    return f"{words.clean(origin.file)}:{origin.line}" if origin else ""


def column_of(rows: Sequence[Row]) -> int:
    """Find the column where the reasons of several rows can begin."""
    return max((len(row.left) for row in rows if row.why and len(row.left) <= _WIDEST), default=0)


def laid_out(row: Row, column: int, width: int) -> Iterator[Line]:
    """Lay out a row: the reason in a column, the place at the right edge, on more lines if need be."""
    left, why = row.left, words.clean(row.why)
    if not left.strip(" !"):
        yield from wrapped(f"{left} ", row.style, why, width)
        return
    style = "dim" if row.faint else ""
    whole = f"{left:<{column}}  {why}" if why else left
    room = width - len(row.place)
    if len(whole) + (2 if row.place else 0) <= room:
        right = " " * (room - len(whole)) + row.place if row.place else ""
        yield (Span(left, row.style), Span(whole[len(left) :], style), Span(right, "dim"))
        return
    inner = " " * (len(left) - len(left.lstrip()) + 4)
    yield from _beside_place(row, inner, width)
    for line in wrapped(inner, "", why, width) if why else ():
        yield tuple(Span(span.text, style) for span in line)


def _beside_place(row: Row, inner: str, width: int) -> Iterator[Line]:
    """Lay out what stands left, and the place at the right edge: of the last line, or of one more if need be."""
    lines = [row.left]
    if len(row.left) + (2 + len(row.place) if row.place else 0) > width:
        first, *others = row.left.lstrip().split(" ")
        lines = [row.left[: len(row.left) - len(row.left.lstrip())] + first]
        for word in others:
            if len(lines[-1]) + 1 + len(word) > width:
                lines.append(inner + word)
            else:
                lines[-1] += f" {word}"
    for line in lines[:-1]:
        yield (Span(line, row.style),)
    last = lines[-1]
    if len(last) + 2 + len(row.place) <= width:
        yield Span(last, row.style), Span(f"{row.place:>{width - len(last)}}" if row.place else "", "dim")
        return
    yield (Span(last, row.style),)
    if row.place:
        yield (Span(f"{row.place:>{width}}", "dim"),)
