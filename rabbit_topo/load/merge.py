"""Lay the layers of an object over each other: `defaults`, profiles in order, its own keys.

Mappings merge, lists replace, null unsets. `{name}` in a profile's strings becomes the object's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.load.nodes import Inherited, YMap
from rabbit_topo.load.problems import did_you_mean, quoted

if TYPE_CHECKING:
    from rabbit_topo.load.problems import Problems
    from rabbit_topo.model import Plain

UNKNOWN_PROFILE = "?"  # stands in `dropped` of an object whose profile does not exist


class Profiles:
    """The profiles of all files, by kind and name."""

    def __init__(self, problems: Problems) -> None:
        """Start with none."""
        self._problems = problems
        self._known: dict[str, dict[str, tuple[YMap, str, int]]] = {}

    def add(self, kind: str, named: YMap) -> None:
        """Take the profiles of one document; the same name twice is a problem."""
        known = self._known.setdefault(kind, {})
        for name, options in named.items():
            place = named.key_place(name)
            if name in known:
                first = Inherited("the first", *known[name][1:])
                message = f"the profile {quoted(name)} for {kind} is there twice: {first}"
                self._problems.add(named.file, place, message, "rename one; profiles are shared by all files")
            else:
                known[name] = (options, named.file, place)

    def effective(self, kind: str, name: str, own: YMap, place: int, defaults: YMap | None) -> YMap:
        """Return what holds for an object; `inherited` of the result says where foreign keys come from.

        `place` is where the object's name stands: foreign keys count as standing there.
        """
        use = own.get("use")
        if not defaults and not use:
            return own
        out = YMap(own.file, own.place)
        if defaults:
            _lay(out, defaults, place, Inherited(f"`defaults: {kind}:`", defaults.file, defaults.place), None)
        for profile in use if isinstance(use, list) else [use] if use else []:
            if found := self._known.get(kind, {}).get(profile):
                options, file, at = found
                _lay(out, options, place, Inherited(f"the profile {quoted(profile)}", file, at), name)
            else:
                out.dropped.add(UNKNOWN_PROFILE)
                self._report_unknown(kind, profile, own)
        _lay(out, own, place, None, None)
        return out

    def _report_unknown(self, kind: str, profile: str, own: YMap) -> None:
        if self._problems.incomplete:
            return
        names = list(self._known.get(kind, {}))
        self._problems.add(
            own.file,
            own.value_place("use"),
            f"there is no profile {quoted(profile)} for {kind}",
            lambda: did_you_mean(profile, names) or f"write it under `profiles: {kind}:` in any of the files",
        )


def lacks(options: YMap, key: str) -> bool:
    """Say whether a key is truly missing, and not only taken out or lost with an unknown profile."""
    return options.get(key) is None and not options.dropped & {key, UNKNOWN_PROFILE}


def came_from(options: YMap, key: str) -> str:
    """Return `; it comes from the profile "worker" (file:line:column)`, or nothing for an own key."""
    source = options.inherited.get(key)
    return f"; it comes from {source}" if source else ""


def _lay(out: YMap, layer: YMap, place: int, source: Inherited | None, name: str | None) -> None:
    out.dropped |= layer.dropped
    for key, value in layer.items():
        at, value_at = (place, place) if source else (layer.key_place(key), layer.value_place(key))
        if isinstance(value, YMap):
            held = out.get(key)
            inner = held if isinstance(held, YMap) else YMap(out.file, value_at)
            _lay(inner, value, place, source, name)
            out.put(key, inner, at, value_at)
        else:
            out.put(key, value if name is None else _fill(value, name), at, value_at)
        if source:
            out.inherited[key] = source
        else:
            out.inherited.pop(key, None)


def _fill(value: Plain, name: str) -> Plain:
    match value:
        case str():
            return value.replace("{name}", name)
        case list():
            return [_fill(item, name) for item in value]
        case dict():
            return {key: _fill(item, name) for key, item in value.items()}
        case _:
            return value
