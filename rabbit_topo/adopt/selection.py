"""What is taken of a broker, and why the rest is not."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from rabbit_topo.adopt.displacing import settle
from rabbit_topo.adopt.ephemera import Family, family, ignored
from rabbit_topo.adopt.refusals import binding_refusal, refusal
from rabbit_topo.adopt.types import Ignored, Selection, Skipped
from rabbit_topo.arguments import ALTERNATE, DEAD_LETTER
from rabbit_topo.arguments.wire import is_unicode, refused_name
from rabbit_topo.model import PREDECLARED, RESERVED, Binding, Exchange, Key, Kind, Policy, Queue, Vhost

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from rabbit_topo.model import Facts, Observed, Resource

SERVERS_OWN: Final = "the server's own"
SERVER_NAMED: Final = "named by the server, for whoever declared it"
EXCLUSIVE: Final = "exclusive, and gone with a connection"
UNTOLD: Final = "named by others there, and not described"
OURS_FOR_A_WHILE: Final = "this tool's own, for a while"
UNMATCHED: Final = "not in --match"
LEADS_ELSEWHERE: Final = "leads to what is not taken"
NO_SOURCE: Final = "leads from an exchange that is not described"
UNNAMEABLE: Final = "leads from an exchange that no file can name"
_IN_AMQ: Final = "amq."
_REFERRING: Final = (ALTERNATE, DEAD_LETTER, DEAD_LETTER.removeprefix("x-"))


def select(observed: Observed, vhosts: Collection[str] | None = None, match: str | None = None) -> Selection:
    """Choose what an import takes: all that a file can declare, and nothing that goes with a program's end.

    `vhosts` are those to look at, all where there are none. `match` is a regular expression that must match the whole
    name of an exchange, a queue or a policy; vhosts where none does are left out, save for the first if all are.
    What was observed, less what is taken, has no part in a plan for what is taken, save for skipped bindings into it:
    those are stale.

    >>> from rabbit_topo.model import Facts, Observed, Queue, Topology
    >>> orders, answer = Queue("/", "orders", "classic"), Queue("/", "amq.gen-1", "classic")
    >>> facts = Facts("here", "4.3", vhosts=frozenset({"/"}), hidden=(answer,))
    >>> found = select(Observed(Topology({orders.key: orders}), facts))
    >>> [key.name for key in found.taken], [(skipped.key.name, skipped.reason) for skipped in found.skipped]
    (['orders'], [('amq.gen-1', 'named by the server, for whoever declared it')])
    """
    looked_at = [name for name in observed.topology.vhosts if vhosts is None or name in vhosts]
    pattern = None if match is None else re.compile(match, re.DOTALL)
    by_vhost: defaultdict[str, list[Resource]] = defaultdict(list)
    for _, resource in sorted(observed.topology.resources.items(), key=lambda item: item[0].order):
        by_vhost[resource.key.vhost].append(resource)
    hidden: defaultdict[str, list[Queue | Binding]] = defaultdict(list)
    for queue in observed.facts.hidden:
        hidden[queue.vhost].append(queue)
    for binding in observed.facts.hidden_bindings:
        hidden[binding.vhost].append(binding)
    chosen = [_Vhost(vhost, observed.facts, pattern, hidden[vhost]).choose(by_vhost[vhost]) for vhost in looked_at]
    nameable = [one for one in chosen if not one.refused]
    matched = [one for one in nameable if pattern is None or one.taken or one.ignored] or nameable[:1]
    return Selection(
        vhosts=tuple(one.name for one in matched),
        taken={key: resource for one in chosen for key, resource in sorted(one.taken.items(), key=_in_order)},
        external={key: resource for one in chosen for key, resource in sorted(one.external.items(), key=_in_order)},
        others={one.name: one.others for one in nameable},
        ignored={one.name: one.ignored for one in chosen if one.ignored},
        skipped=tuple(skipped for one in chosen for skipped in sorted(one.skipped, key=lambda row: row.key.order)),
        complete=not may_lack_internal(observed),
    )


def may_lack_internal(observed: Observed) -> bool:
    """Say whether internal exchanges may be missing of what was read.

    `rabbitmqctl export_definitions` leaves them out, and so does the management API from 4.2.9 and 4.3.3 on, though
    not the bindings from and to them (tried on 4.3.6): such a file says of no exchange whether it is internal. A broker
    itself shows them.
    """
    return not observed.facts.tells_internal


def _in_order(item: tuple[Key, object]) -> tuple[str | int, ...]:
    return item[0].order


@dataclass(slots=True)
class _Vhost:
    """The choice within one vhost; `hidden` are the queues there that are nobody's to manage, and their bindings."""

    name: str
    facts: Facts
    pattern: re.Pattern[str] | None
    hidden: list[Queue | Binding]
    taken: dict[Key, Exchange | Queue | Binding | Policy] = field(default_factory=dict)
    external: dict[Key, Exchange | Queue] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    ignored: tuple[Ignored, ...] = ()
    others: frozenset[str] = frozenset()
    refused: bool = False

    def choose(self, resources: Iterable[Resource]) -> _Vhost:
        if said := refused_name(self.name):
            self.refused = True
            self._skip(Key(self.name, Kind.VHOST, self.name), said)
            return self
        there = {resource.key: resource for resource in resources}
        passing = self._objects(there)
        self._policies([one for one in there.values() if isinstance(one, Policy)])
        self._ignore(passing)
        self._bindings(there)
        self._skip_hidden()
        untold = self._untold(there)
        for key in untold:
            self._skip(key, self._excluded(key) or UNTOLD)
        mine = {key for key in self.taken if key.kind is not Kind.BINDING}
        named = {key for key in there if key.kind not in {Kind.BINDING, Kind.VHOST}}
        hidden = {one.key for one in self.hidden if isinstance(one, Queue)}
        self.others = frozenset(key.name for key in (named - mine) | hidden | untold)
        return self

    def _untold(self, there: Mapping[Key, Resource]) -> set[Key]:
        """Return what is there as something refers to it, though nobody told of it.

        A binding has both of its ends wherever it is. What arguments and policies name may be nowhere; but where
        internal exchanges are not told, it may be one of them.
        """
        hidden = {one.key: one for one in self.hidden}
        found: set[Key] = set()
        for one in (*there.values(), *hidden.values()):
            if isinstance(one, Binding):
                found |= {one.source_key, one.destination_key}
            elif not self.facts.tells_internal and not isinstance(one, Vhost):
                table = one.definition if isinstance(one, Policy) else one.arguments
                names = (table.get(key) for key in _REFERRING)
                found |= {Key(self.name, Kind.EXCHANGE, name) for name in names if name and isinstance(name, str)}
        return found - there.keys() - hidden.keys()

    def _skip(self, key: Key, reason: str) -> None:
        self.skipped.append(Skipped(key, reason))

    def _objects(self, there: Mapping[Key, Resource]) -> dict[Key, Family]:
        """Take exchanges and queues; return those that come and go with some program."""
        passing = {}
        for key, resource in there.items():
            if not isinstance(resource, Exchange | Queue):
                continue
            if reason := self._excluded(key):
                self._skip(key, reason)
            elif found := family(resource):
                passing[key] = found
            elif reason := refusal(resource):
                self._skip(key, reason)
            else:
                self.taken[key] = resource
        return passing

    def _excluded(self, key: Key) -> str:
        """Say why an object is not taken by its name alone."""
        if key.name.startswith(_IN_AMQ) and key.kind is not Kind.POLICY:
            return SERVERS_OWN if key.kind is Kind.EXCHANGE else SERVER_NAMED
        if key.name.startswith(RESERVED):
            return OURS_FOR_A_WHILE
        return "" if self.pattern is None or self.pattern.fullmatch(key.name) else UNMATCHED

    def _policies(self, policies: Iterable[Policy]) -> None:
        wanted, others, barred = {}, {}, {}
        reasons: dict[Key, str] = {}
        for policy in policies:
            key = policy.key
            reason = refusal(policy)
            excluded = self._excluded(key)
            if reason or excluded == OURS_FOR_A_WHILE:
                barred[key], reasons[key] = policy, reason or excluded
            elif excluded:
                others[key], reasons[key] = policy, excluded
            else:
                wanted[key] = policy
        targets = [one for one in self.taken.values() if isinstance(one, Exchange | Queue)]
        settled = settle(wanted, others, barred, targets, self.facts.version)
        self.taken |= settled.taken
        for key, rival in settled.displaced.items():
            reasons[key] = f"the policy {rival.name}, which is not taken, is in effect in its place"
        for key in reasons.keys() - settled.taken.keys():
            self._skip(key, reasons[key])

    def _ignore(self, passing: Mapping[Key, Family]) -> None:
        """Ignore what comes and goes, with patterns that match nothing that is taken."""
        names = {key.name for key in self.taken}
        self.ignored, lost = ignored({key.name: found for key, found in passing.items()}, names)
        for key, found in passing.items():
            if key.name in lost:
                self._skip(key, f"{found.why}; cannot be ignored, as something taken has the same name")

    def _bindings(self, there: Mapping[Key, Resource]) -> None:
        for key, binding in there.items():
            if not isinstance(binding, Binding):
                continue
            if reason := self._unbindable(binding, there):
                self._skip(key, reason)
                continue
            self.taken[key] = binding
            for end in (there[binding.source_key], there[binding.destination_key]):
                if isinstance(end, Exchange) and end.key not in self.taken and end.name not in PREDECLARED:
                    kept = end if end.type and is_unicode(end.type) else replace(end, type=None)
                    self.external[end.key] = kept

    def _unbindable(self, binding: Binding, there: Mapping[Key, Resource]) -> str:
        """Say why a binding is not taken: it leads elsewhere, or cannot be written."""
        if not self._leads_to_ours(binding, there):
            return LEADS_ELSEWHERE
        source = there.get(binding.source_key)
        if not isinstance(source, Exchange):
            return NO_SOURCE
        if source.name.startswith(RESERVED):
            return OURS_FOR_A_WHILE
        return UNNAMEABLE if refused_name(source.name) else binding_refusal(binding, source.type)

    def _leads_to_ours(self, binding: Binding, there: Mapping[Key, Resource]) -> bool:
        """Say whether it leads to what is taken, or from it to an exchange of the server's.

        One that leads from one exchange of the server's to another is taken with everything else, where all is.
        """
        end = binding.destination_key
        if end in self.taken or end not in there:
            return end in self.taken
        if end.kind is not Kind.EXCHANGE or not end.name.startswith(_IN_AMQ):
            return False
        return binding.source_key in self.taken or (self.pattern is None and binding.source.startswith(_IN_AMQ))

    def _skip_hidden(self) -> None:
        for one in self.hidden:
            why = EXCLUSIVE if one.key in self.facts.exclusive else SERVER_NAMED
            self._skip(one.key, LEADS_ELSEWHERE if isinstance(one, Binding) else why)
