"""A project's folder: its configuration, its topology files, and the schemas that editors read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from rabbit_topo.errors import Refusal
from rabbit_topo.filenames import CONFIG_NAME, TEST_ENDINGS
from rabbit_topo.write.placing import place
from rabbit_topo.write.scalars import spell
from rabbit_topo.write.yaml_text import dump

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rabbit_topo.adopt.types import File

TOPOLOGY: Final = "topology"  # the folder of topology files within a project
Settings = Mapping[str, "str | bool | float | Mapping[str, str]"]
NO_SETTINGS: Final[Settings] = {}
_SCHEMAS: Final = "schemas"
_RELEASE: Final = re.compile(r"(3\.[1-9]\d|[4-9]\.\d{1,3}|[1-9]\d\.\d{1,3})(?!\d)", re.ASCII)  # 3.10 and newer


def spelled(files: Iterable[File]) -> dict[str, str]:
    """Return the texts of topology files by their paths within a project."""
    return {
        f"{TOPOLOGY}/{file.path}": dump(file, f"{'../' * (file.path.count('/') + 1)}{_SCHEMAS}/topology.schema.json")
        for file in files
    }


def joined(texts: Mapping[str, str]) -> str:
    r"""Return several files as one, each behind a comment that names it; a single one as it is.

    >>> print(joined({"a.yaml": "# first\nversion: 1\n", "b.yaml": "# first\nversion: 1\n"}), end="")
    # first
    # a.yaml
    version: 1
    ---
    # b.yaml
    version: 1
    """
    if len(texts) == 1:
        return next(iter(texts.values()))
    lines = {path: text.partition("\n") for path, text in texts.items()}
    head = next(iter(lines.values()))[0]
    return f"{head}\n" + "---\n".join(f"# {path}\n{rest}" for path, (_, _, rest) in lines.items())


def config_text(
    broker: str,
    version: str = "",
    tls: Settings = NO_SETTINGS,
    timeout: float | None = None,
    expect: Settings = NO_SETTINGS,
) -> str:
    """Return a configuration for one broker: a URL without credentials, or a path relative to the file.

    `version` is the broker's, of any length; one that no configuration can name is left out. `tls` holds paths of PEM
    files, relative to the file too, and `verify`; `timeout` is in seconds, and `expect` says which broker it must be.

    >>> print(config_text("http://localhost:15672", "4.3.6"), end="")
    # yaml-language-server: $schema=schemas/config.schema.json
    sources: [topology/]
    target_version: "4.3"
    <BLANKLINE>
    environments:
      default:
        broker: http://localhost:15672
        # Who logs in: --username and --password-file, or RABBIT_TOPO_USERNAME and RABBIT_TOPO_PASSWORD_FILE,
        # or here, without the password itself:
        # username: topology
        # password: ${RABBIT_PASSWORD}
    """
    lines = [f"# yaml-language-server: $schema={_SCHEMAS}/config.schema.json", f"sources: [{TOPOLOGY}/]"]
    if release := _RELEASE.match(version):
        lines.append(f"target_version: {spell(release[0])}")
    lines += ["", "environments:", "  default:", f"    broker: {_text(broker)}"]
    if tls:
        lines += ["    tls:", *_lines(tls, 6)]
    if timeout is not None:
        lines.append(f"    timeout: {timeout!r}")
    if expect:
        lines += ["    expect:", *_lines(expect, 6)]
    if "://" in broker:
        lines += [
            "    # Who logs in: --username and --password-file, or RABBIT_TOPO_USERNAME and RABBIT_TOPO_PASSWORD_FILE,",
            "    # or here, without the password itself:",
            "    # username: topology",
            "    # password: ${RABBIT_PASSWORD}",
        ]
    return "\n".join(lines) + "\n"


def _lines(settings: Settings, indent: int) -> list[str]:
    lines = []
    for name, value in settings.items():
        start = f"{' ' * indent}{spell(name, flow=False)}:"
        if isinstance(value, Mapping):
            lines += [start, *_lines(value, indent + 2)]
        else:
            lines.append(f"{start} {_text(value) if isinstance(value, str) else str(value).lower()}")
    return lines


def _text(text: str) -> str:
    return spell(text.replace("${", "$${"), flow=False)


def in_the_way(folder: Path, paths: Iterable[str], *, force: bool) -> list[str]:
    """Name what keeps topology files out of a project's folder, relative to it and sorted.

    That is every other topology file there, for it would be read together with them, and without `force` every file in
    the place of a new one. Files of route tests are welcome.
    """
    wanted = set(paths)
    there = set(_files_below(folder / TOPOLOGY, TOPOLOGY))
    others = {name for name in there - wanted if not name.endswith(TEST_ENDINGS)}
    taken = set() if force else {path for path in wanted if os.path.lexists(folder / path)}
    return sorted(others | taken)


def refuse(folder: Path, names: Iterable[str], *, force: bool) -> None:
    """Raise `Refusal` that names every file in the way, where there are any."""
    from rabbit_topo.report.words import clean

    shown = [f"    {clean(str(folder / name))}" for name in names]
    if shown:
        what = "topology files that would be read together with the new ones" if force else "files in the way"
        hint = "move them away, or name another folder" + (
            "" if force else "; --force writes over those of the same names"
        )
        raise Refusal("\n".join([f"there are {what}; nothing was written", *shown]), hint)


def write(folder: Path, texts: Mapping[str, str], config: str, *, force: bool = False) -> tuple[str, ...]:
    """Write topology files, a configuration and the schemas into a project's folder: all or nothing.

    A configuration that is there stays, and so do schemas without `force`. Returns the paths of the new files, relative
    to the folder. Raises `Refusal` where something is in the way, and `UsageError` where a file cannot be written.
    """
    refuse(folder, in_the_way(folder, texts, force=force), force=force)
    schemas = _schemas()
    new = dict(texts) | {
        name: text
        for name, text in ({CONFIG_NAME: config} | schemas).items()
        if name not in texts and ((force and name in schemas) or not os.path.lexists(folder / name))
    }
    place(folder, new, replace=force)
    return tuple(new)


def stale_schemas(folder: Path) -> list[str]:
    """Name the schemas in a project's folder that are not those of this release, relative to it."""
    return [
        name
        for name, text in _schemas().items()
        if (folder / name).is_file() and (folder / name).read_bytes() != text.encode()
    ]


def _schemas() -> dict[str, str]:
    from rabbit_topo.load.schemas import schema_text

    return {f"{_SCHEMAS}/{name}.schema.json": schema_text(name) for name in ("config", "topology")}


def _files_below(folder: Path, within: str) -> list[str]:
    """Name the files that a reading of this folder would take."""
    from rabbit_topo.load.paths import is_topology_name

    found = []
    for current, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        where = os.path.relpath(current, folder).replace(os.sep, "/")
        prefix = f"{within}/" if where == "." else f"{within}/{where}/"
        found += [f"{prefix}{name}" for name in names if is_topology_name(name)]
    return found
