"""What `plan`, `apply` and `check` begin with: settings, files, a broker, and what differs between them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from rabbit_topo.cli.output import Progress
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rabbit_topo.broker import Broker
    from rabbit_topo.broker.target import Target
    from rabbit_topo.cli.options import BrokerOptions, Common
    from rabbit_topo.config import Settings
    from rabbit_topo.model import Suppression, Topology
    from rabbit_topo.plan import Consent, Plan


@dataclass(frozen=True, slots=True)
class Session:
    """The files and the broker of one command.

    `environment` is the configured one in use; `comments` are those in the files that suppress findings. `target` is
    where the broker is.
    """

    declared: Topology
    sources: tuple[str, ...]
    broker: Broker
    progress: Progress
    environment: str | None = None
    lock_name: str = ""
    comments: tuple[Suppression, ...] = ()
    target: Target | None = None

    def plan(self, consent: Consent | None = None) -> Plan:
        """Observe, compare and plan; nothing is written."""
        from rabbit_topo.diff import diff
        from rabbit_topo.plan import Consent, make_plan

        consent = consent or Consent()

        self.progress.say("reading the broker ...")
        observed = self.broker.observe(self.declared)
        if consent.prune and not observed.facts.lists:
            raise UsageError(
                "--prune over AMQP alone: nothing undeclared can be seen there", "give the management URL too: --broker"
            )
        plan = make_plan(diff(observed, self.declared), observed, self.declared, consent)
        self.progress.clear()
        return plan


def files_of(common: Common) -> tuple[str, ...]:
    """Return the files named, else the configured ones. Raises UsageError where there are none."""
    if common.files:
        return common.files
    from rabbit_topo.config import resolve_sources

    found = resolve_sources(cwd=Path.cwd(), environ=os.environ, config_path=common.config).sources
    return _some(found)


def _some(sources: tuple[str, ...]) -> tuple[str, ...]:
    if not sources:
        raise UsageError("no topology files are named", "name files or folders, or list `sources` in rabbit-topo.yaml")
    return sources


VIAS: Final = ("management", "active", "passive")


def _by(target: Target, via: str | None) -> Target:
    """Leave a target the road that was asked for. Raises UsageError where it has none."""
    match via:
        case "active" | "passive":
            if target.amqp is None:
                raise UsageError(
                    f"--via {via} needs an AMQP URL", "name it with --amqp, or as `amqp:` of the environment"
                )
            return replace(target, broker=None, probe=via)
        case "management" if target.broker is None:
            raise UsageError(
                "--via management needs the management URL", "name it with --broker, or `broker:` in the config"
            )
        case _:
            return target


def settle(common: Common, login: BrokerOptions, environ: Mapping[str, str] | None = None) -> Settings:
    """Combine flags, environment and config, and print what deserves a warning.

    `environ` are the variables that may name a broker and log in to it: all of the process's own where it is None.
    """
    from rabbit_topo.config import Flags, resolve

    settings = resolve(
        cwd=Path.cwd(),
        environ=os.environ,
        login=environ,
        config_path=common.config,
        env=login.env,
        broker=login.broker,
        amqp=login.amqp,
        flags=Flags(login.username, login.password_file, login.ca_file, login.cert_file, login.key_file, login.timeout),
    )
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)
    return replace(settings, target=replace(settings.target, channels=login.channels))


@contextmanager
def session(common: Common, login: BrokerOptions, *, via: str | None = None) -> Iterator[Session]:
    """Settle flags, environment and config, load the files, connect; let go of the broker at the end."""
    from rabbit_topo.broker.address import check_vhost
    from rabbit_topo.broker.connect import connect_target
    from rabbit_topo.load import commented

    settings = settle(common, login)
    progress = Progress(common)
    sources = _some(common.files or settings.sources)
    progress.say("reading the files ...")
    files = commented(*sources, vhost=common.vhost)
    declared = files.topology
    progress.note(f"read {len(declared.files)} files")
    check_vhost(settings.target, declared.vhosts)
    target = _by(settings.target, via)
    broker = connect_target(target)
    comments, lock_name = files.comments, settings.lock_name
    try:
        yield Session(declared, sources, broker, progress, settings.environment, lock_name, comments, target)
    finally:
        progress.clear()
        broker.close()
