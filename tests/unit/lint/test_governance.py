"""RT7: passwords wherever they stand and never in a finding, and what an organisation asks of names and owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.lint.governance import RULES
from rabbit_topo.lint.types import Context
from rabbit_topo.model import Arguments, Binding, Exchange, Queue
from tests.unit.lint.found import Finder

if TYPE_CHECKING:
    from pathlib import Path

URL = "amqp://u:s3cret@host/v"


@pytest.fixture
def find(tmp_path: Path) -> Finder:
    return Finder(RULES, tmp_path)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f'exchanges: {{x: {{type: topic, description: "see {URL}"}}}}\n', 'the exchange "x"'),
        (f'queues: {{q: {{type: classic, owner: "{URL}"}}}}\n', 'the queue "q"'),
        (f'queues: {{q: {{type: classic, arguments: {{x-a: {{b: [1, "{URL}"]}}}}}}}}\n', 'the queue "q"'),
        (
            f'exchanges: {{x: {{type: headers, bindings: [{{exchange: x, headers: {{a: "{URL}"}}}}]}}}}\n',
            'a binding from "x" to the exchange "x"',
        ),
        (
            f'exchanges: {{x: {{type: topic}}}}\nbindings: [{{exchange: x, to_exchange: x, routing_key: "{URL}"}}]\n',
            'a binding from "x" to the exchange "x"',
        ),
        (f'policies: {{p: {{pattern: a, definition: {{dead-letter-exchange: "{URL}"}}}}}}\n', 'the policy "p"'),
        (f'publishers: {{p: {{exchange: "", routing_key: "{URL}"}}}}\n', 'the publisher "p"'),
        (f'publishers: {{p: {{exchange: "", headers: {{a: "{URL}"}}}}}}\n', 'the publisher "p"'),
        (
            f'queues: {{q: {{type: classic}}}}\nconsumers: {{c: {{queues: [q], description: "{URL}"}}}}\n',
            'the consumer "c"',
        ),
        (
            f'tests: [{{name: t, publish: {{exchange: "", routing_key: "{URL}"}}, expect_unroutable: true}}]\n',
            'the route test "t"',
        ),
    ],
)
def test_passwords_are_found_and_not_repeated(find: Finder, text: str, where: str) -> None:
    (hit,) = find.written("RT702", text)
    assert hit.message == f"a password stands in a URL of {where}"
    assert hit.origin is not None
    assert "s3cret" not in repr(hit)


@pytest.mark.parametrize(
    "url",
    [
        "amqp://u:${PASSWORD}@host",
        "amqp://u:$PASSWORD@host",
        "amqp://u:<password>@host",
        "amqp://u:{{ password }}@host",
        "amqp://u:***@host",
        "amqp://u:xxxx@host",
        "amqp://u:%s@host",
        "amqp://u:%(password)s@host",
        "amqp://u@host:5672/a@b",
        "http://host:15672/a:b@c",
        "mailto:a:b@c",
    ],
)
def test_what_is_no_password(find: Finder, url: str) -> None:
    resource = Queue("/", "q", "classic", arguments=Arguments({"x-a": [url, None, True, 1, 1.5, {"b": url}]}))
    assert not find.observed("RT702", resource)


def test_a_password_may_begin_with_an_escape(find: Finder) -> None:
    assert find.observed("RT702", Queue("/", "q", "classic", arguments=Arguments({"x-a": "amqp://u:%40secret@host"})))


def test_a_password_that_no_file_shows_is_not_repeated_either(find: Finder) -> None:
    (hit,) = find.observed("RT702", Exchange("/", "x", "headers"), Binding("/", "x", "exchange", "x", URL))
    assert hit.key == Exchange("/", "x", "headers").key


@pytest.mark.parametrize(
    ("more", "fires"),
    [
        ("", True),
        (", protect: true", False),
        (", protect: false", False),
        (", durable: false", False),
        (", external: true", False),
    ],
)
def test_queues_that_somebody_needs(find: Finder, more: str, *, fires: bool) -> None:
    text = f"queues: {{q: {{type: classic{more}}}, free: {{type: classic}}}}\n"
    consumers = "consumers: {b: {queues: [q]}, a: {queues: [q]}}\n"
    expected = ['the queue "q", which the consumer "a" needs, may be deleted by a plan'] if fires else []
    assert find.messages("RT701", text + consumers) == expected


def test_names(find: Finder) -> None:
    text = (
        "exchanges: {X: {type: topic}, y: {type: topic}}\nqueues: {Q: {type: classic}, q: {type: classic}}\n"
        "policies: {P: {pattern: a, definition: {max_length: 5}}}\n"
    )
    hits = find.written("RT703", text, Context(naming={"queue": "[a-z]+", "policy": "[a-z]+"}))
    assert [hit.message for hit in hits] == [
        'the queue "Q" is not named like [a-z]+',
        'the policy "P" is not named like [a-z]+',
    ]
    assert not find.written("RT703", text)


def test_descriptions_and_owners_are_asked_of_all_or_nobody(find: Finder) -> None:
    text = (
        "exchanges: {x: {type: topic}, y: {type: topic, owner: us}}\n"
        "queues: {a: {type: classic, description: A, owner: us}, b: {type: classic}, c: {type: classic, owner: us}}\n"
    )
    assert find.messages("RT704", text) == [
        'the exchange "x" has no owner, and other exchanges have',
        'the queue "b" has no description and no owner, and other queues have',
        'the queue "c" has no description, and other queues have',
    ]
    assert not find.observed("RT704", Queue("/", "q"), Exchange("/", "x", "topic"))


def test_names_outside_of_owns(find: Finder) -> None:
    text = (
        'owns: ["shop\\\\..*"]\nexchanges: {shop.x: {type: topic}, x: {external: true}}\nqueues: {q: {type: classic}}\n'
        "policies: {p: {pattern: a, definition: {max_length: 5}}}\n"
    )
    assert find.messages("RT705", text) == [
        'the queue "q" is declared here, and `owns` does not say that it is ours',
        'the policy "p" is declared here, and `owns` does not say that it is ours',
    ]
    assert not find.written("RT705", "queues: {q: {type: classic}}\n")
