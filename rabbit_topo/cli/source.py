"""Where a topology is read from: files, a definitions file, or a live broker."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from rabbit_topo.cli.output import Progress
from rabbit_topo.cli.session import files_of, settle
from rabbit_topo.config.settings import Sources
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from rabbit_topo.broker.target import Target
    from rabbit_topo.cli.options import BrokerOptions, Common
    from rabbit_topo.errors import Problem
    from rabbit_topo.model import Key, Observed, Policy, Suppression, Topology
    from rabbit_topo.routing import Router

USUAL: Final = "/"  # the vhost of documents that name none, unless --vhost says another
BROKER: Final = "broker"  # the word that stands for the broker of the options or the config
_URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True)
class Source:
    """A topology, and what is known of the broker that it is for.

    `shown` names it for people: the files, or the broker's address. `live` is what was read from a broker or from a
    definitions file, None where topology files were read; `target` is that broker. `problems` are what a tolerant
    reading of files left out, and why; `damaged` and `partial` are the objects that it left something out of, and
    `comments` those that suppress findings. `configured` is what the configuration says that needs no broker.
    """

    topology: Topology
    version: str
    shown: str
    operator_policies: tuple[Policy, ...] = ()
    live: Observed | None = None
    problems: tuple[Problem, ...] = ()
    damaged: frozenset[Key] = frozenset()
    partial: frozenset[Key] = frozenset()
    comments: tuple[Suppression, ...] = ()
    target: Target | None = None
    configured: Sources = field(default_factory=lambda: Sources((), None))

    @cached_property
    def router(self) -> Router:
        """The index that routes messages through it."""
        from rabbit_topo.routing import Router

        if self.live is not None:
            return Router.observed(self.live)
        return Router(self.topology, self.version, self.operator_policies)


def source(
    common: Common,
    login: BrokerOptions,
    given: str | tuple[str, ...] | None = None,
    *,
    tolerant: bool = False,
    tests: bool = False,
    about: str | None = None,
) -> Source:
    """Read what `given` names: `broker`, a management URL, a `*.json` definitions file, or topology files.

    None, or nothing, is the files of the command line, else those of the config. With `tolerant`, what is wrong in
    files is left out and told in `problems`; with `tests`, what route tests name must be there. Where a question is
    `about` a vhost, documents that name none stay in the usual one. Raises UsageError, InputError and BrokerError.
    """
    named = (given,) if isinstance(given, str) else given or ()
    special = [name for name in named if _is_special(name)]
    if not special:
        common = replace(common, files=(*common.files, *named))
        if about is not None:
            common = replace(common, vhost=USUAL)
        return _from_files(common, tolerant=tolerant, tests=tests)
    if len(named) > 1 or common.files:
        others = ", ".join(map(_shown, dict.fromkeys(one for one in (*common.files, *named) if one != special[0])))
        if not others:
            raise UsageError(f"{_shown(special[0])} is named twice", "name it once, behind --from")
        raise UsageError(f"{_shown(special[0])} and {others} are two topologies", "name one broker, or files only")
    return _from_broker(common, login, special[0])


def _is_special(name: str) -> bool:
    return name == BROKER or bool(_URL.match(name)) or name.endswith(".json")


def _shown(name: str) -> str:
    from rabbit_topo.broker.target import without_credentials

    return without_credentials(name) if "://" in name else name


def _from_files(common: Common, *, tolerant: bool, tests: bool) -> Source:
    from rabbit_topo.load import Tolerant, load
    from rabbit_topo.load import tolerant as read_on
    from rabbit_topo.routing import LATEST

    files = files_of(common)
    configured = _configured(common)
    progress = Progress(common)
    progress.say("reading the files ...")
    read = read_on(*files, vhost=common.vhost) if tolerant else Tolerant(load(*files, vhost=common.vhost, tests=tests))
    progress.clear()
    version = configured.target_version or LATEST
    return Source(
        read.topology,
        version,
        "  ".join(files),
        problems=read.problems,
        damaged=read.damaged,
        partial=read.partial,
        comments=read.comments,
        configured=configured,
    )


def _configured(common: Common) -> Sources:
    from rabbit_topo.config import resolve_sources

    return resolve_sources(cwd=Path.cwd(), environ=os.environ, config_path=common.config)


def _from_broker(common: Common, login: BrokerOptions, name: str) -> Source:
    """Read everything of a broker's vhosts, or of the one that `--vhost` names."""
    from rabbit_topo.broker.connect import connect_target
    from rabbit_topo.model import Topology

    if name != BROKER:
        if login.broker or login.amqp:
            raise UsageError(f"{_shown(name)} and --broker or --amqp are two brokers", "name one of them")
        if (found := _URL.match(name)) and found["scheme"].lower() not in {"http", "https"}:
            raise UsageError(
                f"{found['scheme']}:// shows neither bindings nor policies",
                "name the management URL: http:// or https://",
            )
        login = replace(login, broker=name)
    target = settle(common, login).target
    if target.broker is None and target.amqp is not None:
        raise UsageError(
            "AMQP alone shows neither bindings nor policies", "name the management URL with --broker, or as `broker:`"
        )
    progress = Progress(common)
    progress.say("reading the broker ...")
    broker = connect_target(replace(target, amqp=None, project=""))
    try:
        given = click.get_current_context().get_parameter_source("vhost") is ParameterSource.COMMANDLINE
        wanted = (common.vhost,) if given else sorted(broker.observe(Topology()).facts.vhosts)
        observed = broker.observe(Topology.naming(*wanted))
    finally:
        progress.clear()
        broker.close()
    facts = observed.facts
    for vhost in sorted(facts.unlisted):
        told = "there are objects of it, but it is not among its `vhosts`: left out"
        click.echo(f"warning: {facts.target} has no vhost {vhost!r}: {told}", err=True)
    if given and common.vhost not in facts.vhosts:
        known = ", ".join(sorted(facts.vhosts)) or "none"
        raise UsageError(f"{facts.target} has no vhost {common.vhost!r}", f"it has: {known}")
    return Source(
        observed.topology,
        facts.version,
        facts.target,
        facts.operator_policies,
        observed,
        target=target,
        configured=_configured(common),
    )
