"""The command line, called as a script would call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.cli import run

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line; answer its exit code, what it printed, and what it complained of."""

    def call(*words: str) -> tuple[int, str, str]:
        code = run(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
