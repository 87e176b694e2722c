"""What a definitions file says, indexed; it changes as a broker would, and refuses what a broker refuses."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rabbit_topo.arguments.wire import BLINDING, blinds_management
from rabbit_topo.broker.definitions_shapes import check_kinds
from rabbit_topo.broker.readings import (
    read_binding,
    read_exchange,
    read_policy,
    read_queue,
)
from rabbit_topo.export.items import SECTION, definitions_item
from rabbit_topo.model import EMPTY, PREDECLARED, Binding, Exchange, Key, Kind, Policy, Queue, Vhost, holds_null

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rabbit_topo.broker.readings import Item
    from rabbit_topo.model import Resource

READERS: dict[str, Callable[[str, Item], Exchange | Queue | Binding | Policy]] = {
    "exchanges": read_exchange,
    "queues": read_queue,
    "bindings": read_binding,
    "policies": read_policy,
}


class Malformed(Exception):
    """Part of the document is not what a definitions file holds; the message says which part."""


class State:
    """A definitions document, and the index of what it says. Raises `Malformed`.

    `home` is the vhost of the items that name none, as in an export of a single vhost.
    """

    def __init__(self, document: Item, home: str = "/") -> None:
        """Index the document; it is changed in place by `rewrite` only. `vhosts` are those that exist."""
        try:
            check_kinds("document", document)
        except ValueError as error:
            raise Malformed(str(error)) from None
        self.document = document
        self.single = _is_single(document)
        self.home = str(document.get("original_vhost_name") or home)
        self.resources: dict[Key, Resource] = {}
        self.vhosts: frozenset[str] = frozenset()
        self._items: defaultdict[Key, list[Item]] = defaultdict(list)
        self._removed: set[int] = set()
        self._added: list[tuple[str, Item]] = []
        self._leaving: defaultdict[Key, set[Key]] = defaultdict(set)
        self._arriving: defaultdict[Key, set[Key]] = defaultdict(set)
        self.default_types = dict[str, str](self._described_vhosts())
        self._global_parameters = {str(item.get("name")): item for item in _section(document, "global_parameters")}
        for name, reader in READERS.items():
            for number, item in enumerate(_section(document, name), 1):
                with _reading(name, number, item):
                    check_kinds(name, item)
                    self._index(reader(item.get("vhost", self.home), item), item)
        self.operator_policies = tuple({policy.key: policy for policy in self._operator_policies()}.values())
        for vhost in self.default_types if "vhosts" in document else self._implied_vhosts():
            self._add_vhost(vhost)

    def global_parameter(self, name: str) -> Any:
        """Return the value of a global parameter, None where there is none."""
        return self._global_parameters.get(name, {}).get("value")

    def global_values(self) -> dict[str, Any]:
        """Return the values of all global parameters by name."""
        return {name: item.get("value") for name, item in self._global_parameters.items()}

    def set_global_parameter(self, name: str, value: Any) -> None:
        """Give a global parameter this value; the document itself is changed at once."""
        if name in self._global_parameters:
            self._global_parameters[name]["value"] = value
            return
        item = {"name": name, "value": value}
        self._global_parameters[name] = item
        if not self.document.get("global_parameters"):
            self.document["global_parameters"] = []
        self.document["global_parameters"].append(item)

    def _described_vhosts(self) -> Iterator[tuple[str, str]]:
        for number, item in enumerate(_section(self.document, "vhosts"), 1):
            with _reading("vhosts", number, item):
                check_kinds("vhosts", item)
                name = item["name"]
            default = item.get("default_queue_type") or (item.get("metadata") or {}).get("default_queue_type")
            yield name, default if default and default != "undefined" else "classic"

    def _operator_policies(self) -> Iterator[Policy]:
        for number, item in enumerate(_section(self.document, "parameters"), 1):
            if item.get("component") != "operator_policy":
                continue
            with _reading("parameters", number, item):
                check_kinds("parameters", item)
                value = item["value"] or {}
                check_kinds("policies", value)
                policy = read_policy(item.get("vhost", self.home), {**value, "name": item["name"]})
                _check_names(policy.key)
            yield policy

    def _implied_vhosts(self) -> set[str]:
        """Name the vhosts that a document without a list of them lets exist."""
        return {key.vhost for key, items in self._items.items() if items} | ({self.home} if self.single else set())

    def _add_vhost(self, vhost: str) -> None:
        self.vhosts |= {vhost}
        self.resources[Key(vhost, Kind.VHOST, vhost)] = Vhost(vhost)
        for name, type_ in PREDECLARED.items():
            exchange = Exchange(vhost, name, type_, internal=name == "amq.rabbitmq.trace")
            self.resources.setdefault(exchange.key, exchange)

    def _index(self, resource: Resource, item: Item) -> None:
        key = resource.key
        _check_names(key)
        self._items[key].append(item)
        # Of several of one name a broker that imports them keeps the first, and of policies the last (3.10.8, 4.3.6).
        if key in self.resources and not isinstance(resource, Policy):
            return
        self.resources[key] = resource
        if isinstance(resource, Binding):
            self._leaving[resource.source_key].add(key)
            self._arriving[resource.destination_key].add(key)

    def declare(self, resource: Resource) -> str:
        """Make it exist; return why a broker would not, empty where it would."""
        existing = self.resources.get(resource.key)
        if not isinstance(resource, Vhost):
            if resource.vhost not in self.vhosts:
                return f"vhost {resource.vhost!r} not found"
            if self.single and resource.vhost != self.home:
                return f"the file holds the single vhost {self.home!r}"
        if reason := self._refusal(resource, existing):
            return reason
        if existing is None and isinstance(resource, Binding) and blinds_management(resource):
            return BLINDING
        if existing is not None and not isinstance(resource, Policy):
            return ""
        if isinstance(resource, Vhost):
            return self._declare_vhost(resource)
        if isinstance(resource, Policy) and existing is not None:
            first, *others = self._items[resource.key]
            self._removed.update(id(item) for item in others)
            first.update(self._item(resource))
            self.resources[resource.key] = resource
            return ""
        item = self._item(resource)
        self._added.append((SECTION[resource.key.kind], item))
        self._index(READERS[SECTION[resource.key.kind]](resource.vhost, item), item)
        return ""

    def _declare_vhost(self, vhost: Vhost) -> str:
        if "vhosts" not in self.document:
            self._added += (("vhosts", {"name": name}) for name in sorted(self.vhosts))
        self._added.append(("vhosts", {"name": vhost.name}))
        self._add_vhost(vhost.name)
        return ""

    def _refusal(self, resource: Resource, existing: Resource | None) -> str:
        match resource:
            case Exchange() | Queue():
                if existing is not None:
                    return _inequivalent(resource, existing)
                if resource.name.startswith("amq."):
                    return f"{resource.key.kind} name {resource.name!r} contains reserved prefix 'amq.*'"
                if isinstance(resource, Queue) and resource.type in {"quorum", "stream"}:
                    broken = "non-durable" if not resource.durable else "auto-delete" if resource.auto_delete else ""
                    return f"invalid property {broken!r} for queue {resource.name!r}" if broken else ""
            case Binding():
                if holds_null(dict(resource.arguments)):
                    return "a definitions file takes no null in a binding's arguments: RabbitMQ could not import it"
                for end in (resource.source_key, resource.destination_key):
                    if end not in self.resources:
                        return f"no {end.kind} {end.name!r} in vhost {end.vhost!r}"
            case Policy() | Vhost():
                pass
        return ""

    def _item(self, resource: Exchange | Queue | Binding | Policy) -> Item:
        default = self.default_types.get(resource.vhost, "classic")
        return definitions_item(resource, single=self.single, default_type=None if default == "classic" else default)

    def replace(self, resource: Exchange | Queue) -> str:
        """Give it other properties; its bindings stay. Return why a broker would not, empty where it would."""
        if reason := self._refusal(resource, None):
            return reason
        first, *others = self._items[resource.key]
        self._removed.update(id(item) for item in others)
        told = {"type": resource.type} if isinstance(resource, Queue) and "type" in first else {}
        first.update(self._item(resource) | told)
        self.resources[resource.key] = resource
        return ""

    def remove(self, key: Key) -> str:
        """Make it not exist; return why a broker would not, empty where it would. What is missing is removed."""
        if key.kind is Kind.VHOST:
            return "a vhost is never removed"
        if key not in self.resources:
            return ""
        if key.kind is Kind.EXCHANGE and self._leaving[key]:
            return f"exchange {key.name!r} in vhost {key.vhost!r} in use"
        if key.name.startswith("amq.") and key.kind is Kind.EXCHANGE:
            return f"deletion of system exchange {key.name!r} in vhost {key.vhost!r} not allowed"
        self._drop(key)
        return ""

    def _drop(self, key: Key) -> None:
        """Take it out, with the bindings that end in it, and auto-delete exchanges that nothing leaves any more."""
        resource = self.resources.pop(key, None)
        self._removed.update(id(item) for item in self._items.pop(key, ()))
        for binding in list(self._arriving.pop(key, ())):
            self._drop(binding)
        if isinstance(resource, Binding):
            self._arriving[resource.destination_key].discard(key)
            leaving = self._leaving[resource.source_key]
            leaving.discard(key)
            source = self.resources.get(resource.source_key)
            if isinstance(source, Exchange) and source.auto_delete and not leaving:
                self._drop(source.key)

    def rewrite(self) -> None:
        """Bring the document up to date; what is not touched keeps its place."""
        for name, item in self._added:
            if not self.document.get(name):
                self.document[name] = []
            self.document[name].append(item)
        for name in READERS:
            if self.document.get(name):
                kept = [item for item in self.document[name] if id(item) not in self._removed]
                if len(kept) != len(self.document[name]):
                    self.document[name] = kept
        self._added.clear()
        self._removed.clear()
        self._keep_vhosts()

    def _keep_vhosts(self) -> None:
        """Write down the vhosts that were told by the objects in them alone, once the last of these is gone."""
        if self.single:
            if not _is_single(self.document):
                self.document["original_vhost_name"] = self.home
        elif "vhosts" not in self.document and self._implied_vhosts() != self.vhosts:
            self.document["vhosts"] = [{"name": name} for name in sorted(self.vhosts)]


def _is_single(document: Item) -> bool:
    """Say whether it is the export of one vhost: its objects name none."""
    named = ["vhost" in item for name in ("exchanges", "queues", "bindings") for item in _section(document, name)]
    return "original_vhost_name" in document or (bool(named) and not any(named))


@contextmanager
def _reading(section: str, number: int, item: Item) -> Iterator[None]:
    """Say which entry it is that cannot be read."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        name = item.get("name")
        called = f" ({name!r})" if isinstance(name, str) else ""
        raise Malformed(f"{section}: entry {number}{called} cannot be read: {_in_words(error)}") from None


def _check_names(key: Key) -> None:
    if not all(isinstance(part, str) for part in key):
        raise ValueError("one of its names is no string")


def _section(document: Item, name: str) -> list[Item]:
    items: Any = document.get(name)
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Malformed(f"{name}: not a list of objects")
    return items


def _in_words(error: Exception) -> str:
    match error:
        case KeyError():
            return f"it has no {error.args[0]!r}"
        case ValueError():
            return str(error)
        case _:
            return "it holds a value of the wrong kind"


def _inequivalent(wanted: Exchange | Queue, existing: Resource) -> str:
    """Name the first difference, in the broker's words. Of an exchange's arguments RabbitMQ compares one."""
    names = ["durable", "auto_delete"]
    if isinstance(wanted, Exchange):
        names = ["type", *names, "internal"]
    elif wanted.type is not None:
        names.append("type")
    for name in names:
        ours, theirs = getattr(wanted, name), getattr(existing, name)
        if ours != theirs:
            return _words(name, wanted, ours, theirs)
    theirs = getattr(existing, "arguments", EMPTY)
    compared = ["alternate-exchange"] if isinstance(wanted, Exchange) else sorted({*wanted.arguments, *theirs})
    for name in compared:
        if wanted.arguments.only(name) != theirs.only(name):
            return _words(name, wanted, wanted.arguments.get(name, "none"), theirs.get(name, "none"))
    return ""


def _words(name: str, wanted: Exchange | Queue, ours: object, theirs: object) -> str:
    where = f"{wanted.key.kind} {wanted.name!r} in vhost {wanted.vhost!r}"
    return f"inequivalent arg {name!r} for {where}: received {str(ours)!r} but current is {str(theirs)!r}"
