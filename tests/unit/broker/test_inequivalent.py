from __future__ import annotations

from typing import Any

import pytest

from rabbit_topo.broker.inequivalent import Absent, Unread, atom, difference, from_atom
from rabbit_topo.model import Exchange, Key, Queue

EVIL = ["q", "q's", "q' in vhost 'v': received '1' but current is '2", "' but current is none", "a\nb", "käse"]


def _text(key: Key, name: str, rest: str) -> str:
    whole = (
        f"PRECONDITION_FAILED - inequivalent arg '{name}' for {key.kind.value} '{key.name}' in vhost '{key.vhost}': "
    )
    return whole + f"received {rest}"


def _cut(text: str) -> str:
    """Cut as the server does: 252 bytes and three dots."""
    raw = text.encode()
    return raw[:252].decode(errors="replace") + "..." if len(raw) > 255 else text


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("sent", EVIL)
@pytest.mark.parametrize("current", EVIL)
def test_names_and_values_may_hold_anything(name: str, sent: str, current: str) -> None:
    key = Queue("v' but current is", name).key
    found = difference(_text(key, "x-overflow", f"'{sent}' but current is '{current}'"), key)
    assert found
    assert (found.key, found.cut) == ("x-overflow", False)
    assert found.beside(sent) == current
    alone = difference(_text(key, "x-overflow", f"none but current is the value '{current}' of type 'longstr'"), key)
    assert alone
    assert alone.alone() == current


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("5", "signedint", 5),
        ("-5", "long", -5),
        ("5", "unsignedbyte", 5),
        ("5", "longstr", "5"),
        ("5", "binary", "5"),
        ("7.5", "double", 7.5),
        ("true", "bool", True),
        ("false", "bool", False),
        ("it's of type 'long", "longstr", "it's of type 'long"),
        ("", "longstr", ""),
        ("[{long,1}]", "array", Unread("[{long,1}] (of class array)")),
        ("soon", "long", Unread("soon (of class long)")),
        ("perhaps", "bool", Unread("perhaps (of class bool)")),
    ],
)
def test_what_is_told_alone_has_its_class(value: str, kind: str, expected: Any) -> None:
    key = Queue("v", "q").key
    found = difference(_text(key, "x-a", f"none but current is the value '{value}' of type '{kind}'"), key)
    assert found
    got = found.alone()
    assert (type(got), got) == (type(expected), expected)


def test_a_maximum_age_in_milliseconds() -> None:
    key = Queue("v", "q").key
    rest = "none but current is the value '604800000' of type 'longstr'"
    ages = [found.alone() for name in ("x-max-age", "x-overflow") if (found := difference(_text(key, name, rest), key))]
    assert ages == ["604800s", "604800000"]


def test_nothing_there() -> None:
    key = Queue("v", "q").key
    for rest in ("the value 'quorum' of type 'longstr' but current is none", "'quorum' but current is none"):
        found = difference(_text(key, "x-queue-type", rest), key)
        assert found
        assert found.beside("quorum") == Absent()


def test_a_type_of_an_exchange_is_an_atom() -> None:
    key = Exchange("v", "x", None).key
    found = difference(_text(key, "type", "''x-random'' but current is ''x-consistent-hash''"), key)
    assert found
    current = found.beside(atom("x-random"))
    assert isinstance(current, str)
    assert from_atom(current) == "x-consistent-hash"
    assert from_atom("topic") == "topic"


@pytest.mark.parametrize("length", range(0, 200, 7))
def test_a_cut_value_is_never_taken_for_a_whole_one(length: int) -> None:
    key = Queue("v", "n" * 80).key
    value = "é" * length
    for sent, rest in (
        ("s" * 20, f"'{'s' * 20}' but current is '{value}'"),
        (None, f"none but current is the value '{value}' of type 'longstr'"),
    ):
        text = _text(key, "x-dead-letter-exchange", rest)
        found = difference(_cut(text), key)
        assert found
        got = found.alone() if sent is None else found.beside(sent)
        if len(text.encode()) > 255:
            assert isinstance(got, Unread)
            assert "broker" in got.shown
            assert "\N{REPLACEMENT CHARACTER}" not in got.shown
        else:
            assert got == value


@pytest.mark.parametrize("length", [170, 200, 255])
def test_a_name_that_fills_the_message(length: int) -> None:
    key = Queue("v", "é" * length).key
    found = difference(_cut(_text(key, "durable", "'true' but current is 'false'")), key)
    assert found
    assert (found.key, found.cut) == ("durable", True)
    assert isinstance(found.beside("true"), Unread)
    assert isinstance(found.alone(), Unread)


@pytest.mark.parametrize(
    "text",
    [
        "PRECONDITION_FAILED - invalid arg 'x-max-age' for queue 'q' in vhost 'v' of queue type rabbit_classic_queue",
        "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'other' in vhost 'v': received none",
        "PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'q' in vhost 'v': received none",
        "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'other...",
        "NOT_FOUND - no queue 'q' in vhost 'v'",
        "",
    ],
)
def test_words_about_something_else(text: str) -> None:
    assert difference(text, Queue("v", "q").key) is None


@pytest.mark.parametrize(
    "rest", ["'1' but current is 'x", "'1' but current is x", "'2' but current is 'x'", "none", ""]
)
def test_words_that_nobody_knows_are_no_value(rest: str) -> None:
    key = Queue("v", "q").key
    found = difference(_text(key, "x-a", rest), key)
    assert found
    assert isinstance(found.beside("1"), Unread)
    assert isinstance(found.alone(), Unread)
