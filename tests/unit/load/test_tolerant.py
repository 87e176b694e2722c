"""Read tolerantly, files give what is right of them, and every problem; nothing that is wrong is left to find again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from rabbit_topo.arguments import refused_by, refused_policy
from rabbit_topo.errors import InputError
from rabbit_topo.lint import chosen, lint
from rabbit_topo.load import Tolerant, load, tolerant
from rabbit_topo.model import Binding, Key, Kind, Policy, Queue

if TYPE_CHECKING:
    from rabbit_topo.model import Plain

HEAD = "version: 1\n"
ROOT = Path(__file__).parents[3]
# What a rule finds beside the mistakes in a case, and no loader complains of.
MISSING = (
    'the alternate exchange "a" of the exchange "e" is not declared',
    'the dead-letter exchange "a" of the queue "q" is not declared',
)
CASES = sorted((ROOT / "tests" / "cases" / "mistakes").glob("*.yaml"))


class ReadTolerantly(Protocol):
    """Reads texts as files of one folder."""

    def __call__(self, text: str, **more: str) -> Tolerant: ...


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReadTolerantly:
    monkeypatch.chdir(tmp_path)

    def run(text: str, **more: str) -> Tolerant:
        for name, written in {"a": text, **more}.items():
            (tmp_path / f"{name}.yaml").write_text(written, encoding="utf-8")
        return tolerant("a.yaml", *(f"{name}.yaml" for name in more))

    return run


def codes(found: Tolerant) -> list[str]:
    return [problem.code for problem in found.problems]


def queue(found: Tolerant, name: str = "q") -> Queue:
    resource = found.topology.resources[Key("/", Kind.QUEUE, name)]
    assert isinstance(resource, Queue)
    return resource


def test_what_is_right_is_read_as_ever() -> None:
    read = tolerant(ROOT / "topology")
    assert read.topology == load(ROOT / "topology")
    assert (read.problems, read.comments, read.damaged) == ((), (), frozenset())


def test_all_problems_are_told_not_the_first_hundred(found: ReadTolerantly) -> None:
    read = found(HEAD + "queues:\n" + "".join(f"  q{number}: {{a: 1}}\n" for number in range(250)))
    assert len(read.problems) == 250
    assert len(read.topology.of(Kind.QUEUE)) == 250


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_mistakes_are_told_and_what_is_left_is_refused_by_no_broker(case: Path) -> None:
    read = tolerant(case)
    with pytest.raises(InputError) as caught:
        load(case, tests=True)
    assert read.problems == caught.value.problems
    for key, resource in read.topology.resources.items():
        if isinstance(resource, Queue) and not read.topology.note(key).external:
            assert not refused_by(resource, "4.3")
        if isinstance(resource, Policy):
            assert not refused_policy(resource, "4.3")
    told = lint(read.topology, rules=chosen(["RT1", "RT208", "RT3"], ignore=["RT305"]), damaged=read.damaged).found
    assert not [finding for finding in told if finding.message not in MISSING]


@pytest.mark.parametrize(
    ("options", "code", "arguments"),
    [
        ("max_length: 5, mesage_ttl: 1", "RT900", {"x-max-length": 5}),
        ("max_length: 5, message_ttl: 60", "RT105", {"x-max-length": 5}),
        ("max_length: 5, arguments: {x-message-ttl: '60'}", "RT105", {"x-max-length": 5}),
        ("max_length: 5, type: quorum, max_priority: 5", "RT103", {"x-max-length": 5}),
        ("max_length: 5, type: quorum, durable: false", "RT104", {"x-max-length": 5}),
        ("max_length: 5, type: quorum, auto_delete: true", "RT104", {"x-max-length": 5}),
        ("max_length: 5, exclusive: true", "RT104", {"x-max-length": 5}),
    ],
)
def test_a_queue_keeps_what_is_right_of_it(
    found: ReadTolerantly, options: str, code: str, arguments: dict[str, Plain]
) -> None:
    read = found(HEAD + f"queues: {{q: {{{options}}}}}\n")
    assert codes(read) == [code]
    assert dict(queue(read).arguments) == arguments
    assert queue(read).durable
    assert not queue(read).auto_delete
    assert not read.damaged


@pytest.mark.parametrize(
    ("options", "code", "arguments"),
    [
        ("max_length: 5, bindigs: []", "RT900", {"x-max-length": 5}),
        ("max_length: 5, zzz: []", "RT900", {"x-max-length": 5}),
        ("max_length: 5, direct: 1", "RT900", {"x-max-length": 5}),
        ("max_length: 5, use: nothing", "RT900", {"x-max-length": 5}),
        ("max_length: 5, arguments: {x-overflow: drop}", "RT105", {"x-max-length": 5}),
        ("max_length: 5, dead_letter: {routing_key: a}", "RT303", {"x-max-length": 5}),
        ("max_length: 5, dead_letter: {exchange: 5, routing_key: a}", "RT105", {"x-max-length": 5}),
        ("arguments: {x-dead-letter-exchange: 5, x-dead-letter-routing-key: a}", "RT105", {}),
    ],
)
def test_a_queue_without_a_way_that_was_meant_is_damaged(
    found: ReadTolerantly, options: str, code: str, arguments: dict[str, Plain]
) -> None:
    read = found(HEAD + f"queues: {{q: {{{options}}}}}\n")
    assert codes(read) == [code]
    assert dict(queue(read).arguments) == arguments
    assert read.damaged == {queue(read).key}


def test_an_exchange_keeps_what_is_right_of_it(found: ReadTolerantly) -> None:
    read = found(HEAD + "exchanges: {e: {type: topic, arguments: {alternate-exchange: 5, a: b}}, f: {durable: true}}\n")
    exchange = read.topology.resources[Key("/", Kind.EXCHANGE, "e")]
    assert dict(exchange.arguments) == {"a": "b"}  # type: ignore[union-attr]
    assert codes(read) == ["RT105", "RT900"]
    assert {key.name for key in read.damaged} == {"e", "f"}


@pytest.mark.parametrize(
    "policy",
    [
        "definition: {max_length: 5}",
        "pattern: '(', definition: {max_length: 5}",
        "pattern: a, apply_to: queue, definition: {max_length: 5}",
        "pattern: a, priority: high, definition: {max_length: 5}",
        "pattern: a, definition: {}",
        "pattern: a, definition: {max-length: a}",
    ],
)
def test_a_policy_that_cannot_be_what_was_meant_is_left_out(found: ReadTolerantly, policy: str) -> None:
    read = found(HEAD + f"policies: {{p: {{{policy}}}}}\n")
    assert codes(read) == ["RT110"]
    assert not read.topology.of(Kind.POLICY)
    assert read.damaged == {Key("/", Kind.POLICY, "p")}


def test_a_policy_keeps_the_keys_that_are_right(found: ReadTolerantly) -> None:
    read = found(HEAD + "policies: {p: {pattern: a, definition: {max_length: 5, max-priority: 5}}}\n")
    (policy,) = read.topology.of(Kind.POLICY)
    assert isinstance(policy, Policy)
    assert dict(policy.definition) == {"max-length": 5}


@pytest.mark.parametrize(
    ("binding", "damaged"),
    [
        ("{exchange: x, routing_key: a}", {"q", "x"}),
        ("{exchange: e}", {"q", "e"}),
        ("{exchange: e, routing_key: 5}", {"q", "e"}),
        ("{exchange: amq.headers, match: both}", {"q", "amq.headers"}),
        ("{exchange: hash, routing_key: a}", {"q", "hash"}),
        ("{exchange: hash}", {"q", "hash"}),
        ("{routing_key: a}", {"q", ""}),
        ("e", {"q"}),
    ],
)
def test_a_binding_that_is_wrong_is_left_out_and_damages_its_ends(
    found: ReadTolerantly, binding: str, damaged: set[str]
) -> None:
    exchanges = "exchanges: {e: {type: topic}, hash: {type: x-consistent-hash}}\n"
    read = found(HEAD + exchanges + f"queues: {{q: {{bindings: [{binding}]}}}}\n")
    assert len(read.problems) == 1
    assert not read.topology.of(Kind.BINDING)
    assert {key.name for key in read.damaged} == damaged


def test_a_misspelt_end_damages_what_is_meant(found: ReadTolerantly) -> None:
    declared = "exchanges: {shop.orders: {type: fanout}, shop.bills: {type: fanout}}\nqueues: {shop.mail: {}}\n"
    read = found(HEAD + declared + "bindings: [{exchange: shop.order, queue: shop.mial}]\n")
    assert {key.name for key in read.damaged} == {"shop.order", "shop.orders", "shop.mial", "shop.mail"}


@pytest.mark.parametrize(("number", "damaged"), [(50, True), (51, False)])
def test_of_many_unknown_ends_the_first_are_looked_up(found: ReadTolerantly, *, number: int, damaged: bool) -> None:
    far = "".join(f"  {at:08}: {{bindings: [{{exchange: '{at:08}'}}]}}\n" for at in range(10**7, 10**7 + number - 1))
    last = "  mail: {bindings: [{exchange: shop.order}]}\n"
    read = found(HEAD + "exchanges: {shop.orders: {type: fanout}}\nqueues:\n" + far.replace("  1", "  q1") + last)
    assert len(read.problems) == number
    assert (Key("/", Kind.EXCHANGE, "shop.orders") in read.damaged) is damaged


def test_the_right_keys_of_a_binding_are_kept(found: ReadTolerantly) -> None:
    hashed = "exchanges: {e: {type: x-consistent-hash}}\n"
    read = found(HEAD + hashed + "queues: {q: {bindings: [{exchange: e, routing_keys: ['1', a]}]}}\n")
    (binding,) = read.topology.of(Kind.BINDING)
    assert isinstance(binding, Binding)
    assert (binding.routing_key, codes(read)) == ("1", ["RT106"])


def test_a_binding_without_one_end_damages_the_others(found: ReadTolerantly) -> None:
    read = found(HEAD + "queues: {q: {}}\nbindings: [{exchange: amq.topic, queue: q, to_exchange: amq.fanout}]\n")
    assert len(read.problems) == 1
    assert {key.name for key in read.damaged} == {"q", "amq.topic", "amq.fanout"}


def test_a_wrong_binding_by_an_alias_is_wrong_wherever_it_stands(found: ReadTolerantly) -> None:
    read = found(
        HEAD + "queues: {q: {bindings: &b [{exchange: amq.headers, arguments: {x-match: both}}]}, r: {bindings: *b}}\n"
    )
    assert codes(read) == ["RT106"]
    assert not read.topology.of(Kind.BINDING)


def test_of_two_declarations_the_first_counts(found: ReadTolerantly) -> None:
    read = found(HEAD + "queues: {q: {type: quorum}}\n", b=HEAD + "queues: {q: {type: stream}}\n")
    assert codes(read) == ["RT108"]
    assert queue(read).type == "quorum"


def test_what_can_only_be_the_servers_own_is_somebody_elses(found: ReadTolerantly) -> None:
    read = found(
        HEAD
        + "queues: {amq.q: {bindings: [{exchange: amq.topic, routing_key: a}]}}\nexchanges: {amq.e: {type: topic}}\n"
    )
    assert codes(read) == ["RT102", "RT102"]
    assert len(read.topology.of(Kind.BINDING)) == 1
    for kind, name in ((Kind.QUEUE, "amq.q"), (Kind.EXCHANGE, "amq.e")):
        assert read.topology.note(Key("/", kind, name)).external


@pytest.mark.parametrize(
    "text",
    [
        "exchanges: {e: 5}\n",
        "exchanges: {e: !tag {type: topic}}\n",
        "exchanges: [e]\n",
        "exchange: {e: {type: topic}}\n",
        "vhost: 5\nexchanges: {}\n",
    ],
)
def test_what_stands_in_the_wrong_shape_is_not_missing_too(found: ReadTolerantly, text: str) -> None:
    read = found(HEAD + text + "queues: {q: {bindings: [{exchange: e, routing_key: a}]}}\n")
    assert codes(read) == ["RT900"]
    assert not read.topology.of(Kind.BINDING)
    assert Key("/", Kind.QUEUE, "q") in read.damaged


def test_publishers_consumers_and_tests_of_what_is_not_there_are_left_out(found: ReadTolerantly) -> None:
    read = found(
        HEAD
        + "exchanges: {e: {type: fanout}}\nqueues: {q: {bindings: [{exchange: e}]}}\n"
        + "publishers: {right: {exchange: e}, default: {exchange: ''}, gone: {exchange: x}, none: {}}\n"
        + "consumers: {c: {queues: [q, r]}, d: {}}\n"
        + "tests:\n"
        + "  - {name: right, publish: {exchange: e}, expect: [q]}\n"
        + "  - {name: gone, publish: {exchange: x}, expect: [q]}\n"
        + "  - {name: item, publish: {exchange: e}, expect: [5]}\n"
        + "  - {name: key, publish: {exchange: e, header: 1}, expect: [q]}\n"
    )
    assert set(codes(read)) == {"RT900"}
    assert len(read.problems) == 7
    assert set(read.topology.publishers) == {"right", "default"}
    assert {name: consumer.queues for name, consumer in read.topology.consumers.items()} == {"c": ("q",), "d": ()}
    assert [test.name for test in read.topology.tests] == ["right"]


def test_comments_come_with_the_file_that_they_stand_in(found: ReadTolerantly) -> None:
    read = found(HEAD, b="# rabbit-topo: ignore[RT203] meant\n" + HEAD)
    assert [(one.file, one.line, one.target_line) for one in read.comments] == [("b.yaml", 1, 2)]


def test_a_file_without_anything_is_a_problem_like_others(found: ReadTolerantly) -> None:
    assert codes(found(HEAD + "queues: {q: {}}\n", b="# nothing\n")) == ["RT900"]


@pytest.mark.parametrize("text", ["version: [", "version: 1\n\tqueues:\n", "a: &a [*a]\nb: {[: 1}"])
def test_where_a_file_cannot_be_read_there_is_no_telling(found: ReadTolerantly, text: str) -> None:
    with pytest.raises(InputError):
        found(HEAD + "queues: {q: {}}\n", b=text)


def test_what_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    for paths in ([], [tmp_path], [tmp_path / "a.yaml"]):
        with pytest.raises(InputError):
            tolerant(*paths)


def test_the_vhost_is_that_of_documents_that_name_none(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + "queues: {q: {}}\n", encoding="utf-8")
    assert tolerant(tmp_path, vhost="shop").topology.vhosts == ("shop",)
