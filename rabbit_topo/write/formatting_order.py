"""The pages of a topology file in their canonical order, with quantities in their usual units."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from rabbit_topo.load.shapes import TOPOLOGY, Fields, Many, Named, Refused, Shape, Table
from rabbit_topo.load.shapes import Scalar as OneValue
from rabbit_topo.write.formatting_tree import Collection, Entry, Node, Page, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rabbit_topo.model import Plain

_AT_THE_TOP: Final = ("version", "vhost")
_STAY_ON_TOP: Final = ("yaml-language-server:", "rabbit-topo:")


def arrange(page: Page, *, by_name: bool = False) -> None:
    """Bring a page into its order: sections, the keys of objects, and with `by_name` the objects of a section too."""
    root = page.root.value
    if not isinstance(root, Collection) or not root.is_map or not root.entries:
        return
    head = _head(page.root.before)
    root.entries[0].before[:0] = page.root.before[head:]
    del page.root.before[head:]
    before = list(root.entries)
    _leave_below(root.entries)
    _arrange(root, TOPOLOGY, by_name=by_name)
    if any(now is not then for now, then in zip(root.entries, before, strict=True)):
        _set_apart(root.entries)


def usual(value: Plain, shape: Shape | None = TOPOLOGY) -> Plain:
    """Return plain data with quantities in their usual units: what two spellings of one file have in common."""
    match value, shape:
        case dict(), _:
            inside = _inside(shape)
            return {key: usual(_present(item, shape), inside(key)) for key, item in value.items()}
        case list(), Many():
            return [usual(item, shape.item) for item in value]
        case list(), _:
            return [usual(item, None) for item in value]
        case _, Many():
            return usual(value, shape.item) if shape.or_one else value
        case str(), OneValue():
            return _in_usual_unit(value, shape)
        case _:
            return value


def _present(value: Plain, shape: Shape | None) -> Plain:
    """Return what stands under a name: nothing is an object without options."""
    return {} if value is None and isinstance(shape, Named) else value


def _arrange(node: Node, shape: Shape | None, *, by_name: bool) -> None:
    if isinstance(node, Scalar):
        _respell(node, shape)
    elif node.is_map:
        if isinstance(shape, Many) and shape.or_one:
            shape = shape.item
        inside = _inside(shape)
        for entry in node.entries:
            if isinstance(entry.value, Scalar) and _present(entry.value.value, shape) is not entry.value.value:
                entry.value = Collection(is_map=True, flow=True, column=0)
            _arrange(entry.value, inside(entry.key or ""), by_name=by_name)
        match shape:
            case Fields() | Table():
                _sort(node, _known(shape))
            case Named() if by_name:
                _sort_by_name(node)
    else:
        for entry in node.entries:
            _arrange(entry.value, shape.item if isinstance(shape, Many) else None, by_name=by_name)


def _respell(node: Scalar, shape: Shape | None) -> None:
    if isinstance(shape, Many) and shape.or_one:
        shape = shape.item
    if isinstance(node.value, str) and isinstance(shape, OneValue):
        spelled = _in_usual_unit(node.value, shape)
        if spelled != node.value:
            node.value, node.style, node.source = spelled, "", ""


def _in_usual_unit(value: str, shape: OneValue) -> str:
    try:
        return shape.spell(value) if shape.spell else value
    except ValueError:  # the loader says what is wrong with it
        return value


def _known(shape: Fields | Table) -> Mapping[str, Shape]:
    return shape.known if isinstance(shape, Fields) else shape.usual


def _inside(shape: Shape | None) -> Callable[[str], Shape | None]:
    if isinstance(shape, Many) and shape.or_one:
        shape = shape.item
    match shape:
        case Fields() | Table():
            return _known(shape).get
        case Named():
            return lambda _: shape.item
        case _:
            return lambda _: None


def _sort(node: Collection, known: Mapping[str, Shape]) -> None:
    ranks = {key: rank for rank, key in enumerate(known) if not isinstance(known[key], Refused)}
    entries = sorted(node.entries, key=lambda entry: ranks.get(entry.key or "", len(known)))
    if entries != node.entries:
        _put(node, [entries])


def _sort_by_name(node: Collection) -> None:
    """Sort between headings: comments with a blank line below them, which speak of more than what is next."""
    groups: list[list[Entry]] = []
    for entry in node.entries:
        if not groups or _heading(entry.before):
            groups.append([])
        groups[-1].append(entry)
    _put(node, [sorted(group, key=lambda entry: entry.key or "") for group in groups])


def _put(node: Collection, groups: Sequence[Sequence[Entry]]) -> None:
    """Put entries in a new order; what stands above a group stays there."""
    entries = node.entries
    node.entries = []
    for group in groups:
        former, first = entries[len(node.entries)], group[0]
        if former is not first:
            above = max(_heading(former.before), int(former.before[:1] == [""]))
            lines = former.before[:above]
            former.before[:above] = [""] if first.before[:1] == [""] else []
            first.before[: int(first.before[:1] == [""])] = lines
        node.entries += group


def _heading(lines: Sequence[str]) -> int:
    """Return how many lines above an entry are comments with a blank line below them."""
    blank = next((at for at in range(len(lines) - 1, -1, -1) if not lines[at]), 0)
    return blank + 1 if any(lines[:blank]) else 0


def _head(lines: Sequence[str]) -> int:
    """Return how many lines at the beginning of a page speak of all of it."""
    head = _heading(lines)
    rest = [line.lstrip("# ") for line in lines[head:]]
    return len(lines) if any(line.startswith(_STAY_ON_TOP) for line in rest) else head


def _leave_below(sections: Sequence[Entry]) -> None:
    """Leave a comment with the section above it where what follows is `version` or `vhost`, which go to the top.

    It speaks of what is above where no blank line is between, or where one is below it.
    """
    for above, section in pairwise(sections):
        value, lines = above.value, section.before
        moves = section.key in _AT_THE_TOP and above.key not in _AT_THE_TOP
        if moves and isinstance(value, Collection) and value.entries and not value.flow:
            left = _heading(lines) or (len(lines) if lines and lines[0] else 0)
            value.tail += lines[:left]
            del lines[:left]


def _set_apart(sections: Sequence[Entry]) -> None:
    """See to a blank line above and below each section of several lines, where sections were moved."""
    tall_above = False
    for section in sections:
        value = section.value
        tall = isinstance(value, Collection) and bool(value.entries) and not value.flow
        if (tall or tall_above) and section.before[:1] != [""]:
            section.before.insert(0, "")
        tall_above = tall
