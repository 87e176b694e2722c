"""What `rabbit-topo.yaml` says, each value with its place; and where it lies.

`${VAR}` is filled in late and only in what is used, so that a laptop without the production password can still work on
its own broker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rabbit_topo.errors import InputError, Problem
from rabbit_topo.filenames import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_VARIABLE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\})?")


@dataclass(frozen=True, slots=True)
class Text:
    """A string as written, and where. `file` is spelled as messages show it."""

    raw: str = field(repr=False)
    file: str
    line: int
    column: int

    def problem(self, message: str, hint: str = "") -> Problem:
        """Say what is wrong with it, at its place."""
        return Problem(self.file, self.line, self.column, message, hint)

    def expand(self, environ: Mapping[str, str]) -> str:
        """Fill in `${VAR}`; `$${` is a literal `${`. Raise InputError for a variable that is not set."""

        def replace(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "${"
            name = match["name"]
            if name is None:
                raise InputError([self.problem("'${' opens a variable, but no NAME} follows", "a literal ${ is $${")])
            if name not in environ:
                message = f"the environment variable {name} is not set"
                raise InputError([self.problem(message, f"set {name}; a literal ${{ is written $${{")])
            return environ[name]

        return _VARIABLE.sub(replace, self.raw)


@dataclass(frozen=True, slots=True)
class Environment:
    """One entry of `environments`; `place` is where its name stands."""

    place: Text
    texts: Mapping[str, Text]
    tls: Mapping[str, Text]
    verify: bool = True
    timeout: float | None = None  # seconds
    expect: Mapping[str, Text] = field(default_factory=dict)
    tags: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LintSettings:
    """What the configuration says to the linter.

    `select`, `ignore` and `extend_select` are codes, families and names of rules as written. `fail_on` is the least
    severity that makes it fail, or `never`. `baseline` is a file of findings that are known, "" for none; `nodes` the
    size of the cluster, 0 where nobody says. `naming` holds regular expressions for whole names, by kind: `exchange`,
    `queue`, `policy`. `exchange_types` are those of the plugins that are listed, None where none are listed.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    fail_on: str = "warning"
    baseline: str = ""
    nodes: int = 0
    naming: Mapping[str, str] = field(default_factory=dict)
    exchange_types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class LintFile:
    """The `lint` section as written; `baseline` keeps its place."""

    settings: LintSettings = LintSettings()
    baseline: Text | None = None


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file as written. `path` is where it lies, `shown` how messages call it.

    `project` is set where an inventory is to be kept on the broker, under this name. `lock_name` is the queue that
    keeps two applies apart, where it is not the usual one. `plugins` are the listed ones, None without a list.
    """

    path: Path
    shown: str
    sources: tuple[Text, ...] = ()
    target_version: str = ""
    project: str = ""
    lock_name: str = ""
    environments: Mapping[str, Environment] = field(default_factory=dict)
    plugins: tuple[str, ...] | None = None
    lint: LintFile = LintFile()


def find_upwards(folder: Path) -> Path | None:
    """Return the nearest `rabbit-topo.yaml`, in `folder` or above it."""
    for place in (folder, *folder.parents):
        candidate = place / CONFIG_NAME
        if candidate.is_file():
            return candidate
    return None
