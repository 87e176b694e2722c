"""`rabbit-topo diff`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.live import BROKER, is_broker, is_live, live, shown
from rabbit_topo.cli.output import emit
from rabbit_topo.cli.source import USUAL, from_files, from_live, from_revision, is_revision
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.cli.options import BrokerOptions, Common
    from rabbit_topo.cli.source import Source
    from rabbit_topo.plan.sides import Side

DIFFERENCES: Final = 3
_OWN: Final = ("username", "password_file", "cert_file", "key_file")  # what is shown to one broker, and to no other
_SECRET: Final = ("BROKER", "AMQP", "ENV", "USERNAME", "PASSWORD", "PASSWORD_FILE", "CERT_FILE", "KEY_FILE")


@click.command("diff")
@click.argument("a", metavar="A")
@click.argument("b", metavar="[B]", required=False)
@options.output_of_all
@options.login
def command(**given: Any) -> int:
    """Show what must be done to make B of A.

    A and B are each a topology file or folder, a definitions file (*.json), a
    management URL, the word broker (of the options or the config; broker:NAME
    of the config's environment NAME), or git:REF:PATH: a file or folder of a
    revision; git:REF is the config's sources there. Without B it is the
    config's sources. Everything of both is compared; no message is looked at.
    Exit codes: 3 if they differ, else 0.
    """
    from rabbit_topo.plan.between import between
    from rabbit_topo.plan.impact import impact
    from rabbit_topo.report.comparison import diff_document, diff_lines, diff_markdown

    vhosts = tuple(dict.fromkeys(given.pop("vhosts")))
    given["vhost"] = vhosts[0] if len(vhosts) == 1 else USUAL
    common, login, own = options.split(given)
    names = (own["a"], own["b"] or "")
    logins = _logins(names, login)
    _refuse_overwriting(common, filter(None, names))
    (one, there), (other, here) = (
        _read(common, name, logins[place], vhosts, beside=names[1 - place]) for place, name in enumerate(names)
    )
    _refuse_overwriting(common, (*one.topology.files, *other.topology.files))
    _refuse_unknown(vhosts, there | here)
    found = between(one, other, vhosts)
    routing = impact(found.plan)
    emit(
        common,
        lambda width: diff_lines(found, width, routing),
        lambda: diff_document(found, routing),
        lambda: diff_markdown(found, routing),
    )
    return DIFFERENCES if found.differs else 0


def _read(
    common: Common, name: str, login: tuple[BrokerOptions, Mapping[str, str]], vhosts: tuple[str, ...], *, beside: str
) -> tuple[Side, frozenset[str]]:
    """Return a side, and the vhosts that it has, or names itself."""
    from rabbit_topo.plan.sides import Side

    plain = common.vhost != USUAL
    if is_revision(name):
        return _of_files(from_revision(common, name, _files_beside(beside), plain=plain), common)
    if not is_live(name):
        return _of_files(from_files(replace(common, files=(name,) if name else ()), plain=plain), common)
    options_of, environ = login
    with live(common, options_of, name, vhosts, lenient=True, environ=environ) as here:
        found = from_live(common, here)
        facts = here.observed.facts
        return Side(found.topology, found.shown, found.version, facts, sees_all=here.sees_all), facts.vhosts


def _files_beside(name: str) -> tuple[str, ...]:
    """Return what `git:REF` stands for where no config says it: the files that it is compared with."""
    return () if not name or is_live(name) or is_revision(name) else (name,)


def _of_files(found: Source, common: Common) -> tuple[Side, frozenset[str]]:
    """Say whether documents that name no vhost were given that of `--vhost`."""
    from rabbit_topo.plan.sides import Side

    plain = found.plain or found.topology
    given = any(key.vhost == common.vhost and key not in plain.resources for key in found.topology.resources)
    side = Side(found.topology, found.shown, found.version, renamed=common.vhost if given else "")
    return side, frozenset(plain.vhosts)


def _logins(names: tuple[str, str], login: BrokerOptions) -> list[tuple[BrokerOptions, Mapping[str, str]]]:
    """Say which options and which environment each side is read with: a login is for one broker, and for no other."""
    brokers = [name for name in names if is_broker(name)]
    if (login.broker or login.amqp) and BROKER not in names:
        raise UsageError("--broker or --amqp is given, and neither side is it", f"write the word {BROKER} for it")
    if len(brokers) == 1:
        return [_login(name, login, alone=True) for name in names]
    if brokers and BROKER not in brokers and (whose := [name for name in _OWN if getattr(login, name)]):
        flag = f"--{whose[0].replace('_', '-')}"
        raise UsageError(f"{flag}: of which of the two brokers is it?", f"put each login into its URL, or name {_WAY}")
    if names[0] == names[1] and brokers:
        raise UsageError(f"{shown(names[0])} is named twice", f"two brokers are two URLs, or {_WAY}")
    return [_login(name, login, alone=not brokers) for name in names]


_WAY: Final = "environments of the config: broker:NAME"


def _login(name: str, login: BrokerOptions, *, alone: bool) -> tuple[BrokerOptions, Mapping[str, str]]:
    if name == BROKER or (alone and is_broker(name)):
        return login, os.environ
    bare = replace(login, env=None, broker=None, amqp=None, **dict.fromkeys(_OWN))
    return bare, {name: value for name, value in os.environ.items() if name not in _VARIABLES}


_VARIABLES: Final = frozenset(f"RABBIT_TOPO_{name}" for name in _SECRET)


def _refuse_overwriting(common: Common, files: Iterable[str]) -> None:
    read = {os.path.realpath(name): name for name in files}
    for output in common.formats:
        if output.file and (name := read.get(os.path.realpath(output.file))):
            raise UsageError(f"--format {output.format}={output.file} would write over {name}", "name another file")


def _refuse_unknown(vhosts: tuple[str, ...], known: frozenset[str]) -> None:
    for vhost in vhosts:
        if vhost not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise UsageError(f"neither side has a vhost {vhost!r}", f"they have: {listed}")
