"""Which topology the tests of a file are about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDINGS: Final = (".test.yaml", ".test.yml")


def is_test_file(path: str | Path) -> bool:
    """Say whether a file holds tests only.

    >>> is_test_file("shop/orders.test.yaml"), is_test_file("shop/orders.yaml")
    (True, False)
    """
    return str(path).endswith(ENDINGS)


def configured(files: Sequence[str | Path], config: str | None = None) -> tuple[tuple[str, ...], str]:
    """Return the topology that test files are about, and the version that it is for, empty where nothing says so.

    It is the `sources` of the rabbit-topo.yaml upwards, else the folders that the files are in. The test files are
    among it, wherever they are. Raises `UsageError` and `InputError` for a configuration that is wrong.
    """
    from rabbit_topo.config import resolve_sources

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
    return tuple(kept), version


def _near(path: Path) -> str:
    """Spell a path from here, where it is below."""
    whole, here = os.path.normpath(path), os.path.normpath(Path.cwd())
    return os.path.relpath(whole, here) if Path(here) in (Path(whole), *Path(whole).parents) else whole
