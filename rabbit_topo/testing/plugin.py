"""The pytest plugin: `pytest topology/` runs the route tests of every `*.test.yaml` there, a case an item.

Other tools have files of that name, too. Ours are those below a rabbit-topo.yaml, those that the command line names,
and those that say at their top what ours do. Everything but this file is imported when there is one of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from rabbit_topo.filenames import CONFIG_NAME, TEST_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rabbit_topo.model import Topology
    from rabbit_topo.routing import Router
    from rabbit_topo.routing.cases import Case

_KEY = re.compile(r"""["']?(?:(version)["']?\s*:\s+1\s*(?:\s#.*)?$|(vhost|tests)["']?\s*:(?:\s|$))""")
_NO_KEY = (" ", "\t", "#", "-", "%", "]", "}", "...")  # what a line begins with that has no key of the top
_ROUTERS: pytest.StashKey[dict[tuple[str, ...], Router]] = pytest.StashKey()
_NARROW, _WIDE = 60, 120  # columns


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect files of route tests."""
    if file_path.name.endswith(TEST_ENDINGS) and (
        parent.session.isinitpath(file_path)
        or any((folder / CONFIG_NAME).is_file() for folder in file_path.parents)
        or _seems_ours(file_path)
    ):
        return TestFile.from_parent(parent, path=file_path)
    return None


def _seems_ours(path: Path) -> bool:
    """Say whether the top of a file has `version: 1` and `tests`, and nothing that ours have not; without YAML."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    tops = [_KEY.match(line) for line in lines if line and not line.startswith(_NO_KEY)]
    return all(tops) and {"version", "tests"} <= {word for top in tops if top for word in top.groups()}


class TestFile(pytest.File):
    """A `*.test.yaml`: its tests are about the topology of the nearest rabbit-topo.yaml upwards, else its folder."""

    __test__ = False

    def collect(self) -> Iterable[pytest.Item]:
        """Make an item of each case."""
        from rabbit_topo.report.tests_run import numbered
        from rabbit_topo.report.words import clean
        from rabbit_topo.routing.cases import cases_of

        router = self._router()
        cases = [one for one in cases_of(router.topology) if one.origin and self.path.samefile(one.origin.file)]
        for case, name in zip(cases, numbered(clean(one.name) for one in cases), strict=True):
            yield RouteItem.from_parent(self, name=name, case=case, router=router)

    def _router(self) -> Router:
        """Load a topology once, however many files test it."""
        from rabbit_topo.errors import TopoError
        from rabbit_topo.load import load
        from rabbit_topo.routing import LATEST, Router
        from rabbit_topo.testing.sources import configured

        routers = self.config.stash.setdefault(_ROUTERS, {})
        try:
            sources, version = configured([self.path])
            if sources not in routers:
                routers[sources] = Router(load(*sources, tests=True), version or LATEST)
        except TopoError as error:
            text = f"{error.message}\n    {error.hint}" if error.hint else error.message
            raise pytest.Collector.CollectError(text) from None
        return routers[sources]


class RouteItem(pytest.Item):
    """One message, and the queues that it must reach."""

    def __init__(self, *, case: Case, router: Router, **options: Any) -> None:
        """Take what to run it with."""
        super().__init__(**options)
        self.case = case
        self.router = router

    def runtest(self) -> None:
        """Route the message."""
        from rabbit_topo.routing.cases import run_case

        result = run_case(self.router, self.case)
        if not result.passed:
            raise _Unmet(_told(result, self.router.topology))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        """Tell what is wrong and the route that was taken; a traceback only where something else went wrong."""
        if isinstance(excinfo.value, _Unmet):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the place in the file."""
        line = self.case.origin.line - 1 if self.case.origin else None
        return self.path, line, self.name


class _Unmet(AssertionError):
    """A message that does not go where it must."""


def _told(result: Any, topology: Topology) -> str:
    from shutil import get_terminal_size

    from rabbit_topo.report.tests import failure_text, place_of
    from rabbit_topo.report.tests_run import Outcome

    width = min(max(get_terminal_size().columns, _NARROW), _WIDE)
    return f"{failure_text(Outcome(result), topology, width)}\n\n{place_of(result.origin)}"
