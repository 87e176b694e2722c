"""A broker, or a definitions file, that is read for all that it holds."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import click

from rabbit_topo.cli.output import Progress
from rabbit_topo.cli.session import settle
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rabbit_topo.broker import Broker
    from rabbit_topo.broker.target import Target
    from rabbit_topo.cli.options import BrokerOptions, Common
    from rabbit_topo.model import Observed

BROKER: Final = "broker"  # the word that stands for the broker of the options or the config
OF_ENVIRONMENT: Final = "broker:"  # and, with a name behind it, for that of an environment of the config
_URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Live:
    """A broker that is still open, and what was read of it.

    `sees_all` says whether it tells this user of all its vhosts; a file does.
    """

    broker: Broker
    target: Target
    observed: Observed
    sees_all: bool = True


def is_url(name: str) -> bool:
    """Say whether a name is a URL, of whatever kind."""
    return bool(_URL.match(name))


def is_live(name: str) -> bool:
    """Say whether a source is a broker or a definitions file, and no topology files."""
    return is_broker(name) or name.endswith(".json")


def is_broker(name: str) -> bool:
    """Say whether a source is a broker that somebody must log in to."""
    return name == BROKER or name.startswith(OF_ENVIRONMENT) or is_url(name)


def shown(name: str) -> str:
    """Spell a source for people: without credentials."""
    from rabbit_topo.broker.target import without_credentials

    return without_credentials(name) if "://" in name else name


@contextmanager
def live(
    common: Common,
    login: BrokerOptions,
    name: str,
    vhosts: Sequence[str] = (),
    *,
    lenient: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Live]:
    """Read everything of these vhosts, or of all, and let go of the broker at the end.

    `name` is `broker`, `broker:` and an environment of the config, a management URL, or a definitions file. A vhost
    that is not there is an error, unless `lenient`; `environ` is the process's own. Raises UsageError and BrokerError.
    """
    from rabbit_topo.broker.connect import connect_target
    from rabbit_topo.model import Topology
    from rabbit_topo.report.words import clean

    target = _target(common, login, name, environ)
    progress = Progress(common)
    progress.say("reading the broker ...")
    broker = connect_target(target)
    try:
        wanted = vhosts or sorted(broker.observe(Topology()).facts.vhosts)
        observed = broker.observe(Topology.naming(*wanted))
        progress.clear()
        facts = observed.facts
        hiding_from = _hiding_from(broker)
        if hiding_from:
            click.echo(f"warning: only vhosts that {clean(hiding_from)} may enter are seen", err=True)
        for vhost in sorted(facts.unlisted):
            told = "there are objects of it, but it is not among its `vhosts`: left out"
            click.echo(f"warning: {facts.target} has no vhost {vhost!r}: {told}", err=True)
        for vhost in vhosts:
            if vhost not in facts.vhosts and not lenient:
                known = ", ".join(map(clean, sorted(facts.vhosts))) or "none"
                whose = f" that {clean(hiding_from)} may enter" if hiding_from else ""
                raise UsageError(f"{facts.target} has no vhost {vhost!r}{whose}", f"it has: {known}")
        yield Live(broker, target, observed, sees_all=not hiding_from)
    finally:
        progress.clear()
        broker.close()


def _hiding_from(broker: Broker) -> str:
    """Name the user from whom a broker hides the vhosts that it may not enter; empty where it hides none."""
    from rabbit_topo.broker.management import Management

    if not isinstance(broker, Management) or broker.http.sees_all_vhosts():
        return ""
    return broker.http.user or "this user"


def _target(common: Common, login: BrokerOptions, name: str, environ: Mapping[str, str] | None) -> Target:
    """Settle which broker it is; AMQP has no part in reading it, and neither has its inventory."""
    if name != BROKER:
        if login.broker or login.amqp:
            raise UsageError(f"{shown(name)} and --broker or --amqp are two brokers", "name one of them")
        if (found := _URL.match(name)) and found["scheme"].lower() not in {"http", "https"}:
            raise UsageError(
                f"{found['scheme']}:// shows neither bindings nor policies",
                "name the management URL: http:// or https://",
            )
        if name.startswith(OF_ENVIRONMENT):
            if login.env:
                raise UsageError(f"{name} and --env {login.env} are two environments", "name one of them")
            login = replace(login, env=name.removeprefix(OF_ENVIRONMENT))
        else:
            login = replace(login, broker=name)
    target = settle(common, login, environ).target
    if target.broker is None and target.amqp is not None:
        raise UsageError(
            "AMQP alone shows neither bindings nor policies", "name the management URL with --broker, or as `broker:`"
        )
    return replace(target, amqp=None, project="")
