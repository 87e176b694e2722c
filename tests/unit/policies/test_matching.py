"""Which policy reaches what."""

from __future__ import annotations

import string
from typing import Any

import pytest

from rabbit_topo.model import Arguments, Exchange, Policy, Queue
from rabbit_topo.policies import candidates, effective, pattern_matches, reaches


def _policy(name: str = "p", pattern: str = "q", **given: Any) -> Policy:
    definition = Arguments(given.pop("definition", {"max-length": 5}))
    return Policy("/", name, pattern, definition=definition, **given)


def _queue(queue_type: str | None = "classic", **arguments: Any) -> Queue:
    return Queue(
        "/", "q", queue_type, arguments=Arguments({f"x-{k.replace('_', '-')}": v for k, v in arguments.items()})
    )


@pytest.mark.parametrize(
    ("apply_to", "reached"),
    [
        ("all", {"classic", "quorum", "stream", "exchange"}),
        ("queues", {"classic", "quorum", "stream"}),
        ("classic_queues", {"classic"}),
        ("quorum_queues", {"quorum"}),
        ("streams", {"stream"}),
        ("exchanges", {"exchange"}),
    ],
)
def test_apply_to(apply_to: str, reached: set[str]) -> None:
    policy = _policy(apply_to=apply_to, definition={"max-length-bytes": 5})
    targets: dict[str, Queue | Exchange] = {kind: _queue(kind) for kind in ("classic", "quorum", "stream")}
    targets["exchange"] = Exchange("/", "q", "topic")
    assert {kind for kind, target in targets.items() if reaches(policy, target, "4.3")} == reached


@pytest.mark.parametrize(
    ("key", "refusing"),
    [
        ("max-length", {"stream"}),
        ("delivery-limit", {"classic", "stream"}),
        ("max-age", {"classic", "quorum"}),
        ("queue-mode", {"quorum", "stream"}),
        ("ha-mode", {"quorum", "stream"}),
        ("max-length-bytes", set()),
    ],
)
def test_a_key_that_a_type_does_not_support_keeps_the_whole_policy_away(key: str, refusing: set[str]) -> None:
    policy = _policy(definition={key: "1D", "max-length-bytes": 7})
    assert {kind for kind in ("classic", "quorum", "stream") if not reaches(policy, _queue(kind), "4.3")} == refusing


@pytest.mark.parametrize(
    ("key", "queue_type", "version", "reached"),
    [
        ("queue-leader-locator", "classic", "3.10.8", False),
        ("queue-leader-locator", "classic", "4.0.5", True),
        ("max-in-memory-length", "classic", "3.10.8", True),
        ("max-in-memory-length", "classic", "4.3.6", False),
        ("target-group-size", "classic", "4.3.6", False),
        ("single-active-consumer", "quorum", "4.1.8", False),
        ("single-active-consumer", "quorum", "4.3.6", True),
        ("target-group-size", "stream", "3.10.8", False),
    ],
)
def test_which_keys_keep_a_policy_away_depends_on_the_version(
    key: str,
    queue_type: str,
    version: str,
    reached: bool,  # noqa: FBT001
) -> None:
    assert reaches(_policy(definition={key: 5}), _queue(queue_type), version) is reached


def test_patterns_are_searched_in_bytes_of_one_vhost() -> None:
    assert reaches(_policy(pattern="^$|q"), _queue(), "4.3")
    assert reaches(_policy(pattern="(?R)"), _queue(), "4.3") is None
    assert reaches(Policy("other", "p", "q"), _queue(), "4.3") is False
    assert reaches(_policy(pattern="^.$"), Queue("/", "é", "classic"), "4.3") is False
    assert reaches(_policy(pattern="^..$"), Queue("/", "é", "classic"), "4.3")


@pytest.mark.parametrize(
    "pattern",
    [
        "[:alpha:]",
        "[[:foo:]]",
        "[[:^alpha:]]",
        "[a-[:digit:]]",
        "[[:digit:]-z]",
        "a{,3}",
        "\\Qq\\E",
        "[[a]",
        "(?<n>q)",
        "[a&&b]",
    ],
)
def test_what_python_reads_otherwise_is_not_read(pattern: str) -> None:
    assert reaches(_policy(pattern=pattern), _queue(), "4.3") is None


def test_the_highest_priority_wins_alone() -> None:
    low, high = _policy("a", priority=1), _policy("b", priority=2.5)
    assert effective([low, high], _queue(), "4.3") is high
    assert effective([_policy("b"), _policy("a")], _queue(), "4.3") == _policy("a")
    assert effective([], _queue(), "4.3") is None


def test_a_policy_that_cannot_be_read_may_win_unless_another_has_more_priority() -> None:
    read = [_policy("a", priority=1), _policy("b", priority=2)]
    unread = [_policy(f"u{number}", "(?R)", priority=number) for number in (1, 2, 3)]
    away = _policy("away", "(?R)", priority=9, apply_to="exchanges")
    found = candidates([*read, *unread, away], _queue(), "4.3")
    assert (found.reaching, found.unread, found.winner) == (tuple(read), tuple(unread), read[1])
    assert [policy.name for policy in found.rivals] == ["u2", "u3"]
    assert candidates(unread, _queue(), "4.3").rivals == tuple(unread)


# What `re:run` of Erlang 25 and 27 finds in each single byte; of 29, the same less all beyond ASCII.
_LETTERS = {0xAA, 0xB5, 0xBA, *range(0xC0, 0xD7), *range(0xD8, 0xE0)}
_SIGNS = set(range(0xA0, 0xC0)) - _LETTERS | {0xD7}


@pytest.mark.parametrize(
    ("posix", "members", "latin"),
    [
        ("alpha", string.ascii_letters, _LETTERS),
        ("alnum", string.ascii_letters + string.digits, _LETTERS),
        ("digit", string.digits, set()),
        ("xdigit", string.hexdigits, set()),
        ("space", string.whitespace, set()),
        ("upper", string.ascii_uppercase, set(range(0xC0, 0xDF)) - {0xD7}),
        ("lower", string.ascii_lowercase, {0xAA, 0xB5, 0xBA, 0xDF}),
        ("punct", string.punctuation, _SIGNS),
        ("word", string.ascii_letters + string.digits + "_", _LETTERS),
    ],
)
def test_what_a_posix_class_holds_depends_on_the_version(posix: str, members: str, latin: set[int]) -> None:
    everything = {chr(number) for number in range(128)}
    assert {one for one in everything if pattern_matches(f"^[[:{posix}:]]", one)} == set(members)
    assert {one for one in everything if pattern_matches(f"[^[:{posix}:]]", one, "4.0.5")} == everything - set(members)
    second = {number: chr(number) for number in range(0x80, 0xC0)}  # the second of two bytes
    first = {number: bytes([number, 0x80]).decode() for number in range(0xC2, 0xE0)}
    for version, found in (("4.0.5", latin), ("4.3.6", set())):
        seconds = {one for one, name in second.items() if pattern_matches(f"^.[[:{posix}:]]", name, version)}
        firsts = {one for one, name in first.items() if pattern_matches(f"^[[:{posix}:]]", name, version)}
        assert seconds | firsts == found - {0xC0, 0xC1}  # which no UTF-8 has


@pytest.mark.parametrize(
    ("pattern", "name", "older", "newer"),
    [
        ("^[[:alpha:]]$", "x", True, True),
        ("^[[:alpha:]]$", "xy", False, False),
        ("[a[:digit:]]$", "3", True, True),
        ("^[-[:alpha:]]+$", "a-b", True, True),
        ("^[[:alpha:]-]+$", "a-b", True, True),
        ("^[^-[:alpha:]]+$", "a-b", False, False),
        ("^[[:alpha:]][[:punct:]]$", "é", True, False),  # its bytes are c3 a9
        ("^[[:upper:]][[:lower:]]$", "Ê", False, False),
        ("^[[:upper:]][[:lower:]]$", "ê", True, False),
        ("(?i)^[[:upper:]]$", "x", True, True),
        ("(?i)é", "É", None, False),  # byte by byte, the older ones know how to write it small
    ],
)
def test_posix_classes_are_read_as_the_version_does(pattern: str, name: str, older: object, newer: object) -> None:
    assert pattern_matches(pattern, name, "4.0.5") is older
    assert pattern_matches(pattern, name, "4.3.6") is newer


# Each answer was seen on RabbitMQ 3.10.8 and 4.0.5 (Erlang 25 and 27) and on 4.3.6 (Erlang 29).
@pytest.mark.parametrize(
    ("pattern", "name", "older", "newer"),
    [
        (r"^\w+$", "\N{MICRO SIGN}", True, False),
        (r"^\w+$", "é", False, False),
        (r"[\w]", "日本", True, False),
        (r"^[^\w]+$", "é", False, True),
        (r"^\W+$", "ß", False, True),
        (r"^\W+$", "日本", False, True),
        (r"^[\w-]+$", "º", True, False),
        (r"\W", "²", True, True),
        (r"[\W]", "é", None, True),
        (r"[\W]", "a", False, False),
        (r"\bb", "aéb", True, True),
        (r"\Bb", "aÃb", False, False),
        (r"a\B", "aÃ", True, False),
        (r"a\b", "aÃ", False, True),
        (r"[]\w]$", "é]", True, True),
        (r"\.", "é", False, False),
    ],
)
def test_what_is_a_word_depends_on_the_version(pattern: str, name: str, older: object, newer: object) -> None:
    assert pattern_matches(pattern, name, "4.0.5") is older
    assert pattern_matches(pattern, name, "4.3.6") is newer


@pytest.mark.parametrize(
    ("priorities", "patterns", "rivals", "doubt"),
    [
        ([1, 0], ["^x$", "^x$"], [], ""),
        ([0, 0], ["^x$", "^x$"], ["b"], "the policies a and b have the same priority"),
        ([0, 0], ["^x$", "(?R)"], ["b"], 'the pattern "(?R)" of the policy b cannot be read here'),
        (
            [0, 0, 0],
            ["^x$", "^x$", "(?R)"],
            ["b", "c"],
            'the pattern "(?R)" of the policy c cannot be read here, and the policies a and b have the same priority',
        ),
        ([0], ["(?R)"], ["a"], 'the pattern "(?R)" of the policy a cannot be read here'),
        ([1, 0], ["^x$", "(?R)"], [], ""),
    ],
)
def test_which_policies_may_take_the_place_of_the_likeliest(
    priorities: list[int], patterns: list[str], rivals: list[str], doubt: str
) -> None:
    policies = [
        Policy("/", name, pattern, "all", priority, Arguments({"max-length": number}))
        for number, (name, pattern, priority) in enumerate(zip("abc", patterns, priorities, strict=False))
    ]
    found = candidates(policies, Queue("/", "x", "classic"), "4.3")
    assert [one.name for one in found.rivals] == rivals
    assert found.doubt == doubt
