"""What a user may learn of a broker and of its own rights over AMQP."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rabbit_topo.arguments import ALTERNATE, DEAD_LETTER
from rabbit_topo.broker import poisons
from rabbit_topo.broker.amqp_methods import declare_exchange, declare_queue, unbind
from rabbit_topo.broker.amqp_talk import Job, Lost, Refused
from rabbit_topo.broker.rights import Verdict
from rabbit_topo.model import Arguments, Binding, Exchange, Kind, Queue
from rabbit_topo.report.diagnosis import Need, Negotiated, Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rabbit_topo.broker.amqp import Amqp
    from rabbit_topo.broker.amqp_link import ServerProperties
    from rabbit_topo.broker.amqp_talk import Method, Talk
    from rabbit_topo.broker.rights import Task
    from rabbit_topo.model import Key, Plain

ACCESS_REFUSED: Final = 403
# Nothing of that name, somebody else's, and what the poison is for: each comes after the permission was looked at.
ABOUT_THE_OBJECT: Final = frozenset({404, 405, 406})
UNTOLD: Final = "AMQP does not tell it: give the management URL too"
# `access to queue 'q' in vhost 'v' refused`, from 3.13 on with the permission before it, and `topic 'k' in exchange`.
# The server cuts words that are longer than 255 bytes off, and the name's end with them.
_REFUSED = re.compile(r"access to (queue|exchange|topic) '(?:(.*?)' in )?", re.DOTALL)


def server(said: ServerProperties) -> Server:
    """Return what a broker says of itself when somebody logs in."""
    erlang = re.search(r"Erlang/OTP (\S+)", said.platform)
    return Server(
        product=said.product,
        version=said.version,
        erlang=erlang[1] if erlang else "",
        cluster_name=said.cluster_name,
        untold=dict.fromkeys(("exchange_types", "nodes", "alarms", "deprecated", "tags"), UNTOLD),
    )


def negotiated(said: ServerProperties) -> Negotiated:
    """Return what the connection agreed on."""
    return Negotiated(tuple(sorted(said.mechanisms)), said.channel_max, said.frame_max, said.heartbeat)


def ask(amqp: Amqp, vhost: str, todo: Iterable[Task]) -> tuple[dict[Key, Verdict], str]:
    """Judge tasks by requests that can change nothing; say why, where some got no answer.

    A declare carries an argument that keeps the broker from creating anything; a removal names a binding that nobody
    has. Each is refused where the user lacks a permission, before anything else is looked at.
    """
    nobodys = Arguments({"x-rabbit-topo": uuid.uuid4().hex})
    found, broken = {}, ""
    for job, verdict in amqp.converse(vhost, (Job(task.key, _talk(task, nobodys)) for task in todo)):
        if isinstance(verdict, Lost):
            broken = f"the connection was lost while the broker was asked: {verdict.reason}"
        else:
            found[job.about] = verdict
    return found, broken


def _talk(task: Task, nobodys: Arguments) -> Talk[Verdict]:
    for at, question in enumerate(_questions(task, nobodys)):
        answer = yield question
        if not isinstance(answer, Refused):
            continue
        refused = _REFUSED.search(answer.text) if answer.code == ACCESS_REFUSED else None
        if refused:
            needs = task.needs[at:] if task.action == "bind" or at else task.needs[:1]
            return Verdict(_lacks(needs, refused), answer.text)
        if answer.code not in {ACCESS_REFUSED, *ABOUT_THE_OBJECT}:
            return Verdict(None, answer.text)
    return Verdict(())


def _questions(task: Task, nobodys: Arguments) -> Iterator[Method]:
    """Ask for one need after the other, so that it is known which one is refused."""
    match task.resource:
        case Binding() as binding:
            yield unbind(replace(binding, arguments=nobodys))
            return
        case Queue(arguments=arguments) if isinstance(arguments.get(DEAD_LETTER), str):
            yield _declare(task.key)
            yield _declare(task.key, {DEAD_LETTER: arguments[DEAD_LETTER]})
        case Exchange(arguments=arguments) if isinstance(arguments.get(ALTERNATE), str):
            yield _declare(task.key)
            yield unbind(Binding(task.key.vhost, task.key.name, "exchange", arguments[ALTERNATE], "", nobodys))
        case _:
            yield _declare(task.key)


def _declare(key: Key, more: Mapping[str, Plain] | None = None) -> Method:
    if key.kind is Kind.QUEUE:
        queue = Queue(key.vhost, key.name, auto_delete=True)
        return declare_queue(queue, {**poisons.for_queue("classic"), **(more or {})})
    return declare_exchange(Exchange(key.vhost, key.name, "direct"), poisons.EXCHANGE)


def _lacks(needs: tuple[Need, ...], refused: re.Match[str]) -> tuple[Need, ...]:
    """Name what is missing, by the broker's words; those of 3.10 leave the permission out."""
    kind, name = refused.groups()
    if kind == "topic":
        return tuple(need for need in needs if need.topic is not None)
    plain = [replace(need, topic=None) for need in needs]
    return tuple(need for need in plain if (need.kind, need.called) == (kind, name)) or (plain[0],)
