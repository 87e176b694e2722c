from __future__ import annotations

import fcntl
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.broker.connect import connect
from rabbit_topo.broker.definitions import Definitions
from rabbit_topo.errors import UsageError
from rabbit_topo.model import Arguments, Binding, Counts, Exchange, Kind, Policy, Queue, Topology, Vhost
from rabbit_topo.plan.operations import Failed
from tests.operations import declare, remove, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rabbit_topo.model import Resource
    from rabbit_topo.plan.operations import Declare

EXPORT: dict[str, Any] = {
    "rabbit_version": "3.10.8",
    "users": [{"name": "guest", "password_hash": "…", "tags": ["administrator"]}],
    "vhosts": [{"name": "/"}, {"name": "quorums", "default_queue_type": "quorum"}],
    "parameters": [
        {
            "vhost": "/",
            "component": "operator_policy",
            "name": "cap",
            "value": {"pattern": ".", "definition": {"max-length": 9}},
        }
    ],
    "policies": [{"vhost": "/", "name": "p", "pattern": "^a", "definition": {"max-length": 1}}],
    "queues": [
        {"name": "a", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {"x-queue-type": "quorum"}},
        {"name": "a", "vhost": "/", "durable": False, "auto_delete": False, "arguments": {}},
        {"name": "bare", "vhost": "/"},
        {"name": "amq.gen-1", "vhost": "/", "arguments": []},
        {"name": "typed", "vhost": "/", "arguments": {"x-max-priority": 1}},
    ],
    "exchanges": [{"name": "x", "vhost": "/", "type": "topic", "auto_delete": True}],
    "bindings": [
        {
            "source": "x",
            "vhost": "/",
            "destination": "a",
            "destination_type": "queue",
            "routing_key": "k",
            "arguments": {},
        },
        {"source": "x", "vhost": "/", "destination": "amq.gen-1", "destination_type": "queue", "routing_key": "k"},
    ],
    "topic_permissions": [],
}


def a_file(folder: Path, content: Any = EXPORT) -> Definitions:
    path = folder / "broker.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return Definitions(str(path))


def content(road: Definitions) -> Any:
    with open(road.path, encoding="utf-8") as file:  # noqa: PTH123
        return json.load(file)


def seen(road: Definitions, vhost: str = "/") -> set[Resource]:
    """Everything of the vhost but the server's own exchanges."""
    resources = road.observe(Topology.naming(vhost)).topology.resources.values()
    return {it for it in resources if it.key.kind is Kind.BINDING or not it.key.name.startswith("amq.")}


def test_an_export_is_read(tmp_path: Path) -> None:
    road = a_file(tmp_path)
    assert seen(road) == {
        Vhost("/"),
        Queue("/", "a", "quorum"),
        Queue("/", "bare", "classic"),
        Queue("/", "typed", "classic", arguments=Arguments({"x-max-priority": 1})),
        Exchange("/", "x", "topic", auto_delete=True),
        Binding("/", "x", "queue", "a", "k"),
        Policy("/", "p", "^a", definition=Arguments({"max-length": 1})),
    }
    facts = road.observe(Topology.naming("/", "nowhere")).facts
    assert facts.version == "3.10.8"
    assert facts.vhosts == {"/", "quorums"}
    assert facts.counts == dict.fromkeys((Queue("/", name).key for name in ("a", "bare", "typed")), Counts(0, 0, 0))
    assert facts.default_queue_types == {"/": "classic", "quorums": "quorum"}
    assert [policy.definition for policy in facts.operator_policies] == [Arguments({"max-length": 9})]
    topics = [e for e in road.observe(Topology.naming("/")).topology.of(Kind.EXCHANGE) if e.key.name == "amq.topic"]
    assert topics == [Exchange("/", "amq.topic", "topic")]


@pytest.mark.parametrize(("text", "target", "version"), [("{}", "", "4.3"), ("{}", "3.12", "3.12")])
def test_an_empty_file_is_an_empty_broker(tmp_path: Path, text: str, target: str, version: str) -> None:
    path = tmp_path / "empty.json"
    path.write_text(text)
    observed = connect(str(path), target_version=target).observe(Topology.naming("/"))
    assert observed.facts.version == version
    assert observed.facts.vhosts == set()
    assert not observed.topology.resources


def test_without_a_list_every_vhost_that_is_named_exists(tmp_path: Path) -> None:
    road = a_file(tmp_path, {"queues": [{"name": "q", "vhost": "one"}], "exchanges": [{"name": "e", "vhost": "two"}]})
    assert road.observe(Topology.naming("one")).facts.vhosts == {"one", "two"}
    assert run(road, declare(Vhost("three"))) == [""]
    assert [item["name"] for item in content(road)["vhosts"]] == ["one", "two", "three"]


def test_an_export_of_one_vhost(tmp_path: Path) -> None:
    road = a_file(tmp_path, {"queues": [{"name": "q"}], "exchanges": [], "bindings": []})
    assert seen(road, "shop") == {Vhost("shop"), Queue("shop", "q", "classic")}
    told = run(road, declare(Queue("shop", "new", "classic")), declare(Queue("/", "elsewhere", "classic")))
    assert told[0] == ""
    assert told[1]
    assert content(road)["queues"][1] == {
        "name": "new",
        "durable": True,
        "auto_delete": False,
        "arguments": {"x-queue-type": "classic"},
    }


def test_what_is_not_ours_stays_as_it_is(tmp_path: Path) -> None:
    road = a_file(tmp_path)
    road.observe(Topology.naming("/"))
    before = content(road)
    queue = Queue("/", "ünew", "classic", arguments=Arguments({"x-max-length": 1, "f": 1.0}))
    assert run(road, declare(queue), declare(Binding("/", "x", "exchange", "amq.fanout", "k"))) == ["", ""]
    after = content(road)
    assert list(after) == list(before)
    for section, items in before.items():
        assert after[section][: len(items)] == items if isinstance(items, list) else after[section] == items
    with open(road.path, encoding="utf-8") as file:  # noqa: PTH123
        text = file.read()
    assert text.startswith('{\n "rabbit_version"')
    assert text.endswith("}\n")
    assert "ünew" in text
    assert {queue, Binding("/", "x", "exchange", "amq.fanout", "k")} <= seen(road)


def test_a_compact_file_stays_compact(tmp_path: Path) -> None:
    road = a_file(tmp_path, '{"vhosts":[{"name":"/"}],"users":[]}')
    assert run(road, declare(Exchange("/", "e", "fanout"))) == [""]
    with open(road.path, encoding="utf-8") as file:  # noqa: PTH123
        assert file.read().startswith('{"vhosts":[{"name":"/"}],"users":[],"exchanges":[{"name":"e",')


def test_every_kind_is_written_and_read_back(tmp_path: Path) -> None:
    road = a_file(tmp_path, "{}")
    waves: list[list[Resource]] = [
        [Vhost("v")],
        [Exchange("v", "e", "x-odd", durable=False, internal=True, arguments=Arguments({"a": [1, {"b": 1.0}]}))],
        [
            Queue("v", "q", "stream", arguments=Arguments({"x-max-age": "7D"})),
            Queue("v", "p", "classic", durable=False),
        ],
        [Binding("v", "e", "queue", "q", "", Arguments({"t": True})), Binding("v", "amq.topic", "exchange", "e", "#")],
        [Policy("v", "p", "^q", "queues", 2.5, Arguments({"expires": 5}))],
    ]
    for wave in waves:
        assert run(road, *map(declare, wave)) == [""] * len(wave)
    assert seen(road, "v") == {resource for wave in waves for resource in wave}
    for wave in reversed(waves[1:]):
        assert run(road, *map(remove, wave)) == [""] * len(wave)
    assert seen(road, "v") == {Vhost("v")}
    assert run(road, remove(Vhost("v"))) != [""]


def test_a_queue_without_a_type_takes_the_default_of_its_vhost(tmp_path: Path) -> None:
    road = a_file(tmp_path)
    assert run(road, declare(Queue("quorums", "q")), declare(Queue("/", "q"))) == ["", ""]
    assert Queue("quorums", "q", "quorum") in seen(road, "quorums")
    assert Queue("/", "q", "classic") in seen(road)


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (Queue("/", "bare", "classic", durable=False), "inequivalent arg 'durable'"),
        (Queue("/", "bare", "quorum"), "inequivalent arg 'type'"),
        (Queue("/", "bare", arguments=Arguments({"x-expires": 1})), "'x-expires'"),
        (Queue("/", "typed", "classic", arguments=Arguments({"x-max-priority": 1.0})), "'x-max-priority'"),
        (Exchange("/", "x", "topic", auto_delete=True, internal=True), "'internal'"),
        (Exchange("/", "x", "topic", auto_delete=True, arguments=Arguments({"alternate-exchange": "y"})), "alternate"),
        (Exchange("/", "amq.topic", "fanout"), "'type'"),
        (Exchange("/", "amq.mine", "fanout"), "reserved prefix"),
        (Queue("/", "new", "quorum", durable=False), "non-durable"),
        (Queue("/", "new", "stream", auto_delete=True), "auto-delete"),
        (Binding("/", "x", "queue", "nowhere"), "no queue 'nowhere'"),
        (Binding("/", "nowhere", "queue", "a"), "no exchange 'nowhere'"),
        (Binding("/", "", "queue", "a"), "no exchange ''"),
        (Binding("/", "x", "queue", "a", "k", Arguments({"n": None})), "null"),
        (Binding("/", "x", "queue", "a", "~", Arguments({"n": 1})), "'~' in its routing key"),
        (Queue("void", "q"), "vhost 'void' not found"),
    ],
)
def test_what_a_broker_refuses_is_refused(tmp_path: Path, resource: Resource, words: str) -> None:
    road = a_file(tmp_path)
    before = content(road)
    assert words in run(road, declare(resource))[0]
    assert content(road) == before


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    road = a_file(tmp_path)
    before = content(road)
    assert run(road, declare(Queue("/", "a")), declare(Exchange("/", "amq.topic", "topic"))) == ["", ""]
    assert content(road) == before


def test_an_auto_delete_exchange_goes_with_its_last_binding(tmp_path: Path) -> None:
    road = a_file(tmp_path)
    assert "in use" in run(road, remove(Exchange("/", "x", "topic")))[0]
    run(road, declare(Binding("/", "amq.topic", "exchange", "x", "in")))
    assert run(road, remove(Binding("/", "x", "queue", "a", "k"))) == [""]
    assert Exchange("/", "x", "topic", auto_delete=True) in seen(road)
    assert run(road, remove(Queue("/", "amq.gen-1"))) == [""]
    assert content(road)["exchanges"] == []
    assert content(road)["bindings"] == []


def test_all_entries_of_one_object_go_together(tmp_path: Path) -> None:
    road = a_file(tmp_path)
    assert run(road, remove(Queue("/", "a"))) == [""]
    assert [item["name"] for item in content(road)["queues"]] == ["bare", "amq.gen-1", "typed"]
    assert run(road, remove(Queue("/", "a"))) == [""]


def test_a_policy_is_changed_in_its_place(tmp_path: Path) -> None:
    road = a_file(tmp_path)
    changed = Policy("/", "p", "^b", "queues", 4, Arguments({"max-length": 2}))
    assert run(road, declare(changed)) == [""]
    assert changed in seen(road)
    assert len(content(road)["policies"]) == 1


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    road = a_file(tmp_path)
    road.observe(Topology.naming("/"))
    a_file(tmp_path, {"vhosts": []})
    assert "changed by somebody else" in run(road, declare(Queue("/", "new")))[0]
    assert content(road) == {"vhosts": []}


def test_mode_and_link_stay(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    path = real / "broker.json"
    path.write_text("{}")
    path.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    assert run(Definitions(str(link)), declare(Vhost("/"))) == [""]
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert json.loads(path.read_text()) == {"vhosts": [{"name": "/"}]}
    assert os.listdir(real) == ["broker.json"]  # noqa: PTH208


def test_the_owner_and_the_group_stay(tmp_path: Path) -> None:
    road = a_file(tmp_path, "{}")
    owner, group = (4321, 8765) if os.getuid() == 0 else (os.getuid(), os.getgroups()[-1])
    os.chown(road.path, owner, group)
    os.chmod(road.path, 0o640)  # noqa: PTH101
    assert run(road, declare(Vhost("/"))) == [""]
    after = os.stat(road.path)  # noqa: PTH116
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (owner, group, 0o640)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{\n  nope", ":2:3: no JSON"),
        ("", ":1:1: no JSON"),
        ("[]", "no JSON object"),
        ('{"queues": 1}', "queues: not a list of objects"),
        ('{"queues": [1]}', "queues: not a list of objects"),
        ('{"queues": [{"vhost": "/"}]}', "queues: entry 1 cannot be read: it has no 'name'"),
        ('{"queues": [{"vhost": "/", "name": 1}]}', "queues: entry 1 cannot be read: one of its names is no string"),
        (
            '{"policies": [{"name": "p", "pattern": ".", "vhost": [{}]}]}',
            "policies: entry 1 ('p') cannot be read: one of",
        ),
        ('{"bindings": [{"source": "a", "destination": "b", "destination_type": "c"}]}', "neither 'queue' nor"),
        ('{"bindings": [{"source": "a", "destination": "b", "destination_type": []}]}', "is not a string"),
        ('{"vhosts": [{}]}', "vhosts: entry 1"),
        ('{"vhosts": [{"name": 1}]}', "vhosts: entry 1 cannot be read: its 'name' is not a string"),
        ('{"vhosts": [{"name": "/", "default_queue_type": 1}]}', "vhosts: entry 1 ('/')"),
        ('{"vhosts": [{"name": "/", "metadata": {"default_queue_type": 1}}]}', "vhosts: entry 1 ('/')"),
        ('{"queues": {}}', "queues: not a list of objects"),
        ('{"parameters": ["x"]}', "parameters: not a list of objects"),
        ('{"parameters": {"a": 1}}', "parameters: not a list of objects"),
        ('{"original_vhost_name": 1}', "its 'original_vhost_name' is not a string"),
        ('{"original_cluster_name": null}', "its 'original_cluster_name' is not a string"),
        ('{"rabbitmq_version": 4.3}', "its 'rabbitmq_version' is not a string or null"),
        ('{"a": NaN}', "NaN"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_definitions_file(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        a_file(tmp_path, text).observe(Topology.naming("/"))
    assert words in str(caught.value)
    assert "Error" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"), [("cards.yaml", "without --broker"), ("cards.yml", "without --broker"), ("x.json", "export_def")]
)
def test_what_to_give_in_place_of_it(tmp_path: Path, name: str, hint: str) -> None:
    path = tmp_path / name
    path.write_text("version: 1\n")
    with pytest.raises(UsageError, match="no JSON") as caught:
        connect(str(path)).observe(Topology.naming("/"))
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("section", "fields", "words"),
    [
        ("policies", {"priority": None}, "its 'priority' is not a number"),
        ("policies", {"priority": "7"}, "its 'priority' is not a number"),
        ("policies", {"priority": True}, "its 'priority' is not a number"),
        ("policies", {"pattern": 7}, "its 'pattern' is not a string"),
        ("policies", {"apply-to": None}, "its 'apply-to' is not a string"),
        ("policies", {"definition": "x"}, "its 'definition' is not an object"),
        ("queues", {"durable": "false"}, "its 'durable' is not true or false"),
        ("queues", {"auto_delete": None}, "its 'auto_delete' is not true or false"),
        ("queues", {"arguments": "x"}, "its 'arguments' is not an object"),
        ("queues", {"arguments": [1]}, "its 'arguments' is not an object"),
        ("queues", {"arguments": False}, "its 'arguments' is not an object"),
        ("queues", {"arguments": {"x-queue-type": 1}}, "its 'x-queue-type' is not a string"),
        ("exchanges", {"type": None}, "its 'type' is not a string"),
        ("exchanges", {"durable": 1}, "its 'durable' is not true or false"),
        ("exchanges", {"auto_delete": "no"}, "its 'auto_delete' is not true or false"),
        ("exchanges", {"internal": 0}, "its 'internal' is not true or false"),
        ("bindings", {"routing_key": None}, "its 'routing_key' is not a string"),
        ("bindings", {"arguments": "x"}, "its 'arguments' is not an object"),
        ("parameters", {"value": "x"}, "its 'value' is not an object"),
        ("parameters", {"value": {"pattern": 7}}, "its 'pattern' is not a string"),
        ("parameters", {"value": {"pattern": ".", "priority": "7"}}, "its 'priority' is not a number"),
        ("parameters", {"value": {}}, "it has no 'pattern'"),
        ("parameters", {"vhost": 1}, "one of its names is no string"),
        ("parameters", {"name": 1}, "one of its names is no string"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_its_entry(
    tmp_path: Path, section: str, fields: dict[str, Any], words: str
) -> None:
    item: dict[str, Any] = {"name": "it", "vhost": "/", "source": "s", "destination": "d", "pattern": "^a"}
    item |= {"component": "operator_policy", "value": {"pattern": ".", "definition": []}}
    a_file(tmp_path, {section: [item]}).observe(Topology.naming("/"))
    with pytest.raises(UsageError) as caught:
        a_file(tmp_path, {section: [item, item | fields]}).observe(Topology.naming("/"))
    called = " ('it')" if fields.get("name", "it") == "it" else ""
    assert str(caught.value).endswith(f"{section}: entry 2{called} cannot be read: {words}")


def test_parameters_of_others_may_hold_anything(tmp_path: Path) -> None:
    road = a_file(tmp_path, {"parameters": [{"component": "shovel", "value": "x", "name": None}]})
    assert road.observe(Topology.naming("/")).facts.operator_policies == ()


def test_null_is_an_empty_section(tmp_path: Path) -> None:
    road = a_file(tmp_path, {"vhosts": [{"name": "/"}], "queues": None, "bindings": None})
    assert run(road, declare(Queue("/", "q", "classic"))) == [""]
    assert seen(road) == {Vhost("/"), Queue("/", "q", "classic")}


@pytest.mark.parametrize("home", [{"vhost": "shop"}, {}])
def test_a_vhost_outlives_the_last_object_that_told_of_it(tmp_path: Path, home: dict[str, str]) -> None:
    road = a_file(tmp_path, {"queues": [{"name": "q", **home}]})
    assert seen(road, "shop") == {Vhost("shop"), Queue("shop", "q", "classic")}
    assert run(road, remove(Queue("shop", "q"))) == [""]
    assert seen(road, "shop") == {Vhost("shop")}
    road = Definitions(road.path)
    assert seen(road, "shop") == {Vhost("shop")}
    assert run(road, declare(Queue("shop", "new", "classic"))) == [""]
    assert [item.get("vhost") for item in content(road)["queues"]] == [home.get("vhost")]


def test_a_vhost_that_still_holds_something_needs_no_list(tmp_path: Path) -> None:
    road = a_file(tmp_path, {"queues": [{"name": "q", "vhost": "/"}, {"name": "r", "vhost": "/"}]})
    assert run(road, remove(Queue("/", "q"))) == [""]
    assert content(road) == {"queues": [{"name": "r", "vhost": "/"}]}


class Meddled(list["Declare"]):
    """A wave that lets somebody else write the file while it is worked on."""

    def __init__(self, path: str, *operations: Declare) -> None:
        super().__init__(operations)
        self.path = path

    def __iter__(self) -> Iterator[Declare]:
        with open(self.path, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write('{"vhosts": []}')
        return super().__iter__()


def test_a_file_that_changes_during_a_wave_is_not_overwritten(tmp_path: Path) -> None:
    road = a_file(tmp_path)
    road.observe(Topology.naming("/"))
    (outcome,) = road.execute(Meddled(road.path, declare(Queue("/", "new"))))
    assert isinstance(outcome, Failed)
    assert "changed by somebody else" in outcome.reason
    assert content(road) == {"vhosts": []}
    assert "changed by somebody else" in run(road, declare(Queue("/", "new")))[0]
    assert os.listdir(tmp_path) == ["broker.json"]  # noqa: PTH208


def test_a_file_that_somebody_writes_is_left_alone(tmp_path: Path) -> None:
    road = a_file(tmp_path)
    before = content(road)
    with open(road.path, "rb") as file:  # noqa: PTH123
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "changed by somebody else" in run(road, declare(Queue("/", "new", "classic")))[0]
        assert content(road) == before
    assert run(Definitions(road.path), declare(Queue("/", "new", "classic"))) == [""]


def test_of_many_writers_none_undoes_what_another_did(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"vhosts": [{"name": "/"}]}).path

    def write(name: str) -> None:
        while run(Definitions(path), declare(Queue("/", name, "classic"))) != [""]:
            pass

    names = {f"q{number}" for number in range(24)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, names))
    assert {item["name"] for item in content(Definitions(path))["queues"]} == names
    assert os.listdir(tmp_path) == ["broker.json"]  # noqa: PTH208


@pytest.mark.parametrize(
    "broker", ["me:s3cret@127.0.0.1:15672", "http:/me:s3cret@x", "http:me:s3cret@x", "https:s3cret", "s3cret://me@x"]
)
@pytest.mark.parametrize("amqp", [None, "amqp://x"])
def test_a_broken_url_is_no_path_to_show(broker: str, amqp: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        connect(broker, amqp=amqp)
    assert caught.value.message == "--broker is not a URL"
    assert caught.value.hint == "write http://host:15672 or the path of a definitions file"


def test_a_broken_amqp_url_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        connect("http://x", amqp="me:s3cret@x")
    assert (caught.value.message, caught.value.hint) == ("the AMQP URL is not a URL", "write amqp://host:5672")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "broker.json"
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(UsageError, match="no JSON"):
        Definitions(str(path)).observe(Topology.naming("/"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        connect(str(tmp_path / "nowhere.json"))
    os.mkfifo(tmp_path / "pipe")
    for what in (str(tmp_path), str(tmp_path / "pipe"), os.devnull):
        with pytest.raises(UsageError, match="is no file"):
            connect(what)


def test_a_file_that_went_away_is_not_attempted(tmp_path: Path) -> None:
    road = a_file(tmp_path)
    road.observe(Topology.naming("/"))
    (tmp_path / "broker.json").unlink()
    assert "cannot be read" in run(road, declare(Queue("/", "new")))[0]


def test_server_named_queues_are_hidden_as_on_a_broker(tmp_path: Path) -> None:
    file = tmp_path / "definitions.json"
    file.write_text(json.dumps(EXPORT), encoding="utf-8")

    observed = Definitions(str(file)).observe(Topology.naming("/"))

    assert [queue.name for queue in observed.facts.hidden] == ["amq.gen-1"]
    assert [binding.destination for binding in observed.facts.hidden_bindings] == ["amq.gen-1"]
    assert not [key for key in observed.topology.resources if "amq.gen-1" in (key.name, key.destination)]


def test_of_several_of_one_name_the_first_counts_and_of_policies_the_last(tmp_path: Path) -> None:
    """As RabbitMQ 3.10.8 and 4.3.6 import them."""
    named: dict[str, Any] = {"vhost": "/", "name": "n", "pattern": "."}
    capping = {"vhost": "/", "name": "c", "component": "operator_policy"}
    document = {
        "vhosts": [{"name": "/"}],
        "exchanges": [{**named, "type": kind} for kind in ("topic", "fanout")],
        "queues": [{**named, "arguments": {"x-max-length": length}} for length in (1, 2)],
        "policies": [{**named, "definition": {"max-length": length}} for length in (1, 2)],
        "parameters": [{**capping, "value": {"pattern": ".", "definition": {"expires": age}}} for age in (1, 2)],
    }
    file = tmp_path / "definitions.json"
    file.write_text(json.dumps(document), encoding="utf-8")

    observed = Definitions(str(file)).observe(Topology.naming("/"))

    found = observed.topology.resources
    assert {Exchange("/", "n", "topic"), Queue("/", "n", "classic", arguments=Arguments({"x-max-length": 1}))} <= {
        *found.values()
    }
    assert found[Policy("/", "n", ".").key] == Policy("/", "n", ".", definition=Arguments({"max-length": 2}))
    assert [dict(one.definition) for one in observed.facts.operator_policies] == [{"expires": 2}]


@pytest.mark.parametrize(
    ("exchanges", "told"),
    [
        (None, True),
        ([], True),
        ([{"name": "x", "internal": False}, {"name": "y"}], True),
        ([{"name": "x"}], False),
    ],
)
def test_an_export_without_the_word_internal_tells_of_no_internal_exchange(
    tmp_path: Path,
    exchanges: list[dict[str, Any]] | None,
    told: bool,  # noqa: FBT001 - a column of a table
) -> None:
    file = tmp_path / "definitions.json"
    file.write_text(json.dumps({"exchanges": exchanges, "vhosts": [{"name": "/"}]}), encoding="utf-8")

    assert Definitions(str(file)).observe(Topology.naming("/")).facts.tells_internal is told


def test_half_of_a_character_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "definitions.json"
    file.write_text('{"queues": [{"name": "q\\ud83d", "vhost": "/"}]}', encoding="utf-8")
    with pytest.raises(UsageError, match=r"no definitions file: \\ud83d is half of a character"):
        Definitions(str(file)).observe(Topology.naming("/"))

    file.write_text('{"queues": [{"name": "q\\ud83d\\udc07", "vhost": "/"}]}', encoding="utf-8")
    names = [key.name for key in Definitions(str(file)).observe(Topology.naming("/")).topology.resources]
    assert "q🐇" in names
