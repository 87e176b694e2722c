"""`rabbit-topo sandbox`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rabbit_topo.broker.sandbox import Sandbox


@click.command("sandbox", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command_line", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def command(command_line: tuple[str, ...]) -> int:
    """Run a command beside a throwaway RabbitMQ node.

    The node comes from the installed rabbitmq-server, listens on loopback alone,
    and leaves no trace. COMMAND finds it in RABBIT_TOPO_BROKER and
    RABBIT_TOPO_AMQP; its exit code is passed on. Without a command the node
    stays up until Ctrl-C.
    """
    from rabbit_topo.broker.sandbox import run

    return run(command_line, announce=None if command_line else _announce)


def _announce(node: Sandbox) -> None:
    click.echo(f"RABBIT_TOPO_BROKER={node.broker_url}")
    click.echo(f"RABBIT_TOPO_AMQP={node.amqp_url}")
    click.echo(f"RabbitMQ {node.version} is up; Ctrl-C ends it and removes every trace.", err=True)
