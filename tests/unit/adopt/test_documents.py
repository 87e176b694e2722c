from typing import Any

import pytest

from rabbit_topo.adopt.documents import documents
from rabbit_topo.adopt.types import File, Ignored, Selection
from rabbit_topo.model import Arguments, Binding, Exchange, Policy, Queue

WORKER = Arguments({"x-delivery-limit": 5, "x-dead-letter-exchange": "a.dead"})


def selection(*taken: Exchange | Queue | Binding | Policy, vhosts: tuple[str, ...] = ("/",), **more: Any) -> Selection:
    return Selection(vhosts, {one.key: one for one in taken}, **more)


def pages(files: tuple[File, ...]) -> dict[str, dict[str, Any]]:
    assert all(len(file.documents) == 1 for file in files)
    return {file.path: dict(file.documents[0]) for file in files}


def test_bindings_stand_under_what_they_lead_to() -> None:
    found = pages(
        documents(
            selection(
                Exchange("/", "a.x", "topic"),
                Exchange("/", "a.y", "fanout"),
                Queue("/", "a.q", "classic"),
                Binding("/", "a.x", "queue", "a.q", "k"),
                Binding("/", "a.x", "exchange", "a.y", "#"),
            )
        )
    )

    assert found == {
        "a.yaml": {
            "version": 1,
            "owns": ["a\\..*"],
            "exchanges": {
                "a.x": {"type": "topic"},
                "a.y": {"type": "fanout", "bindings": [{"exchange": "a.x", "routing_key": "#"}]},
            },
            "queues": {"a.q": {"type": "classic", "bindings": [{"exchange": "a.x", "routing_key": "k"}]}},
        }
    }
    assert list(found["a.yaml"]) == ["version", "owns", "exchanges", "queues"]


def test_a_binding_to_what_has_no_block_stands_alone() -> None:
    """Into an exchange of the server, and into a queue that is somebody else's."""
    theirs = Queue("/", "theirs", "classic")
    found = pages(
        documents(
            selection(
                Exchange("/", "a.x", "headers"),
                Policy("/", "p", "x", definition=Arguments({"max-length": 1})),
                Binding("/", "a.x", "exchange", "amq.topic", "", Arguments({"n": 1})),
                Binding("/", "a.x", "queue", "theirs", ""),
                external={theirs.key: theirs},
            ),
            "none",
        )
    )

    assert found["topology.yaml"]["bindings"] == [
        {"exchange": "a.x", "to_exchange": "amq.topic", "headers": {"n": 1}},
        {"exchange": "a.x", "queue": "theirs"},
    ]
    assert found["topology.yaml"]["queues"] == {"theirs": {"external": True}}
    assert [*found["topology.yaml"]] == ["version", "owns", "exchanges", "queues", "bindings", "policies"]


def test_somebody_elses_exchange_is_mentioned_where_it_is_used_first() -> None:
    theirs, unknown = Exchange("/", "theirs", "topic"), Exchange("/", "unknown", None)
    queues = [Queue("/", f"{domain}.{n}", "classic") for domain in "ba" for n in range(2)]
    bindings = [Binding("/", one.name, "queue", f"{d}.1", "") for one in (theirs, unknown) for d in "ba"]
    found = pages(documents(selection(*queues, *bindings, external={one.key: one for one in (theirs, unknown)})))

    assert found["a.yaml"]["exchanges"] == {
        "theirs": {"external": True, "type": "topic"},
        "unknown": {"external": True},
    }
    assert "exchanges" not in found["b.yaml"]
    assert found["b.yaml"]["queues"]["b.1"]["bindings"] == [
        {"exchange": "theirs", "routing_key": ""},
        {"exchange": "unknown"},
    ]


def test_a_mention_stays_in_its_vhost() -> None:
    theirs = [Exchange(vhost, "theirs", "topic") for vhost in ("/", "eu")]
    queues = [Queue("/", f"a.{n}", "classic") for n in range(2)]
    found = pages(documents(selection(*queues, vhosts=("/", "eu"), external={one.key: one for one in theirs})))

    assert list(found) == ["eu/shared.yaml", "root/a.yaml", "root/shared.yaml"]


def test_a_mention_that_nothing_uses_is_shared() -> None:
    theirs = Exchange("/", "theirs", "topic")
    found = pages(documents(selection(external={theirs.key: theirs})))

    assert found == {"shared.yaml": {"version": 1, "exchanges": {"theirs": {"external": True, "type": "topic"}}}}


def test_what_comes_and_goes_is_ignored_in_the_shared_file() -> None:
    ignored = Ignored("celeryev\\..*", "Celery's events", ("celeryev.1",))
    found = pages(documents(selection(Queue("/", "q", "classic"), ignored={"/": (ignored,)})))

    assert found["shared.yaml"] == {"version": 1, "ignore": ["celeryev\\..*"]}


def test_a_vhost_without_anything_has_a_document() -> None:
    assert pages(documents(selection())) == {"topology.yaml": {"version": 1, "vhost": "/"}}
    assert pages(documents(selection(vhosts=("eu",)))) == {"topology.yaml": {"version": 1, "vhost": "eu"}}
    assert documents(selection(vhosts=())) == ()


def test_who_was_not_told_of_everything_owns_single_names() -> None:
    """An export without its internal exchanges: what is not in it must never be pruned."""
    queues = [Queue("/", f"a.{n}", "classic") for n in range(3)]
    found = pages(documents(selection(*queues, others={"/": frozenset({"a.2"})}, complete=False)))

    assert found["a.yaml"]["owns"] == [r"a\.0", r"a\.1"]


def test_each_of_several_vhosts_has_a_folder() -> None:
    vhosts = ("/", "EU", "default", "eu")
    queues = [Queue(vhost, f"a.{n}", "quorum", arguments=WORKER) for vhost in vhosts for n in range(3)]
    odd = Queue("eu", "b", "quorum", arguments=Arguments({"x-max-length": 1}))
    found = pages(documents(selection(*queues, odd, vhosts=vhosts)))

    assert list(found) == [
        "default/a.yaml", "eu-2/a.yaml", "eu/a.yaml", "eu/other.yaml", "root/a.yaml", "shared.yaml",
    ]  # fmt: skip
    assert {path: page.get("vhost") for path, page in found.items()} == {
        "default/a.yaml": "default",
        "eu-2/a.yaml": "EU",
        "eu/a.yaml": "eu",
        "eu/other.yaml": "eu",
        "root/a.yaml": None,
        "shared.yaml": None,
    }
    assert list(found["shared.yaml"]["profiles"]["queues"]) == ["quorum-to-a.dead-limit-5"]


def test_a_profile_of_one_file_stands_there() -> None:
    queues = [Queue("/", f"a.{n}", "quorum", arguments=WORKER) for n in range(5)]
    others = [Queue("/", f"a.x{n}", "classic") for n in range(2)]
    found = pages(documents(selection(*queues, *others)))

    assert list(found) == ["a.yaml"]
    assert [*found["a.yaml"]] == ["version", "owns", "profiles", "queues"]
    assert found["a.yaml"]["queues"]["a.1"] == {"use": "quorum-to-a.dead-limit-5"}


def test_exchanges_share_too() -> None:
    exchanges = [Exchange("/", f"a.{n}", "topic", arguments=Arguments({"alternate-exchange": "a.0"})) for n in range(4)]
    found = pages(documents(selection(*exchanges)))

    assert found["a.yaml"]["defaults"] == {"exchanges": {"alternate_exchange": "a.0"}}
    assert found["a.yaml"]["exchanges"]["a.1"] == {"type": "topic"}


@pytest.mark.parametrize("split", ["prefix", "exchange", "none"])
def test_owns_stands_where_the_first_of_its_names_does(split: Any) -> None:
    many = [Queue("/", f"a.{n:04}", "classic") for n in range(600)]
    others = {"/": frozenset({"b"})}
    found = pages(documents(Selection(("/",), {one.key: one for one in many}, others=others), split))

    patterns = {path: page["owns"] for path, page in found.items() if "owns" in page}
    assert list(patterns.values()) == [["a\\..*"]]
    assert "a.0000" in found[next(iter(patterns))]["queues"]
