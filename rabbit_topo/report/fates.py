"""What becomes of a message in the queues that it reached, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.plan.hazards import counted
from rabbit_topo.report import words
from rabbit_topo.report.layout import Line, Span
from rabbit_topo.report.route_tree import Row, column_of, exchange_words, laid_out
from rabbit_topo.routing.dead_letters import fates, held

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.routing import Route, Router
    from rabbit_topo.routing.dead_letters import DeadLetter, Fate

QUEUES_SHOWN: Final = 10
_DEEPEST: Final = 10  # levels that are indented
_EVENTS: Final = {
    "rejected": "rejected",
    "expired": "expired",
    "maxlen": "over the limit",
    "delivery_limit": "delivered too often",
}


def fate_lines(route: Route, router: Router, width: int, *, reasons: bool = False) -> Iterator[Line]:
    """Say for each queue what happens when the message is rejected, expires or does not fit, and what happens then.

    With `reasons`, by whose setting.
    """
    queues = (*route.queues, *route.perhaps)
    if not queues:
        return
    yield ()
    yield (Span("  AFTERWARDS", "bold"), Span("  what becomes of it in a queue", "dim"))
    shown = queues[:QUEUES_SHOWN]
    rows = [row for queue in shown for row in _rows(queue, fates(router, held(route, queue)), reasons=reasons)]
    column = column_of(rows)
    for row in rows:
        yield from laid_out(row, column, width)
    if len(queues) > QUEUES_SHOWN:
        yield (Span(f"  and {counted(len(queues) - QUEUES_SHOWN, 'more queue')}; --format json tells of all", "dim"),)


def _rows(queue: str, trees: Sequence[Fate], *, reasons: bool) -> Iterator[Row]:
    yield Row(f"  {words.clean(queue)}", "bold")
    if not trees:
        yield Row("    stays", "", "a stream dead-letters nothing")
    for events, tree in _alike(trees):
        for depth, fate in tree.walk():
            indent = "    " + "  " * min(depth, _DEEPEST)
            event = events if depth == 0 else f"then {_EVENTS[fate.letter.event]} in {words.clean(fate.letter.queue)}"
            yield Row(f"{indent}{event}", _style(fate.letter), _told(fate, reasons=reasons))


def _alike(trees: Sequence[Fate]) -> Iterator[tuple[str, Fate]]:
    """Tell ways out that go on in the same way together."""
    groups: dict[object, list[Fate]] = {}
    for tree in trees:
        groups.setdefault(tuple(_way(depth, fate) for depth, fate in tree.walk()), []).append(tree)
    for group in groups.values():
        yield ", ".join(_EVENTS[tree.letter.event] for tree in group), group[0]


def _way(depth: int, fate: Fate) -> tuple[object, ...]:
    it = fate.letter
    event = it.event if depth else ""
    return depth, event, it.queue, it.exchange, it.reason, it.keys, it.queues, it.perhaps, it.dropped, it.kept


def _style(letter: DeadLetter) -> str:
    return "" if letter.queues or letter.kept else "update"


def _told(fate: Fate, *, reasons: bool) -> str:
    letter = fate.letter
    if letter.route is None or letter.exchange is None:
        return letter.reason
    ends = [*letter.queues, *(f"perhaps {queue}" for queue in letter.perhaps)]
    nowhere = "kept: no queue takes it" if letter.kept else "no queue takes it: dropped"
    keys = ", ".join(letter.keys)
    by = letter.reason if reasons else f"by {exchange_words(letter.exchange)}{f' [{keys}]' if keys else ''}"
    told = [f"-> {', '.join(ends)}" if ends else "" if letter.dropped else nowhere]
    told += [f"not to {queue}: {why}" for queue, why in letter.dropped]
    told += [f"and from {', '.join(fate.again)} on as told"] if fate.again else []
    return f"{'; '.join(filter(None, told))}; {by}"


def fate_documents(route: Route, router: Router) -> list[dict[str, Any]]:
    """Spell the same as JSON: for each queue the steps of every way out, each with how many steps came before it."""
    return [
        {
            "queue": queue,
            "steps": [_step(depth, fate) for tree in fates(router, held(route, queue)) for depth, fate in tree.walk()],
        }
        for queue in (*route.queues, *route.perhaps)
    ]


def _step(depth: int, fate: Fate) -> dict[str, Any]:
    letter = fate.letter
    return {
        "depth": depth,
        "queue": letter.queue,
        "event": letter.event,
        "exchange": letter.exchange,
        "routing_keys": list(letter.keys),
        "reason": letter.reason,
        "queues": list(letter.queues),
        "perhaps": list(letter.perhaps),
        "dropped": [{"queue": queue, "reason": why} for queue, why in letter.dropped],
        "kept": letter.kept,
        "again": list(fate.again),
    }
