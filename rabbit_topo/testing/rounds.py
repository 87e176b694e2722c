"""All cases on a broker: looked at where their messages should lie, and everywhere once that is not the whole truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from rabbit_topo.report.tests_run import Compared
    from rabbit_topo.testing.replay import Replay
    from rabbit_topo.testing.trial import Trial


def play(
    replays: Mapping[int, Replay], trials: Collection[Trial], say: Callable[[str], None] = lambda _: None
) -> dict[int, Compared]:
    """Return what the broker said to each case.

    Each queue that is looked at costs a question, so a case is asked about the queues that it names. What is not as it
    should be is played again with a look at every queue. All queues are looked at in the end: if a message lies where
    no case named it, all are played again like that, to tell which case sent it there.
    """
    found: dict[int, Compared] = {}
    astray = False
    for turn, (number, replay) in enumerate(replays.items(), 1):
        say(f"publishing {turn:,} of {len(replays):,}: {replay.case.name}")
        replay.trial.watch(replay.named)
        found[number] = replay.compare()
        if not found[number].passed:
            strays = replay.trial.sweep()
            found[number] = replay.compare()
            # What this case does not do again, another one did.
            astray |= found[number].passed or not strays.keys() <= replay.trial.seen
    say("looking into every queue ...")
    swept = [trial.sweep() for trial in trials]
    if not (astray or any(swept)):
        return found
    for turn, (number, replay) in enumerate(replays.items(), 1):
        say(f"publishing again, {turn:,} of {len(replays):,}: {replay.case.name}")
        found[number] = replay.compare()
    return found
