"""What came of a route, in a few lines of text: the queues that a message reaches, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.model import Arguments, Kind
from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.layout import Line, Span, wrapped
from rabbit_topo.report.route_tree import Row, column_of, exchange_words, laid_out, place, route_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.model import Topology
    from rabbit_topo.routing import Message, Route, Taken
    from rabbit_topo.routing.expectations import Verdict

__all__ = [
    "exchange_words",
    "expectation_lines",
    "message_words",
    "queue_lines",
    "route_lines",
    "summary_lines",
    "trail",
    "verdict_lines",
]

DROPPED: Final = "the broker drops it, or returns it if it is mandatory"


def message_words(message: Message, vhost: str = "") -> str:
    """Spell a message in short: the exchange, the key, the headers, and the vhost where it is given.

    >>> from rabbit_topo.routing import Message
    >>> message_words(Message("docs", "", {"format": "pdf"})), message_words(Message("", "q"), "shop")
    ('docs [format=pdf]', 'default exchange [q] (vhost shop)')
    """
    parts = [words.clean(message.routing_key)] if message.routing_key else []
    if message.headers:
        parts.append(words.arguments(Arguments(message.headers)))
    where = f" (vhost {words.clean(vhost)})" if vhost else ""
    told = f" [{'; '.join(parts)}]" if parts else ""
    return f"{exchange_words(message.exchange)}{told}{where}"


def queue_lines(route: Route, topology: Topology, width: int) -> Iterator[Line]:
    """Name the queues that a message reaches, each with the reason in short and the place of the binding."""
    shown = []
    for queue in (*route.queues, *route.perhaps):
        *way, last = trail(route, queue)
        by = ", ".join(_by(taken) for taken in way)
        why = f"by {by}: {last.reason}" if by else last.reason
        mark, style = ("+", "create") if queue in route.queues else ("?", "update")
        shown.append(Row(f"  {mark} {words.label(queue)}", style, why, place(topology, last.binding)))
    for row in shown:
        yield from laid_out(row, column_of(shown), width)
    for note in route.notes:
        yield from wrapped("  . ", "dim", note, width)


def _by(taken: Taken) -> str:
    alternate = "the alternate exchange " if taken.way == "alternate" else ""
    return f"{alternate}{taken.destination.name}"


def trail(route: Route, queue: str) -> tuple[Taken, ...]:
    """Return the ways by which a queue is reached first, from the exchange where the message was published."""
    ends = [
        (hop, taken)
        for hop in route.hops
        for taken in hop.taken
        if taken.destination.kind is Kind.QUEUE and taken.destination.name == queue and not taken.missing
    ]
    hop, last = min(ends, key=lambda end: not end[1].certain)
    came = {hop.exchange: hop.by for hop in route.hops}
    from_ = {id(taken): hop.exchange for hop in route.hops for taken in hop.taken}
    found, at = [last], hop.exchange
    while (by := came[at]) is not None:
        found.append(by)
        at = from_[id(by)]
    return tuple(reversed(found))


def verdict_lines(route: Route, width: int) -> Iterator[Line]:
    """Say in a sentence what becomes of a message."""
    sure, perhaps = len(route.queues), len(route.perhaps)
    if route.refusal:
        yield from wrapped("  The broker refuses it: ", "danger", route.refusal, width)
    elif route.unroutable:
        yield from wrapped("  No queue gets it: ", "danger", DROPPED, width)
    elif not perhaps:
        yield (Span(f"  {counted(sure, 'queue')}.", "good"),)
    else:
        said = (
            f"{counted(sure, 'queue')}, and perhaps {perhaps:,} more"
            if sure
            else f"Perhaps {counted(perhaps, 'queue')}"
        )
        yield (Span(f"  {said}.", "update"),)


def expectation_lines(held: Verdict, width: int) -> Iterator[Line]:
    """Say how a route differs from what was expected, or that it does not."""
    if held.met:
        yield (Span("  As expected.", "good"),)
        return
    expected = ", ".join(map(words.label, held.queues)) or "no queue"
    yield from wrapped("  Not as expected: ", "danger", expected, width)
    for label, style, queues in (
        ("missing", "delete", held.missing),
        ("too much", "danger", held.unexpected),
        ("uncertain", "update", held.uncertain),
    ):
        if queues:
            yield from wrapped(f"    {label:<10}", style, ", ".join(map(words.label, queues)), width)
    if held.unknown:
        yield from wrapped("    unknown   ", "dim", held.unknown, width)
    if held.refusal:
        yield from wrapped("    refused   ", "danger", held.refusal, width)


def summary_lines(
    answers: Sequence[tuple[int, Route, Verdict | None]],
    width: int,
    *,
    several: bool = False,
    quiet: bool = False,
) -> Iterator[Line]:
    """Give one line to each of many messages, by the line of a file, and say last how many were as expected.

    `quiet` leaves out what is as expected, and everything where all is.
    """
    shown = [message_words(route.message, route.vhost if several else "") for _, route, _ in answers]
    column = max((len(name) for name in shown if len(name) <= width // 2), default=0)
    for name, (number, route, held) in zip(shown, answers, strict=True):
        failed = held is not None and not held.met
        if quiet and not failed:
            continue
        mark, style = (".", "dim") if route.unroutable else ("+", "create")
        if failed or route.refusal:
            mark, style = "!", "danger"
        said = _reached(route)
        if held and failed:
            wrong = [("missing", held.missing), ("too much", held.unexpected), ("uncertain", held.uncertain)]
            told = (f"; {label} {', '.join(map(words.label, queues))}" for label, queues in wrong if queues)
            said += f"{''.join(told)} (line {number})"
        yield (Span(f"  {mark} {name:<{column}}", style), Span(f"  {words.clean(said)}"))
    held_against = [held for _, _, held in answers if held is not None]
    wrong_ones = sum(not held.met for held in held_against)
    said = f"  {counted(len(answers), 'message')}"
    if held_against:
        said += f", {wrong_ones:,} not as expected" if wrong_ones else ", all as expected"
    if wrong_ones or not quiet:
        yield (Span(f"{said}.", "danger" if wrong_ones else "good"),)


def _reached(route: Route) -> str:
    if route.refusal:
        return f"refused: {route.refusal}"
    sure, perhaps = map(words.label, route.queues), map(words.label, route.perhaps)
    return ", ".join([*sure, *(f"perhaps {queue}" for queue in perhaps)]) or "no queue"
