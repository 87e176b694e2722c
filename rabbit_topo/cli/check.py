"""`rabbit-topo check`."""

from __future__ import annotations

from typing import Any

import click

from rabbit_topo.cli import options
from rabbit_topo.cli.output import emit
from rabbit_topo.cli.plan import DIFFERENCES
from rabbit_topo.cli.session import VIAS, session


@click.command("check")
@options.common
@options.login
@options.channels
@click.option("--via", type=click.Choice(VIAS), help="Look by HTTP, or by AMQP's declares.  [management, else active]")
@click.option("--strict", is_flag=True, help="Exit 3 too if something was not verified.")
def command(**given: Any) -> int:
    """Tell whether the broker still is what the files say.

    Arguments, bindings and policies are compared too; what is ours but in no file
    counts, and so does what an apply left unfinished. Nothing is written. Exit
    codes: 0 no drift, 3 drift.

    Over AMQP alone nothing can be listed: --via active has the broker compare
    every declared exchange and queue, --via passive asks only whether it is there.
    What cannot be seen is listed as not verified.
    """
    from rabbit_topo.report.rows import differences
    from rabbit_topo.report.text import check_lines
    from rabbit_topo.report.unverified import complete, gaps, refused

    common, login, own = options.split(given)
    strict = own["strict"]
    with session(common, login, via=own["via"]) as here:
        plan = here.plan()

    def document() -> dict[str, Any]:
        from rabbit_topo.report.documents import check_document

        return check_document(plan)

    def markdown() -> str:
        from rabbit_topo.report.markdown import check_markdown

        return check_markdown(plan, strict=strict)

    emit(
        common,
        lambda width: check_lines(plan, here.sources, width, strict=strict),
        document,
        markdown,
    )
    if differences(plan) or refused(plan) or (strict and not complete(plan, gaps(plan))):
        return DIFFERENCES
    return 0
