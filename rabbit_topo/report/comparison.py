"""A comparison of two topologies as text, as Markdown and as a document: the plan's rows under a head of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.model import Kind
from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.documents import operation_document, row_document
from rabbit_topo.report.impact import impact_document
from rabbit_topo.report.layout import INDENT, Span, wrapped
from rabbit_topo.report.markdown import body_sections, headline, not_followed, numbers
from rabbit_topo.report.markdown_page import Section, code, page, sentence
from rabbit_topo.report.resources import FORMAT_VERSION, place, resource
from rabbit_topo.report.route_tree import Row, laid_out
from rabbit_topo.report.rows import rows, summary
from rabbit_topo.report.text import body_lines, section, summary_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.model import Key, Topology
    from rabbit_topo.plan.between import Comparison
    from rabbit_topo.plan.impact import Impact
    from rabbit_topo.plan.sides import Remark, Side
    from rabbit_topo.report.layout import Line

_REMARKS: Final = ("SAID DIFFERENTLY", "nothing is to be done about it on a broker")
_SHOWN: Final = 4


def diff_lines(found: Comparison, width: int, routing: Impact | None) -> Iterator[Line]:
    """Render a comparison as plans are rendered; `routing` is the impact of making B of A."""
    plan = found.plan
    all_rows = rows(plan)
    for label, side, objects in _sides(found):
        yield from wrapped(f"  {label:<10}", "dim", f"{side.shown}  {_about(side, objects)}", width)
    yield from body_lines(plan, all_rows, width, routing)
    yield from section(*_REMARKS, found.remarks)
    for remark in found.remarks:
        yield from _remark_lines(remark, width, several=_several(found))
    if found.left_out:
        yield ()
    for left in found.left_out:
        yield from wrapped("  left out  ", "dim", f"{left.reason}: {_names(left.keys)}", width)
    yield ()
    if all_rows:
        yield from summary_lines(all_rows, plan, width, "Difference")
    elif found.remarks:
        yield (Span(f"  Nothing to do; {counted(len(found.remarks), 'object')} said differently.", "bold"),)
    else:
        yield (Span(f"  {_same(plan.unchanged)}", "good"),)


def diff_markdown(found: Comparison, routing: Impact | None) -> str:
    """Render a comparison as a comment of a pull request."""
    plan = found.plan
    all_rows = rows(plan)
    count = summary(all_rows, plan)
    said = headline(count) or (f"{len(found.remarks):,} said differently" if found.remarks else "nothing differs")
    head = [f"### rabbit-topo diff: {said}", "", *numbers(count)]
    head += [
        f"{label} is {code(side.shown)}, {sentence(_about(side, objects))}.  " for label, side, objects in _sides(found)
    ]
    head += not_followed(routing)
    *parts, elsewhere = body_sections(plan, all_rows, routing)
    remarks = [
        f"- {one.resource.key.kind} **{code(words.name(one.resource).partition(' ')[2])}**{_where(one, found)}\n"
        f"  - {sentence(one.text)}"
        for one in found.remarks
    ]
    left = [f"- {sentence(one.reason)}: {sentence(_names(one.keys))}" for one in found.left_out]
    more = [elsewhere, Section(_REMARKS[0], remarks, _REMARKS[1]), Section("LEFT OUT", left, folded=True)]
    return page("\n".join(head), [*parts, *more], "rabbit-topo diff")


def diff_document(found: Comparison, routing: Impact | None) -> dict[str, Any]:
    """Return the document that `schemas/diff.schema.json` describes."""
    plan = found.plan
    all_rows = rows(plan)
    return {
        "format_version": FORMAT_VERSION,
        "document": "diff",
        **{label.lower(): _side_document(side, objects) for label, side, objects in _sides(found)},
        "differs": found.differs,
        "summary": summary(all_rows, plan),
        "changes": [row_document(row) for row in all_rows],
        "remarks": [
            {"resource": resource(one.resource), "origin": place(one.note.origin), "text": one.text}
            for one in found.remarks
        ],
        "left_out": [{"reason": one.reason, "objects": [_object(key) for key in one.keys]} for one in found.left_out],
        "operations": [operation_document(operation) for operation in plan.operations],
        "routing": impact_document(routing),
    }


def _sides(found: Comparison) -> tuple[tuple[str, Side, int], tuple[str, Side, int]]:
    there, declared = found.plan.there, found.plan.declared
    return ("A", found.a, _objects(there)), ("B", found.b, _objects(declared))


def _objects(topology: Topology) -> int:
    return sum(key.kind is not Kind.VHOST for key in topology.resources)


def _about(side: Side, objects: int) -> str:
    said = counted(objects, "object")
    if side.facts is None:
        given = f"; documents that name no vhost are taken for {side.renamed} (--vhost)" if side.renamed else ""
        return f"{counted(len(side.topology.files), 'file')}, {said}{given}"
    facts = side.facts
    cluster = f', cluster "{facts.cluster_name}"' if facts.cluster_name else ""
    return words.clean(f"{facts.product} {facts.version}{cluster}, {said}")


def _same(objects: int) -> str:
    if not objects:
        return "Nothing differs: there is nothing on either side."
    return f"Nothing differs: {counted(objects, 'object')} {'is' if objects == 1 else 'are'} the same."


def _several(found: Comparison) -> bool:
    return len({*found.plan.declared.vhosts, *found.plan.there.vhosts}) > 1


def _remark_lines(remark: Remark, width: int, *, several: bool) -> Iterator[Line]:
    origin, vhost = remark.note.origin, remark.resource.key.vhost
    where = f"{words.clean(origin.file)}:{origin.line}" if origin else ""
    left = f"  . {words.name(remark.resource)}" + (f"  (vhost {words.clean(vhost)})" if several else "")
    yield from laid_out(Row(left, "", "", where), 0, width)
    yield from wrapped(INDENT, "", remark.text, width)


def _where(remark: Remark, found: Comparison) -> str:
    origin = remark.note.origin
    vhost = f" in vhost {code(remark.resource.key.vhost)}" if _several(found) else ""
    return vhost + (f", {code(f'{origin.file}:{origin.line}')}" if origin else "")


def _names(keys: tuple[Key, ...]) -> str:
    shown = ", ".join(_object(key) for key in keys[:_SHOWN])
    return f"{shown} and {len(keys) - _SHOWN:,} more" if len(keys) > _SHOWN else shown


def _object(key: Key) -> str:
    name = f"{key.name} -> {key.destination}" if key.destination_kind else key.name
    return f"{key.kind} {name}" if key.kind is Kind.VHOST else f"{key.kind} {name} in {key.vhost}"


def _side_document(side: Side, objects: int) -> dict[str, Any]:
    facts = side.facts
    kind = "files" if facts is None else "definitions" if facts.road == "file" else "broker"
    return {
        "name": side.shown,
        "kind": kind,
        "version": side.version,
        "cluster_name": facts.cluster_name if facts else "",
        "files": list(side.topology.files),
        "objects": objects,
    }
