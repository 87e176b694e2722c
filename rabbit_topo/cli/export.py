"""`rabbit-topo export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.live import is_live, live
from rabbit_topo.cli.output import write
from rabbit_topo.cli.source import USUAL, from_live, source
from rabbit_topo.errors import Refusal, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.adopt.types import Beyond
    from rabbit_topo.cli.source import Source
    from rabbit_topo.export import NotCarried

INCOMPLETE: Final = 6
_MOST: Final = 100  # of what is left out, so many are named
_FEW: Final = 3  # names that stand for the rest of their kind


def _kubernetes(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    from rabbit_topo.export.metadata_names import is_subdomain

    if value and not is_subdomain(value):
        raise click.BadParameter(f"{value!r} is no name for Kubernetes: small letters, digits, '-' and '.'")
    return value


def _target(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    return None if value == "-" else options.writable(ctx, param, value)


@click.command("export")
@click.argument("files", nargs=-1, type=click.Path())
@click.option(
    "--from", "given", metavar="SOURCE", help="Take a definitions.json, a management URL, or the word broker."
)
@click.option(
    "--format",
    "wanted",
    type=click.Choice(["definitions", "operator"]),
    default="definitions",
    help="What RabbitMQ loads, or custom resources for Kubernetes.  [definitions]",
)
@click.option(
    "-o", "--output", metavar="FILE", callback=_target, help="Write it there, and not to stdout (-), if it is new."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--vhost", default=USUAL, metavar="NAME", help="This vhost alone.  [all]")
@click.option("--partial", is_flag=True, help="Leave out what the format cannot carry; exit 6.")
@click.option(
    "--cluster",
    default="rabbitmq",
    metavar="NAME",
    callback=_kubernetes,
    help="The RabbitmqCluster of custom resources.  [rabbitmq]",
)
@click.option("--namespace", default="", metavar="NAME", callback=_kubernetes, help="Its namespace, if not theirs.")
@click.option("--config", metavar="FILE", help="Use this rabbit-topo.yaml, instead of the nearest upwards.")
@click.option("-q", "--quiet", is_flag=True, help="Print problems only.")
@options.login
def command(**given: Any) -> int:
    """Write a topology as other tools read it.

    That is a definitions.json for RabbitMQ to load at boot (`load_definitions`)
    or over HTTP, or custom resources for the messaging topology operator on
    Kubernetes. With --vhost it is that vhost alone. Publishers, consumers, tests
    and descriptions are no part of either. Exit codes: 0; 5 where the format
    cannot carry an object, or FILE is there already: nothing is written then;
    6 with --partial.
    """
    from rabbit_topo.plan.hazards import counted

    common, login, own = options.split({**given, "formats": (), "verbose": False, "color": "never"})
    _check(login, own)
    vhost = common.vhost if _is_named("vhost") else None
    if not own["force"]:
        _keep_what_is_there(own["output"])
    here, others, version = _read(common, login, own["given"], vhost)
    _keep_the_source(own["output"], here)
    if vhost not in (None, *here.topology.vhosts):
        known = ", ".join(here.topology.vhosts) or "none"
        raise UsageError(f"{here.shown} has no vhost {vhost!r}", f"it has: {known}")
    text, left_out, objects = _made(here, vhost, own, version)
    if left_out:
        _name(left_out, here)
        if not own["partial"]:
            raise Refusal(
                f"{counted(len(left_out), 'object')} cannot be exported; nothing was written",
                "--partial leaves them out",
            )
    write(options.Output(own["wanted"], own["output"]), text)
    if not common.quiet:
        if own["output"]:
            click.echo(f"{own['output']}: {counted(objects, 'object')}", err=True)
        for note in _notes(here, others, vhost, own):
            click.echo(note, err=True)
    if left_out:
        click.echo(f"rabbit-topo: {counted(len(left_out), 'object')} left out", err=True)
    return INCOMPLETE if left_out else 0


def _check(login: options.BrokerOptions, own: dict[str, Any]) -> None:
    """Refuse options that would do nothing."""
    if own["given"] is None and (login.broker or login.amqp):
        raise UsageError("a broker is named, but files are exported", "write --from broker to export what it holds")
    if own["wanted"] == "definitions" and (_is_named("cluster") or _is_named("namespace")):
        raise UsageError("--cluster and --namespace are for Kubernetes", "write --format operator too")


def _is_named(option: str) -> bool:
    from click.core import ParameterSource

    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def _read(
    common: options.Common, login: options.BrokerOptions, given: str | None, vhost: str | None
) -> tuple[Source, tuple[Beyond, ...], str]:
    """Read the topology, what is there beside it, and the broker's version, where these are known."""
    if given is None or not is_live(given) or common.files:
        return source(common, login, given, about=vhost or USUAL), (), ""
    from rabbit_topo.broker.beyond import beyond
    from rabbit_topo.broker.definitions import Definitions

    with live(common, login, given, () if vhost is None else (vhost,)) as here:
        facts = here.observed.facts
        told = not isinstance(here.broker, Definitions) or here.broker.tells_version
        others = beyond(here.broker, facts, here.observed.topology.vhosts)
        return from_live(common, here), others, facts.version if told else ""


def _keep_what_is_there(output: str | None) -> None:
    from pathlib import Path

    if output and Path(output).is_file():
        raise Refusal(f"{output} is there already; nothing was written", "--force writes over it, or name a new file")


def _keep_the_source(output: str | None, here: Source) -> None:
    """Refuse to write over what was read."""
    from pathlib import Path

    read = here.topology.files if here.live is None else (here.shown,)
    if output and any(Path(one).exists() and Path(output).exists() and Path(one).samefile(output) for one in read):
        raise Refusal(f"{output} is what is exported; nothing was written", "name another file")


def _made(
    here: Source, vhost: str | None, own: dict[str, Any], version: str
) -> tuple[str, tuple[NotCarried, ...], int]:
    """Return the text, what it leaves out, and how many objects it holds."""
    from rabbit_topo.export import Cluster, custom_resources, definitions

    if own["wanted"] == "operator":
        from rabbit_topo.write.manifests import manifests

        resources = custom_resources(here.topology, Cluster(own["cluster"], own["namespace"]), vhost)
        return manifests(resources.documents), resources.left_out, len(resources.documents)
    import json

    types = here.live.facts.default_queue_types if here.live else {}
    made = definitions(here.topology, vhost, version=version, default_types=types)
    objects = sum(len(section) for section in made.document.values() if isinstance(section, list))
    return json.dumps(made.document, indent=2, ensure_ascii=False) + "\n", made.left_out, objects


def _name(left_out: Sequence[NotCarried], here: Source) -> None:
    """Tell on stderr what is left out, and where it stands."""
    from rabbit_topo.report.words import clean, name

    for one in left_out[:_MOST]:
        origin = here.topology.note(one.resource.key).origin
        place = f"{clean(origin.file)}:{origin.line}:{origin.column}: " if origin else ""
        click.echo(f"{place}{name(one.resource)}: {clean(one.reason)}", err=True)
    if len(left_out) > _MOST:
        click.echo(f"... and {len(left_out) - _MOST:,} more", err=True)


def _notes(here: Source, others: Sequence[Beyond], vhost: str | None, own: dict[str, Any]) -> Iterator[str]:
    """Say what whoever uses the result has to know."""
    from rabbit_topo.model import Queue
    from rabbit_topo.plan.hazards import counted
    from rabbit_topo.report.words import clean

    untyped = sum(
        isinstance(one, Queue) and one.type is None and vhost in (None, one.vhost)
        for one in here.topology.resources.values()
    )
    if untyped:
        yield f"note: {counted(untyped, 'queue')} without a `type`: the broker gives its default type there"
    whole = own["wanted"] == "definitions" and vhost is None
    lost = [one for one in others if not (whole and one.kind == "default queue types")]
    if lost:
        yield "note: there, and no part of a topology: left out"
    for one in lost:
        names = [*map(clean, one.names[:_FEW]), *([f"{len(one.names) - _FEW:,} more"] if one.names[_FEW:] else [])]
        yield f"  {clean(one.kind)}: {clean(one.unseen) or ', '.join(names)}"
    if whole:
        yield "note: it holds no users, and a new node that loads it at boot makes none by itself, not even guest"
        yield "  rabbitmqctl add_user NAME, then set_permissions and set_user_tags; or a file of users beside it"
