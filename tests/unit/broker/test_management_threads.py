"""Several requests at once: the answers, and what is left when it ends early."""

from __future__ import annotations

import threading
from threading import Barrier, Event, current_thread

import pytest

from rabbit_topo.broker.side_by_side import side_by_side

PATIENCE = 10


def forbidden() -> None:
    pytest.fail("nothing was to be abandoned")


def test_as_many_at_once_as_asked_for_and_no_more() -> None:
    meeting = Barrier(3)

    def work(job: int) -> tuple[int, str]:
        meeting.wait(PATIENCE)  # breaks unless three are here at the same time
        return job, current_thread().name

    answers = list(side_by_side(work, range(9), 3, forbidden))
    assert sorted(job for job, _ in answers) == list(range(9))
    assert len({thread for _, thread in answers}) == 3


def test_answers_come_as_they_are_ready() -> None:
    first_is_out = Event()

    def work(job: str) -> str:
        if job == "slow":
            assert first_is_out.wait(PATIENCE)
        return job

    answers = side_by_side(work, ["slow", "quick"], 2, forbidden)
    assert next(answers) == "quick"
    first_is_out.set()
    assert list(answers) == ["slow"]


def test_nothing_to_do_needs_no_thread() -> None:
    assert list(side_by_side(abs, [], 4, forbidden)) == []


@pytest.mark.parametrize("how", ["closed", "thrown"])
def test_an_early_end_abandons_what_is_being_done_and_begins_no_more(how: str) -> None:
    before = threading.active_count()
    begun: list[int] = []
    hanging = Event()
    abandoned = Event()

    def work(job: int) -> int:
        begun.append(job)
        if job:
            hanging.set()
            assert abandoned.wait(PATIENCE)
        return job

    answers = side_by_side(work, range(50), 2, abandoned.set)
    assert next(answers) == 0
    assert hanging.wait(PATIENCE)
    if how == "closed":
        answers.close()  # type: ignore[attr-defined]
    else:
        with pytest.raises(KeyboardInterrupt):
            answers.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    assert abandoned.is_set()
    assert len(begun) <= 3
    assert threading.active_count() == before


def test_what_the_work_raises_is_raised_here() -> None:
    before = threading.active_count()

    def work(job: int) -> int:
        raise LookupError(str(job))

    with pytest.raises(LookupError):
        list(side_by_side(work, range(5), 2, lambda: None))
    assert threading.active_count() == before
