"""Blocking work on several threads at once, with the answers as they come."""

from __future__ import annotations

from collections import deque
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_Job = TypeVar("_Job")
_Answer = TypeVar("_Answer")


def side_by_side(
    work: Callable[[_Job], _Answer], jobs: Iterable[_Job], width: int, abandon: Callable[[], object]
) -> Iterator[_Answer]:
    """Do every job on one of at most `width` threads; yield the answers as they come.

    What `work` raises is raised here. However this ends, no job is begun any more and no thread is left; when it ends
    early, `abandon` is called first and should make the work that is being done end.

    >>> sorted(side_by_side(abs, [-2, 1], 2, lambda: None))
    [1, 2]
    """
    waiting = deque(jobs)
    expected = len(waiting)
    answers: SimpleQueue[tuple[_Answer, None] | tuple[None, BaseException]] = SimpleQueue()
    threads: list[Thread] = []

    def take_jobs() -> None:
        while True:
            try:
                job = waiting.popleft()
            except IndexError:
                return
            try:
                answers.put((work(job), None))
            except BaseException as error:  # noqa: BLE001 - it is raised again by whoever asked
                answers.put((None, error))

    try:
        for _ in range(min(width, expected)):
            thread = Thread(target=take_jobs, daemon=True)
            thread.start()
            threads.append(thread)
        while expected:
            answer, error = answers.get()
            expected -= 1
            if error is not None:
                raise error
            yield answer  # type: ignore[misc]  # an answer stands wherever no error does
    finally:
        waiting.clear()
        if expected:
            abandon()
        for thread in threads:
            thread.join()
