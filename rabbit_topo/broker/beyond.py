"""What a broker or a definitions file holds beside its topology: by name, never by value, for values hold secrets."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.adopt.types import Beyond
from rabbit_topo.errors import BrokerError
from rabbit_topo.model import RESERVED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from rabbit_topo.broker import Broker
    from rabbit_topo.broker.http import Http
    from rabbit_topo.model import Facts

    Item = dict[str, Any]
    Sections = Mapping[str, list[Item]]
    _Row = tuple[str, object, object]  # a kind, the vhost (None: of the whole broker), a name

_ORDER: Final = (
    "operator policies",
    "default queue types",
    "vhost limits",
    "users",
    "user limits",
    "permissions",
    "topic permissions",
)
_OF_COMPONENTS: Final = {
    "shovel": "shovels",
    "federation-upstream": "federation upstreams",
    "federation-upstream-set": "federation upstream sets",
    "vhost-limits": "vhost limits",
}
_READ_ALREADY: Final = frozenset({"operator_policy", "policy"})
_SERVERS_OWN: Final = frozenset({"cluster_name", "internal_cluster_id", "imported_definition_hash_value"})
_PATHS: Final = {
    "users": ("/api/users?columns=name", "administrator"),
    "user limits": ("/api/user-limits", "administrator"),
    "permissions": ("/api/permissions", "administrator"),
    "topic permissions": ("/api/topic-permissions", "administrator"),
    "vhost limits": ("/api/vhost-limits", "policymaker"),
    "parameters": ("/api/parameters", "policymaker"),
    "global parameters": ("/api/global-parameters", "policymaker"),
}


def beyond(broker: Broker, facts: Facts, vhosts: Collection[str]) -> tuple[Beyond, ...]:
    """Return what no topology file can say of these vhosts and of the broker around them, by kind.

    The broker is one that was just read: over HTTP, or a definitions file. What this user may not see is told in
    `unseen`; nothing here fails.
    """
    from rabbit_topo.broker.definitions import Definitions
    from rabbit_topo.broker.management import Management

    unseen: dict[str, str] = {}
    sections: Sections = {}
    if isinstance(broker, Definitions):
        sections = _in_document(*broker.document)
    elif isinstance(broker, Management):
        sections = _on_broker(broker.http, unseen)
    found = _gathered([*_of_vhosts(sections, facts), *_of_the_broker(sections)], vhosts)
    kinds = sorted({*found, *unseen}, key=lambda kind: (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), kind))
    return tuple(Beyond(kind, tuple(sorted(found[kind])), unseen.get(kind, "")) for kind in kinds)


def _in_document(document: Item, home: str) -> dict[str, list[Item]]:
    """Take the sections of a definitions file; what names no vhost is of the one that the file was taken from."""
    sections = ("users", "permissions", "topic_permissions", "parameters", "vhosts")
    found = {name: _items(document.get(name)) for name in sections}
    for item in (*found["permissions"], *found["topic_permissions"], *found["parameters"]):
        item.setdefault("vhost", home)
    return {
        "users": found["users"],
        "user limits": [{"user": user.get("name"), "value": user.get("limits")} for user in found["users"]],
        "permissions": found["permissions"],
        "topic permissions": found["topic_permissions"],
        "vhost limits": [{"vhost": one.get("name"), "value": one.get("limits")} for one in found["vhosts"]],
        "parameters": found["parameters"],
        "global parameters": _items(document.get("global_parameters")),
    }


def _on_broker(http: Http, unseen: dict[str, str]) -> dict[str, list[Item]]:
    from rabbit_topo.broker.http import UNAUTHORISED

    found = {}
    for kind, (path, tag) in _PATHS.items():
        try:
            answer = http.ask("GET", path)
        except BrokerError as error:
            unseen[kind] = error.message
            continue
        if answer.ok:
            found[kind] = _items(answer.body)
        elif answer.status == UNAUTHORISED:
            unseen[kind] = f"user {http.user!r} may not see them: that takes the tag {tag}"
        else:
            unseen[kind] = answer.reason
    return found


def _gathered(rows: Iterable[_Row], vhosts: Collection[str]) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for kind, vhost, name in rows:
        if vhost is None or vhost in vhosts:
            tell_vhost = vhost is not None and name != vhost and len(vhosts) > 1
            found[kind].add(f"{name} in {vhost}" if tell_vhost else str(name))
    return found


def _of_vhosts(sections: Sections, facts: Facts) -> Iterator[_Row]:
    for policy in facts.operator_policies:
        yield "operator policies", policy.vhost, policy.name
    for vhost, default in facts.default_queue_types.items():
        if default != "classic":
            yield "default queue types", vhost, vhost
    for one in sections.get("permissions", ()):
        yield "permissions", one.get("vhost"), one.get("user")
    for one in sections.get("topic permissions", ()):
        yield "topic permissions", one.get("vhost"), f"{one.get('user')} on {one.get('exchange')}"
    for one in sections.get("vhost limits", ()):
        if one.get("value"):
            yield "vhost limits", one.get("vhost"), one.get("vhost")
    for one in sections.get("parameters", ()):
        component = str(one.get("component"))
        kind = _OF_COMPONENTS.get(component, f"parameters of {component}")
        if component not in _READ_ALREADY:
            yield kind, one.get("vhost"), one.get("vhost" if kind == "vhost limits" else "name")


def _of_the_broker(sections: Sections) -> Iterator[_Row]:
    for one in sections.get("users", ()):
        yield "users", None, one.get("name")
    for one in sections.get("user limits", ()):
        if one.get("value"):
            yield "user limits", None, one.get("user")
    for one in sections.get("global parameters", ()):
        if (name := str(one.get("name"))) not in _SERVERS_OWN and not name.startswith(RESERVED):
            yield "global parameters", None, name


def _items(section: object) -> list[Item]:
    return [dict(item) for item in section if isinstance(item, dict)] if isinstance(section, list) else []
