"""A vhost of its own for route tests on a broker: made under a random name, and deleted in every case."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.broker.http import NOT_FOUND, segment
from rabbit_topo.errors import AccessRefused, BrokerError, Refusal, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.broker.http import Answer, Http

PREFIX: Final = "rabbit-topo.test."
_CREATED: Final = 201
_ATTEMPTS: Final = 3


def left_behind(http: Http) -> tuple[str, ...]:
    """Return the vhosts of other runs: of such that were killed, or that go on now. Nothing here deletes them."""
    there: Any = http.get("/api/vhosts")
    return tuple(sorted(one["name"] for one in there if one["name"].startswith(PREFIX)))


@contextmanager
def scratch_vhost(http: Http, *users: str) -> Iterator[str]:
    """Make an empty vhost that these users may do everything in, and delete it at the end, whatever happened.

    Raises `AccessRefused` without the administrator tag, `Refusal` where a vhost of that name is there, and
    `BrokerError` where the broker does not make it, or does not delete it: then with its name.
    """
    _must_administer(http)
    name = f"{PREFIX}{secrets.token_hex(8)}"
    path = f"/api/vhosts/{segment(name)}"
    if http.ask("GET", path).status != NOT_FOUND:
        raise Refusal(f"the vhost {name} is there already", "run it again: the name is a random one")
    ours = True
    try:
        made = http.ask("PUT", path, {"description": "a run of rabbit-topo test; may be deleted"})
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
            _delete(http, name, path)


def _must_administer(http: Http) -> None:
    who: Any = http.get("/api/whoami")
    told = who.get("tags") if isinstance(who, dict) else None
    tags = told.split(",") if isinstance(told, str) else told or ()
    if "administrator" not in tags:
        raise AccessRefused(
            f"{http.user} may make no vhost on {http.url}: that takes the tag administrator",
            "log in as an administrator of a broker for tests, or leave --on-broker out",
        )


def _done(answer: Answer, what: str) -> None:
    if not answer.ok:
        raise BrokerError(f"{what}: {answer.reason}")


def _delete(http: Http, name: str, path: str) -> None:
    """Delete the vhost; an interrupt meanwhile ends the work afterwards. Raises `BrokerError` where it stays."""
    interrupt: KeyboardInterrupt | None = None
    why = ""
    for _ in range(_ATTEMPTS):
        try:
            answer = http.ask("DELETE", path)
        except KeyboardInterrupt as stop:
            interrupt = stop
            why = "interrupted"
        except Unreachable as lost:
            why = lost.message
        else:
            if answer.ok or answer.status == NOT_FOUND:
                break
            why = answer.reason
    else:
        raise BrokerError(
            f"the vhost {name} was made for these tests and stays: {why}", f"delete it: rabbitmqctl delete_vhost {name}"
        )
    if interrupt is not None:
        raise interrupt
