"""Which topology the tests of a file are about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rabbit_topo.errors import UsageError
from rabbit_topo.filenames import TEST_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence


def is_test_file(path: str | Path) -> bool:
    """Say whether a file holds tests only.

    >>> is_test_file("shop/orders.test.yaml"), is_test_file("shop/orders.yaml")
    (True, False)
    """
    return str(path).endswith(TEST_ENDINGS)


def only_tests(paths: Sequence[str | Path]) -> tuple[str, ...]:
    """Return the files that are named, or are in the folders that are, if all hold tests only; none if one does not."""
    from rabbit_topo.load.paths import topology_files
    from rabbit_topo.load.problems import Problems

    files = topology_files(paths, Problems())
    return tuple(files) if all(map(is_test_file, files)) else ()


def configured(files: Sequence[str | Path], config: str | None = None) -> tuple[tuple[str, ...], str]:
    """Return the topology that test files are about, and the version that it is for, empty where nothing says so.

    It is the `sources` of the rabbit-topo.yaml upwards, else the folders that the files are in. The test files are
    among it, wherever they are. Raises `UsageError` where a file is not there, or no topology, and `InputError` for a
    configuration that is wrong.
    """
    from rabbit_topo.config import resolve_sources

    for file in files:
        if not Path(file).exists():
            raise UsageError(f"there is no such file: {file}", "look at the spelling, and where you are")
    sources: list[str] = []
    version = ""
    for folder in dict.fromkeys(Path(file).parent for file in files):
        found = resolve_sources(cwd=folder.absolute(), environ=os.environ, config_path=config)
        version = version or found.target_version
        sources += [_near(folder.absolute() / source) for source in found.sources] or [_near(folder.absolute())]
    kept = list(dict.fromkeys(sources))
    within = [Path(source).resolve() for source in kept]
    for file in dict.fromkeys(files):
        whole = Path(file).resolve()
        if not any(whole == one or one in whole.parents for one in within):
            kept.append(_near(Path(file).absolute()))
    if only_tests(kept):
        raise UsageError(
            f"there is no topology beside these tests: {', '.join(map(str, files))}",
            "name its files too, or list them as `sources` in a rabbit-topo.yaml",
        )
    return tuple(kept), version


def _near(path: Path) -> str:
    """Spell a path from here, where it is below."""
    whole, here = os.path.normpath(path), os.path.normpath(Path.cwd())
    return os.path.relpath(whole, here) if Path(here) in (Path(whole), *Path(whole).parents) else whole
