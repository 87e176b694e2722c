"""What a plan does to routing, in text and Markdown: what is lost first, then what is gained, what begins last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.model import Arguments
from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.layout import Line, Span
from rabbit_topo.report.markdown_page import Section, code, sentence
from rabbit_topo.report.resources import place
from rabbit_topo.report.route_document import message_document
from rabbit_topo.report.route_tree import Row, column_of, exchange_words, laid_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rabbit_topo.plan.impact import Impact, Shift
    from rabbit_topo.plan.letters import Broken, Letters
    from rabbit_topo.plan.probes import Probe
    from rabbit_topo.routing import Route

SHOWN: Final = 20
_KEYS: Final = 3
_QUEUES: Final = 6
_EVENTS: Final = {
    "rejected": "rejected",
    "expired": "expired",
    "maxlen": "overflow",
    "delivery_limit": "delivered too often",
}
STRANDED: Final = ("NO QUEUE LEFT", "what these publishers send will be dropped, or refused")
ROUTING: Final = ("ROUTING", "messages that will go elsewhere")


def stranded_lines(impact: Impact | None, width: int) -> Iterator[Line]:
    """Name the publishers that lose their last queue: what is most likely a mistake comes first."""
    rows = [Row(f"  ! {_who(shift)}", "danger", _told(shift), _at(shift.probe)) for shift in stranded(impact)]
    if rows:
        yield from _section(STRANDED, rows, width)


def stranded(impact: Impact | None) -> tuple[Shift, ...]:
    """Return the publishers that lose their last queue."""
    return impact.stranded if impact else ()


def impact_lines(impact: Impact | None, width: int) -> Iterator[Line]:
    """Name the messages that go elsewhere, less those of stranded publishers; the first few, the rest is counted."""
    if impact is None:
        return
    rows = [Row(f"    test {words.clean(it.name)}", "danger", f"fails: {_why(it)}", _at(it)) for it in impact.broken]
    rows += [Row(f"    {_whose(it)}", "danger", "  ".join(_letters(it)), _at(it)) for it in lost_letters(impact)]
    told = elsewhere(impact)
    rows += [Row(f"    {_who(shift)}", _style(shift), _told(shift), _at(shift.probe)) for shift in told]
    if rows or impact.unfollowed:
        yield from _section(ROUTING, rows[:SHOWN], width)
    if len(rows) > SHOWN:
        yield (Span(f"        and {len(rows) - SHOWN:,} more; --format json lists them", "dim"),)
    if impact.unfollowed:
        yield (Span(f"    ? {unfollowed(impact)}", "update"),)


def elsewhere(impact: Impact) -> list[Shift]:
    """Return what is to be told of beside stranded publishers; that a new binding brings something new tells itself."""
    first = {id(shift) for shift in impact.stranded}
    told = [shift for shift in impact.shifts if id(shift) not in first]
    return [shift for shift in told if not shift.begins or shift.probe.sender in {"publisher", "test"}]


def _section(heading: tuple[str, str], rows: Sequence[Row], width: int) -> Iterator[Line]:
    yield ()
    yield (Span(f"  {heading[0]}", "bold"), Span(f"  {heading[1]}", "dim"))
    column = column_of(rows)
    for row in rows:
        yield from laid_out(row, column, width)


def unfollowed(impact: Impact) -> str:
    """Say how many changed bindings were too many to be followed."""
    were = "was" if impact.unfollowed == 1 else "were"
    return f"{counted(impact.unfollowed, 'changed binding')} more {were} not followed: too many"


def _style(shift: Shift) -> str:
    if shift.strands:
        return "danger"
    if shift.lost:
        return "update" if shift.gained else "delete"
    return "create" if shift.gained else "update"


def _who(shift: Shift) -> str:
    """Spell who sends it, or, where nobody is known to, what."""
    probe = shift.probe
    return f"{probe.sender} {words.clean(probe.name)}" if probe.sender in {"publisher", "test"} else _sent(shift)


def _sent(shift: Shift) -> str:
    """Spell what is sent: the exchange, and the keys and headers of this message and of those that go with it."""
    labels = list(dict.fromkeys(_label(probe) for probe in (shift.probe, *shift.others)))
    shown = " ".join(f"[{label}]" for label in labels[:_KEYS] if label)
    more = f" and {len(labels) - _KEYS:,} more" if len(labels) > _KEYS else ""
    return f"{exchange_words(shift.message.exchange)} {shown}{more}".rstrip()


def _label(probe: Probe) -> str:
    if probe.any_other:
        return "any other key"
    headers = probe.message.headers
    parts = [words.clean(probe.shown)] * bool(probe.shown) + [words.arguments(Arguments(headers))] * bool(headers)
    return "; ".join(parts)


def _told(shift: Shift) -> str:
    """Spell which queues get it no longer, from now on, or no longer for certain."""
    known = shift.probe.sender in {"publisher", "test"}
    return "  ".join([_sent(shift)] * known + list(_effects(shift)))


def _effects(shift: Shift) -> Iterator[str]:
    for mark, queues, tail in (
        ("+", shift.gained, _perhaps(shift.gained, shift.after)),
        ("-", shift.lost, ""),
        ("~", shift.blurred, _perhaps(shift.blurred, shift.after) or " (for certain)"),
    ):
        if queues:
            more = f" and {len(queues) - _QUEUES:,} more" if len(queues) > _QUEUES else ""
            yield f"{mark} {', '.join(map(words.clean, queues[:_QUEUES]))}{more}{tail}"
    if shift.refused:
        yield f"refused: {words.clean(shift.after.refusal)}"
    elif shift.strands:
        yield "no queue left"


def _perhaps(queues: Iterable[str], after: Route) -> str:
    return " (perhaps)" if set(queues) & set(after.perhaps) else ""


def lost_letters(impact: Impact) -> list[Letters]:
    """Return the dead letters that some queue no longer gets."""
    return [one for one in impact.letters if one.lost]


def _whose(letters: Letters) -> str:
    names = [words.clean(key.name) for key in letters.queues]
    more = f" and {len(names) - _QUEUES:,} more" if len(names) > _QUEUES else ""
    return f"dead letters of {', '.join(names[:_QUEUES])}{more}"


def _letters(letters: Letters) -> Iterator[str]:
    yield f"({', '.join(_EVENTS[event] for event in letters.events)})"
    for mark, queues in (("+", letters.gained), ("-", letters.lost)):
        if queues:
            more = f" and {len(queues) - _QUEUES:,} more" if len(queues) > _QUEUES else ""
            yield f"{mark} {', '.join(map(words.clean, queues[:_QUEUES]))}{more}"
    if letters.stops:
        yield "this happens no longer"
    elif not letters.after:
        yield "no queue left"


def _why(broken: Broken) -> str:
    return words.clean(broken.problem)


def _at(told: Probe | Letters | Broken) -> str:
    origin = told.origin
    return f"{words.clean(origin.file)}:{origin.line}" if origin else ""


def impact_sections(impact: Impact | None) -> tuple[Section, Section]:
    """Render the same for a page of Markdown: the stranded publishers, and the rest."""
    told = [_item(shift) for shift in elsewhere(impact)] if impact else []
    if impact:
        told = [*_extra(impact), *told]
    return (
        Section(STRANDED[0], [_item(shift) for shift in stranded(impact)], STRANDED[1]),
        Section(ROUTING[0], told, ROUTING[1], folds=True),
    )


def _extra(impact: Impact) -> Iterator[str]:
    for broken in impact.broken:
        yield f"- test **{code(broken.name)}** fails: {sentence(_why(broken))}{_code_at(broken)}"
    for one in lost_letters(impact):
        effects = [code(text) if text[0] in "+-" else sentence(text) for text in _letters(one)]
        yield f"- {sentence(_whose(one))} {effects[0]}: {', '.join(effects[1:])}{_code_at(one)}"


def _code_at(told: Probe | Letters | Broken) -> str:
    return f", {code(_at(told))}" if told.origin else ""


def _item(shift: Shift) -> str:
    known = shift.probe.sender in {"publisher", "test"}
    who = f"{shift.probe.sender} **{code(shift.probe.name)}**, " if known else ""
    place = _code_at(shift.probe)
    effects = [code(text) if text[0] in "+-~" else sentence(text) for text in _effects(shift)]
    return f"- {who}{code(_sent(shift))}: {', '.join(effects)}{place}"


def impact_document(impact: Impact | None) -> dict[str, Any] | None:
    """Spell everything that was found as JSON; None where bindings are unseen."""
    if impact is None:
        return None
    return {
        "followed": impact.followed,
        "unfollowed": impact.unfollowed,
        "shifts": [_shift(shift) for shift in impact.shifts],
        "dead_letters": [_letters_document(one) for one in impact.letters],
        "failing_tests": [
            {"name": one.name, "origin": place(one.origin), "problem": one.problem} for one in impact.broken
        ],
    }


def _letters_document(letters: Letters) -> dict[str, Any]:
    return {
        "vhost": letters.queues[0].vhost,
        "queues": [key.name for key in letters.queues],
        "events": list(letters.events),
        "origin": place(letters.origin),
        "before": list(letters.before),
        "after": list(letters.after),
        "lost": list(letters.lost),
        "gained": list(letters.gained),
        "no_queue_left": bool(letters.before) and not letters.after and not letters.stops,
        "happens_no_longer": letters.stops,
    }


def _shift(shift: Shift) -> dict[str, Any]:
    probe = shift.probe
    return {
        "sender": probe.sender,
        "name": probe.name,
        "origin": place(probe.origin),
        "message": message_document(shift.message, shift.before.vhost),
        "also": [message_document(other.message, shift.before.vhost) for other in shift.others],
        "before": _route(shift.before),
        "after": _route(shift.after),
        "lost": list(shift.lost),
        "gained": list(shift.gained),
        "no_queue_left": shift.strands,
    }


def _route(route: Route) -> dict[str, Any]:
    return {"queues": list(route.queues), "perhaps": list(route.perhaps), "refusal": route.refusal}
