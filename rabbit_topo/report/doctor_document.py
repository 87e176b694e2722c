"""A diagnosis as a JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbit_topo.report.doctor_findings import days_left, findings
from rabbit_topo.report.resources import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rabbit_topo.report.diagnosis import Denied, Diagnosis, LoginAttempt, Rights
    from rabbit_topo.report.doctor_findings import Finding


def doctor_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the document that `schemas/doctor.schema.json` describes."""
    found = findings(diagnosis)
    server = diagnosis.server
    clusters = diagnosis.clusters
    compared = len([login for login in diagnosis.logins if login.cluster_name]) > 1
    return {
        "format_version": FORMAT_VERSION,
        "document": "doctor",
        "exit_code": diagnosis.exit_code,
        "checked_at": _instant(diagnosis.now),
        "files": list(diagnosis.files),
        "definitions_file": diagnosis.file or None,
        "expected": diagnosis.expected,
        "problems": [_finding(one) for one in found if one.level == "problem"],
        "warnings": [_finding(one) for one in found if one.level == "warning"],
        "logins": [_login_document(login) for login in diagnosis.logins],
        "same_cluster": len(clusters) == 1 if compared else None,
        "certificates": [
            {
                "of": one.what,
                "place": one.place,
                "subject": one.subject,
                "issuer": one.issuer,
                "names": list(one.names),
                "not_after": _instant(one.not_after),
                "days_left": days_left(one, diagnosis),
            }
            for one in diagnosis.certificates
        ],
        "certificates_not_shown": [
            {"of": one.what, "place": one.place, "reason": one.reason} for one in diagnosis.unshown
        ],
        "server": server
        and {
            "product": server.product,
            "version": server.version,
            "erlang": server.erlang,
            "cluster_name": server.cluster_name,
            "exchange_types": _listed(server.exchange_types),
            "nodes": server.nodes
            and [{"name": n.name, "running": n.running, "partitions": list(n.partitions)} for n in server.nodes],
            "alarms": _listed(server.alarms),
            "deprecated_features": _listed(server.deprecated),
            "user_tags": _listed(server.tags),
            "untold": dict(server.untold),
        },
        "missing_exchange_types": dict(diagnosis.missing_types),
        "vhosts": [_rights_document(rights) for rights in diagnosis.rights],
        "vhosts_not_asked": diagnosis.more_vhosts,
    }


def _instant(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def _listed(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _finding(one: Finding) -> dict[str, str]:
    return {"message": one.message, "hint": one.hint}


def _login_document(login: LoginAttempt) -> dict[str, Any]:
    agreed = login.negotiated
    return {
        "road": login.road,
        "url": login.url,
        "user": login.user,
        "ok": login.ok,
        "error": login.error,
        "hint": login.hint,
        "cluster_name": login.cluster_name,
        "amqp": agreed
        and {
            "mechanisms": list(agreed.mechanisms),
            "channel_max": agreed.channel_max,
            "frame_max_bytes": agreed.frame_max,
            "heartbeat_seconds": agreed.heartbeat,
        },
    }


def _rights_document(rights: Rights) -> dict[str, Any]:
    given = rights.permissions
    return {
        "vhost": rights.vhost,
        "management": rights.management,
        "amqp": rights.amqp,
        "words": rights.words,
        "default_queue_type": rights.default_queue_type,
        "permissions": given
        and {
            "configure": given.configure,
            "write": given.write,
            "read": given.read,
            "topics": {name: {"write": write, "read": read} for name, (write, read) in given.topics.items()},
        },
        "source": rights.source,
        "why_unknown": rights.why,
        "policies": rights.policies,
        "abilities": [
            {
                "action": ability.action,
                "total": ability.total,
                "unknown": ability.unknown,
                "refused": [_denied_document(denied) for denied in ability.denied],
            }
            for ability in rights.abilities
        ],
    }


def _denied_document(denied: Denied) -> dict[str, Any]:
    key = denied.key
    return {
        "kind": key.kind.value,
        "name": key.name,
        "destination_kind": key.destination_kind,
        "destination": key.destination,
        "routing_key": key.routing_key,
        "arguments": dict(denied.arguments),
        "needs": [
            {"permission": need.permission, "kind": need.kind, "name": need.called, "topic": need.topic}
            for need in denied.lacks
        ],
        "words": denied.words,
    }
