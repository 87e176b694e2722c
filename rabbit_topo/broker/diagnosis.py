"""Look at a broker without changing it: can we log in, as whom, where to, and what may we do there."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rabbit_topo.broker import certificates, diagnosis_http, rights
from rabbit_topo.broker.address import Address, parse_addresses
from rabbit_topo.broker.http import Http
from rabbit_topo.broker.poisons import may_be_poisoned
from rabbit_topo.broker.target import DEFAULT, split_addresses
from rabbit_topo.errors import AccessRefused, BrokerError, Unreachable
from rabbit_topo.model import LOCK_NAME, Exchange, Topology
from rabbit_topo.policies import release
from rabbit_topo.report.diagnosis import Diagnosis, LoginAttempt, Rights, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rabbit_topo.broker.amqp import Amqp
    from rabbit_topo.broker.rights import Task, Verdict
    from rabbit_topo.broker.target import Target
    from rabbit_topo.model import Key
    from rabbit_topo.report.diagnosis import Ability, Access

SHOWN = 20  # vhosts, where no file says which
ENTRANCES = 5  # vhosts that no file names
UNASKED = "asking it could change something there: it is no RabbitMQ of version 3.10 or newer"


@dataclass(frozen=True, slots=True)
class _Management:
    """The management road, as far as it leads."""

    http: Http
    tags: tuple[str, ...]
    server: Server
    visible: dict[str, str]


@dataclass(slots=True)
class _Amqp:
    """The AMQP road, as far as it leads; `server` is None until a vhost was entered."""

    road: Amqp
    server: Server | None = None


def diagnose(
    target: Target,
    declared: Topology,
    say: Callable[[str], object] = lambda _: None,
    now: datetime | None = None,
    *,
    lock: str = LOCK_NAME,
) -> Diagnosis:
    """Look at both roads of `target`, and at the vhosts of `declared`, else at those that the user sees.

    A road that leads nowhere is told in the result. Where the broker does not show this user its permissions it is
    asked by requests that can change nothing. `lock` is the queue by which an apply keeps others out. Raises
    `UsageError` where a URL or a file cannot be used, and `Refusal` where a broker is not the one that is expected.
    """
    now = now or datetime.now(UTC)
    if target.broker is None and target.amqp is None:
        target = replace(target, broker=DEFAULT)
    if target.broker and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", target.broker):
        return _file(target, declared, now)
    web = parse_addresses(target.broker, target, ("http", "https"), "the management URL") if target.broker else ()
    wire = parse_addresses(target.amqp, target, ("amqp", "amqps"), "the AMQP URL") if target.amqp else ()
    say("logging in ...")
    management_logins, management = _management_logins(target, web)
    vhosts, more = _vhosts(declared, management, wire)
    tasks, policies = rights.tasks(declared, lock if wire else ""), rights.policies(declared)
    found = []
    try:
        amqp_logins, amqp = _amqp_logins(target, wire, _entrances(vhosts, management, wire))
        logins = (*management_logins, *amqp_logins)
        if management and len({login.cluster_name for login in logins if login.cluster_name}) > 1:
            amqp = None  # what may be done is told of one cluster
        for vhost in vhosts:
            say(f"asking what may be done in vhost {vhost} ...")
            found.append(_rights(vhost, tasks.get(vhost, []), policies[vhost], management, amqp))
    finally:
        if management:
            management.http.close()
    server = management.server if management else amqp.server if amqp else None
    shown, unshown = certificates.of_target(target, (*web, *wire))
    return Diagnosis(
        now,
        logins,
        server,
        tuple(found),
        shown,
        files=declared.files,
        missing_types=_missing_types(declared, server),
        more_vhosts=more,
        unshown=unshown,
        expected=target.expected.words,
        project=target.project,
    )


def _file(target: Target, declared: Topology, now: datetime) -> Diagnosis:
    from rabbit_topo.broker.connect import connect_target

    facts = connect_target(target).observe(declared).facts
    server = Server("RabbitMQ", facts.version, cluster_name=facts.cluster_name)
    return Diagnosis(now, server=server, file=facts.target, files=declared.files, expected=target.expected.words)


def _vhosts(declared: Topology, management: _Management | None, wire: Sequence[Address]) -> tuple[tuple[str, ...], int]:
    """Choose the vhosts to look at, and count those that are left out."""
    if declared.vhosts:
        return declared.vhosts, 0
    named = {address.vhost for address in wire if address.vhost}
    visible = sorted({*(management.visible if management else ()), *named}) or ["/"]
    return tuple(visible[:SHOWN]), max(len(visible) - SHOWN, 0)


def _entrances(vhosts: Sequence[str], management: _Management | None, wire: Sequence[Address]) -> list[str]:
    """List the vhosts to log in at, the first that lets us in counts: a broker tells its name to nobody else."""
    named = [address.vhost for address in wire if address.vhost]
    visible = sorted(management.visible)[:ENTRANCES] if management else []
    return [*dict.fromkeys([*vhosts, *named, "/", *visible])]


def _management_logins(target: Target, addresses: Sequence[Address]) -> tuple[list[LoginAttempt], _Management | None]:
    if not addresses:
        return [], None
    logins, road = [], None
    for address, url in zip(addresses, split_addresses(target.broker or ""), strict=True):
        http = Http(replace(target, broker=url))
        report = LoginAttempt("management", address.shown, address.username)
        try:
            tags = diagnosis_http.tags(http)
            diagnosis_http.compare(http, target.expected)
            if road is None:
                road = _Management(http, tags, diagnosis_http.server(http, tags), diagnosis_http.visible_vhosts(http))
                name = road.server.cluster_name
            else:
                name = diagnosis_http.cluster_name(http)
            logins.append(replace(report, cluster_name=name))
        except BrokerError as error:
            logins.append(replace(report, error=error.message, hint=error.hint))
        finally:
            if road is None or road.http is not http:
                http.close()
    return logins, road


def _amqp_logins(
    target: Target, addresses: Sequence[Address], vhosts: Sequence[str]
) -> tuple[list[LoginAttempt], _Amqp | None]:
    if not addresses:
        return [], None
    from rabbit_topo.broker.amqp import Amqp

    logins, road = [], None
    for address, url in zip(addresses, split_addresses(target.amqp or ""), strict=True):
        amqp = Amqp(replace(target, amqp=url))
        report = LoginAttempt("amqp", address.shown, address.username)
        try:
            report, server = _knock(amqp, report, vhosts)
        except BrokerError as error:
            logins.append(replace(report, error=error.message, hint=error.hint))
            continue
        finally:
            amqp.close()
        logins.append(report)
        road = road or _Amqp(amqp, server)
    return logins, road


def _knock(amqp: Amqp, report: LoginAttempt, vhosts: Sequence[str]) -> tuple[LoginAttempt, Server | None]:
    """Log in at the first vhost that lets us. Who is kept out of a vhost has shown a right password all the same."""
    from rabbit_topo.broker import diagnosis_amqp

    for vhost in vhosts:
        try:
            said = amqp.server(vhost)
        except AccessRefused:
            continue
        server = diagnosis_amqp.server(said)
        return replace(report, cluster_name=server.cluster_name, negotiated=diagnosis_amqp.negotiated(said)), server
    return report, None


def _rights(vhost: str, todo: list[Task], policies: int, management: _Management | None, amqp: _Amqp | None) -> Rights:
    by_http, words = _see(vhost, management)
    by_amqp, amqp_words = _enter(vhost, amqp)
    found = Rights(
        vhost,
        by_http,
        by_amqp,
        amqp_words or words,
        management.visible.get(vhost, "") if management else "",
        policies=policies,
    )
    try:
        return _judged(found, todo, management, amqp)
    except BrokerError as error:
        why = f"the broker was lost: {error.message}" if isinstance(error, Unreachable) else error.message
        return replace(found, why=why, abilities=_looked_up(todo, {}))
    finally:
        if amqp:
            amqp.road.close()


def _judged(found: Rights, todo: list[Task], management: _Management | None, amqp: _Amqp | None) -> Rights:
    """Find out what may be done, from the user's patterns where it is shown them, else by asking."""
    seen = management if found.management == "entered" else None
    if seen and "administrator" in seen.tags:
        permissions = diagnosis_http.permissions(seen.http, found.vhost)
        if permissions is not None:
            abilities = rights.abilities(todo, rights.by_patterns(permissions, seen.http.user, found.vhost))
            return replace(found, permissions=permissions, source="permissions", abilities=abilities)
    asks = _asks(management, amqp)
    if asks and amqp and found.amqp == "entered":
        from rabbit_topo.broker import diagnosis_amqp

        verdicts, why = diagnosis_amqp.ask(amqp.road, found.vhost, todo)
        return replace(found, source="asked", abilities=_looked_up(todo, verdicts), why=why)
    if asks and seen:
        verdicts, why = diagnosis_http.ask(seen.http, found.vhost, todo)
        return replace(found, source="asked_by_http", abilities=_looked_up(todo, verdicts), why=why)
    why = UNASKED if found.entered else "no road leads into this vhost"
    return replace(found, why=why if todo else "", abilities=_looked_up(todo, {}))


def _looked_up(todo: list[Task], verdicts: Mapping[Key, Verdict]) -> tuple[Ability, ...]:
    return rights.abilities(todo, lambda task: verdicts.get(task.key, rights.UNKNOWN))


def _asks(management: _Management | None, amqp: _Amqp | None) -> bool:
    """Say whether it is a RabbitMQ, and one that is known to create nothing when it is asked."""
    servers = [road.server for road in (management, amqp) if road and road.server]
    return bool(servers) and all(may_be_poisoned(server.product, server.version) for server in servers)


def _see(vhost: str, management: _Management | None) -> tuple[Access, str]:
    if management is None:
        return "not_asked", ""
    try:
        seen, words = diagnosis_http.access(
            management.http, vhost, management.visible, release(management.server.version)
        )
    except BrokerError as error:
        return "refused", error.message
    return seen, words and f"user {management.http.user!r} does not see vhost {vhost!r} over HTTP: {words}"


def _enter(vhost: str, amqp: _Amqp | None) -> tuple[Access, str]:
    if amqp is None:
        return "not_asked", ""
    from rabbit_topo.broker.amqp_login import VhostMissing

    try:
        amqp.road.server(vhost)
    except VhostMissing as error:
        return "missing", error.message
    except BrokerError as error:
        return "refused", error.message
    return "entered", ""


def _missing_types(declared: Topology, server: Server | None) -> dict[str, int]:
    if server is None or server.exchange_types is None:
        return {}
    wanted = Counter(
        resource.type
        for key, resource in declared.resources.items()
        if isinstance(resource, Exchange) and resource.type and not declared.note(key).external
    )
    return {kind: count for kind, count in sorted(wanted.items()) if kind not in server.exchange_types}
