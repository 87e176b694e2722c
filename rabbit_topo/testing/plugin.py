"""The pytest plugin: `pytest topology/` runs the route tests of every `*.test.yaml` there, a case an item.

Everything but this file is imported when there is such a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rabbit_topo.model import Topology
    from rabbit_topo.routing import Router
    from rabbit_topo.routing.cases import Case

_ENDINGS = (".test.yaml", ".test.yml")
_ROUTERS: pytest.StashKey[dict[tuple[str, ...], Router]] = pytest.StashKey()
_WIDTH = 100


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect files of route tests."""
    if file_path.name.endswith(_ENDINGS):
        return TestFile.from_parent(parent, path=file_path)
    return None


class TestFile(pytest.File):
    """A `*.test.yaml`: its tests are about the topology of the nearest rabbit-topo.yaml upwards, else its folder."""

    __test__ = False

    def collect(self) -> Iterable[pytest.Item]:
        """Make an item of each case."""
        from rabbit_topo.routing.cases import cases_of

        router = self._router()
        names: dict[str, int] = {}
        for case in cases_of(router.topology):
            if case.origin is None or not self.path.samefile(case.origin.file):
                continue
            names[case.name] = times = names.get(case.name, 0) + 1
            name = case.name if times == 1 else f"{case.name} ({times})"
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
    from rabbit_topo.report.tests import failure_lines
    from rabbit_topo.report.tests_run import Outcome

    lines = failure_lines(Outcome(result), topology, _WIDTH)
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)
