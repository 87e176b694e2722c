"""The kept topologies and messages of `tests/cases/routing`, for the router alone and for real brokers.

A file holds `topology`, the text of a topology file; `until`, the last version that accepts it, where that is not the
newest; `moments`, bindings whose arguments hold timestamps, which no topology file can say; and `messages`. A message
has `publish`, and `expect`: the queues that a broker puts it into, or a mapping of them by the version from which on
they hold. `perhaps` are those of which the router is not certain, there or not; `refused` are the broker's words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from rabbit_topo.arguments.versions import NEWEST, read_release
from rabbit_topo.load import load
from rabbit_topo.model import Arguments, Binding
from rabbit_topo.routing import Message
from tests.routing_worlds import World

if TYPE_CHECKING:
    from rabbit_topo.model import Key

CASES = sorted((Path(__file__).parent / "cases" / "routing").glob("*.yaml"))


@dataclass(frozen=True)
class RouteCase:
    """A world, and what is expected of its messages by their numbers; `holds` says whether the version accepts it."""

    world: World
    holds: bool
    expected: dict[int, list[str]]
    perhaps: dict[int, list[str]]
    refused: dict[int, str]


def read_case(path: Path, vhost: str, version: str) -> RouteCase:
    """Read a case as a broker of this version sees it."""
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "topology.yaml"
        file.write_text(f"vhost: {vhost}\n{case['topology']}", encoding="utf-8")
        topology = load(file)
    moments: dict[Key, dict[str, Any]] = {}
    for given in case.get("moments", ()):
        plain = {
            name: int(value.timestamp()) if hasattr(value, "timestamp") else value
            for name, value in given["arguments"].items()
        }
        bound = Binding(vhost, given["exchange"], "queue", given["queue"], "", Arguments(plain))
        moments[bound.key] = given["arguments"]
        topology = replace(topology, resources={**topology.resources, bound.key: bound})
    messages = tuple(Message(**one["publish"], vhost=vhost) for one in case["messages"])
    return RouteCase(
        World(vhost, version, topology, messages, moments),
        _release(version) <= _release(case.get("until", "")),
        {n: sorted(_by_version(one.get("expect", []), version)) for n, one in enumerate(case["messages"])},
        {n: one.get("perhaps", []) for n, one in enumerate(case["messages"])},
        {n: one.get("refused", "").replace("VHOST", vhost) for n, one in enumerate(case["messages"])},
    )


def _by_version(expected: list[str] | dict[str, list[str]], version: str) -> list[str]:
    if isinstance(expected, list):
        return expected
    since = [given for given in sorted(expected, key=_release) if _release(given) <= _release(version)]
    return expected[since[-1]]


def _release(version: str) -> tuple[int, int]:
    return read_release(version) or NEWEST
