"""Route tests: their form, and whether what they name is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.load.bindings import report_unknown
from rabbit_topo.load.draft import End
from rabbit_topo.load.merge import lacks
from rabbit_topo.load.nodes import YMap, YSeq, origin, plain
from rabbit_topo.load.problems import quoted
from rabbit_topo.model import Kind, RouteTest, frozen

if TYPE_CHECKING:
    from rabbit_topo.load.draft import Draft
    from rabbit_topo.model import Plain

_LISTS = ("expect", "expect_at_least", "expect_one_of")
_EXPECTATIONS = (*_LISTS, "expect_unroutable")
_EMPTY = {
    "expect_at_least": (
        "it holds whatever happens",
        "write `expect_unroutable: false` for some queue, or `expect: []`",
    ),
    "expect_one_of": ("it can never hold", "name the queues, or write `expect: []` for none"),
}
_EVENTS = ("rejected", "expired", "overflow")


def route_test(draft: Draft, vhost: str, written: YMap, place: int, *, known: bool) -> None:
    """Check a route test and keep it as it is written.

    With `known`, its exchanges and queues must be in the files: test files that are read alone cannot tell, and where
    nobody runs the tests it does not matter.
    """
    name = written.get("name") or ""
    before = draft.problems.noted
    if lacks(written, "name"):
        draft.problems.add(written.file, place, "a test has no name", "say in a few words what it shows: `name: ...`")
    cases: YSeq | None = written.get("cases")
    if lacks(written, "publish") and not cases:
        hint = "write `publish: {exchange: NAME, routing_key: KEY}`"
        draft.problems.add(written.file, place, f"the test {quoted(name)} publishes nothing", hint)
    if not cases:
        _expectations(draft, written, place, f"the test {quoted(name)}")
    for case, at in cases.with_places() if cases else ():
        _expectations(draft, case, at, f"a case of the test {quoted(name)}", written)
    if known:
        for part in (written, *(cases or ())):
            _names(draft, vhost, part)
    places = tuple(origin(written.file, at) for at in cases.at) if cases else ()
    if draft.problems.noted == before and _is_whole(written):
        draft.tests.append(RouteTest(name, vhost, frozen(plain(written)), origin(written.file, place), places))


def _is_whole(value: Plain) -> bool:
    """Say whether nothing was taken out of a test, at any depth."""
    match value:
        case YMap():
            return not value.dropped and all(map(_is_whole, value.values()))
        case YSeq():
            return not value.broken and all(map(_is_whole, value))
        case _:
            return True


def _expectations(draft: Draft, written: YMap, place: int, what: str, around: YMap | None = None) -> None:
    stated = _one(draft, written, what)
    outer = around is not None and (around.get("then") or any(around.get(key) is not None for key in _EXPECTATIONS))
    if not stated and not outer and not written.get("then") and not written.dropped:
        hint = "write `expect: [QUEUE, ...]`, `expect_at_least: [...]` or `expect_unroutable: true`"
        draft.problems.add(written.file, place, f"{what} expects nothing", hint)
    for step in _steps(written):
        events = [key for key in _EVENTS if step.get(key)]
        if not step.dropped and (len(events) != 1 or step.get("queue") is None):
            hint = "write `then: {queue: NAME, rejected: true, expect: [...]}`; or expired, or overflow"
            draft.problems.add(step.file, step.place, f"`then` of {what} needs a queue and one event", hint)
        elif not _one(draft, step, f"`then` of {what}") and not step.dropped:
            draft.problems.add(step.file, step.place, f"`then` of {what} expects nothing", "add `expect: [...]`")


def _one(draft: Draft, written: YMap, what: str) -> list[str]:
    """Return the expectations that are stated; more than one is a problem."""
    stated = [key for key in _EXPECTATIONS if written.get(key) is not None]
    if len(stated) > 1:
        message = f"{what} expects several things: {', '.join(stated)}"
        draft.problems.add(written.file, written.key_place(stated[1]), message, "keep one of them")
    for key, hint in _EMPTY.items():
        if written.get(key) == [] and not written[key].broken:
            message = f"{what} names no queue in `{key}`: {hint[0]}"
            draft.problems.add(written.file, written.key_place(key), message, hint[1])
    return stated


def _steps(written: YMap) -> list[YMap]:
    then = written.get("then")
    return then if isinstance(then, list) else [then] if then else []


def _names(draft: Draft, vhost: str, written: YMap) -> None:
    """Report names that nothing declares: such a test could never pass, or for the wrong reason only."""
    for part in (written, written.get("publish") or YMap(written.file, written.place)):
        exchange = part.get("exchange")
        if exchange and not draft.knows(vhost, Kind.EXCHANGE, exchange):
            report_unknown(draft, part.file, vhost, End(Kind.EXCHANGE, exchange, part.value_place("exchange")))
    for part in (written, *_steps(written)):
        named = [(name, at) for key in _LISTS if part.get(key) for name, at in part[key].with_places()]
        if part.get("queue"):
            named.append((part["queue"], part.value_place("queue")))
        for name, at in named:
            if isinstance(name, str) and not draft.knows(vhost, Kind.QUEUE, name):
                report_unknown(draft, part.file, vhost, End(Kind.QUEUE, name, at))
