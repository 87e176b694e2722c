"""The options that commands share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rabbit_topo.plan import Consent

MOST_CHANNELS = 2047  # RabbitMQ's own channel_max
_COMMENT = ("text", "json", "markdown")  # the result can be a comment of a pull request
_FORMATS = {
    **dict.fromkeys(("plan", "check", "apply", "diff"), _COMMENT),
    "test": ("text", "json", "junit"),
    "lint": ("text", "json", "sarif", "github", "junit", "markdown"),
}
_Command = TypeVar("_Command", bound="Callable[..., Any]")


@dataclass(frozen=True, slots=True)
class Output:
    """One `--format`: its name, and the file it goes to (None: stdout)."""

    format: str
    file: str | None


@dataclass(frozen=True, slots=True)
class Common:
    """What every command that reads files takes, as given on the command line."""

    files: tuple[str, ...]
    config: str | None
    vhost: str
    formats: tuple[Output, ...]
    quiet: bool
    verbose: bool
    color: str


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """What every command that talks to a broker takes."""

    env: str | None
    broker: str | None
    amqp: str | None
    username: str | None
    password_file: str | None
    ca_file: str | None
    cert_file: str | None
    key_file: str | None
    timeout: float | None
    channels: int | None


class _Format(click.ParamType):  # type: ignore[type-arg]  # generic in click 8.5, and not before
    """A format of the command, or one of them with `=FILE`."""

    name = "FORMAT[=FILE]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Output:
        if isinstance(value, Output):
            return value
        chosen, _, file = str(value).partition("=")
        command = ctx.info_name if ctx else None
        known = _formats_of(ctx)
        if chosen not in known:
            self.fail(f"{chosen!r} is no format of {command}; write {' or '.join(known)}, or json=FILE", param, ctx)
        return Output(chosen, file or None)


class _FormatOption(click.Option):
    """`--format`, whose help names the formats of the command that it stands in."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        *others, last = _formats_of(ctx)
        self.help = f"{', '.join(others)} or {last}; repeatable, each but one to a FILE.  [text]"
        return super().get_help_record(ctx)


def _formats_of(ctx: click.Context | None) -> tuple[str, ...]:
    return _FORMATS.get((ctx.info_name if ctx else "") or "", ("text", "json"))


def _one_stdout(_ctx: click.Context, _param: click.Parameter, value: tuple[Output, ...]) -> tuple[Output, ...]:
    chosen = value or (Output("text", None),)
    if sum(output.file is None for output in chosen) > 1:
        message = "two formats would both go to stdout; give one of them a file, as in --format json=FILE"
        raise click.BadParameter(message)
    files = [os.path.realpath(output.file) for output in chosen if output.file]
    if len(set(files)) < len(files):
        raise click.BadParameter("two formats would go to one file; give each a file of its own")
    for output in chosen:
        if output.file and (reason := _unwritable(output.file)):
            raise click.BadParameter(f"cannot write {output.file}: {reason}")
    return chosen


def writable(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Refuse a file that could not be written, before anything is done."""
    if value and (reason := _unwritable(value)):
        raise click.BadParameter(f"cannot write {value}: {reason}")
    return value


def _unwritable(file: str) -> str:
    """Say why a result could not be written there; empty where it could. Nothing is touched."""
    from pathlib import Path

    target = Path(file)
    if target.is_dir():
        return "it is a folder"
    if not target.parent.is_dir():
        return f"there is no folder {target.parent}"
    return "" if os.access(target if target.exists() else target.parent, os.W_OK) else "no permission"


def common(command: _Command) -> _Command:
    """Add the file arguments and the options of output; the command gets them as `common`."""
    return click.argument("files", nargs=-1, type=click.Path())(output(command))


def output(command: _Command) -> _Command:
    """Add the options of `common` to a command whose arguments are other things than files."""
    vhost = click.option("--vhost", default="/", metavar="NAME", help="The vhost of documents that name none.  [/]")
    return _output(command, vhost)


def output_of_all(command: _Command) -> _Command:
    """Add the options of `output` to a command that reads all vhosts, or those that `--vhost` names: `vhosts`."""
    several = "Of this vhost alone; repeatable.  [all]"
    return _output(command, click.option("--vhost", "vhosts", multiple=True, metavar="NAME", help=several))


def _output(command: _Command, vhost: Callable[[_Command], _Command]) -> _Command:
    options: list[Callable[[_Command], _Command]] = [
        click.option("--config", metavar="FILE", help="Use this rabbit-topo.yaml, instead of the nearest upwards."),
        vhost,
        click.option(
            "--format",
            "formats",
            multiple=True,
            metavar="FORMAT[=FILE]",
            type=_Format(),
            cls=_FormatOption,
            callback=_one_stdout,
        ),
        click.option("-q", "--quiet", is_flag=True, help="Print problems only."),
        click.option("-v", "--verbose", is_flag=True, help="Say what is being done, on stderr."),
        click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="[auto]"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def login(command: _Command) -> _Command:
    """Add the options that name a broker and a login."""
    options = [
        click.option("--env", metavar="NAME", help="An environment of the config file."),
        click.option("--broker", metavar="URL|FILE", help="The management URL, or a definitions.json."),
        click.option(
            "--amqp", metavar="URL", help="The AMQP URL: alone, or beside --broker, for --migrate, the lock, and speed."
        ),
        click.option("--username", metavar="NAME", help="Beats the one inside a URL."),
        click.option("--password-file", metavar="FILE", help="A file that holds the password alone."),
        click.option("--ca-file", metavar="FILE", help="Who signs the broker's certificate (PEM), for TLS."),
        click.option("--cert-file", metavar="FILE", help="The certificate that we show (PEM)."),
        click.option("--key-file", metavar="FILE", help="Its key (PEM)."),
        click.option("--timeout", metavar="SECONDS", type=float, help="How long to wait for an answer.  [30]"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def channels(command: _Command) -> _Command:
    """Add the option that says how much goes on side by side."""
    return click.option(
        "--channels",
        metavar="N",
        type=click.IntRange(1, MOST_CHANNELS),
        help="How many AMQP channels, or HTTP requests, to use at once.",
    )(command)


def consent(command: _Command) -> _Command:
    """Add the options by which somebody agrees to what is dangerous."""
    options = [
        click.option("--prune", is_flag=True, help="Delete what is ours and in no file, if empty and unused."),
        click.option(
            "--allow",
            multiple=True,
            type=click.Choice(["replace", "policy-limits", "policy-foreign", "default-exchange-gap"]),
            help="Do what a row says is blocked without it; repeatable, one word each.",
        ),
        click.option("--migrate", is_flag=True, help="Replace queues and keep their messages (needs both URLs)."),
        click.option(
            "--wait-consumers",
            metavar="DURATION",
            callback=_duration,
            help="How long consumers may take to leave a queue that is migrated, as 60s.",
        ),
        click.option("--drop-user-id", is_flag=True, help="Move messages without their user_id where it bars them."),
        click.option(
            "--max-delete",
            metavar="PERCENT",
            type=click.IntRange(0, 100),
            help="How much of what is ours (ten objects or more) may be deleted or replaced at once.  [30]",
        ),
        click.option("--partial", is_flag=True, help="Apply the rest of a plan with blocked rows; exit 6."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def lock(command: _Command) -> _Command:
    """Add the options of the lock that keeps a second apply out."""
    options = [
        click.option(
            "--lock-timeout",
            metavar="SECONDS",
            type=click.FloatRange(min=0),
            default=60.0,
            help="How long to wait for another apply to end.  [60]",
        ),
        click.option(
            "--lock-name", metavar="NAME", callback=_lock_name, help="The name of the lock.  [rabbit-topo.lock]"
        ),
        click.option("--no-lock", is_flag=True, help="Do not keep other applies out."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _lock_name(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    from rabbit_topo.model import no_queue_name

    if value is not None and (why := no_queue_name(value)):
        raise click.BadParameter(why)
    return value


def _duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float:
    from rabbit_topo.arguments import parse_duration

    if value is None:
        return 0.0
    try:
        return parse_duration(value) / 1000
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def consent_of(own: dict[str, Any]) -> Consent:
    """Take what was agreed to from a command's own parameters."""
    from rabbit_topo.plan import Consent
    from rabbit_topo.plan.types import MAX_DELETE

    most = own["max_delete"]
    return Consent(
        prune=own["prune"],
        allow=frozenset(own["allow"]),
        migrate=own["migrate"],
        wait_consumers=own["wait_consumers"],
        drop_user_id=own["drop_user_id"],
        max_delete=MAX_DELETE if most is None else most,
    )


def split(given: dict[str, Any]) -> tuple[Common, BrokerOptions, dict[str, Any]]:
    """Sort a command's parameters into the two shared groups and its own."""
    files = given.pop("files", ())
    shared = Common(files=files, **{name: given.pop(name) for name in Common.__slots__ if name != "files"})
    who = BrokerOptions(**{name: given.pop(name, None) for name in BrokerOptions.__slots__})
    read = (*files, who.broker, given.get("given"), given.get("source"))
    _keep_what_is_read(shared.formats, [one for one in read if isinstance(one, str)])
    return shared, who, given


def _keep_what_is_read(outputs: tuple[Output, ...], read: list[str]) -> None:
    """Refuse a result in the place of a file that the command itself reads."""
    written = [output for output in outputs if output.file and os.path.isfile(output.file)]  # noqa: PTH113 - no pathlib
    if not written:
        return
    from pathlib import Path

    from rabbit_topo.load.paths import is_topology_name

    for output in written:
        target = Path(output.file or "")
        for source in map(Path, read):
            if source.is_dir():
                inside = target.resolve().is_relative_to(source.resolve()) and is_topology_name(target.name)
            else:
                inside = source.is_file() and source.samefile(target)
            if inside:
                raise UsageError(
                    f"{output.file} is one of the files that are read; nothing was done", "name another file"
                )
