"""Walk a document along its shape; report and take out what does not fit, so that nothing trips over it later."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from rabbit_topo.arguments import friendly_key
from rabbit_topo.arguments.tables import sendable
from rabbit_topo.arguments.wire import MAX_NAME_BYTES, is_unicode, refused_key
from rabbit_topo.load.nodes import Broken, YMap, YSeq
from rabbit_topo.load.problems import did_you_mean, quoted
from rabbit_topo.load.shapes import TOPOLOGY, Fields, Many, Named, Refused, Scalar, Shape, Table
from rabbit_topo.near import nearest

if TYPE_CHECKING:
    from rabbit_topo.load.problems import Hint, Problems
    from rabbit_topo.model import Plain

_ENOUGH = 1000  # problems, after which nobody reads whether one more follows from another
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,60}")


class Walk:
    """A walk along shapes; `problems` takes what it finds."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def check(self, shape: Shape, subject: str, value: Plain, file: str, place: int) -> bool:
        """Say whether a value can be used. Parts of it that cannot be are reported and dropped from it.

        `subject` is what messages call the value.
        """
        if isinstance(value, Broken):
            return False
        match shape:
            case Scalar():
                if wrong := shape.check(value):
                    message = f"{subject} must be {wrong.wanted}, not {quoted(value)}"
                    self._problems.add(file, place, message, wrong.hint, shape.code)
                return not wrong
            case Fields() | Named() | Table():
                if not isinstance(value, YMap):
                    message = f"{subject} must be a mapping, not {quoted(value)}"
                    self._problems.add(file, place, message, _as_mapping(shape, subject, value))
                    return False
                self._mapping(shape, subject, value)
                return True
            case Many():
                return self._many(shape, subject, value, file, place)
            case Refused():
                hint = shape.hint.replace("{value}", _spelled(value))
                self._problems.add(file, place, shape.why, hint, shape.code)
                return False

    def _mapping(self, shape: Fields | Named | Table, subject: str, value: YMap) -> None:
        match shape:
            case Fields():
                self._fields(shape, subject, value)
            case Named():
                self._named(shape, value)
            case Table():
                self._table(subject, value)

    def _fields(self, shape: Fields, subject: str, value: YMap) -> None:
        for key in list(value):
            item = value[key]
            known = shape.known.get(key)
            if known is None:
                value.dropped.add(self._unknown(shape, subject, key, value) or key)
                del value[key]
                continue
            if item is None and (shape.nullable or not isinstance(known, (Scalar, Refused))):
                continue  # unset, or a collection with nothing in it
            place = value.key_place(key) if isinstance(known, Refused) else value.value_place(key)
            if self.check(known, f"`{key}`", item, value.file, place):
                continue
            if isinstance(known, Refused):
                value.dropped.update(known.meant)
            value.drop(key)

    def _unknown(self, shape: Fields, subject: str, key: str, value: YMap) -> str:
        """Report a key, and return the one that is most likely meant: that it is missing is no second mistake."""
        meant = ""
        place = value.key_place(key)
        if key.startswith("x-") and "arguments" in shape.known:
            ours = friendly_key(key).partition(".")[0] if "message_ttl" in shape.known else ""
            hint = f"write `arguments: {{{key}: ...}}`" + (f", or `{ours}`" if ours else "")
            message = f"{quoted(key)} is a raw argument and stands under `arguments`"
            self._problems.add(value.file, place, message, hint)
        elif shape is not TOPOLOGY and "version" in shape.known and key in TOPOLOGY.known:
            message = f"a *.test.yaml has no {quoted(key)}"
            self._problems.add(value.file, place, message, "it holds `version`, `vhost` and `tests` only")
        else:
            known = [name for name, item in shape.known.items() if not isinstance(item, Refused)]
            missing = [name for name in known if name not in value and name not in value.dropped]
            where = "at the top of a document" if "version" in shape.known else f"in {subject}"
            message = f"the key {quoted(key)} is not known {where}"
            advice: Hint = partial(_known_keys, key, missing, known)
            if len(self._problems) < _ENOUGH and (meant := nearest(key, missing)):
                advice = f'did you mean "{meant}"?'
            self._problems.add(value.file, place, message, advice)
        return meant

    def _named(self, shape: Named, value: YMap) -> None:
        keys = shape.item.known if isinstance(shape.item, Fields) else {}
        above: YMap | None = None
        for name in list(value):
            if wrong := shape.name(name):
                message = f"the name of this {shape.what} must be {wrong.wanted}, not {quoted(name)}"
                self._problems.add(value.file, value.key_place(name), message, wrong.hint)
                value.drop(name)
                continue
            item = value[name]
            if item is None:
                value[name] = YMap(value.file, value.key_place(name))
            elif above is not None and name in keys and _belongs_above(keys, name, item):
                message = f"{quoted(name)} stands where the name of another {shape.what} is expected"
                hint = f"if it is a key of the {shape.what} above, indent it further"
                self._problems.add(value.file, value.key_place(name), message, hint)
                above.dropped.add(name)
                value.drop(name)
            elif not self.check(shape.item, f"{shape.what} {quoted(name)}", item, value.file, value.value_place(name)):
                value.drop(name)
            above = value.get(name, above)

    def _many(self, shape: Many, subject: str, value: Plain, file: str, place: int) -> bool:
        if not isinstance(value, YSeq):
            if shape.or_one:
                return self.check(shape.item, subject, value, file, place)
            hint = f"write [{value}]" if isinstance(value, (str, int)) else "write one item a line, each after `- `"
            self._problems.add(file, place, f"{subject} must be a list, not {quoted(value)}", hint)
            return False
        item_subject = f"an item of {subject}"
        right = [self.check(shape.item, item_subject, item, file, at) for item, at in value.with_places()]
        if not all(right):
            value.at[:] = [at for at, ok in zip(value.at, right, strict=True) if ok]
            value[:] = [item for item, ok in zip(value, right, strict=True) if ok]
            value.broken = True
        return True

    def _table(self, subject: str, value: YMap) -> None:
        for key in list(value):
            if refused_key(key):
                message = f"a key of {subject} must have 1 to {MAX_NAME_BYTES} bytes of UTF-8"
                self._problems.add(value.file, value.key_place(key), message, "AMQP carries no other")
            elif self._sendable(f"`{key}`", value[key], value.file, value.value_place(key)):
                continue
            value.drop(key)

    def _sendable(self, subject: str, value: Plain, file: str, place: int) -> bool:
        match value:
            case Broken():
                return False
            case YMap():
                self._table(subject, value)
            case YSeq():
                right = [self._sendable(subject, item, value.file, at) for item, at in value.with_places()]
                return all(right)
            case int() | float() if not isinstance(value, bool) and not sendable(value):
                hint = "AMQP carries integers of 64 bits and finite numbers; quote it if it is text"
                self._problems.add(file, place, f"{subject} does not fit AMQP: {quoted(value)}", hint)
                return False
            case str() if not is_unicode(value):
                self._problems.add(file, place, f"{subject} must be valid UTF-8", "write the characters themselves")
                return False
            case _:
                pass
        return True


def _known_keys(key: str, missing: list[str], known: list[str]) -> str:
    return did_you_mean(key, missing) or f"known are {', '.join(known)}"


def _belongs_above(keys: dict[str, Shape], name: str, item: Plain) -> bool:
    """Say whether what stands as an object is rather a key of the one above it, indented too little."""
    if not isinstance(item, YMap):
        return not isinstance(item, Broken)
    inner = keys[name]
    own = inner.known if isinstance(inner, Fields) else {}
    return isinstance(inner, (Fields, Table)) and any(key not in keys and (key in own or not own) for key in item)


def _as_mapping(shape: Shape, subject: str, value: Plain) -> str:
    """Advise on a value where a mapping is wanted: the key that it is most likely meant for, if it fits there."""
    short = shape.known.get(shape.short) if isinstance(shape, Fields) else None
    if isinstance(shape, Fields) and isinstance(short, Scalar) and isinstance(value, str) and not short.check(value):
        name = subject.partition(" ")[2].strip('"') or subject.strip("`")
        return f"write `{name}: {{{shape.short}: {_spelled(value)}}}`"
    return "write `key: value` pairs"


def _spelled(value: Plain) -> str:
    """Spell a value as it can stand in YAML; what is long or no scalar is left open."""
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return "..." if isinstance(value, (dict, list)) or value is None else quoted(value)
