"""A plan to be applied later: what is kept of it, and what has changed since.

A saved plan is never carried out as it is written. It is made again from the files and the broker, and held against
what was saved: what was read and agreed to is what is done, or nothing is.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rabbit_topo.model import Kind
from rabbit_topo.plan import Consent
from rabbit_topo.plan.digests import digests, facts_of
from rabbit_topo.report import words
from rabbit_topo.report.documents import consent_document, head, operation_document, row_document
from rabbit_topo.report.rows import rows, subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rabbit_topo.model import Key, Resource
    from rabbit_topo.plan import Operation, Plan

_SHOWN: Final = 20
DOCUMENT: Final = "saved-plan"


def saved_document(plan: Plan, files: Sequence[str], vhost: str, written_by: str) -> dict[str, Any]:
    """Return the document that `schemas/saved-plan.schema.json` describes.

    `files` are those named on the command line, empty where the configuration names them; `vhost` is that of documents
    that name none; `written_by` is the tool and its version.
    """
    found = {
        **head(DOCUMENT, plan),
        "written_by": written_by,
        "files": list(files),
        "default_vhost": vhost,
        "vhosts": list(plan.declared.vhosts),
        "consent": consent_document(plan.consent),
        "excess": plan.excess,
        "fingerprint": plan.fingerprint,
        "operations": [
            {**operation_document(operation), "wave": number}
            for number, wave in enumerate(plan.waves, 1)
            for operation in wave
        ],
        "blocked": [row_document(row) for row in rows(plan) if row.status == "blocked"],
        "facts": facts_of(plan.facts, plan.declared),
        "objects": _objects(plan),
    }
    return {**found, "checksum": checksum(found)}


def checksum(document: Mapping[str, Any]) -> str:
    """Digest a saved plan without its own checksum. It tells a slip of an editor; it is no signature."""
    rest = {name: value for name, value in document.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def saved_consent(document: Mapping[str, Any]) -> Consent:
    """Return what was agreed to when the plan was saved."""
    given = document["consent"]
    return Consent(**{**given, "allow": frozenset(given["allow"])})


@dataclass(frozen=True, slots=True)
class Stale:
    """Why a saved plan may not be applied: a sentence, what differs, and what to do."""

    message: str
    differences: tuple[str, ...]
    hint: str = "make a new plan, and read it"

    @property
    def text(self) -> str:
        """The sentence, and the first differences on lines of their own."""
        more = len(self.differences) - _SHOWN
        shown = [*self.differences[:_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]
        return "\n".join([f"{self.message}; nothing was changed", *(f"    {line}" for line in shown)])


def stale(document: Mapping[str, Any], plan: Plan) -> Stale | None:
    """Say what speaks against applying a saved plan, now that it was made again; None where nothing does."""
    target, now = document["target"], head(DOCUMENT, plan)
    if wrong := _another_target(target, now["target"], document["road"], plan.facts.road):
        return wrong
    if document["road"] != plan.facts.road:
        read = f"it was made by reading {document['road']}, and this is {plan.facts.road}"
        return Stale(f"the saved plan and this command read the broker by different roads: {read}", (), "give its URLs")
    planned = tuple(_plan_differences(document, plan))
    if document["vhosts"] != list(plan.declared.vhosts):
        return Stale("the files name other vhosts than when the plan was saved", planned)
    there = tuple(_broker_differences(document, plan))
    if document["fingerprint"] != plan.fingerprint:
        return Stale("the broker is not as it was when the plan was saved", (*there, *planned))
    if planned:
        return Stale("the plan would not be the same: the files changed, or what queues hold", planned)
    return None


def _another_target(saved: Mapping[str, str], now: Mapping[str, str], road: str, by: str) -> Stale | None:
    if (saved["product"], saved["cluster_name"], road == "file") == (now["product"], now["cluster_name"], by == "file"):
        return None
    was, found = (_called(target, kind) for target, kind in ((saved, road), (now, by)))
    return Stale("this is another target than the plan was made for", (f"made for  {was}", f"this is   {found}"), "")


def _called(target: Mapping[str, str], road: str) -> str:
    cluster = f', cluster "{words.clean(target["cluster_name"])}"' if target["cluster_name"] else ""
    kind = "definitions file of " if road == "file" else ""
    return f"{kind}{words.clean(target['product'])}{cluster}, {words.clean(target['address'])}"


def _objects(plan: Plan) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, digest in digests(plan.there, plan.facts).items():
        label = _label(plan.there.resources[key])
        twins = 1
        while label in found:
            twins += 1
            label = f"{_label(plan.there.resources[key])} #{twins}"
        found[label] = digest
    return found


def _label(resource: Resource) -> str:
    """Name an object the same way whatever else there is."""
    key: Key = resource.key
    where = "" if key.vhost == "/" or key.kind is Kind.VHOST else f" in vhost {words.clean(key.vhost)}"
    return f"{words.name(resource)}{where}"


def _broker_differences(document: Mapping[str, Any], plan: Plan) -> Iterator[str]:
    """Name what changed on the broker: facts, then objects that are new, changed or gone."""
    facts = facts_of(plan.facts, plan.declared)
    for name in sorted(facts.keys() | document["facts"].keys()):
        was, now = document["facts"].get(name, ""), facts.get(name, "")
        if was != now:
            told = f": {words.clean(was)} -> {words.clean(now)}" if name == "version" else " changed"
            yield f"~ {words.clean(name)}{told}"
    saved, there = document["objects"], _objects(plan)
    for label in sorted(saved.keys() | there.keys()):
        if label not in saved:
            yield f"+ {label}: was not there"
        elif label not in there:
            yield f"- {words.clean(label)}: is gone"
        elif saved[label] != there[label]:
            yield f"~ {label}: changed"


def _plan_differences(document: Mapping[str, Any], plan: Plan) -> Iterator[str]:
    """Name what was saved and would not be done now, then what would be done and was not saved."""
    saved = [(_compared(item), _said(item)) for item in document["operations"]]
    now = [
        (_compared({**operation_document(operation), "wave": number}), _spelled(operation))
        for number, wave in enumerate(plan.waves, 1)
        for operation in wave
    ]
    was_blocked = [_blocked(row) for row in document["blocked"]]
    blocked = {
        _blocked(row_document(row)): f"{words.name(subject(row.change))}: {words.clean(row.reason)}"
        for row in rows(plan)
        if row.status == "blocked"
    }
    yield from (f"no longer planned: {said}" for said in _beyond(saved, now))
    yield from (f"now planned: {said}" for said in _beyond(now, saved))
    yield from (f"no longer blocked: {_named(text)}" for text in was_blocked if text not in blocked)
    yield from (f"now blocked: {said}" for text, said in blocked.items() if text not in was_blocked)


def _beyond(some: Sequence[tuple[str, str]], others: Sequence[tuple[str, str]]) -> Iterator[str]:
    left = Counter(text for text, _ in others)
    for text, said in some:
        if left[text]:
            left[text] -= 1
        else:
            yield said


def _compared(item: Mapping[str, Any]) -> str:
    """Spell an operation so that equal ones are equal texts: a hazard's sentence may hold counts, and is left out."""
    return json.dumps({**item, "hazard": bool(item["hazard"])}, sort_keys=True)


def _blocked(row: Mapping[str, Any]) -> str:
    return json.dumps([row["change"], row["resource"]], sort_keys=True)


def _named(text: str) -> str:
    return _words(json.loads(text)[1])


def _said(item: Mapping[str, Any]) -> str:
    return f"{item['action']} {_words(item['resource'])}{_warned(item)}"


def _spelled(operation: Operation) -> str:
    item = operation_document(operation)
    return _said(item)


def _warned(item: Mapping[str, Any]) -> str:
    return f" ({words.clean(item['hazard'])})" if item["hazard"] else ""


def _words(item: Mapping[str, Any]) -> str:
    """Name a resource as it is spelled in a document."""
    if item["kind"] != "binding":
        return words.clean(f"{item['kind']} {item['name']}")
    key = item["routing_key"]
    return words.clean(f"binding {item['source']} --[{key}]--> {item['destination_kind']} {item['destination']}")
