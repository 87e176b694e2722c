"""YAML itself: its traps, its bombs, and both of its parsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rabbit_topo.errors import InputError
from rabbit_topo.load.nodes import YMap, YSeq, origin, plain
from rabbit_topo.load.problems import Problems
from rabbit_topo.load.yaml_nodes import MAX_EXPANDED, parse

if TYPE_CHECKING:
    from tests.unit.load.conftest import Complaints

HEAD = "version: 1\n"


@pytest.mark.parametrize(
    ("text", "taken_for"),
    [
        ("on", "true or false"),
        ("No", "true or false"),
        ("true", "true or false, not for text"),
        ("1.10", "the number 1.1"),
        ("1.5", "a number, not for text"),
        ("404", "a number, not for text"),
        ("0x1F", "a hexadecimal number"),
        ("0o17", "an octal number"),
        ("017", "an octal number"),
        ("0b1", "a binary number"),
        ("1_000", "a number"),
        ("1e3", "a number"),
        ("12:30", "a number of base 60"),
        ("2024-01-31", "a date"),
        (".inf", "infinity or no number at all"),
        ("~", "null, not for text"),
        ("=", "a special value"),
        ("9" * 40, "a number that does not fit 64 bits"),
    ],
)
def test_a_name_that_yaml_takes_for_something_else(complaints: Complaints, text: str, taken_for: str) -> None:
    assert complaints(f"{HEAD}queues:\n  {text}: {{}}\n") == [
        f'3:3 YAML readers may take the key `{text}` for {taken_for} | quote it: "{text}"'
    ]


@pytest.mark.parametrize("text", ["on", "1.10", "0x1", "017", "1_000", "12:30", "2024-01-31", ".nan", "1e3"])
def test_a_value_that_readers_do_not_agree_on(complaints: Complaints, text: str) -> None:
    (said,) = complaints(f"{HEAD}queues: {{q: {{bindings: [{{exchange: amq.topic, routing_key: {text}}}]}}}}\n")
    assert said.startswith(f"2:60 YAML readers may take `{text}` for ")
    assert said.endswith(f'"{text}" in quotes')


@pytest.mark.parametrize(
    "text", ["y", "n", "1.2.3", "--", ".", "+", "a:b", "08:x", "one two", "#".join("ab"), "0x", "1e"]
)
def test_text_that_is_text_for_everybody(text: str) -> None:
    assert _parsed(f"k: {text}\n")["k"] == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-1", -1), ("+7", 7), ("1.0", 1.0), ("-0.5", -0.5), (".5", 0.5), ("1.5e+3", 1500.0), ("null", None)],
)
def test_values(text: str, value: object) -> None:
    found = _parsed(f"k: {text}\n")["k"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("queues:\n\tq: {}\n", "3:1 a tab stands where YAML wants spaces | indent with spaces"),
        ("queues: {q: [}\n", "2:14 this is no YAML: while parsing a flow node"),
        ("queues: {q: {}\n", "3:1 this is no YAML: while parsing a flow mapping"),
        ("queues: {'q: {}\n", "3:1 this is no YAML: while scanning a quoted scalar"),
        ("a: b: c\n", "2:5 this is no YAML: mapping values are not allowed in this context"),
        ("queues: {q: *nope}\n", "2:13 `*nope` names no anchor above it | set it first: `&nope`"),
        ("queues: &a {q: *a}\n", "2:16 `*a` stands inside of what it names | write the value out"),
        ("queues: {[q]: {}}\n", "2:10 a key must be text"),
        ("queues:\n  ?\n  : {}\n", "3:4 there is no key before `:` | write one"),
        ("queues: {<<: 5}\n", "2:14 `<<` takes a mapping, or a list of them"),
        ("vhost: !!binary aGk=\n", "2:8 the YAML tag `!!binary` is not supported | leave the tag out"),
        ("queues: !mine {}\n", "2:9 the YAML tag `!mine` is not supported"),
        ("vhost: !!python/object/apply:os.system ['x']\n", "2:8 the YAML tag `!!python/object/apply:os.system` is not"),
        ("a: *.created\n", '2:4 YAML takes `*.created` for an alias | quote it: "*.created"'),
        ("a:\n- b\n- *\n", '4:3 YAML takes `*` for an alias | quote it: "*"'),
        ("a: [*.#, b]\n", '2:5 YAML takes `*.#` for an alias | quote it: "*.#"'),
        (
            "vhost: *orders\n",
            "2:8 `*orders` names no anchor above it | set it first: `&orders`; or, if it is text, quote",
        ),
        (
            'owns: ["shop\\..*"]\n',
            "2:13 `\\.` is no escape in double quotes | in double quotes write `\\\\.`, or use single",
        ),
        ("queues: " + "[" * 60, "2:48 nested more than 40 levels deep"),
    ],
)
def test_yaml_that_cannot_be_used(complaints: Complaints, text: str, expected: str) -> None:
    assert any(said.startswith(expected) for said in complaints(HEAD + text))


@pytest.mark.parametrize("text", ["a: {b: #, c: d}\n", "a: [#, b]\n", "a: [b, #]\n", "a:\n  - {b: #}\n  - c\n"])
def test_a_comment_that_swallows_a_bracket(complaints: Complaints, text: str) -> None:
    (said,) = complaints(HEAD + text)
    line = text[: text.index("#")].count("\n") + 2
    assert said.endswith(f'YAML begins a comment at the # in line {line}: if # is meant, write "#" in quotes')


@pytest.mark.parametrize("pure", [False, True])
def test_a_character_that_yaml_does_not_allow_has_a_place(pure: bool) -> None:  # noqa: FBT001
    problems = Problems()
    parse("version: 1\nqueues:\n  a\0: {}\n", "a.yaml", problems, pure=pure)
    with pytest.raises(InputError, match=r"^a\.yaml:3:4: this is no YAML: (control|special) characters"):
        problems.raise_if_any()


@pytest.mark.parametrize(
    ("text", "instead"), [("10_000", '10000, or "10_000"'), ("1_0.5", '10.5, or "1_0.5"'), ("0x1_0", '"0x1_0"')]
)
def test_a_number_with_underscores_is_spelled_without(complaints: Complaints, text: str, instead: str) -> None:
    (said,) = complaints(f"{HEAD}queues: {{q: {{max_length: {text}}}}}\n")
    assert said.endswith(f" | write {instead} in quotes")


def test_garbage(complaints: Complaints) -> None:
    assert complaints(b"\x00\x01\x02")[0].startswith("1:1 this is no YAML: control characters are not allowed")
    assert complaints(b"version: 1\nvhost: \xff\n") == [
        "2:8 this file is not UTF-8 text | the first wrong byte is 0xff; save the file as UTF-8"
    ]
    assert complaints("version: 1\n".encode("utf-16"))[0].startswith("1:1 this file is not UTF-8 text")


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert _parsed("\ufeffversion: 1\n") == {"version": 1}


def test_a_bomb_goes_off_early(complaints: Complaints) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    (said,) = complaints("\n".join(lines))
    assert said.startswith(f"6:15 the aliases of this file expand to more than {MAX_EXPANDED:,} values")


def test_merge_keys_are_counted_too(complaints: Complaints) -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(1000))
    merges = "".join(f"  q{n}: {{<<: *big}}\n" for n in range(300))
    assert "expand to more than" in complaints(f"big: &big {{{keys}}}\nqueues:\n{merges}")[0]


@pytest.mark.parametrize("pure", [False, True])
def test_surrogates_never_get_in(pure: bool) -> None:  # noqa: FBT001
    problems = Problems()
    documents = parse('version: 1\nvhost: "\\ud800"\n', "a.yaml", problems, pure=pure)
    assert len(problems) == 1 or not documents[0].root["vhost"].isprintable()


def _parsed(text: str, *, pure: bool = False) -> YMap:
    problems = Problems()
    (document,) = parse(text, "a.yaml", problems, pure=pure)
    problems.raise_if_any()
    assert isinstance(document.root, YMap)
    return document.root


_WORDS = st.sampled_from(
    ["a", "on", "1", "1.10", "x: y", "#", "- b", "&a", "*a", "<<", "null", "!!str", "'", '"', "|", ">"]
)
_YAMLISH = st.lists(
    st.one_of(_WORDS, st.sampled_from([" ", "\n", "\n  ", ": ", ", ", "[", "]", "{", "}", "---\n", "? "])), max_size=25
).map("".join)


@settings(max_examples=300)
@given(st.one_of(_YAMLISH, st.text(max_size=40)))
def test_both_parsers_say_the_same(text: str) -> None:
    """Where both take a text, they give the same data at the same places; the pure one is no road around a check."""
    found = []
    for pure in (False, True):
        problems = Problems()
        documents = parse(text, "a.yaml", problems, pure=pure)
        found.append((problems.unreadable, [(repr(plain(each.root)), _places(each.root)) for each in documents]))
    (one_bad, one), (other_bad, other) = found
    if not one_bad and not other_bad:
        assert one == other


def _places(value: object) -> list[object]:
    match value:
        case YMap():
            return [(key, str(origin("", value.at[key])), _places(item)) for key, item in value.items()]
        case YSeq():
            return [(str(origin("", at)), _places(item)) for item, at in value.with_places()]
        case _:
            return []
