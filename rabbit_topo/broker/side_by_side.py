"""Blocking work on several threads at once, with the answers as they come."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LAST_ANSWERS = 2.0  # seconds that answers may take after an interrupt
_Job = TypeVar("_Job")
_Answer = TypeVar("_Answer")
_Answers: TypeAlias = SimpleQueue[tuple[_Answer, None] | tuple[None, BaseException]]


def side_by_side(
    work: Callable[[_Job], _Answer], jobs: Iterable[_Job], width: int, abandon: Callable[[], object]
) -> Iterator[_Answer]:
    """Do every job on one of at most `width` threads; yield the answers as they come.

    What `work` raises is raised here. However this ends, no job is begun any more and no thread is left; when it ends
    early, `abandon` is called first and should make the work that is being done end. An interrupt leaves what is being
    done a moment to end by itself; it is raised when those answers are out.

    >>> sorted(side_by_side(abs, [-2, 1], 2, lambda: None))
    [1, 2]
    """
    waiting = deque(jobs)
    expected = len(waiting)
    answers: _Answers[_Answer] = SimpleQueue()
    threads: list[Thread] = []

    try:
        for _ in range(min(width, expected)):
            thread = Thread(target=_take_jobs, args=(work, waiting, answers), daemon=True)
            thread.start()
            threads.append(thread)
        while expected:
            answer, error = answers.get()
            expected -= 1
            if error is not None:
                raise error
            yield answer  # type: ignore[misc]  # an answer stands wherever no error does
    except KeyboardInterrupt:
        expected -= _take_back(waiting)
        for answer in _last(answers, expected):
            expected -= 1
            yield answer
        raise
    finally:
        waiting.clear()
        if expected:
            abandon()
        for thread in threads:
            thread.join()


def _take_jobs(work: Callable[[_Job], _Answer], waiting: deque[_Job], answers: _Answers[_Answer]) -> None:
    while True:
        try:
            job = waiting.popleft()
        except IndexError:
            return
        try:
            answers.put((work(job), None))
        except BaseException as error:  # noqa: BLE001 - it is raised again by whoever asked
            answers.put((None, error))


def _take_back(waiting: deque[_Job]) -> int:
    """Count the jobs that no thread has begun, and see that none does."""
    number = 0
    while waiting:
        with suppress(IndexError):  # a thread was quicker
            waiting.pop()
            number += 1
    return number


def _last(answers: _Answers[_Answer], expected: int) -> Iterator[_Answer]:
    """Yield the answers that come within a moment; what fails now is as if it had not come."""
    deadline = monotonic() + LAST_ANSWERS
    for _ in range(expected):
        try:
            answer, error = answers.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            return
        if error is None:
            yield answer  # type: ignore[misc]  # the same
