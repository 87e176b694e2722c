"""What cannot be had cheaply of a real broker, in its own words (rabbit_amqqueue.erl)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.broker.amqp import Amqp
from rabbit_topo.broker.amqp_alone import AmqpAlone
from rabbit_topo.broker.amqp_talk import Ok, Refused
from rabbit_topo.broker.diagnosis import _Amqp, _asks
from rabbit_topo.broker.probe_exchange import active_exchange
from rabbit_topo.broker.probe_queue import active_queue
from rabbit_topo.broker.probes import ABSENT, ATTEMPTS, CHANGING, Seen, passive
from rabbit_topo.broker.target import Target
from rabbit_topo.model import EVERYTHING, Arguments, Exchange, Queue, Unverified
from rabbit_topo.report.diagnosis import Server

if TYPE_CHECKING:
    from rabbit_topo.broker.amqp_talk import Answer, Talk

QUEUE = Queue("v", "q", "classic")
EXCHANGE = Exchange("v", "x", "topic")
DOWN = [
    "NOT_FOUND - home node 'rabbit@b' of durable queue 'q' in vhost 'v' is down or inaccessible",
    "NOT_FOUND - queue 'q' in vhost 'v' process is stopped by supervisor",
    "NOT_FOUND - queue 'q' in vhost 'v' has crashed and failed to restart",
    "NOT_FOUND - failed to perform operation on queue 'q' in vhost 'v' due to timeout",
]


def _ask(talk: Talk[Seen], *answers: Answer) -> tuple[Seen, int]:
    """Give these answers, the last one for ever; return the result and how many questions there were."""
    next(talk)
    for number in range(1000):
        try:
            talk.send(answers[min(number, len(answers) - 1)])
        except StopIteration as end:
            return end.value, number + 1
    pytest.fail("it asks for ever")


def _other(key: str, rest: str, of: str = "queue 'q'") -> Refused:
    return Refused(406, f"PRECONDITION_FAILED - inequivalent arg '{key}' for {of} in vhost 'v': received {rest}")


@pytest.mark.parametrize("text", DOWN)
def test_a_queue_that_is_down_is_there(text: str) -> None:
    there = Seen(QUEUE, Unverified(text, EVERYTHING))
    assert _ask(passive(QUEUE), Refused(404, text)) == (there, 1)
    assert _ask(active_queue(QUEUE, "4.3.6"), Refused(404, text)) == (there, 2)


def test_of_another_broker_404_is_believed() -> None:
    assert _ask(passive(QUEUE, rabbitmq=False), Refused(404, "NOT_FOUND - queue 'q' not found")) == (ABSENT, 1)


def test_a_queue_that_changes_each_time_is_asked_a_bounded_number_of_times() -> None:
    flips = [_other("durable", "'a' but current is 'b'")] * (2 * ATTEMPTS)
    seen, asked = _ask(active_queue(QUEUE, "4.3.6"), *flips, Ok())
    assert seen == Seen(QUEUE, Unverified(CHANGING, EVERYTHING))
    assert asked == 2 * ATTEMPTS + 1
    for name, value in (("x-max-length", "5"), ("x-other", "6")):
        seen, _ = _ask(
            active_queue(QUEUE, "4.3.6"), _other(name, f"none but current is the value '{value}' of type 'long'")
        )
        assert seen.unverified
        assert seen.resource is None


def test_types_that_come_in_turn_end_as_well() -> None:
    answers = [_other("x-queue-type", f"'{one}' but current is '{two}'") for one, two in (("classic", "quorum"),)]
    answers.append(_other("x-queue-type", "'quorum' but current is 'classic'"))
    seen, asked = _ask(active_queue(QUEUE, "4.3.6"), *(answers * ATTEMPTS), Ok())
    assert (seen.unverified, asked) == (Unverified(CHANGING, EVERYTHING), 2 * ATTEMPTS + 1)


@pytest.mark.parametrize("said", ["quorum", "stream"])
def test_what_was_read_of_a_queue_is_not_taken_for_the_one_that_came_after_it(said: str) -> None:
    """Kept from a run beside a client that made its queue anew: the limit was that of the quorum queue before."""
    answers = (
        *([_other("x-queue-type", "'stream' but current is 'quorum'")] if said == "stream" else []),
        _other("x-delivery-limit", "none but current is the value '5' of type 'long'"),
        _other("x-queue-type", "'quorum' but current is 'classic'"),
        _other("x-queue-type", f"'{said}' but current is 'classic'"),
    )
    seen, _ = _ask(active_queue(Queue("v", "q", said), "3.10.8"), *answers, Ok())
    assert seen == Seen(Queue("v", "q", "classic"))


def test_an_exchange_that_changes_each_time() -> None:
    seen, asked = _ask(active_exchange(EXCHANGE), _other("internal", "'a' but current is 'b'", "exchange 'x'"))
    assert seen.resource is None
    assert asked == 2 * ATTEMPTS + 1


def test_an_exchange_that_takes_the_poison_is_not_believed() -> None:
    seen, _ = _ask(active_exchange(EXCHANGE), Ok())
    assert seen.resource == EXCHANGE
    assert seen.unverified
    assert seen.unverified.paths == EVERYTHING


def test_a_queue_of_a_type_that_a_plugin_brought() -> None:
    declared = Queue("v", "q", "quorum", arguments=Arguments({"x-max-length": 5}))
    seen, asked = _ask(active_queue(declared, "4.3.6"), _other("x-queue-type", "'quorum' but current is 'delayed'"))
    assert asked == 1
    assert isinstance(seen.resource, Queue)
    assert seen.resource.type == "delayed"
    assert seen.unverified
    assert seen.unverified.paths == ("arguments.x-max-length",)


@pytest.mark.parametrize("code", [541, 503, 501, 313])
def test_an_answer_that_nobody_expects_leaves_the_existence(code: int) -> None:
    for talk in (active_queue(QUEUE, "4.3.6"), active_exchange(EXCHANGE)):
        seen, asked = _ask(talk, Refused(code, "SOME_WORDS"), Ok())
        assert asked == 2
        assert seen.unverified
        assert "SOME_WORDS" in seen.unverified.reason
        assert seen.unverified.paths == EVERYTHING


def test_a_type_that_the_message_has_no_room_for() -> None:
    cut = Refused(406, "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x...")
    seen, asked = _ask(active_exchange(EXCHANGE), cut)
    assert asked == 4  # each core type once
    assert isinstance(seen.resource, Exchange)
    assert seen.resource.type not in {"topic", None}
    declared = Exchange("v", "x", "x-random")
    seen, _ = _ask(active_exchange(declared), cut)
    assert (seen.resource, seen.unverified and seen.unverified.paths[0]) == (declared, "type")


def test_what_amqp_cannot_carry_is_asked_passively() -> None:
    declared: Any = Queue("v", "q", "classic", arguments=Arguments({"n" * 300: 1}))
    seen, asked = _ask(active_queue(declared, "4.3.6"), Ok())
    assert asked == 1
    assert seen.unverified
    assert "AMQP cannot carry it" in seen.unverified.reason


@pytest.mark.parametrize(
    ("product", "version", "road"),
    [
        ("RabbitMQ", "3.10.8", "active"),
        ("RabbitMQ", "4.3.6", "active"),
        ("RabbitMQ", "10.0.0", "active"),
        ("RabbitMQ", "3.9.29", "passive"),
        ("RabbitMQ", "", "passive"),
        ("RabbitMQ", "dev", "passive"),
        ("garagemq", "4.0.0", "passive"),
        ("LavinMQ", "2.4.1", "passive"),
    ],
)
def test_only_a_broker_that_is_known_to_refuse_the_poison_gets_it(product: str, version: str, road: str) -> None:
    assert AmqpAlone(Target(amqp="amqp://shop"))._road(product, version) == road
    assert AmqpAlone(Target(amqp="amqp://shop", probe="passive"))._road(product, version) == "passive"
    asked = _asks(None, _Amqp(Amqp(Target(amqp="amqp://shop")), Server(product, version)))
    assert asked == (road == "active")
