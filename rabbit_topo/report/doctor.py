"""A diagnosis as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rabbit_topo.model import Binding, Kind
from rabbit_topo.report import words
from rabbit_topo.report.diagnosis import POLICYMAKERS
from rabbit_topo.report.doctor_findings import days_left, findings
from rabbit_topo.report.layout import Line, Span, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rabbit_topo.model import DestinationKind
    from rabbit_topo.report.diagnosis import (
        Ability,
        Certificate,
        Denied,
        Diagnosis,
        LoginAttempt,
        Need,
        Rights,
        RoadName,
    )
    from rabbit_topo.report.doctor_findings import Finding

STANDARD_TYPES: Final = frozenset({"direct", "fanout", "headers", "topic"})
_COLUMN: Final = 16
_DENIED_SHOWN: Final = 20
_FLAG: Final = {"management": "--broker", "amqp": "--amqp"}
_CERTIFICATE: Final = {"broker": "certificate", "client": "client cert.", "authority": "CA file"}


def doctor_lines(diagnosis: Diagnosis, width: int) -> Iterator[Line]:
    """Render a diagnosis: what needs somebody on top, then how we got in, where to, and what may be done there."""
    found = findings(diagnosis)
    yield from _findings("PROBLEMS", "danger", [one for one in found if one.level == "problem"], width)
    yield from _findings("WARNINGS", "update", [one for one in found if one.level == "warning"], width)
    if diagnosis.file:
        yield from _file(diagnosis, width)
    else:
        yield from _connection(diagnosis, width)
        yield from _cluster(diagnosis, width)
        yield from _all_rights(diagnosis, width)
    yield ()
    yield from _summary(found)


def _findings(heading: str, style: str, found: Sequence[Finding], width: int) -> Iterator[Line]:
    if not found:
        return
    yield from _heading(heading)
    for one in found:
        yield from wrapped("  ! ", style, one.message, width)
        if one.hint:
            yield from wrapped("      next: ", "dim", one.hint, width)


def _heading(text: str) -> Iterator[Line]:
    yield ()
    yield (Span(text, "bold"),)


def _row(label: str, text: str, width: int, style: str = "dim") -> Iterator[Line]:
    yield from wrapped(f"  {label:<{_COLUMN}}", style, text, width)


def _file(diagnosis: Diagnosis, width: int) -> Iterator[Line]:
    yield from _heading("CONNECTION")
    yield from _row("file", diagnosis.file, width)
    yield from _row("", "a definitions file: there is nothing to log in to, and no permission is needed", width)
    if diagnosis.server:
        yield from _row("version", f"taken for {diagnosis.server.product} {diagnosis.server.version}", width)


def _connection(diagnosis: Diagnosis, width: int) -> Iterator[Line]:
    yield from _heading("CONNECTION")
    roads: tuple[RoadName, ...] = ("management", "amqp")
    for road in roads:
        logins = [login for login in diagnosis.logins if login.road == road]
        if not logins:
            yield from _row(road, f"no URL is given ({_FLAG[road]})", width)
        for login in logins:
            yield from _login(login, width)
    names = diagnosis.clusters
    let_in = [login for login in diagnosis.logins if login.ok]
    if len(let_in) > 1:
        unnamed = "not known: this user may enter no vhost, and only then a broker tells its name"
        told = "NO" if len(names) > 1 else "yes, by name" if all(one.cluster_name for one in let_in) else unnamed
        yield from _row("same cluster", told, width, "danger" if len(names) > 1 else "dim")
    for certificate in diagnosis.certificates:
        yield from _certificate(certificate, diagnosis, width)
    for unshown in diagnosis.unshown:
        yield from _row(_CERTIFICATE[unshown.what], unshown.place, width)
        yield from _row("", f"not shown ({unshown.reason}): nobody knows when it expires", width)


def _login(login: LoginAttempt, width: int) -> Iterator[Line]:
    yield from _row(login.road, login.url, width)
    if not login.ok:
        yield from _row("", "no login: see above", width)
        return
    who = f"user {login.user}" if login.user else "the user of the client certificate"
    yield from _row("", f"logged in as {who}", width)
    if agreed := login.negotiated:
        channels = f"{agreed.channel_max:,} channels" if agreed.channel_max else "any number of channels"
        yield from _row(
            "",
            f"heartbeat {agreed.heartbeat} s, {channels}, frames of {agreed.frame_max:,} bytes;"
            f" logins offered: {', '.join(agreed.mechanisms)}",
            width,
        )


def _certificate(one: Certificate, diagnosis: Diagnosis, width: int) -> Iterator[Line]:
    days = days_left(one, diagnosis)
    left = "expired" if days < 0 else f"{days:,} {'day' if days == 1 else 'days'} left"
    yield from _row(_CERTIFICATE[one.what], one.place, width)
    yield from _row("", f"for {one.subject or 'nobody by name'}, signed by {one.issuer}", width)
    if one.names:
        yield from _row("", f"names: {', '.join(one.names)}", width)
    yield from _row("", f"until {one.not_after:%Y-%m-%d}, {left}", width)


def _cluster(diagnosis: Diagnosis, width: int) -> Iterator[Line]:
    server = diagnosis.server
    if server is None:
        return
    yield from _heading("CLUSTER")
    if server.cluster_name:
        yield from _row("name", server.cluster_name, width)
    if diagnosis.expected:
        yield from _row("as expected", diagnosis.expected, width)
    erlang = f" on Erlang {server.erlang}" if server.erlang else ""
    yield from _row("version", f"{server.product or 'unnamed'} {server.version or 'of no version'}{erlang}", width)
    nodes = None if server.nodes is None else [f"{n.name} {'runs' if n.running else 'IS DOWN'}" for n in server.nodes]
    reasons: dict[str, list[str]] = {}
    for label, field, values in (
        ("nodes", "nodes", nodes),
        ("exchange types", "exchange_types", _types(server.exchange_types)),
        ("alarms", "alarms", server.alarms),
        ("deprecated", "deprecated", server.deprecated),
    ):
        if values is None:
            reasons.setdefault(server.untold.get(field, "the broker does not tell it"), []).append(label)
        else:
            yield from _row(label, ", ".join(values) or "none", width)
    for reason, labels in reasons.items():
        yield from _row("not known", f"{', '.join(labels)}: {reason}", width)


def _types(kinds: Sequence[str] | None) -> list[str] | None:
    """Name the exchange types, those of AMQP itself first."""
    if kinds is None:
        return None
    others = [kind for kind in kinds if kind not in STANDARD_TYPES]
    standard = ", ".join(kind for kind in kinds if kind in STANDARD_TYPES)
    return [f"{standard}; and {', '.join(others)}" if others else standard]


def _all_rights(diagnosis: Diagnosis, width: int) -> Iterator[Line]:
    if not any(login.ok for login in diagnosis.logins):
        return
    yield from _heading("RIGHTS")
    tags = diagnosis.server.tags if diagnosis.server else None
    if tags is not None:
        yield from _row("tags", ", ".join(tags) or "none", width)
    else:
        yield from _row("tags", "not known: AMQP does not tell them", width)
    for rights in diagnosis.rights:
        yield from _rights(rights, tags, width, files=bool(diagnosis.files))
    if diagnosis.more_vhosts:
        yield (Span(f"  and {diagnosis.more_vhosts:,} more vhosts that were not asked: name topology files", "dim"),)


def _rights(rights: Rights, tags: Sequence[str] | None, width: int, *, files: bool) -> Iterator[Line]:
    yield (Span("  vhost ", "bold"), Span(words.clean(rights.vhost), "bold"))
    yield from _inner("entered", _entered(rights), width)
    if rights.default_queue_type:
        yield from _inner("new queues", f"are {rights.default_queue_type} where they do not say their type", width)
    if told := _permissions(rights):
        yield from _inner("permissions", told, width)
    if files and "missing" in (rights.management, rights.amqp):
        yield from _inner("create it", _creates_vhost(tags), width)
    if files and rights.entered:
        yield from _uses(rights, tags, width)


def _uses(rights: Rights, tags: Sequence[str] | None, width: int) -> Iterator[Line]:
    """Say what the commands may do there, and name what would be refused."""
    yield from _inner("plan, check", _reads(rights), width)
    for ability in rights.abilities:
        yield from _inner(ability.action, _able(ability), width)
        if ability.action == "create" and rights.amqp == "entered" and not ability.unknown:
            yield from _inner("--via active", _active(ability), width)
    if any(ability.unknown for ability in rights.abilities) and rights.why:
        yield from _inner("not known", rights.why, width)
    if rights.policies:
        yield from _inner("policies", _writes_policies(rights, tags), width)
    for denied in rights.denied[:_DENIED_SHOWN]:
        yield from wrapped("    ! ", "danger", f"{_object(denied)} needs {_needs(denied)}", width)
    more = len(rights.denied) - _DENIED_SHOWN
    if more > 0:
        yield (Span(f"      and {more:,} more; --format json lists them", "dim"),)


def _creates_vhost(tags: Sequence[str] | None) -> str:
    if tags is None:
        return "not known: it takes the tag administrator, over HTTP"
    return "yes, over HTTP" if "administrator" in tags else "no: it takes the tag administrator"


def _inner(label: str, text: str, width: int) -> Iterator[Line]:
    yield from _row(f"  {label}", text, width)


def _entered(rights: Rights) -> str:
    states = {"HTTP": rights.management, "AMQP": rights.amqp}
    told = {"entered": "", "refused": "refused", "missing": "it does not exist", "hidden": "not to be seen"}
    parts = [f"{road} {told[state]}".strip() for road, state in states.items() if state not in {"entered", "not_asked"}]
    entered = [f"over {road}" for road, state in states.items() if state == "entered"]
    return "; ".join(([f"yes, {' and '.join(entered)}"] if entered else ["no"]) + parts)


def _permissions(rights: Rights) -> str:
    if not rights.entered:
        return ""
    match rights.source:
        case "permissions" if rights.permissions:
            given = rights.permissions
            topics = [
                f"; topic {name or 'default'}: write {_pattern(write)}, read {_pattern(read)}"
                for name, (write, read) in sorted(given.topics.items())
            ]
            own = (f"{name} {_pattern(getattr(given, name))}" for name in ("configure", "write", "read"))
            return ", ".join(own) + "".join(topics)
        case _ if not rights.abilities:
            if rights.why:
                return f"not known: {rights.why}"
            return "not shown to this user: it takes the tag administrator, over HTTP"
        case "asked":
            return "not shown to this user; so the broker was asked, object by object"
        case "asked_by_http":
            return "not shown to this user; so the broker was asked who may create what"
        case _:
            return "not shown to this user"


def _pattern(pattern: str) -> str:
    return pattern or '""'


def _reads(rights: Rights) -> str:
    if rights.management == "entered":
        return "yes, over HTTP: everything"
    return "over AMQP: exchanges and queues; no bindings, no policies"


def _active(ability: Ability) -> str:
    """Say of how much `check --via active` sees the properties: that takes configure, and else only existence shows."""
    unseen = sum(any(need.permission == "configure" for need in denied.lacks) for denied in ability.denied)
    compared = f"compares {ability.total - unseen:,} of {ability.total:,} exchanges and queues"
    return f"{compared}; of the others at most whether they exist" if unseen else compared


def _able(ability: Ability) -> str:
    if ability.action == "lock":
        return "not known" if ability.unknown else "no: apply needs --no-lock" if ability.denied else "yes"
    what = "bindings" if ability.action == "bind" else "exchanges and queues"
    allowed = ability.total - len(ability.denied) - ability.unknown
    if allowed == ability.total:
        return f"yes, all {ability.total:,} {what}" if ability.total > 1 else f"yes, {what}: 1"
    parts = [f"{allowed:,} of {ability.total:,} {what}"]
    if ability.denied:
        parts.append(f"{len(ability.denied):,} would be refused")
    if ability.unknown:
        parts.append(f"{ability.unknown:,} not known")
    return "; ".join(parts)


def _writes_policies(rights: Rights, tags: Sequence[str] | None) -> str:
    if tags is None:
        return "not known: they are written over HTTP only"
    if POLICYMAKERS.isdisjoint(tags):
        return "no: it takes the tag policymaker"
    return "yes" if rights.management == "entered" else "no: HTTP does not lead into this vhost"


def _object(denied: Denied) -> str:
    key = denied.key
    if key.kind is not Kind.BINDING:
        return f"{key.kind} {key.name}"
    kind: DestinationKind = "queue" if key.destination_kind == "queue" else "exchange"
    return words.name(Binding(key.vhost, key.name, kind, key.destination, key.routing_key, denied.arguments))


def _needs(denied: Denied) -> str:
    return "; ".join(_need(need) for need in denied.lacks)


def _need(need: Need) -> str:
    topic = f", for routing key {need.topic}" if need.topic is not None and need.permission == "read" else ""
    return f"{need.permission} on {need.kind} {need.called}{topic}"


def _summary(found: Sequence[Finding]) -> Iterator[Line]:
    problems = sum(one.level == "problem" for one in found)
    warnings = len(found) - problems
    if not found:
        yield (Span("  All well.", "good"),)
        return
    counted = [f"{n} {name}{'' if n == 1 else 's'}" for n, name in ((problems, "problem"), (warnings, "warning")) if n]
    yield (Span(f"  {' and '.join(counted)}.".capitalize(), "danger" if problems else "bold"),)
