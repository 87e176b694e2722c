"""Where a topology is read from: files, a definitions file, or a live broker."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from rabbit_topo.cli.live import is_live, live, shown
from rabbit_topo.cli.output import Progress
from rabbit_topo.cli.session import files_of
from rabbit_topo.config.settings import Sources
from rabbit_topo.errors import UsageError

if TYPE_CHECKING:
    from rabbit_topo.broker.target import Target
    from rabbit_topo.cli.live import Live
    from rabbit_topo.cli.options import BrokerOptions, Common
    from rabbit_topo.errors import Problem
    from rabbit_topo.load import Shelf
    from rabbit_topo.model import Key, Observed, Policy, Suppression, Topology
    from rabbit_topo.routing import Router

_REVISION: Final = "git:"
USUAL: Final = "/"  # the vhost of documents that name none, unless --vhost says another


@dataclass(frozen=True)
class Source:
    """A topology, and what is known of the broker that it is for.

    `shown` names it for people: the files, or the broker's address. `live` is what was read from a broker or from a
    definitions file, None where topology files were read; `target` is that broker. `problems` are what a tolerant
    reading of files left out, and why; `damaged` and `partial` are the objects that it left something out of, and
    `comments` those that suppress findings. `configured` is what the configuration says that needs no broker. `plain`
    is what files say where no `--vhost` is given, None where nobody asked.
    """

    topology: Topology
    version: str
    shown: str
    operator_policies: tuple[Policy, ...] = ()
    live: Observed | None = None
    problems: tuple[Problem, ...] = ()
    damaged: frozenset[Key] = frozenset()
    partial: frozenset[Key] = frozenset()
    comments: tuple[Suppression, ...] = ()
    target: Target | None = None
    configured: Sources = field(default_factory=lambda: Sources((), None))
    plain: Topology | None = None

    @cached_property
    def router(self) -> Router:
        """The index that routes messages through it."""
        from rabbit_topo.routing import Router

        if self.live is not None:
            return Router.observed(self.live)
        return Router(self.topology, self.version, self.operator_policies)


def source(
    common: Common,
    login: BrokerOptions,
    given: str | tuple[str, ...] | None = None,
    *,
    tolerant: bool = False,
    tests: bool = False,
    about: str | None = None,
) -> Source:
    """Read what `given` names: `broker`, a management URL, a `*.json` definitions file, or topology files.

    `broker:NAME` is the broker of an environment of the config; `git:REF:PATH` are files of a revision of the
    repository, and `git:REF` the config's sources there. None, or nothing, is the files of the command line, else those
    of the config. With `tolerant`, what is wrong in files is left out and told in `problems`; with `tests`, what route
    tests name must be there. Where a question is `about` a vhost, documents that name none stay in the usual one.
    Raises UsageError, InputError and BrokerError.
    """
    named = (given,) if isinstance(given, str) else given or ()
    special = [name for name in named if is_live(name) or is_revision(name)]
    if not special:
        common = replace(common, files=(*common.files, *named))
        if about is not None:
            common = replace(common, vhost=USUAL)
        return from_files(common, tolerant=tolerant, tests=tests)
    if len(named) > 1 or common.files:
        others = ", ".join(map(shown, dict.fromkeys(one for one in (*common.files, *named) if one != special[0])))
        if not others:
            raise UsageError(f"{shown(special[0])} is named twice", "name it once, behind --from")
        raise UsageError(f"{shown(special[0])} and {others} are two topologies", "name one broker, or files only")
    if is_revision(special[0]):
        return from_revision(common, special[0], tolerant=tolerant, tests=tests)
    given_vhost = click.get_current_context().get_parameter_source("vhost") is ParameterSource.COMMANDLINE
    with live(common, login, special[0], (common.vhost,) if given_vhost else ()) as here:
        return from_live(common, here)


def is_revision(name: str) -> bool:
    """Say whether a source is files of a git revision."""
    return name.startswith(_REVISION)


def from_revision(
    common: Common,
    name: str,
    beside: tuple[str, ...] = (),
    *,
    tolerant: bool = False,
    tests: bool = False,
    plain: bool = False,
) -> Source:
    """Read topology files of a git revision: `git:REF:PATH`, or `git:REF` for the config's sources.

    `beside` are files that `git:REF` stands for where no config lists sources. Raises UsageError and InputError.
    """
    from rabbit_topo.load.revisions import Revision

    ref, _, path = name.removeprefix(_REVISION).partition(":")
    if path.endswith(".json"):
        raise UsageError(f"{name}: a definitions file is not read of a revision", f"git show {ref}:{path} > FILE")
    files = (path,) if path else tuple(map(_from_here, _configured(common).sources or beside))
    if not files:
        raise UsageError(f"{name} names no files, and no rabbit-topo.yaml lists any", f"name them: {name}:PATH")
    found = from_files(replace(common, files=files), Revision(ref), tolerant=tolerant, tests=tests, plain=plain)
    return replace(found, shown=name)


def _from_here(path: str) -> str:
    """Spell a path from the current folder as git wants it."""
    return for_git(PurePath(os.path.relpath(path)))


def for_git(path: PurePath) -> str:
    r"""Spell a relative path with slashes, and so that git takes it from the current folder.

    >>> from pathlib import PureWindowsPath
    >>> for_git(PureWindowsPath("..\\shop\\a.yaml")), for_git(PureWindowsPath("shop\\a.yaml"))
    ('../shop/a.yaml', './shop/a.yaml')
    """
    relative = path.as_posix()
    return relative if relative in {".", ".."} or relative.startswith("../") else f"./{relative}"


def from_files(
    common: Common, shelf: Shelf | None = None, *, tolerant: bool = False, tests: bool = False, plain: bool = False
) -> Source:
    """Read topology files from disk, or from another shelf; `plain` without the `--vhost` too.

    Raises UsageError and InputError.
    """
    from rabbit_topo.load import Tolerant, load
    from rabbit_topo.load import tolerant as read_on
    from rabbit_topo.routing import LATEST

    files = files_of(common)
    configured = _configured(common)
    progress = Progress(common)
    progress.say("reading the files ...")
    if tolerant:
        read = read_on(*files, vhost=common.vhost, shelf=shelf)
    else:
        read = Tolerant(load(*files, vhost=common.vhost, tests=tests, shelf=shelf))
    usual = read_on(*files, vhost=USUAL, shelf=shelf).topology if plain else None
    progress.clear()
    version = configured.target_version or LATEST
    return Source(
        read.topology,
        version,
        "  ".join(files),
        problems=read.problems,
        damaged=read.damaged,
        partial=read.partial,
        comments=read.comments,
        configured=configured,
        plain=usual,
    )


def _configured(common: Common) -> Sources:
    from rabbit_topo.config import resolve_sources

    return resolve_sources(cwd=Path.cwd(), environ=os.environ, config_path=common.config)


def from_live(common: Common, here: Live) -> Source:
    """Return what was read of a broker or a definitions file."""
    facts = here.observed.facts
    return Source(
        here.observed.topology,
        facts.version,
        facts.target,
        facts.operator_policies,
        here.observed,
        target=here.target,
        configured=_configured(common),
    )
