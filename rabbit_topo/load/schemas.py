"""The JSON Schemas that come with the package."""

from __future__ import annotations

from pathlib import Path

_ENDING = ".schema.json"


def _folder() -> Path:
    """Inside the package where it was built into a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "schemas"
    return inside if inside.is_dir() else package.parent / "schemas"


def names() -> tuple[str, ...]:
    """Return the names of the schemas, sorted: `config`, `topology`, and every JSON document of the tool."""
    return tuple(sorted(path.name.removesuffix(_ENDING) for path in _folder().glob(f"*{_ENDING}")))


def schema_text(name: str) -> str:
    """Return the text of one schema. Raises KeyError for a name that is none of `names()`."""
    if name not in names():
        raise KeyError(name)
    return (_folder() / f"{name}{_ENDING}").read_text(encoding="utf-8")
