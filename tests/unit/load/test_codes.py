"""What is wrong in a file has the code of the rule that says the same of a topology."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.errors import InputError, Problem

if TYPE_CHECKING:
    from tests.unit.load.conftest import Problems

HEAD = "version: 1\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("queues: {q: {bindings: [{exchange: e, routing_key: a}]}}", "RT101"),
        ("bindings: [{exchange: amq.topic, queue: q, routing_key: a}]", "RT101"),
        ("exchanges: {amq.mine: {type: topic}}", "RT102"),
        ("queues: {amq.mine: {}}", "RT102"),
        ("bindings: [{exchange: amq.topic, to_exchange: '', routing_key: a}]", "RT102"),
        ("queues: {q: {type: quorum, max_priority: 5}}", "RT103"),
        ("queues: {q: {type: stream, arguments: {x-message-ttl: 5}}}", "RT103"),
        ("queues: {q: {type: stream, durable: false}}", "RT104"),
        ("queues: {q: {type: quorum, auto_delete: true}}", "RT104"),
        ("queues: {q: {exclusive: true}}", "RT104"),
        ("queues: {q: {message_ttl: 60}}", "RT105"),
        ("queues: {q: {arguments: {x-message-ttl: '60'}}}", "RT105"),
        ("queues: {q: {overflow: drop}}", "RT105"),
        ("queues: {q: {dead_letter: {exchange: 5}}}", "RT105"),
        ("queues: {q: {type: quorun}}", "RT105"),
        ("queues: {q: {arguments: {x-queue-type: quorun}}}", "RT105"),
        ("exchanges: {e: {type: topic, alternate_exchange: 5}}", "RT105"),
        ("exchanges: {e: {type: topic, arguments: {alternate-exchange: 5}}}", "RT105"),
        ("queues: {q: {bindings: [{exchange: amq.headers, match: both}]}}", "RT106"),
        ("queues: {q: {bindings: [{exchange: amq.headers, arguments: {x-match: both}}]}}", "RT106"),
        ("exchanges: {e: {type: x-consistent-hash}}\nqueues: {q: {bindings: [{exchange: e}]}}", "RT106"),
        ("queues: {q: {}}\n---\nversion: 1\nqueues: {q: {type: quorum}}", "RT108"),
        (
            "queues: {q: {external: true, type: quorum}}\n---\nversion: 1\nqueues: {q: {external: true, type: stream}}",
            "RT108",
        ),
        ("policies: {p: {pattern: a, definition: {max-length: a}}}", "RT110"),
        ("policies: {p: {pattern: a, definition: {max_length: a}}}", "RT110"),
        ("policies: {p: {pattern: a, definition: {dead_letter: {strategy: never}}}}", "RT110"),
        ("policies: {p: {pattern: a, definition: {maxlength_: 5}}}", "RT110"),
        ("policies: {p: {pattern: a, definition: {max-priority: 5}}}", "RT110"),
        ("policies: {p: {pattern: a, definition: {}}}", "RT110"),
        ("policies: {p: {definition: {max_length: 5}}}", "RT110"),
        ("policies: {p: {pattern: '(', definition: {max_length: 5}}}", "RT110"),
        ("policies: {p: {pattern: a, apply_to: queue, definition: {max_length: 5}}}", "RT110"),
        ("queues: {q: {dead_letter: {routing_key: a}}}", "RT303"),
        ("queues: {q: {arguments: {x-dead-letter-routing-key: a}}}", "RT303"),
    ],
)
def test_what_the_broker_would_refuse_has_its_rule(problems: Problems, text: str, code: str) -> None:
    assert [problem.code for problem in problems(HEAD + text + "\n")] == [code]


@pytest.mark.parametrize(
    "text",
    [
        "queue: {}",
        "queues: [",
        "queues: {q: {durable: 5}}",
        "queues: {q: {use: nothing}}",
        "queues: {rabbit-topo.q: {}}",
        "queues: {q: {dead_letter_exchange: e}}",
        "publishers: {p: {exchange: e}}",
        "consumers: {c: {queues: [q]}}",
        "tests: [{name: a, publish: {exchange: e}, expect: []}]",
    ],
)
def test_what_only_this_tool_minds_has_that_of_a_shape(problems: Problems, text: str) -> None:
    assert [problem.code for problem in problems(HEAD + text + "\n")] == ["RT900"]


def test_the_first_line_ends_with_the_code(problems: Problems) -> None:
    (problem,) = problems(HEAD + "queues: {q: {message_ttl: 60}}\n")
    first, _, hint = str(problem).partition("\n")
    assert first == "a.yaml:2:27: `message_ttl` must be a duration with its unit, not 60 [RT105]"
    assert hint == f"    {problem.hint}"
    assert str(InputError([problem])) == str(problem)


def test_a_shape_shows_no_code() -> None:
    assert str(Problem("a.yaml", 1, 2, "wrong", code="RT900")) == "a.yaml:1:2: wrong"
    assert str(Problem("a.yaml", 0, 0, "not there", "look")) == "a.yaml: not there\n    look"
