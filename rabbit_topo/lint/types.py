"""Rules and findings, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rabbit_topo.lint.index import Index
    from rabbit_topo.model import Key, Origin

Severity: TypeAlias = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of the broker that a topology is for.

    `exchange_types` are those that it has beside the four of AMQP; None where nobody says, which is not the same as
    none. `denied` are the deprecated features that it does not permit, by RabbitMQ's names, as
    `transient_nonexcl_queues`; None where no live broker was asked. `nodes` is the size of its cluster, 0 where nobody
    says. `naming` holds a regular expression for each kind (`exchange`, `queue`, `policy`) whose names must match it
    whole.
    """

    version: str = "4.3"
    exchange_types: frozenset[str] | None = None
    denied: frozenset[str] | None = None
    nodes: int = 0
    naming: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """What a rule's check yields: the object, what is wrong with it, and what to do where that differs from hit to hit.

    `origin` is a more exact place than the object's own; `severity` another one than the rule's. `subject` is what of
    the object it is about, where a rule may find several things: an argument, an option, another object. By it a
    finding is known again, whatever the message says.
    """

    key: Key
    message: str
    hint: str = ""
    origin: Origin | None = None
    severity: Severity | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong with a topology.

    `code` is never given to another rule. `default` says whether it runs unless it is deselected. `why` is what
    happens on the broker, in a few sentences; `bad` and `good` are whole topology files; `source` names the page or the
    file of RabbitMQ that it follows. `version` is the release that `bad` is wrong on, where not on the newest.
    `config` are settings that `bad` needs (fields of `Context`).
    """

    code: str
    name: str
    severity: Severity
    default: bool
    why: str
    bad: str
    good: str
    hint: str
    source: str
    check: Callable[[Index], Iterable[Hit]]
    version: str = ""
    config: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's finding, with its place. `key` is None where no object is concerned: a file's shape, a suppression.

    `subject` is what of the object it is about, see `Hit`.
    """

    code: str
    name: str
    severity: Severity
    message: str
    hint: str = ""
    key: Key | None = None
    origin: Origin | None = None
    subject: str = ""
