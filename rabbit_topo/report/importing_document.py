"""An import as a JSON document; `schemas/import.schema.json` says what scripts may rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rabbit_topo.model import Kind
from rabbit_topo.report.importing import KINDS, profiles, tally
from rabbit_topo.report.resources import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.adopt.types import Adoption
    from rabbit_topo.model import Key, Plain
    from rabbit_topo.report.importing import Landing

_PLURALS = dict(zip(KINDS, ("exchanges", "queues", "bindings", "policies"), strict=True))


def import_document(adoption: Adoption, landing: Landing) -> dict[str, Any]:
    """Return the document that `schemas/import.schema.json` describes."""
    chosen = adoption.selection
    pages = [(file.path, document) for file in adoption.files for document in file.documents]
    by_vhost = {vhost: [page for _, page in pages if _vhost(page) == vhost] for vhost in chosen.vhosts}
    return {
        "format_version": FORMAT_VERSION,
        "document": "import",
        "source": adoption.source,
        "version": adoption.version,
        "folder": landing.folder,
        "written": list(landing.new),
        "config_kept": landing.config_kept,
        "may_lack_internal": not adoption.selection.complete,
        "objects": _counts(page for _, page in pages),
        "vhosts": [{"name": vhost, "objects": _counts(some)} for vhost, some in by_vhost.items()],
        "files": [{"path": path, "vhost": _vhost(page), "objects": _counts([page])} for path, page in pages],
        "profiles": [{"kind": one.kind, "name": one.name, "users": one.users} for one in profiles(adoption)],
        "skipped": [{**_key(one.key), "reason": one.reason} for one in chosen.skipped],
        "ignored": [
            {"vhost": vhost, "pattern": one.pattern, "why": one.why, "names": list(one.names)}
            for vhost, some in sorted(chosen.ignored.items())
            for one in some
        ],
        "beyond": [{"kind": one.kind, "names": list(one.names), "unseen": one.unseen} for one in adoption.beyond],
    }


def scaffold_document(folder: str, new: Iterable[str]) -> dict[str, Any]:
    """Return the document that `schemas/init.schema.json` describes."""
    return {"format_version": FORMAT_VERSION, "document": "init", "folder": folder, "written": list(new)}


def _vhost(page: Mapping[str, Plain]) -> str:
    return str(page.get("vhost", "/"))


def _counts(pages: Iterable[Mapping[str, Plain]]) -> dict[str, int]:
    found = tally(pages)
    return {plural: found.counts.get(kind, 0) for kind, plural in _PLURALS.items()} | {"external": found.external}


def _key(key: Key) -> dict[str, Any]:
    if key.kind is not Kind.BINDING:
        return {"kind": str(key.kind), "vhost": key.vhost, "name": key.name}
    return {
        "kind": "binding",
        "vhost": key.vhost,
        "source": key.name,
        "destination_kind": key.destination_kind,
        "destination": key.destination,
        "routing_key": key.routing_key,
        "arguments": key.arguments,
    }
