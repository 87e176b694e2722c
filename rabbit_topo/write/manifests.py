"""Custom resources as YAML: one document each, as every YAML reader, Kubernetes' own included, reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.write.scalars import spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rabbit_topo.model import Plain


def manifests(documents: Iterable[Mapping[str, Plain]]) -> str:
    """Return the text of several documents, with `---` between them."""
    return "---\n".join("".join(f"{line}\n" for line in _mapping(document)) for document in documents)


def _mapping(values: Mapping[str, Plain]) -> Iterator[str]:
    for name, value in values.items():
        key = spell(name, flow=False)
        match value:
            case dict() if value:
                yield f"{key}:"
                yield from (f"  {line}" for line in _mapping(value))
            case list() if value:
                yield f"{key}:"
                yield from (f"  {line}" for line in _items(value))
            case _:
                yield f"{key}: {_scalar(value)}"


def _items(values: list[Plain]) -> Iterator[str]:
    for value in values:
        match value:
            case dict() | list() if value:
                first, *others = _mapping(value) if isinstance(value, dict) else _items(value)
                yield f"- {first}"
                yield from (f"  {line}" for line in others)
            case _:
                yield f"- {_scalar(value)}"


def _scalar(value: Plain) -> str:
    match value:
        case str():
            return spell(value, flow=False)
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case dict():
            return "{}"
        case list():
            return "[]"
        case _:
            return str(value)


def _float(value: float) -> str:
    """Spell a number with a point: without one, some readers of YAML take `1e-07` for text."""
    mantissa, exponent, power = repr(value).partition("e")
    return (mantissa if "." in mantissa else f"{mantissa}.0") + exponent + power
