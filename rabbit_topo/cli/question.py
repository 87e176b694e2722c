"""The question before an apply: y or n, or the environment's name where something is deleted or replaced."""

from __future__ import annotations

import sys
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from rabbit_topo.errors import Refusal
from rabbit_topo.report import words

if TYPE_CHECKING:
    from rabbit_topo.plan import Plan


def ask(plan: Plan, environment: str | None) -> None:
    """Ask on the terminal. Raises Refusal for a no, for a wrong name, and where nobody is there to ask."""
    if not sys.stdin.isatty():
        raise Refusal("nobody is there to say yes; nothing was changed", "--yes applies without asking")
    if not plan.destructive:
        if not _answered(f"Send {_operations(plan)} to {words.clean(plan.facts.target)}? [y/N]", "y", "yes"):
            raise Refusal("not confirmed; nothing was changed")
        return
    name = words.clean(name_of(plan, environment))
    click.echo(_warning(plan), err=True)
    if not _answered(f"Type {name} to go on:", name):
        raise Refusal(f"that was not {name}; nothing was changed")


def ask_for_tests(environment: str) -> None:
    """Ask before tests use the broker of an environment. Raises Refusal for a no, and where nobody is there to ask."""
    _ask_for_use(
        "tests use", "declare the topology there", "name a broker for tests, with --broker and --amqp", environment
    )


def ask_for_rehearsal(environment: str) -> None:
    """Ask before a rehearsal makes vhosts on the broker of an environment. Raises Refusal, as `ask_for_tests` does."""
    _ask_for_use("a rehearsal uses", "rehearse there", "rehearse on a throwaway node, with --sandbox", environment)


def _ask_for_use(who: str, what: str, otherwise: str, environment: str) -> None:
    name = words.clean(environment)
    if not sys.stdin.isatty():
        raise Refusal(
            f"{who} the broker of the environment {name} after a yes only, and nobody is there to say it; "
            "nothing was sent",
            f"--yes does not ask; or {otherwise}",
        )
    question = f"Make a vhost on the broker of the environment {name}, and {what}? [y/N]"
    if not _answered(question, "y", "yes"):
        raise Refusal("not confirmed; nothing was sent")


def name_of(plan: Plan, environment: str | None) -> str:
    """Return what must be typed: the configured environment, else the cluster, else the host or the file."""
    address = plan.facts.target
    return environment or plan.facts.cluster_name or urlsplit(address).hostname or PurePath(address).name


def _operations(plan: Plan) -> str:
    from rabbit_topo.plan.hazards import counted

    return counted(sum(1 for _ in plan.operations), "operation")


def _warning(plan: Plan) -> str:
    number = len(plan.destructive)
    verb = "is destructive" if number == 1 else "are destructive"
    return f"{number:,} of {_operations(plan)} to {words.clean(plan.facts.target)} {verb}."


def _answered(question: str, *right: str) -> bool:
    """Say whether the answer is one of these; the end of the input is none."""
    try:
        answer = str(click.prompt(question, default="", show_default=False, prompt_suffix=" ", err=True))
    except click.Abort as error:
        click.echo(err=True)
        if isinstance(error.__context__, EOFError):
            return False
        click.echo("rabbit-topo: nothing was changed", err=True)
        raise
    return answer.strip() in right if len(right) == 1 else answer.strip().lower() in right
