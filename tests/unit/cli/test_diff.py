"""`rabbit-topo diff`: any two of files, definitions files and revisions; what a login is shown to."""

from __future__ import annotations

import base64
import json
import socketserver
import subprocess
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Cli = Callable[..., tuple[int, str, str]]

SHOP = """\
version: 1
exchanges:
  shop: {type: topic}
  partner: {external: true, type: fanout}
queues:
  orders:
    type: quorum
    message_ttl: 1h
    bindings:
      - {exchange: shop, routing_key: order.created}
      - {exchange: partner}
policies:
  limits: {pattern: "^orders$", definition: {max_length: 10}}
"""


def definitions(**parts: Any) -> str:
    vhosts = parts.pop("vhosts", ["/"])
    parts.setdefault("rabbitmq_version", "4.1.2")
    return json.dumps({"vhosts": [{"name": name} for name in vhosts], **parts})


def queue(name: str, vhost: str = "/", **more: Any) -> dict[str, Any]:
    return {"vhost": vhost, "name": name, "durable": True, "auto_delete": False, "arguments": {}, **more}


def exchange(name: str, kind: str = "topic", **more: Any) -> dict[str, Any]:
    return queue(name, type=kind, internal=False, **more)


def binding(source: str, to: str, key: str = "", vhost: str = "/") -> dict[str, Any]:
    return {
        "vhost": vhost,
        "source": source,
        "destination": to,
        "destination_type": "queue",
        "routing_key": key,
        "arguments": {},
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(SHOP)
    return tmp_path


def both(cli: Cli, folder: Path, one: str, other: str, *words: str) -> tuple[int, str]:
    """Compare two texts, each a topology or a definitions file."""
    names = []
    for name, text in (("one", one), ("other", other)):
        path = folder / f"{name}.{'json' if text.startswith('{') else 'yaml'}"
        path.write_text(text)
        names.append(path.name)
    code, out, error = cli("diff", *names, *words)
    assert not error
    return code, out


def document(cli: Cli, *words: str) -> Any:
    code, out, _ = cli("diff", *words, "--format", "json")
    found = json.loads(out)
    assert code == (3 if found["differs"] else 0)
    return found


def test_the_same_thing_does_not_differ(cli: Cli, folder: Path) -> None:
    (folder / "empty.json").write_text("{}")
    code, out, error = cli("diff", "a.yaml", "a.yaml")
    assert (code, error) == (0, "")
    assert out == (
        "  A         a.yaml  1 file, 6 objects\n"
        "  B         a.yaml  1 file, 6 objects\n"
        "\n"
        "  Nothing differs: 6 objects are the same.\n"
    )
    code, out, _ = cli("diff", "empty.json", "empty.json")
    assert code == 0
    assert "Nothing differs: there is nothing on either side." in out


def test_what_differs_is_shown_as_a_plan_shows_it(cli: Cli, folder: Path) -> None:
    other = SHOP.replace("order.created", "order.*").replace("type: quorum", "type: classic").replace("10", "20")
    (folder / "b.yaml").write_text(f"{other}  more: {{pattern: x, definition: {{max_length: 5}}}}\n")
    code, out, _ = cli("diff", "a.yaml", "b.yaml")
    assert code == 3
    assert out == (
        """\
  A         a.yaml  1 file, 6 objects
  B         b.yaml  1 file, 7 objects

  REPLACE  RabbitMQ cannot change this in place
  -/+ queue orders                                                      b.yaml:6
        type   quorum -> classic
        2 bindings to bring back
        HAZARD   from delete to the last bind, messages for it are lost;
                 --migrate leaves no such gap

  DELETE
  - binding shop --[order.created]--> queue orders                     a.yaml:10

  UPDATE
  ~ policy limits                                                      b.yaml:13
        definition.max-length   10 -> 20
        reaches 1 queue

  CREATE
  + binding shop --[order.*]--> queue orders                           b.yaml:10
        like     shop --[order.created]--> queue orders, which is there
  + policy more                         x on all, priority 0           b.yaml:14
        max-length=5
        reaches 0 queues

  -/+ 1  - 1  ~ 1  + 2
  Difference: 1 to replace, 2 to create, 1 to update, 1 to delete; 3 unchanged.
"""
    )


def test_the_document_has_its_schema(cli: Cli, folder: Path) -> None:
    (folder / "b.json").write_text(definitions(queues=[queue("orders")], vhosts=["/", "other"]))
    found = document(cli, "a.yaml", "b.json")
    assert found["a"] == {
        "name": "a.yaml",
        "kind": "files",
        "version": "4.3",
        "cluster_name": "",
        "files": ["a.yaml"],
        "objects": 5,
    }
    assert (found["b"]["name"], found["b"]["kind"], found["b"]["version"]) == ("b.json", "definitions", "4.1.2")
    [row] = [row for row in found["changes"] if row["resource"].get("source") == "shop"]
    assert (row["change"], row["because"], row["origin"]["line"], row["origin"]["file"]) == (
        "delete",
        "gone",
        10,
        "a.yaml",
    )
    (folder / "diff.json").write_text(json.dumps(found))
    assert cli("schema", "diff", "--check", "diff.json")[0] == 0
    assert found["left_out"] == [
        {"reason": "vhosts that hold nothing, and that the files do not name", "objects": ["vhost other"]}
    ]
    assert [remark["text"] for remark in found["remarks"]] == [
        "A takes it for somebody else's (external); B does not have it"
    ]


def test_markdown_names_both_sides(cli: Cli, folder: Path) -> None:
    (folder / "b.json").write_text(definitions(original_cluster_name="hare@home"))
    _, out, _ = cli("diff", "b.json", "a.yaml", "--format", "markdown")
    assert out.startswith("### rabbit-topo diff: 2 blocked, 4 to create")
    assert "A is `b.json`" in out
    assert "`hare@home`" in out
    assert "B is `a.yaml`" in out
    assert "**Blocked:** external, and not there" in out


def test_files_that_leave_a_type_open_fit_what_is_there_and_differ_from_files_that_say_it(
    cli: Cli, folder: Path
) -> None:
    open_, said = "version: 1\nqueues: {q: {}}\n", "version: 1\nqueues: {q: {type: quorum}}\n"
    there = definitions(queues=[queue("q", arguments={"x-queue-type": "quorum"})])
    assert both(cli, folder, open_, there)[0] == 0
    assert both(cli, folder, there, open_)[0] == 0
    code, out = both(cli, folder, open_, said)
    assert code == 3
    assert "type   none -> quorum" in out
    code, out = both(cli, folder, said, open_)
    assert code == 3
    assert "SAID DIFFERENTLY" in out
    assert "A says type quorum; B leaves it to the broker" in out
    assert out.endswith("Nothing to do; 1 object said differently.\n")
    assert "**SAID DIFFERENTLY** (1)" in both(cli, folder, said, open_, "--format", "markdown")[1]
    two = [f"{text}---\nversion: 1\nvhost: two\n" for text in (said, open_)]
    assert ". queue q  (vhost /)" in both(cli, folder, *two)[1]
    assert "- queue **`q`** in vhost `/`, `other.yaml:2`" in both(cli, folder, *two, "--format", "markdown")[1]
    code, out = both(cli, folder, open_, "version: 1\nqueues: {other: {}}\n")
    assert "- queue q" in out
    assert "BLOCKED" not in out


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("{x: {external: true, type: topic}}", "{x: {external: true, type: fanout}}", "state it differently: type"),
        ("{x: {external: true, type: topic}}", "{x: {external: true}}", "state it differently: type"),
        ("{x: {external: true}}", "{}", "A takes it for somebody else's (external); B does not speak of it"),
        ("{}", "{x: {external: true}}", "B takes it for somebody else's (external); A does not speak of it"),
        ("{x: {type: topic}}", "{x: {external: true}}", "A declares it; B takes it for somebody else's (external)"),
        ("{amq.topic: {external: true, type: fanout}}", "{}", "B does not speak of it"),
        ("{x: {external: true}}", "{x: {type: topic}}", "+ exchange x"),
        ("{x: {type: topic}}", "{x: {external: true, type: fanout}}", "external, and not as the files say"),
    ],
)
def test_files_that_speak_differently_of_what_is_not_theirs_differ(
    cli: Cli, folder: Path, one: str, other: str, told: str
) -> None:
    code, out = both(cli, folder, f"version: 1\nexchanges: {one}\n", f"version: 1\nexchanges: {other}\n")
    assert code == 3
    assert told in " ".join(out.split())
    assert "- exchange" not in out


def test_what_others_own_goes_where_b_names_it_absent(cli: Cli, folder: Path) -> None:
    mentioned = "version: 1\nexchanges: {x: {external: true}}\n"
    code, out = both(cli, folder, mentioned, "version: 1\nabsent: {exchanges: [x]}\n")
    assert code == 3
    assert "- exchange x" in out
    assert "other.yaml:2" in out
    assert "SAID DIFFERENTLY" not in out


def test_a_right_mention_of_the_servers_own_exchange_is_no_difference(cli: Cli, folder: Path) -> None:
    said = "version: 1\nexchanges: {amq.topic: {external: true, type: topic, durable: true}, x: {type: topic}}\n"
    without = "version: 1\nexchanges: {x: {type: topic}}\n"
    assert both(cli, folder, said, without)[0] == both(cli, folder, without, said)[0] == 0
    there = definitions(exchanges=[exchange("x"), exchange("amq.topic")])
    assert both(cli, folder, said, there)[0] == both(cli, folder, there, said)[0] == 0
    assert both(cli, folder, without, there)[0] == both(cli, folder, there, without)[0] == 0
    plugin = definitions(exchanges=[exchange("x"), exchange("amq.rabbitmq.event")])
    assert both(cli, folder, plugin, there)[0] == both(cli, folder, there, plugin)[0] == 0


def test_an_export_that_leaves_internal_exchanges_out_is_told(cli: Cli, folder: Path) -> None:
    without = exchange("x")
    del without["internal"]
    silent = definitions(exchanges=[without])
    there = definitions(exchanges=[exchange("x"), {**exchange("inner"), "internal": True}])
    for pair, name in (((silent, there), "one.json"), ((there, silent), "other.json")):
        code, out = both(cli, folder, *pair)
        assert code == 3
        assert f"{name} is an export that leaves internal exchanges out: it may be there" in " ".join(out.split())
    assert "it may be there" not in both(cli, folder, definitions(exchanges=[exchange("x")]), there)[1]


def test_an_external_object_is_held_to_what_is_stated_of_it(cli: Cli, folder: Path) -> None:
    said = "version: 1\nexchanges: {x: {external: true, type: topic, arguments: {a: 1}}}\n"
    fits = definitions(exchanges=[exchange("x", durable=False, arguments={"a": 1, "b": 2})])
    differs = definitions(exchanges=[exchange("x", arguments={"a": 2})])
    assert both(cli, folder, said, fits)[0] == both(cli, folder, fits, said)[0] == 0
    code, out = both(cli, folder, said, differs)
    assert (code, "arguments.a   1 -> 2" in out) == (3, True)
    code, out = both(cli, folder, differs, said)
    assert (code, "arguments.a   2 -> 1" in out, "BLOCKED" in out) == (3, True, True)


def test_what_files_take_out_is_left_out_of_what_is_there_and_told(cli: Cli, folder: Path) -> None:
    said = """\
version: 1
ignore: ["tmp.*"]
exchanges: {x: {type: topic}}
queues:
  q: {type: classic, open_bindings: true, bindings: [{exchange: x, routing_key: a}]}
"""
    names = ("tmp.1", "tmp.2", "tmp.3", "tmp.4")
    there = definitions(
        exchanges=[exchange("x")],
        queues=[queue("q"), *map(queue, names)],
        bindings=[binding("x", "q", "a"), binding("x", "q", "b"), binding("x", "tmp.1", "c")],
    )
    for pair in ((said, there), (there, said)):
        code, out = both(cli, folder, *pair)
        assert code == 0
        assert "bindings that consumers make at run time (`open_bindings`): binding x -> q in /" in " ".join(
            out.split()
        )
        assert "`ignore:` takes them out" in out
        assert "and 1 more" in out
    assert "**LEFT OUT**" in both(cli, folder, said, there, "--format", "markdown")[1].replace("<b>", "**").replace(
        "</b>", "**"
    )
    # What files declare is compared, whatever other files take out.
    declared = "version: 1\nqueues: {q: {type: classic}, tmp.1: {type: classic}}\n"
    code, out = both(cli, folder, declared, "version: 1\nignore: ['tmp.*']\nqueues: {q: {type: classic}}\n")
    assert (code, "- queue tmp.1" in out) == (3, True)
    # And between two brokers nothing is taken out.
    assert both(cli, folder, there, definitions(queues=[queue("q")]))[0] == 3


def test_what_the_tool_keeps_there_for_a_while_is_no_difference(cli: Cli, folder: Path) -> None:
    kept = [queue("rabbit-topo.lock"), exchange("rabbit-topo.into.q~1")]
    there = definitions(
        queues=[queue("q"), kept[0]],
        exchanges=[kept[1]],
        bindings=[binding("rabbit-topo.into.q~1", "q"), binding("amq.topic", "rabbit-topo.lock")],
    )
    for pair in ((there, there), (there, definitions(queues=[queue("q")]))):
        code, out = both(cli, folder, *pair)
        assert code == 0
        assert "what this tool keeps on a broker for a while" in " ".join(out.split())


def test_policies_are_compared_each_and_none_is_displaced(cli: Cli, folder: Path) -> None:
    policy = {"vhost": "/", "pattern": "q", "apply-to": "all", "definition": {"max-length": 5}}
    one = definitions(queues=[queue("q")], policies=[{**policy, "name": "amq.odd", "priority": 9}])
    other = definitions(queues=[queue("q")], policies=[{**policy, "name": "ours", "priority": 1}])
    code, out = both(cli, folder, one, other)
    assert code == 3
    assert "- policy amq.odd" in out
    assert "+ policy ours" in out
    assert "BLOCKED" not in out
    assert "NOT IN EFFECT" not in out


def test_what_no_flag_lets_through_stays_blocked(cli: Cli, folder: Path) -> None:
    guarded = "version: 1\nqueues: {q: {type: quorum, protect: true}}\n"
    code, out = both(cli, folder, definitions(queues=[queue("q")]), guarded)
    assert (code, "BLOCKED  protect: true" in out) == (3, True)


def test_vhosts_that_one_side_lacks(cli: Cli, folder: Path) -> None:
    one = definitions(vhosts=["/", "old"], queues=[queue("q", "old")])
    other = definitions(vhosts=["/", "new"], queues=[queue("q", "new")])
    code, out = both(cli, folder, one, other)
    assert code == 3
    assert "- vhost old" in out
    assert "rabbitmqctl delete_vhost old" in out
    assert "- queue q  (vhost old)" in out
    assert "+ vhost new" in out
    assert "+ queue q  (vhost new)" in out
    empty = definitions(vhosts=["/", "old"])
    assert both(cli, folder, empty, definitions())[0] == both(cli, folder, definitions(), empty)[0] == 3
    assert both(cli, folder, one, other, "--vhost", "/")[0] == 0
    assert both(cli, folder, one, other, "--vhost", "/", "--vhost", "new")[0] == 3
    code, _, error = cli("diff", "one.json", "other.json", "--vhost", "/", "--vhost", "nwe")
    assert code == 2
    assert "neither side has a vhost 'nwe'" in error
    assert "/, new, old" in error


def test_one_vhost_is_that_of_documents_that_name_none(cli: Cli, folder: Path) -> None:
    there = definitions(vhosts=["/", "shop"], queues=[queue("q", "shop"), queue("other")])
    said = "version: 1\nqueues: {q: {type: classic}}\n"
    assert both(cli, folder, said, there, "--vhost", "shop")[0] == 0
    assert both(cli, folder, there, said, "--vhost", "shop")[0] == 0
    assert both(cli, folder, said, there)[0] == 3


def test_a_vhost_that_nobody_names_is_none(cli: Cli, folder: Path) -> None:
    """Documents that name none are taken for any: that they are there says nothing of the vhost."""
    files = "version: 1\nqueues: {q: {type: classic}}\n"
    (folder / "files.yaml").write_text(files)
    (folder / "there.json").write_text(definitions(queues=[queue("q")]))
    for pair in (("files.yaml", "files.yaml"), ("files.yaml", "there.json"), ("there.json", "files.yaml")):
        code, out, error = cli("diff", *pair, "--vhost", "nope")
        assert (code, out) == (2, "")
        assert "neither side has a vhost 'nope'" in error
        assert "they have: /" in error
    (folder / "named.yaml").write_text(f"{files}---\nversion: 1\nvhost: shop\nqueues: {{r: {{type: classic}}}}\n")
    assert cli("diff", "named.yaml", "named.yaml", "--vhost", "shp")[0] == 2
    code, out, _ = cli("diff", "named.yaml", "named.yaml", "--vhost", "shop")
    assert code == 0
    assert "documents that name no vhost are taken for shop (--vhost)" in " ".join(out.split())
    assert all(len(line) <= 80 for line in out.splitlines())
    named = files.replace("queues", "vhost: shop\nqueues")
    assert "(--vhost)" not in both(cli, folder, named, named, "--vhost", "shop")[1]


@pytest.mark.usefixtures("repository")
def test_a_vhost_that_a_revision_does_not_name_is_none(cli: Cli) -> None:
    assert cli("diff", "git:HEAD:a.yaml", "a.yaml", "--vhost", "nope")[0] == 2


def test_queues_of_the_servers_own_names_are_counted_as_left_out(cli: Cli, folder: Path) -> None:
    one = definitions(queues=[queue("q"), queue("amq.x")], exchanges=[exchange("e")], bindings=[binding("e", "amq.x")])
    other = definitions(queues=[queue("q")], exchanges=[exchange("e")])
    for pair in ((one, other), (other, one)):
        code, out = both(cli, folder, *pair)
        assert code == 0
        told = "exclusive and server-named queues, and what is bound to them: binding e -> amq.x in /, queue amq.x in /"
        assert told in " ".join(out.split())
    assert "left out" not in both(cli, folder, other, other)[1]
    two = definitions(vhosts=["/", "two"], queues=[queue("amq.x", "two")])
    assert "left out" not in both(cli, folder, two, two, "--vhost", "/")[1]


def test_a_result_is_not_written_over_what_is_compared(cli: Cli, folder: Path) -> None:
    there = folder / "there.json"
    there.write_text(definitions())
    (folder / "link.json").symlink_to(there)
    (folder / "rabbit-topo.yaml").write_text("sources: [a.yaml]\n")
    for words in (
        ("there.json", "a.yaml", "--format", "json=link.json"),
        ("a.yaml", "there.json", "--format", "json=./there.json"),
        ("there.json", "--format", "json=a.yaml"),
    ):
        code, _, error = cli("diff", *words)
        assert code == 2
        assert "would write over" in error
    assert there.read_text() == definitions()
    assert (folder / "a.yaml").read_text() == SHOP


def test_no_line_is_wider_than_the_page(cli: Cli, folder: Path) -> None:
    long = "a.name.that.goes.on.and.on.for.quite.a.while"
    there = definitions(
        vhosts=["/", "two"],
        original_cluster_name="a cluster with a name as long as that of a village",
        exchanges=[exchange(long)],
        queues=[queue(f"{long}.q")],
        bindings=[binding(long, f"{long}.q", "some.key")],
    )
    code, out = both(cli, folder, there, definitions(vhosts=["/"]))
    assert code == 3
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "- vhost two\n" in out
    assert "\n\n\n" not in out
    code, out = both(cli, folder, definitions(), there)
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "\n\n\n" not in out


@pytest.fixture
def repository(folder: Path) -> Callable[..., None]:
    def git(*words: str) -> None:
        who = ("git", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
        subprocess.run((*who, *words), cwd=folder, check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch=main")
    git("add", "a.yaml")
    git("commit", "--quiet", "--message", "a state")
    return git


@pytest.mark.usefixtures("repository")
def test_a_revision_against_the_work_tree(cli: Cli, folder: Path) -> None:
    (folder / "a.yaml").write_text(SHOP.replace("10", "5").replace("      - {exchange: partner}\n", ""))
    for named in ("git:main", "git:main:a.yaml"):
        code, out, _ = cli("diff", named, "a.yaml")
        assert code == 3
        assert f"A         {named}  1 file, 6 objects" in out
        assert "definition.max-length   10 -> 5" in out
        assert "- binding partner --[]--> queue orders" in out
        assert "git:main:a.yaml:11" in out
    [row] = [row for row in document(cli, "a.yaml", "git:HEAD")["changes"] if row["change"] == "create"]
    assert row["origin"] == {"file": "git:HEAD:a.yaml", "line": 11, "column": 9}
    code, _, error = cli("diff", "git:HEAD", "git:HEAD")
    assert code == 2
    assert "git:HEAD names no files" in error
    (folder / "rabbit-topo.yaml").write_text("sources: [./a.yaml]\n")
    assert cli("diff", "git:HEAD", "git:main")[0] == 0
    assert cli("diff", "git:HEAD")[0] == 3
    (folder / "sub").mkdir()
    assert cli("diff", "git:HEAD:sub", "a.yaml")[0] == 2
    code, _, error = cli("diff", "git:HEAD:defs.json", "a.yaml")
    assert (code, "a definitions file is not read of a revision" in error) == (2, True)
    code, _, error = cli("diff", "git:nowhere", "a.yaml")
    assert (code, "git says: fatal: Needed a single revision" in error) == (2, True)


@pytest.mark.usefixtures("repository")
def test_a_revision_is_a_source_like_others(cli: Cli, folder: Path) -> None:
    (folder / "a.yaml").write_text("no: [topology")
    code, out, _ = cli("route", "shop", "order.created", "--from", "git:HEAD:a.yaml")
    assert code == 0
    assert "orders" in out
    assert cli("lint", "--from", "git:HEAD:a.yaml")[:2] == (0, "No findings in 1 file.\n")
    code, _, error = cli("lint", "a.yaml", "--from", "git:HEAD:a.yaml")
    assert (code, "two topologies" in error) == (2, True)


CONFIG = """\
environments:
  one: {broker: one.json}
  two: {broker: two.json}
"""


def test_environments_of_the_config_are_brokers_by_name(cli: Cli, folder: Path) -> None:
    (folder / "rabbit-topo.yaml").write_text(CONFIG)
    (folder / "one.json").write_text(definitions(queues=[queue("q")]))
    (folder / "two.json").write_text(definitions())
    code, out, _ = cli("diff", "broker:two", "broker:one")
    assert (code, "+ queue q" in out) == (3, True)
    assert cli("diff", "broker", "broker:one", "--env", "one")[0] == 0
    assert cli("diff", "broker", "one.json", "--env", "one")[0] == 0
    assert cli("diff", "broker", "one.json", "--broker", "two.json")[0] == 3
    for words, told in {
        ("broker", "broker"): "broker is named twice",
        ("broker:one", "broker:one"): "broker:one is named twice",
        ("one.json", "two.json", "--broker", "two.json"): "neither side is it",
        ("broker:one", "two.json", "--env", "two"): "two environments",
        ("broker:one", "broker:two", "--username", "me"): "--username: of which of the two brokers is it?",
        ("http://me:secret@h:1", "http://h:2", "--key-file", "k"): "--key-file: of which",
        ("http://me:secret@h:1", "http://me:secret@h:1"): "http://h:1 is named twice",
        ("broker:none", "one.json"): "no environment none",
        ("amqp://h", "one.json"): "shows neither bindings nor policies",
        ("none.json", "one.json"): "no definitions file",
        ("none.yaml", "one.json"): "no such file",
    }.items():
        code, _, error = cli("diff", *words)
        assert code == 2, words
        assert told in error
        assert "secret" not in error


@pytest.fixture
def port() -> Iterator[tuple[int, list[bytes]]]:
    """Listen on a port, refuse every request there, and keep what it said."""
    heard: list[bytes] = []

    class Refusing(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while (line := self.rfile.readline()).strip():
                heard.append(line)
            self.wfile.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1], heard
        server.shutdown()
        thread.join()


def login(heard: list[bytes]) -> set[str]:
    found = [line.partition(b"Basic ")[2] for line in heard if line.lower().startswith(b"authorization")]
    heard.clear()
    return {base64.b64decode(one).decode() for one in found}


def test_a_login_is_shown_to_its_own_broker_alone(
    cli: Cli, folder: Path, port: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    number, heard = port
    (folder / "one.json").write_text(definitions())
    (folder / "password").write_text("ours\n")
    (folder / "password").chmod(0o600)
    url, flags = f"http://127.0.0.1:{number}", ("--username", "me", "--password-file", "password")
    assert cli("diff", "one.json", url, *flags)[0] == 1
    assert login(heard) == {"me:ours"}
    assert cli("diff", "broker", url, "--broker", "one.json", *flags)[0] == 1
    assert login(heard) == {"guest:guest"}
    assert cli("diff", "broker", url.replace("://", "://you:yours@"), "--broker", "one.json", *flags)[0] == 1
    assert login(heard) == {"you:yours"}
    monkeypatch.setenv("RABBIT_TOPO_USERNAME", "me")
    monkeypatch.setenv("RABBIT_TOPO_PASSWORD", "ours")
    assert cli("diff", "one.json", url)[0] == 1
    assert login(heard) == {"me:ours"}
    assert cli("diff", "broker", url, "--broker", "one.json")[0] == 1
    assert login(heard) == {"guest:guest"}
    assert cli("diff", url, url.replace("127.0.0.1", "localhost"))[0] == 1
    assert login(heard) == {"guest:guest"}
    assert cli("diff", "broker", "one.json", "--broker", url)[0] == 1
    assert login(heard) == {"me:ours"}
    (folder / "rabbit-topo.yaml").write_text(CONFIG + f"  three: {{broker: '{url}', username: it, password: its}}\n")
    assert cli("diff", "broker:one", "broker:three")[0] == 1
    assert login(heard) == {"it:its"}


def test_what_the_config_fills_in_from_the_environment_is_filled_in(
    cli: Cli, folder: Path, port: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`${RABBIT_TOPO_PASSWORD}` of an environment is its own password, and nobody else's."""
    number, heard = port
    url = f"http://127.0.0.1:{number}"
    (folder / "rabbit-topo.yaml").write_text(
        f"{CONFIG}  three: {{broker: '{url}', username: it, password: '${{RABBIT_TOPO_PASSWORD}}'}}\n"
    )
    (folder / "one.json").write_text(definitions())
    monkeypatch.setenv("RABBIT_TOPO_PASSWORD", "ours")
    assert cli("diff", "broker:one", "broker:three")[0] == 1
    assert login(heard) == {"it:ours"}
    assert cli("diff", "broker", url, "--env", "one")[0] == 1
    assert login(heard) == {"guest:guest"}


@pytest.mark.parametrize(
    "variable",
    [
        ("RABBIT_TOPO_BROKER", "one.json"),
        ("RABBIT_TOPO_AMQP", "amqp://nowhere"),
        ("RABBIT_TOPO_ENV", "one"),
        ("RABBIT_TOPO_USERNAME", "me"),
        ("RABBIT_TOPO_PASSWORD", "ours"),
        ("RABBIT_TOPO_PASSWORD_FILE", "none"),
        ("RABBIT_TOPO_CERT_FILE", "none"),
        ("RABBIT_TOPO_KEY_FILE", "none"),
    ],
)
def test_a_variable_of_a_login_is_for_the_word_broker_alone(
    cli: Cli,
    folder: Path,
    port: tuple[int, list[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    variable: tuple[str, str],
) -> None:
    """Two URLs are asked without it, even where it could not be used: it is nobody's."""
    number, heard = port
    (folder / "one.json").write_text(definitions())
    monkeypatch.setenv(*variable)
    code, _, error = cli("diff", f"http://127.0.0.1:{number}", f"http://localhost:{number}")
    assert code == 1, error
    assert login(heard) == {"guest:guest"}


def test_quiet_says_it_by_the_code_alone(cli: Cli, folder: Path) -> None:
    (folder / "b.yaml").write_text("version: 1\n")
    assert cli("diff", "-q", "a.yaml", "b.yaml") == (3, "", "")
