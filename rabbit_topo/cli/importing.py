"""`rabbit-topo import`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.live import BROKER, live
from rabbit_topo.cli.output import Progress, emit, show, width
from rabbit_topo.errors import TopoError, UsageError
from rabbit_topo.filenames import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.adopt.types import Adoption
    from rabbit_topo.cli.live import Live
    from rabbit_topo.cli.options import BrokerOptions, Common
    from rabbit_topo.report.importing import Landing
    from rabbit_topo.write.project import Settings

_STDOUT: Final = "-"
_Command = TypeVar("_Command", bound="Callable[..., Any]")


def _pattern(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Refuse what could not stand under `owns:`."""
    if value is not None:
        from rabbit_topo.load.patterns import pattern

        if wrong := pattern(value):
            raise click.BadParameter(f"{value!r} is not {wrong.wanted}" + (f": {wrong.hint}" if wrong.hint else ""))
    return value


def taking(command: _Command) -> _Command:
    """Add the options that say what an import takes, and how it is laid out."""
    chosen = [
        click.option("--match", metavar="REGEX", callback=_pattern, help="Only what is named like this, as a whole."),
        click.option(
            "--split",
            type=click.Choice(["prefix", "exchange", "none"]),
            default="prefix",
            help="What is written into one file.  [prefix]",
        ),
        click.option("--force", is_flag=True, help="Write over topology files of the same name."),
    ]
    for option in reversed(chosen):
        command = option(command)
    return command


@click.command("import")
@click.argument("source", default=BROKER, metavar="[SOURCE]")
@click.option("-o", "--out", "folder", default=".", metavar="DIR|-", help="The project's folder, or stdout.  [.]")
@taking
@options.output_of_all
@options.login
def command(**given: Any) -> int:
    """Take the topology of a broker, or of a definitions file, as YAML.

    SOURCE is a management URL, a definitions file of RabbitMQ 3.8 to 4.3, or the
    word broker: that of the options or the config. DIR becomes a project:
    rabbit-topo.yaml and topology/*.yaml, whose plan is empty, --prune or not; if
    it were not, nothing would be written. What is not taken is listed with the
    reason. Exit codes: 0, 5 where files are in the way.
    """
    common, login, own = options.split({"vhost": "/", **given})
    return take(common, login, own)


def take(common: Common, login: BrokerOptions, own: dict[str, Any]) -> int:
    """Import a source into a project's folder, and tell what was taken."""
    from rabbit_topo.report.importing import import_lines
    from rabbit_topo.report.importing_document import import_document

    printed = own["folder"] == _STDOUT
    folder = Path(own["folder"])
    if printed and any(output.file is None and output.format != "text" for output in common.formats):
        raise UsageError("two results would both go to stdout", "give the document a file, as in --format json=FILE")
    if not printed and not own["force"]:
        _make_room(folder)
    with live(common, login, own["source"], tuple(dict.fromkeys(own["vhosts"]))) as here:
        progress = Progress(common)
        progress.say("choosing what to take ...")
        adoption = _adopted(here, own)
        progress.say("checking ...")
        landing = _print(adoption, here) if printed else _land(adoption, here, folder, login, force=own["force"])
        progress.clear()
    _warn(adoption, own["match"])

    def lines(columns: int) -> Any:
        return import_lines(adoption, landing, columns, verbose=common.verbose)

    if printed and not common.quiet:
        show(lines(width()), sys.stderr, common.color)
    formats = tuple(output for output in common.formats if not printed or output.file)
    if formats:
        from dataclasses import replace

        emit(replace(common, formats=formats), lines, lambda: import_document(adoption, landing))
    return 0


def _make_room(folder: Path) -> None:
    """Refuse a folder that holds topology files, before a broker is asked for anything."""
    from rabbit_topo.write.project import in_the_way, refuse

    refuse(folder, in_the_way(folder, (), force=False), force=False)


def _adopted(here: Live, own: dict[str, Any]) -> Adoption:
    from rabbit_topo.adopt import select
    from rabbit_topo.adopt.documents import documents
    from rabbit_topo.adopt.types import Adoption, File
    from rabbit_topo.broker.beyond import beyond

    facts = here.observed.facts
    selection = select(here.observed, None, own["match"])
    files = documents(selection, own["split"]) or (File("topology.yaml", ({"version": 1},)),)
    return Adoption(facts.target, facts.version, selection, files, beyond(here.broker, facts, selection.vhosts))


def _print(adoption: Adoption, here: Live) -> Landing:
    """Print the files as one, once it is checked."""
    from rabbit_topo.report.importing import Landing
    from rabbit_topo.write.project import joined, spelled
    from rabbit_topo.write.verify import verify

    whole = joined(spelled(adoption.files))
    verify({"topology.yaml": whole}, here.observed)
    click.echo(whole, nl=False)
    return Landing(None)


def _land(adoption: Adoption, here: Live, folder: Path, login: BrokerOptions, *, force: bool) -> Landing:
    """Write the files into a project's folder, once they are checked."""
    from rabbit_topo.report.importing import Landing
    from rabbit_topo.report.words import clean
    from rabbit_topo.write.project import TOPOLOGY, config_text, in_the_way, refuse, spelled, stale_schemas, write
    from rabbit_topo.write.verify import verify

    texts = spelled(adoption.files)
    refuse(folder, in_the_way(folder, texts, force=force), force=force)
    verify({path.removeprefix(f"{TOPOLOGY}/"): text for path, text in texts.items()}, here.observed)
    new = write(folder, texts, config_text(*_broker(here, folder)), force=force)
    kept = CONFIG_NAME not in new
    stray, differing = _kept(folder / CONFIG_NAME, folder / TOPOLOGY, here) if kept else (False, [])
    elsewhere = _elsewhere(folder / CONFIG_NAME, here, login) if kept else []
    for told in differing:
        click.echo(f"warning: {clean(str(folder / CONFIG_NAME))} stays, and {told}", err=True)
    for name in stale_schemas(folder):
        told = "stays, and is not the schema of this rabbit-topo: --force writes it anew"
        click.echo(f"warning: {clean(str(folder / name))} {told}", err=True)
    if "--broker" in elsewhere:
        told = f"{clean(str(folder / CONFIG_NAME))} stays, and leads to another broker than the one that was imported"
        click.echo(f"warning: {told}: name it with {shlex.join(elsewhere)}", err=True)
    return Landing(str(folder), new, kept, stray, _next(folder, login, elsewhere))


def _elsewhere(config: Path, here: Live, login: BrokerOptions) -> list[str]:
    """Return the options that name what was imported, where this configuration by itself leads to something else."""
    from rabbit_topo.broker.target import without_credentials
    from rabbit_topo.config import resolve

    where = without_credentials(here.target.broker or here.observed.facts.target)
    try:
        found = resolve(
            cwd=Path.cwd(), environ=os.environ, config_path=str(config), env=login.env, broker=None, amqp=None
        ).target.broker
    except TopoError:
        found = None
    if found and (found == where or without_credentials(found).rstrip("/") == where.rstrip("/")):
        return ["--env", login.env] if login.env else []
    return ["--broker", where]


def _kept(config: Path, topology: Path, here: Live) -> tuple[bool, list[str]]:
    """Say of a configuration that stays whether it lacks the files of an import, and in what it differs beyond."""
    from rabbit_topo.config import resolve_sources
    from rabbit_topo.policies import release
    from rabbit_topo.report.words import clean

    try:
        found = resolve_sources(cwd=Path.cwd(), environ=os.environ, config_path=str(config))
    except TopoError:
        return True, []
    is_read = any(topology.resolve().is_relative_to(Path(source).resolve()) for source in found.sources)
    more = [source for source in found.sources if Path(source).resolve() != topology.resolve()]
    told = [f"its `sources` hold more than topology/: {clean(', '.join(more))}"] if more else []
    version = here.observed.facts.version
    if found.target_version and version and release(version) != release(found.target_version):
        told.append(f"its target_version is {clean(found.target_version)}, but the broker's is {clean(version)}")
    return not is_read, told


def _broker(here: Live, folder: Path) -> tuple[str, str, Settings, float | None, Settings]:
    """Say where the broker is for whoever reads the configuration of this folder, less who logs in."""
    from rabbit_topo.broker.target import Target, without_credentials

    target = here.target
    facts = here.observed.facts
    if facts.road == "file":
        return _relative(facts.target, folder), facts.version, {}, None, {}
    files = {name: getattr(target.tls, name) for name in ("ca_file", "cert_file", "key_file")}
    tls: dict[str, str | bool] = {name: _relative(path, folder) for name, path in files.items() if path}
    if not target.tls.verify:
        tls["verify"] = False
    wanted = target.expected
    expect: Settings = {"cluster_name": wanted.cluster_name, "version": wanted.version, "tags": dict(wanted.tags)}
    timeout = None if target.timeout == Target().timeout else target.timeout
    where = without_credentials(target.broker or facts.target)
    return where, facts.version, tls, timeout, {name: value for name, value in expect.items() if value}


def _relative(path: str, folder: Path) -> str:
    """Return a path as seen from a folder, with forward slashes; the whole path where it is on another drive."""
    try:
        found = os.path.relpath(path, folder)
    except ValueError:
        found = str(Path(path).absolute())
    return found.replace(os.sep, "/")


def _next(folder: Path, login: BrokerOptions, elsewhere: list[str]) -> str:
    """Spell the command line that plans what was written, as the same user."""
    parts = ["rabbit-topo", "plan"]
    if folder != Path():
        parts += ["--config", str(folder / CONFIG_NAME)]
    parts += elsewhere
    for option, value in (("--username", login.username), ("--password-file", login.password_file)):
        parts += [option, value] if value else []
    return shlex.join(parts)


def _warn(adoption: Adoption, match: str | None) -> None:
    if match and not adoption.selection.taken:
        click.echo(
            f"warning: nothing that could be taken has a name that --match {match!r} matches as a whole", err=True
        )
    if not adoption.selection.complete:
        told = "says of no exchange whether it is internal, and may leave out those that are"
        click.echo(f"warning: {adoption.source} {told}: import from the broker itself to have them", err=True)
