"""What a look at a broker found: logins, the cluster, rights, certificates, and what follows from them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rabbit_topo.model import Arguments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rabbit_topo.model import Key

What: TypeAlias = Literal["broker", "client", "authority"]
RoadName: TypeAlias = Literal["management", "amqp"]
Action: TypeAlias = Literal["create", "bind", "delete", "lock"]
# `hidden`: the broker tells this user the same of a vhost that is missing and of one that it may not enter.
Access: TypeAlias = Literal["entered", "refused", "missing", "hidden", "not_asked"]
Source: TypeAlias = Literal["permissions", "asked", "asked_by_http", "unknown"]
POLICYMAKERS: Final = frozenset({"policymaker", "administrator"})


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate: whose it is, where it was found, and until when it holds. `not_after` is UTC."""

    what: What
    place: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Unshown:
    """A certificate that is not to be had: whose it is, where it was looked for, and why not."""

    what: What
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What an AMQP connection agreed on; `heartbeat` in seconds, `frame_max` in bytes, 0 is no limit."""

    mechanisms: tuple[str, ...]
    channel_max: int
    frame_max: int
    heartbeat: int


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """One URL, who logged in there, and why that failed where it did. `user` is empty where a certificate logs in."""

    road: RoadName
    url: str
    user: str
    error: str = ""
    hint: str = ""
    cluster_name: str = ""
    negotiated: Negotiated | None = None

    @property
    def ok(self) -> bool:
        """Say whether the broker let us in."""
        return not self.error


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the cluster; `partitions` are those that it has lost sight of."""

    name: str
    running: bool
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """What the broker says of itself. None stands for what it did not tell; `untold` says why, by field."""

    product: str
    version: str
    erlang: str = ""
    cluster_name: str = ""
    exchange_types: tuple[str, ...] | None = None
    nodes: tuple[Node, ...] | None = None
    alarms: tuple[str, ...] | None = None
    deprecated: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    untold: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Need:
    """A permission on one queue or exchange; `topic` is the routing key that a topic permission must let pass."""

    permission: Literal["configure", "write", "read"]
    kind: Literal["queue", "exchange"]
    name: str
    topic: str | None = None

    @property
    def called(self) -> str:
        """The name that RabbitMQ looks up in a pattern: the default exchange has one there."""
        return self.name or "amq.default"


@dataclass(frozen=True, slots=True)
class Denied:
    """Something declared that the broker would refuse, and what is missing for it. `words` are the broker's."""

    key: Key
    action: Action
    lacks: tuple[Need, ...]
    words: str = ""

    @property
    def arguments(self) -> Arguments:
        """Those of a binding: they are part of what it is."""
        return Arguments(json.loads(self.key.arguments or "{}"))


@dataclass(frozen=True, slots=True)
class Ability:
    """How many objects an action is about, which would be refused, and of how many that is not known."""

    action: Action
    total: int
    denied: tuple[Denied, ...] = ()
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Permissions:
    """The three patterns of a user in a vhost, and by exchange those for routing keys: (write, read)."""

    configure: str
    write: str
    read: str
    topics: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rights:
    """What may be done in one vhost. `source` is where the abilities come from, `why` says why some are unknown."""

    vhost: str
    management: Access = "not_asked"
    amqp: Access = "not_asked"
    words: str = ""
    default_queue_type: str = ""
    permissions: Permissions | None = None
    source: Source = "unknown"
    why: str = ""
    abilities: tuple[Ability, ...] = ()
    policies: int = 0

    @property
    def entered(self) -> bool:
        """Say whether a road leads into it."""
        return "entered" in (self.management, self.amqp)

    @property
    def denied(self) -> tuple[Denied, ...]:
        """Everything that would be refused."""
        return tuple(denied for ability in self.abilities for denied in ability.denied)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that a look at a broker found; `now` is when it was looked, in UTC.

    `file` is set where the broker is a definitions file, `files` are the topology's. `missing_types` maps the exchange
    types that are declared and that the broker lacks to how many exchanges have them. `more_vhosts` were not asked.
    `expected` is what the broker was expected to be, and is. `project` is set where an inventory is to be kept.
    """

    now: datetime
    logins: tuple[LoginAttempt, ...] = ()
    server: Server | None = None
    rights: tuple[Rights, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    file: str = ""
    files: tuple[str, ...] = ()
    missing_types: Mapping[str, int] = field(default_factory=dict)
    more_vhosts: int = 0
    unshown: tuple[Unshown, ...] = ()
    expected: str = ""
    project: str = ""

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters that the URLs lead to, by name."""
        return tuple(sorted({login.cluster_name for login in self.logins if login.cluster_name}))

    def failed(self, road: RoadName) -> bool:
        """Say whether a road was given, and none of its URLs let us in."""
        logins = [login for login in self.logins if login.road == road]
        return bool(logins) and not any(login.ok for login in logins)

    def login(self, road: RoadName) -> LoginAttempt | None:
        """Return the login that this road would use."""
        return next((login for login in self.logins if login.road == road and login.ok), None)

    @property
    def exit_code(self) -> int:
        """5 where the URLs lead to different clusters, 1 where a road leads nowhere or not into a vhost, else 0."""
        if len(self.clusters) > 1:
            return 5
        refused = bool(self.files) and any("refused" in {rights.management, rights.amqp} for rights in self.rights)
        return int(refused or self.failed("management") or self.failed("amqp"))
