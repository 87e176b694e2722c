"""The values that everything else speaks in."""

from __future__ import annotations

import pytest

from rabbit_topo import model
from rabbit_topo.model import (
    Arguments,
    Binding,
    Counts,
    Exchange,
    Key,
    Kind,
    Note,
    Origin,
    Plain,
    Policy,
    Queue,
    Resource,
    Scope,
    Topology,
    Vhost,
    frozen,
    holds_null,
)

FEED = Binding("/", "shop", "queue", "mail", "order.#", Arguments({"n": 1}))


def test_the_package_exports_what_its_files_define() -> None:
    for name in model.__all__:
        assert getattr(model, name) is not None
    assert model.__all__ == sorted(model.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name))


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0, False), (None, ""), ([1], [True]), ("1", 1)])
def test_arguments_of_different_classes_differ(one: Plain, other: Plain) -> None:
    assert Arguments({"n": one}) != Arguments({"n": other})
    assert Arguments({"n": one}) == Arguments({"n": one})
    assert hash(Arguments({"n": one})) == hash(Arguments({"n": one}))


def test_arguments_are_a_sorted_mapping_that_shows_its_text() -> None:
    arguments = Arguments({"b": 1, "a": "x"})
    assert list(arguments) == ["a", "b"]
    assert len(arguments) == 2
    assert arguments["b"] == 1
    assert repr(arguments) == 'Arguments({"a":"x","b":1})'
    assert arguments.without("b") == Arguments({"a": "x"})
    assert arguments != {"b": 1, "a": "x"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        Arguments({"n": value})


def test_what_is_copied_does_not_change_with_its_source() -> None:
    source: dict[str, Plain] = {"a": 1}
    arguments, view = Arguments(source), frozen(source)
    source["a"] = 2
    assert arguments["a"] == view["a"] == 1
    with pytest.raises(TypeError):
        view["a"] = 3  # type: ignore[index]


def test_a_key_is_the_whole_identity() -> None:
    assert FEED.key == Key("/", Kind.BINDING, "shop", "queue", "mail", "order.#", '{"n":1}')
    assert FEED.source_key == Exchange("/", "shop", "topic").key
    assert FEED.destination_key == Queue("/", "mail").key
    assert Queue("/", "mail", "quorum").key == Queue("/", "mail", "classic", durable=False).key
    assert Queue("/", "mail").key != Queue("shop", "mail").key


def test_rows_are_sorted_by_vhost_then_by_what_others_need() -> None:
    resources: list[Resource] = [
        Policy("/", "a", "."),
        FEED,
        Queue("/", "b"),
        Exchange("/", "c", "topic"),
        Vhost("/"),
        Vhost("%"),
    ]
    kinds = [key.kind for key in sorted((one.key for one in resources), key=lambda key: key.order)]
    assert kinds == [Kind.VHOST, Kind.VHOST, Kind.EXCHANGE, Kind.QUEUE, Kind.BINDING, Kind.POLICY]


def test_owned_is_what_a_whole_pattern_fits_and_nothing_ignores() -> None:
    scope = Scope({"/": (r"shop\..*", "mail|post")}, {"/": (r"shop\.tmp\..*",)})
    assert scope.owns("/", "shop.orders")
    assert scope.owns("/", "post")
    assert not scope.owns("/", "postman")
    assert not scope.owns("/", "shop.tmp.1")
    assert scope.ignores("/", "shop.tmp.1")
    assert not scope.owns("other", "shop.orders")
    assert not Scope({"/": ()}).owns("/", "")


def test_a_place_is_spelled_as_editors_understand_it() -> None:
    assert str(Origin("topology/mail.yaml", 3, 5)) == "topology/mail.yaml:3:5"


def test_a_topology_names_its_vhosts_and_lists_one_kind_at_a_time() -> None:
    mail, post = Queue("/", "mail"), Queue("/", "post")
    topology = Topology(
        {one.key: one for one in (post, FEED, mail)},
        notes={mail.key: Note(owner="office")},
        absent={Queue("old", "fax").key: Note()},
    )
    assert topology.vhosts == ("/", "old")
    assert topology.of(Kind.QUEUE) == [mail, post]
    assert topology.note(mail.key).owner == "office"
    assert topology.note(post.key) == Note()


def test_bindings_are_found_by_both_ends() -> None:
    early = Binding("/", "shop", "exchange", "mail", "a")
    topology = Topology({one.key: one for one in (FEED, early, Exchange("/", "shop", "topic"))})
    assert topology.bindings_from(FEED.source_key) == [early, FEED]
    assert topology.bindings_into(FEED.destination_key) == [FEED]
    assert topology.bindings_into(early.destination_key) == [early]
    assert topology.bindings_from(FEED.destination_key) == ()


@pytest.mark.parametrize(
    ("counts", "idle"), [((0, 0, 0), True), ((1, 0, 0), False), ((0, 1, 0), False), ((0, 0, 1), False)]
)
def test_a_queue_is_idle_without_messages_and_consumers(counts: tuple[int, int, int], *, idle: bool) -> None:
    assert Counts(*counts).idle is idle


@pytest.mark.parametrize(
    ("value", "holds"), [(None, True), ({"a": [{"b": None}]}, True), ([], False), ({"a": ["", 0, False]}, False)]
)
def test_a_null_is_found_however_deep(value: Plain, *, holds: bool) -> None:
    assert holds_null(value) is holds
