"""`rabbit-topo route`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
from click.core import ParameterSource

from rabbit_topo.cli import options
from rabbit_topo.cli.output import emit, plain, show, write
from rabbit_topo.cli.source import source
from rabbit_topo.errors import InputError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.cli.options import Common
    from rabbit_topo.cli.route_messages import Asked
    from rabbit_topo.cli.source import Source
    from rabbit_topo.report.layout import Line
    from rabbit_topo.routing import Message, Route
    from rabbit_topo.routing.expectations import Verdict

FINDINGS: Final = 4
_MOST_PROBLEMS: Final = 100


class _Answer(NamedTuple):
    asked: Asked
    route: Route
    held: Verdict | None


@click.command("route")
@click.argument("exchange", required=False)
@click.argument("key", default="")
@click.option("-H", "--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header; repeatable.")
@click.option("--cc", multiple=True, metavar="KEY", help="A further routing key, in the header CC; repeatable.")
@click.option("--bcc", multiple=True, metavar="KEY", help="The same in BCC, which no consumer sees; repeatable.")
@click.option("--tree", is_flag=True, help="Show each exchange on the way: what takes it, what does not, and why.")
@click.option(
    "--expect",
    multiple=True,
    metavar="QUEUES",
    help="Exit 4 unless it reaches exactly these: q1,q2; '' is no queue; repeatable.",
)
@click.option("--messages", metavar="FILE|-", help="Route many: a file with a JSON object a line.")
@click.option(
    "--from",
    "given",
    multiple=True,
    metavar="SOURCE",
    help="Files or folders (repeatable), a definitions.json, a management URL, or the word broker.",
)
@options.output
@options.login
def command(**given: Any) -> int:
    """Tell which queues a message reaches, and why.

    The message is not sent: it is worked out, as the broker would. EXCHANGE ""
    is the default exchange. A header's VALUE is read like YAML: 1, 1.0, true,
    null, [1, 2] and {a: 1} are no text, '"1"' is. Where there are several vhosts,
    --vhost names the message's. Exit codes: 0; 4 where it is not as expected; 2
    where there is no such exchange, or AMQP cannot carry such a message.
    """
    common, login, own = options.split(given)
    vhost = _vhost(common)
    asked = _asked(own, vhost)
    if "" in own["given"]:
        raise UsageError("--from names nothing", "name files or folders, a definitions.json, a URL, or the word broker")
    here = source(common, login, own["given"], about=vhost)
    _check_exchanges(asked, here, own["messages"])
    if own["expect"]:
        asked = [replace(one, expect=_expected(one.message, own["expect"], here)) for one in asked]
    answers = [_answer(one, here) for one in asked]
    if own["messages"]:
        _emit_many(common, here, answers, tree=own["tree"])
    else:
        _emit_one(common, here, answers[0], tree=own["tree"])
    return FINDINGS if any(answer.held and not answer.held.met for answer in answers) else 0


def _vhost(common: Common) -> str | None:
    given = click.get_current_context().get_parameter_source("vhost")
    return common.vhost if given is ParameterSource.COMMANDLINE else None


def _expected(message: Message, given: Sequence[str], here: Source) -> tuple[str, ...]:
    from rabbit_topo.cli.route_messages import queues_of

    vhost = here.router.vhost_of(message)
    return queues_of(given, lambda name: here.router.queue(vhost, name) is not None)


def _asked(own: dict[str, Any], vhost: str | None) -> list[Asked]:
    from rabbit_topo.cli.route_messages import Asked, headers_of, messages_of, unsendable
    from rabbit_topo.routing import Message

    single = [name for name in ("exchange", "headers", "cc", "bcc", "expect") if own[name] not in {None, ()}]
    if own["messages"]:
        if single:
            raise UsageError("--messages goes without a message on the command line", "each line of the file is one")
        return messages_of(own["messages"], vhost)
    if own["exchange"] is None:
        raise UsageError("no exchange is named", "as in: rabbit-topo route shop.orders order.created")
    headers = headers_of(own["headers"], own["cc"], own["bcc"])
    message = Message(own["exchange"], own["key"], headers, vhost)
    if why := unsendable(message):
        raise UsageError(f"no such message can be sent: {why}")
    return [Asked(message)]


def _check_exchanges(asked: Sequence[Asked], here: Source, file: str | None) -> None:
    """Refuse messages to what is not there: a slip of the pen is no route."""
    found = []
    for one in asked:
        try:
            wrong = _unknown(one.message, here)
        except UsageError as error:
            wrong = error.message, error.hint
        if wrong and file is None:
            raise UsageError(*wrong)
        if wrong:
            found.append(Problem("stdin" if file == "-" else str(file), one.line, 1, *wrong))
    if found:
        raise InputError(found[:_MOST_PROBLEMS], len(found))


def _unknown(message: Message, here: Source) -> tuple[str, str] | None:
    import difflib

    from rabbit_topo.model import PREDECLARED, Kind
    from rabbit_topo.plan.hazards import listed

    vhost = here.router.vhost_of(message)
    if vhost not in here.topology.vhosts:
        return f"{here.shown} has no vhost {vhost!r}", f"it has: {', '.join(here.topology.vhosts)}"
    if not message.exchange or here.router.exchange(vhost, message.exchange):
        return None
    there = {key.name for key in here.topology.resources if key.kind is Kind.EXCHANGE and key.vhost == vhost}
    close = difflib.get_close_matches(message.exchange, sorted(there | PREDECLARED.keys()), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it has: {listed(sorted(there)) or 'none'}"
    return f"{here.shown} has no exchange {message.exchange!r} in vhost {vhost!r}", hint


def _answer(one: Asked, here: Source) -> _Answer:
    from rabbit_topo.routing.expectations import verdict

    route = here.router.route(one.message)
    return _Answer(one, route, None if one.expect is None else verdict(route, one.expect, here.router))


def _emit_one(common: Common, here: Source, answer: _Answer, *, tree: bool) -> None:
    from rabbit_topo.report.route_document import route_document

    emit(
        common,
        lambda width: _lines(here, answer, width, tree=tree),
        lambda: route_document(answer.route, here.router, here.shown, answer.held, missed=tree),
        quiet=lambda width: _problem(here, answer, width),
    )


def _problem(here: Source, answer: _Answer, width: int) -> Iterator[Line]:
    """Say how a message does not go as expected; nothing where it does, or nobody expects anything."""
    from rabbit_topo.report.route import expectation_lines

    if answer.held and not answer.held.met:
        yield _head(here, answer)
        yield from expectation_lines(answer.held, width)


def _head(here: Source, answer: _Answer) -> Line:
    from rabbit_topo.report.layout import pair
    from rabbit_topo.report.route import message_words

    vhost = answer.route.vhost if len(here.topology.vhosts) > 1 else ""
    return pair("message", message_words(answer.route.message, vhost))


def _lines(here: Source, answer: _Answer, width: int, *, tree: bool) -> Iterator[Line]:
    from rabbit_topo.report.fates import fate_lines
    from rabbit_topo.report.layout import pair
    from rabbit_topo.report.route import expectation_lines, queue_lines, route_lines, verdict_lines

    route = answer.route
    yield _head(here, answer)
    yield pair("source", f"{here.shown}, by the rules of RabbitMQ {here.version}")
    yield ()
    shown = route_lines if tree else queue_lines
    yield from shown(route, here.topology, width)
    if tree and not route.refusal:
        yield ()
    yield from verdict_lines(route, width)
    yield from fate_lines(route, here.router, width, reasons=tree)
    if answer.held:
        yield ()
        yield from expectation_lines(answer.held, width)


def _emit_many(common: Common, here: Source, answers: Sequence[_Answer], *, tree: bool) -> None:
    """Write one line a message: text for people, and JSON lines for programs."""
    import json
    import sys

    from rabbit_topo.cli.output import width
    from rabbit_topo.report.route import summary_lines
    from rabbit_topo.report.route_document import route_document

    for output in common.formats:
        if output.format == "json":
            documents = (route_document(it.route, here.router, here.shown, it.held, missed=tree) for it in answers)
            write(output, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents))
            continue
        several = len(here.topology.vhosts) > 1
        told = [(it.asked.line, it.route, it.held) for it in answers]
        quiet = common.quiet and output.file is None
        lines = list(summary_lines(told, width(), several=several, quiet=quiet))
        if output.file:
            write(output, plain(lines))
        else:
            show(lines, sys.stdout, common.color)
