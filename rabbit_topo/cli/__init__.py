"""The command line: the only place that reads the environment, prints, and decides exit codes.

A command's module is imported when the command is called, so that `--version` and `--help` stay quick.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Final

import click

from rabbit_topo import __version__
from rabbit_topo.cli.output import hush
from rabbit_topo.cli.signals import Terminated, orderly
from rabbit_topo.errors import InputError, TopoError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Name -> what the command list says; each lives in a module of its name.
_COMMANDS: Final = {
    "validate": "Check topology files, without a broker.",
    "plan": "Show what apply would do, and what it would refuse to do.",
    "apply": "Make the broker what the files say.",
    "check": "Tell whether the broker still is what the files say.",
    "diff": "Compare any two: files, brokers, definitions, git revisions.",
    "rehearse": "Apply the plan to a copy of the broker first.",
    "route": "Tell which queues a message reaches, and why.",
    "test": "Run the route tests, without a broker or on one.",
    "lint": "Find what is wrong with a topology, though it may be well-formed.",
    "rules": "List the rules of lint.",
    "explain": "Explain a rule of lint: why, and what to do.",
    "import": "Take the topology of a broker, or of a definitions file, as YAML.",
    "init": "Begin a project: with an example, or with what a broker has.",
    "export": "Write a topology as RabbitMQ loads it, or for Kubernetes.",
    "fmt": "Bring topology files into one order and one spelling.",
    "doctor": "Tell whether the broker lets us in, and what we may do.",
    "schema": "Print a JSON Schema: of the files, or of what a command prints.",
    "sandbox": "Run a command beside a throwaway RabbitMQ node.",
}
_MODULES: Final = {"import": "importing"}  # what no module of Python can be called
_INTERRUPTED: Final = 130


class _Commands(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = _MODULES.get(cmd_name, cmd_name)
        found: click.Command = importlib.import_module(f"rabbit_topo.cli.{module}").command
        return found

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, "-V", "--version", prog_name="rabbit-topo", message="%(prog)s %(version)s")
def cli() -> None:
    """Declare, check and explain the topology of a RabbitMQ.

    YAML files say which exchanges, queues, bindings and policies there are to
    be. rabbit-topo compares them with a broker, shows the difference as a plan,
    carries it out, and tells CI whether the broker still is what the files say.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing but the code leaves as an error."""
    with orderly():
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    try:
        code = cli.main(args=list(arguments), prog_name="rabbit-topo", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except InputError as error:
        return _tell_problems(error)
    except TopoError as error:
        _tell(error.message, error.hint)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        # click turns every KeyboardInterrupt into an Abort and keeps the cause.
        stop = error.__cause__ or error
        _tell("terminated" if isinstance(stop, Terminated) else "interrupted")
        return int(getattr(stop, "exit_code", _INTERRUPTED))
    except BrokenPipeError:
        # Whoever read our output has left; nothing more can be told there.
        hush()
        return 1
    except OSError as error:
        _tell(f"cannot write the output: {error.strerror or error}")
        hush()
        return 1
    except Exception as error:
        if os.environ.get("RABBIT_TOPO_TRACEBACK"):
            raise
        _tell(
            f"this is a bug in rabbit-topo {__version__}: {type(error).__name__}",
            "run it again with RABBIT_TOPO_TRACEBACK=1 and report what it prints",
        )
        return 1
    return code if isinstance(code, int) else 0


def _tell(message: str, hint: str = "") -> None:
    click.echo(f"rabbit-topo: {message}", err=True)
    if hint:
        click.echo(f"  {hint}", err=True)


def _tell_problems(error: InputError) -> int:
    for problem in error.problems:
        click.echo(str(problem), err=True)
    hidden = error.total - len(error.problems)
    more = f", of which {hidden} are not shown" if hidden > 0 else ""
    _tell(f"{error.total} {'problem' if error.total == 1 else 'problems'}{more}; nothing was done")
    return error.exit_code
