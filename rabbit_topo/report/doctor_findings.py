"""What deserves attention in a diagnosis, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from rabbit_topo.arguments.versions import OLDEST, read_release
from rabbit_topo.report import rabbitmqctl
from rabbit_topo.report.diagnosis import POLICYMAKERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rabbit_topo.report.diagnosis import Certificate, Diagnosis, Rights, Server

SOON_DAYS: Final = 30
PLUGIN_OF: Final = {
    "x-consistent-hash": "rabbitmq_consistent_hash_exchange",
    "x-delayed-message": "rabbitmq_delayed_message_exchange",
    "x-modulus-hash": "rabbitmq_sharding",
    "x-random": "rabbitmq_random_exchange",
    "x-recent-history": "rabbitmq_recent_history_exchange",
}


class Finding(NamedTuple):
    """A problem decides the exit code, a warning does not. `hint` is the next step, and may be empty."""

    level: Literal["problem", "warning"]
    message: str
    hint: str = ""


def findings(diagnosis: Diagnosis) -> list[Finding]:
    """Return problems first, then warnings, each in the order of the page."""
    found = [
        *_logins(diagnosis),
        *_clusters(diagnosis),
        *(finding for one in diagnosis.certificates for finding in _certificate(one, diagnosis)),
        *_server(diagnosis.server),
        *_types(diagnosis),
        *_inventory(diagnosis),
        *(finding for rights in diagnosis.rights if diagnosis.files for finding in _rights(rights, diagnosis)),
    ]
    return sorted(found, key=lambda finding: finding.level)


def days_left(certificate: Certificate, diagnosis: Diagnosis) -> int:
    """Count the whole days until a certificate expires; negative where it has."""
    return (certificate.not_after - diagnosis.now).days


def _logins(diagnosis: Diagnosis) -> Iterator[Finding]:
    for login in diagnosis.logins:
        if not login.ok:
            yield Finding("problem" if diagnosis.failed(login.road) else "warning", login.error, login.hint)


def _clusters(diagnosis: Diagnosis) -> Iterator[Finding]:
    names = diagnosis.clusters
    if len(names) > 1:
        told = ", ".join(f"{login.url} to {login.cluster_name!r}" for login in diagnosis.logins if login.cluster_name)
        yield Finding("problem", f"the URLs lead to different clusters: {told}", "give URLs of one cluster")


def _certificate(one: Certificate, diagnosis: Diagnosis) -> Iterator[Finding]:
    days = days_left(one, diagnosis)
    if days >= SOON_DAYS:
        return
    whose = {"broker": "the broker's certificate", "client": "the client certificate", "authority": "the CA file"}
    ends = f"expires in {days} {'day' if days == 1 else 'days'}" if days >= 0 else "has expired"
    hint = {
        "broker": "have it renewed on the broker; clients that verify it will not connect after that day",
        "client": "have a new one signed before that day",
        "authority": "get the authority's next certificate before that day",
    }
    yield Finding(
        "warning", f"{whose[one.what]} of {one.place} {ends}: {one.not_after:%Y-%m-%d %H:%M} UTC", hint[one.what]
    )


def _server(server: Server | None) -> Iterator[Finding]:
    if server is None:
        return
    if not server.product.endswith("RabbitMQ"):
        yield Finding(
            "warning",
            f"this is no RabbitMQ, but {server.product or 'a broker that does not name itself'}",
            "it was not asked what this user may do: what is harmless to RabbitMQ may change something there",
        )
    elif (release := read_release(server.version)) and release < OLDEST:
        yield Finding("warning", f"RabbitMQ {server.version} is older than 3.10, the oldest one that is tested here")
    for alarm in server.alarms or ():
        yield Finding(
            "warning", f"an alarm is raised: {alarm}", "publishers are blocked until it is cleared; see the node's log"
        )
    for node in server.nodes or ():
        if not node.running:
            yield Finding("warning", f"node {node.name} is not running", "queues whose leader it was may be away")
        if node.partitions:
            yield Finding("warning", f"node {node.name} has lost sight of {', '.join(node.partitions)}", "see its log")
    if server.deprecated:
        yield Finding(
            "warning",
            f"deprecated features are in use: {', '.join(server.deprecated)}",
            "a later RabbitMQ will refuse them: https://www.rabbitmq.com/release-information/deprecated-features-list",
        )


def _types(diagnosis: Diagnosis) -> Iterator[Finding]:
    for kind, count in diagnosis.missing_types.items():
        plugin = PLUGIN_OF.get(kind)
        objects = "exchange is declared with it" if count == 1 else "exchanges are declared with it"
        hint = f"rabbitmq-plugins enable {plugin}" if plugin else "is its plugin enabled, and the type spelled right?"
        yield Finding("warning", f"the broker has no exchange type {kind}, and {count:,} {objects}", hint)


def _inventory(diagnosis: Diagnosis) -> Iterator[Finding]:
    tags = diagnosis.server.tags if diagnosis.server else None
    if diagnosis.project and tags is not None and not POLICYMAKERS.intersection(tags):
        user = _user(diagnosis)
        message = f"user {user} may not see the inventory of project {diagnosis.project}: it lacks the tag policymaker"
        yield Finding("warning", f"{message}, and apply refuses", rabbitmqctl.set_user_tags(user, *tags, "policymaker"))


def _rights(rights: Rights, diagnosis: Diagnosis) -> Iterator[Finding]:
    tags = diagnosis.server.tags if diagnosis.server else None
    vhost, user = rights.vhost, _user(diagnosis)
    grant = rabbitmqctl.set_permissions(vhost, user)
    states = {rights.management, rights.amqp}
    if "missing" in states:
        if tags is not None and "administrator" in tags:
            yield Finding("warning", f"vhost {vhost} does not exist", "apply creates it, if the files declare it")
        else:
            yield Finding("warning", f"vhost {vhost} does not exist", f"an administrator creates it, then: {grant}")
    elif "refused" in states:
        yield Finding("problem", rights.words, grant)
    elif "hidden" in states and not rights.entered:
        yield Finding(
            "warning",
            f"there is no vhost {vhost}, or user {user} has no permissions there: the broker does not tell which",
            f"an administrator looks whether it exists, then: {grant}",
        )
    if any(one.action == "lock" for one in rights.denied):
        yield Finding("warning", f"apply may not take its lock in vhost {vhost}", f"{grant}; or apply with --no-lock")
    if denied := sum(one.action != "lock" for one in rights.denied):
        objects = "1 declared object" if denied == 1 else f"{denied:,} declared objects"
        topics = all(need.topic is not None for one in rights.denied for need in one.lacks)
        by_key = rabbitmqctl.set_topic_permissions(vhost, user)
        yield Finding(
            "warning", f"{objects} of vhost {vhost} would be refused: see RIGHTS", by_key if topics else grant
        )
    if rights.policies and tags is not None and POLICYMAKERS.isdisjoint(tags):
        count = "1 policy" if rights.policies == 1 else f"{rights.policies:,} policies"
        yield Finding(
            "warning",
            f"user {user} may not write {count} of vhost {vhost}: it lacks the tag policymaker",
            rabbitmqctl.set_user_tags(user, *tags, "policymaker"),
        )


def _user(diagnosis: Diagnosis) -> str:
    login = diagnosis.login("management") or diagnosis.login("amqp")
    return login.user if login and login.user else "USER"
