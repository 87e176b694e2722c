from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from rabbit_topo.errors import InputError
from rabbit_topo.load import load

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.errors import Problem
    from rabbit_topo.model import Topology


class Read(Protocol):
    """Loads texts as files of one folder: `read("...", "b.yaml"="...")`."""

    def __call__(self, text: str | bytes, **more: str) -> Topology: ...


class Problems(Protocol):
    """Loads like `Read` and returns what is wrong."""

    def __call__(self, text: str | bytes, **more: str) -> tuple[Problem, ...]: ...


class Complaints(Protocol):
    """Loads like `Read` and returns what is wrong, as `line:column message | hint`."""

    def __call__(self, text: str | bytes, **more: str) -> list[str]: ...


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    monkeypatch.chdir(tmp_path)

    def run(text: str | bytes, **more: str) -> Topology:
        (tmp_path / "a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        for name, other in more.items():
            (tmp_path / f"{name}.yaml").write_text(other, encoding="utf-8")
        return load("a.yaml", *(f"{name}.yaml" for name in more), tests=True)

    return run


@pytest.fixture
def problems(read: Read) -> Problems:
    def run(text: str | bytes, **more: str) -> tuple[Problem, ...]:
        with pytest.raises(InputError) as caught:
            read(text, **more)
        return caught.value.problems

    return run


@pytest.fixture
def complaints(problems: Problems) -> Complaints:
    def run(text: str | bytes, **more: str) -> list[str]:
        shown = []
        for problem in problems(text, **more):
            where = f"{problem.line}:{problem.column}"
            where = where if problem.file == "a.yaml" else f"{problem.file}:{where}"
            shown.append(f"{where} {problem.message}" + (f" | {problem.hint}" if problem.hint else ""))
        return shown

    return run
