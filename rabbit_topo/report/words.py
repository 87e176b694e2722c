"""How resources and values are spelled in text. Everything that came from a file or a broker is made printable here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rabbit_topo.diff import ABSENT
from rabbit_topo.model import Binding, Exchange, Policy, Queue, Vhost

if TYPE_CHECKING:
    from rabbit_topo.diff import Field
    from rabbit_topo.model import Arguments, Origin, Plain, Resource


def clean(text: str) -> str:
    r"""Make control characters visible, so that no name can drive a terminal.

    >>> clean("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def file_of(origin: Origin | None, otherwise: str = "") -> str:
    """Return the file that something stands in, as it is; `otherwise` where it stands in none."""
    return origin.file if origin else otherwise


def label(name: str) -> str:
    """Spell a name that stands for itself: in quotes where it begins or ends with what cannot be seen.

    >>> label("shop.mail"), label(" "), label("a ")
    ('shop.mail', '" "', '"a "')
    """
    return clean(name) if name and name == name.strip() else f'"{clean(name)}"'


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def value(plain: Plain) -> str:
    """Spell a property's value: strings bare where that is clear, `none` for what is not there.

    >>> value("lazy"), value("5"), value(5), value(True), value(ABSENT)
    ('lazy', '"5"', '5', 'true', 'none')
    """
    if plain is ABSENT:
        return "none"
    if isinstance(plain, str) and plain and not _looks_like_json(plain):
        return clean(plain)
    return clean(json.dumps(plain, ensure_ascii=False, sort_keys=True))


def _looks_like_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return text == "none"
    return True


def arguments(given: Arguments) -> str:
    """Spell arguments as `name=value` pairs."""
    return ", ".join(f"{clean(name)}={value(given[name])}" for name in given)


def binding_arrow(resource: Binding) -> str:
    """Spell a binding as an arrow that carries the routing key and the arguments."""
    parts = [clean(resource.routing_key)] if resource.routing_key or not resource.arguments else []
    if resource.arguments:
        parts.append(arguments(resource.arguments))
    return (
        f"{clean(resource.source)} --[{'; '.join(parts)}]--> {resource.destination_kind} {clean(resource.destination)}"
    )


def name(resource: Resource) -> str:
    """Spell kind and name, as a row begins."""
    match resource:
        case Binding():
            return f"binding {binding_arrow(resource)}"
        case Vhost() | Exchange() | Queue() | Policy():
            return f"{resource.key.kind} {clean(resource.name)}"


def traits(resource: Resource) -> str:
    """Spell what kind of exchange, queue or policy it is."""
    match resource:
        case Exchange():
            flags = ["auto-delete"] * resource.auto_delete + ["internal"] * resource.internal
            return ", ".join([clean(resource.type or "any type"), _durability(resource), *flags])
        case Queue():
            flags = ["auto-delete"] * resource.auto_delete
            kind = clean(resource.type) if resource.type else "the broker's default type"
            return ", ".join([kind, _durability(resource), *flags])
        case Policy():
            return f"{clean(resource.pattern)} on {clean(resource.apply_to)}, priority {resource.priority}"
        case Binding() | Vhost():
            return ""


def _durability(resource: Exchange | Queue) -> str:
    return "durable" if resource.durable else "transient"


def drift(field: Field) -> str:
    """Spell a property as drift."""
    return f"{clean(field.path)}: declared {value(field.declared)}, broker {value(field.observed)}"
