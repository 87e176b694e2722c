"""For the tests of migrations: queues with a binding from an exchange of each type, files that change them, and checks.

Each queue has exchanges of its own, and bindings that nobody declares beside those in the files. What a test sends to
it is told by `tests.traffic`.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from rabbit_topo.cli import run
from tests.brokers import LABELS
from tests.traffic import Publisher, Route, Tally, connected, drain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.brokers import Node

LONG: Final = bool(os.environ.get("RABBIT_TOPO_LONG"))
ROOT: Final = Path(__file__).parents[1]
_FLEETING = ("rabbit-topo.lock", "rabbit-topo.into.")
Bound = tuple[str, str, str, str, str]

_EXCHANGES = {"direct": "direct", "topic": "topic", "fanout": "fanout", "headers": "headers", "outer": "topic"}


@dataclass(frozen=True)
class Scene:
    """One vhost of one broker, and the files for it."""

    node: Node
    vhost: str
    folder: Path
    queues: dict[str, str] = field(default_factory=dict)  # the file's text for each
    owns: list[str] = field(default_factory=list)

    @contextmanager
    def beside(self, number: int) -> Iterator[Scene]:
        """Make a vhost of its own for another scene."""
        name, folder = f"{self.vhost}-{number}", self.folder / str(number)
        folder.mkdir()
        self.node.http("PUT", "vhosts", name, body={})
        self.node.http("PUT", "permissions", name, "guest", body={"configure": ".*", "write": ".*", "read": ".*"})
        try:
            yield Scene(self.node, name, folder)
        finally:
            self.node.http("DELETE", "vhosts", name)

    def lay(self, name: str, kind: str = "classic", *, durable: bool = True, **arguments: Any) -> tuple[Route, ...]:
        """Make a queue, five exchanges and their bindings; answer the ways to send to it."""
        for suffix, type_ in (*_EXCHANGES.items(), ("inner", "fanout")):
            body = {"type": type_, "durable": True, "internal": suffix == "inner"}
            self.node.http("PUT", "exchanges", self.vhost, f"{name}.{suffix}", body=body)
        self.queue(name, kind, durable=durable, **arguments)
        self.bind(f"{name}.direct", name, "a")
        self.bind(f"{name}.direct", name, "b", n=1)
        self.bind(f"{name}.topic", name, "order.*.#")
        self.bind(f"{name}.fanout", name, "ignored")
        wanted: dict[str, Any] = {"x-match": "all", "shop": "north", "pages": 3}
        self.bind(f"{name}.headers", name, "", **wanted)
        self.bind(f"{name}.outer", f"{name}.inner", "via.#", to="e")
        self.bind(f"{name}.inner", name, "")
        self.bind("amq.topic", name, f"others.{name}.#")  # somebody else's
        return self.routes(name)

    def routes(self, name: str) -> tuple[Route, ...]:
        """The ways to send to a queue."""
        return (
            Route(f"{name}.direct", ("a", "b")),
            Route(f"{name}.topic", ("order.created", "order.paid.eu", "order.x.y.z")),
            Route(f"{name}.fanout", ("", "any key", name)),
            Route(f"{name}.headers", ("k1", "k2"), {"shop": "north", "pages": 3}),
            Route(f"{name}.outer", ("via.a", "via.b.c")),
            Route("amq.topic", (f"others.{name}.one", f"others.{name}.two")),
        )

    def queue(self, name: str, kind: str = "classic", *, durable: bool = True, **arguments: Any) -> None:
        """Make a queue; `arguments` without their x- and with underscores."""
        auto_delete = arguments.pop("auto_delete", False)
        given = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
        body = {"durable": durable, "auto_delete": auto_delete, "arguments": {"x-queue-type": kind, **given}}
        self.node.http("PUT", "queues", self.vhost, name, body=body)

    def bind(self, source: str, destination: str, key: str, *, to: str = "q", **arguments: Any) -> None:
        body = {"routing_key": key, "arguments": arguments}
        self.node.http("POST", "bindings", self.vhost, "e", source, to, destination, body=body)

    def declare(self, name: str, options: str = "type: quorum") -> None:
        """Say in the file what a queue is to be: its own keys, in YAML's flow style."""
        self.queues[name] = (
            f"  {name}: {{open_bindings: true, {options}, bindings: ["
            f'{{exchange: {name}.direct, routing_key: a}}, {{exchange: {name}.topic, routing_key: "order.*.#"}}]}}\n'
        )

    def words(self, *flags: str) -> list[str]:
        """Write the file; answer the words behind the command that name it and the broker."""
        exchanges = "".join(
            f"  {name}.{suffix}: {{type: {type_}}}\n" for name in self.queues for suffix, type_ in _EXCHANGES.items()
        )
        head = f"version: 1\nowns: {json.dumps(self.owns)}\nexchanges:\n{exchanges}"
        text = f"{head}queues:\n{''.join(self.queues.values())}"
        file = self.folder / "shop.yaml"
        file.write_text(text)
        return [str(file), "--vhost", self.vhost, *self.roads, *flags]

    @property
    def roads(self) -> list[str]:
        return ["--broker", self.node.broker_url, "--amqp", self.node.amqp_url]

    def run(self, command: str, *flags: str) -> tuple[int, str]:
        """Run the command line in this process; its exit code, and all that it said."""
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = run([command, *self.words(*flags)])
        return code, said.getvalue()

    def migrate(self, *flags: str, timeout: float = 300.0) -> tuple[int, str]:
        """Run `apply --yes --migrate` in a process of its own, as publishers of the test keep this one busy."""
        return finished(self.start(*flags), timeout)

    def start(self, *flags: str, when: str = "") -> subprocess.Popen[str]:
        """Start `apply --yes --migrate`; `when` is when it is killed, see `tests.killer`."""
        module = ["tests.killer", when] if when else ["rabbit_topo"]
        return launch(["-m", *module, "apply", "--yes", "--migrate", "--max-delete", "100", *self.words(*flags)])

    def killed(self, when: str, *flags: str) -> tuple[bool, str]:
        """Migrate, and be killed; whether it was, and what was said until then."""
        code, said = finished(self.start(*flags, when=when), 120)
        assert code in {-signal.SIGKILL, 0}, said
        return code != 0, said

    def bindings(self, leave: Iterable[str] = ("rabbit-topo.",)) -> set[Bound]:
        """Read every binding but those of what is there for a while."""
        return {
            (it["source"], it["destination_type"], it["destination"], it["routing_key"], _sorted(it["arguments"]))
            for it in self.node.http("GET", "bindings", self.vhost)
            if it["source"] and not any(it["destination"].startswith(prefix) for prefix in leave)
        }

    def ours(self) -> set[str]:
        """Name what the tool left: every queue and exchange that begins with rabbit-topo.

        The lock and what publishes go with a connection; the broker may list them a moment longer.
        """
        deadline = time.monotonic() + 5
        while True:
            listed = {
                it["name"]
                for kind in ("exchanges", "queues")
                for it in self.node.http("GET", kind, self.vhost, query="disable_stats=true&columns=name")
            }
            found = {name for name in listed if name.startswith("rabbit-topo.")}
            if not any(name.startswith(_FLEETING) for name in found) or time.monotonic() > deadline:
                return found
            time.sleep(0.02)

    def messages(self, name: str) -> int:
        """Count what is ready."""
        with connected(self.node, self.vhost) as connection:
            return int(connection.channel().queue_declare(name, passive=True).message_count)

    def fill(self, routes: Sequence[Route], count: int, first: int = 0) -> set[int]:
        """Send so many messages, all confirmed."""
        with Publisher(self.node, self.vhost, routes, count=count, first=first) as publisher:
            publisher.wait()
        assert len(publisher.confirmed) == count, (len(publisher.confirmed), publisher.returned, publisher.unknown)
        return publisher.confirmed

    def settled(self, bound: set[Bound]) -> None:
        """See that nothing is left over, every binding is as before, and neither check nor plan finds a difference."""
        assert not self.ours(), self.ours()
        assert self.bindings() == bound
        code, said = self.run("check")
        assert code == 0, ending(said)
        code, said = self.run("plan", "--fail-on-changes", "--migrate")
        assert code == 0, ending(said)

    def complete(self, name: str, sent: Iterable[int], routes: Sequence[Route] = ()) -> Tally:
        """Read a queue out, and see that every message is there and unchanged."""
        tally = drain(self.node, self.vhost, name, routes or self.routes(name))
        lost = tally.lost(sent)
        assert not lost, f"{len(lost)} of {name} lost: {lost[:20]}"
        assert not tally.changed, tally.changed[:5]
        return tally


def in_turn(test: str, label: str) -> None:
    """Skip a test on all brokers but one, which its name chooses; in a long run on none."""
    if not LONG and zlib.adler32(test.encode()) % len(LABELS) != LABELS.index(label):
        pytest.skip("tried on another broker; on each with RABBIT_TOPO_LONG=1")


def launch(words: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a Python process beside this one."""
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process: subprocess.Popen[str], timeout: float) -> tuple[int, str]:
    try:
        said, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        raise AssertionError(f"it did not end in {timeout:g} s: {said}") from None
    return process.returncode, said


def ending(said: str) -> str:
    """The end of what a command said: what came of it, behind the plan."""
    marks = [said.find(f"\n  {word}") for word in ("FAILED", "NOT ATTEMPTED", "DONE", "BLOCKED")]
    return said[min((at for at in marks if at >= 0), default=0) :][-4000:]


def _sorted(arguments: object) -> str:
    return json.dumps(arguments, sort_keys=True)
