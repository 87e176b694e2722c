"""A vhost of its own on a broker, for route tests or a rehearsal: of a random name, and deleted in every case."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.broker.http import NOT_FOUND, Unanswered, segment, tags_of
from rabbit_topo.errors import AccessRefused, BrokerError, Refusal, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.broker.http import Answer, Http

PREFIX: Final = "rabbit-topo.test."
_CREATED: Final = 201
_ATTEMPTS: Final = 3
_PATIENCE_SECONDS: Final = 20.0  # a broker that is started again answers by then
_AT_WORK_SECONDS: Final = 600.0  # it takes seconds for every thousand queues, and the answer comes at the end
_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a vhost is made for: how its name begins, what it says of itself, and what to do without the right to it."""

    prefix: str
    said: str
    instead: str


TESTS: Final = Purpose(
    PREFIX, "these tests", "log in as an administrator of a broker for tests, or leave --on-broker out"
)
REHEARSAL: Final = Purpose(
    "rabbit-topo.rehearsal.",
    "this rehearsal",
    "log in as an administrator, or rehearse on a throwaway node: --sandbox",
)


def left_behind(http: Http) -> tuple[str, ...]:
    """Return the vhosts of other runs: of such that were killed, or that go on now. Nothing here deletes them."""
    there: Any = http.get("/api/vhosts")
    return tuple(sorted(one["name"] for one in there if one["name"].startswith((PREFIX, REHEARSAL.prefix))))


@contextmanager
def scratch_vhost(http: Http, *users: str, purpose: Purpose = TESTS, default_queue_type: str = "") -> Iterator[str]:
    """Make an empty vhost that these users may do everything in, and delete it at the end, whatever happened.

    Its default queue type is the broker's own choice where none is named. Raises `AccessRefused` without the
    administrator tag, `Refusal` where a vhost of that name is there, and `BrokerError` where the broker does not make
    it, or does not delete it: then with its name.
    """
    must_administer(http, purpose)
    name = f"{purpose.prefix}{secrets.token_hex(8)}"
    path = f"/api/vhosts/{segment(name)}"
    if http.ask("GET", path).status != NOT_FOUND:
        raise Refusal(f"the vhost {name} is there already", "run it again: the name is a random one")
    ours = True
    try:
        keys = ("default_queue_type", "defaultqueuetype")  # the second is 3.10's
        chosen = dict.fromkeys(keys, default_queue_type) if default_queue_type else {}
        made = http.ask(
            "PUT", path, {"description": f"made for {purpose.said} by rabbit-topo; may be deleted", **chosen}
        )
        ours = made.status == _CREATED
        if not ours and made.ok:
            raise Refusal(f"somebody made the vhost {name} at this moment", "run it again: the name is a random one")
        _done(made, f"the vhost {name} could not be made")
        for user in dict.fromkeys(users):
            everything = {"configure": ".*", "write": ".*", "read": ".*"}
            granted = http.ask("PUT", f"/api/permissions/{segment(name)}/{segment(user)}", everything)
            _done(granted, f"{user} could not be let into the vhost {name}")
        yield name
    finally:
        if ours:
            _delete(http, name, path, purpose)


def must_administer(http: Http, purpose: Purpose) -> None:
    """Raise `AccessRefused` where this user could neither make a vhost nor delete it."""
    if "administrator" not in tags_of(http.get("/api/whoami")):
        raise AccessRefused(
            f"{http.user} may make no vhost on {http.url}: that takes the tag administrator",
            purpose.instead,
        )


def _done(answer: Answer, what: str) -> None:
    if not answer.ok:
        raise BrokerError(f"{what}: {answer.reason}")


def _delete(http: Http, name: str, path: str, purpose: Purpose) -> None:
    """Delete the vhost; an interrupt meanwhile ends the work afterwards. Raises `BrokerError` where it stays."""
    interrupt: KeyboardInterrupt | None = None
    why, tried = "", 0
    began = time.monotonic()
    while tried < _ATTEMPTS:
        try:
            answer = http.ask("DELETE", path)
            if answer.ok or answer.status == NOT_FOUND:
                break
            why = answer.reason
        except KeyboardInterrupt as stop:
            interrupt = stop
            why = "interrupted"
        except Unreachable as lost:
            why = lost.message
            patience = _AT_WORK_SECONDS if isinstance(lost, Unanswered) else _PATIENCE_SECONDS
            if interrupt is None and time.monotonic() - began < patience:
                interrupt = _pause()
                continue
        tried += 1
    else:
        raise BrokerError(
            f"the vhost {name} was made for {purpose.said} and stays: {why}",
            f"delete it: rabbitmqctl delete_vhost {name}",
        )
    if interrupt is not None:
        raise interrupt


def _pause() -> KeyboardInterrupt | None:
    """Wait for a broker to come back; return what interrupts that."""
    try:
        time.sleep(_PAUSE_SECONDS)
    except KeyboardInterrupt as stop:
        return stop
    return None
