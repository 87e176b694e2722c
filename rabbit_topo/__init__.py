"""Declare, check and explain RabbitMQ topologies.

The names below are the public API; each is imported on first use, so that `import rabbit_topo`
costs next to nothing.

    load(*paths) -> Topology          read YAML; raises InputError with every problem
    connect(broker, amqp=..., tls=Tls(...), expected=Expected(...)) -> Broker
    diff(observed, declared) -> changes
    make_plan(changes, observed, declared, Consent(...)) -> Plan
    apply(plan, broker) -> Report
    route(topology, Message(exchange, routing_key, headers), version) -> Route
    lint(topology, Context(version)) -> what is wrong, though well-formed
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rabbit_topo.apply import apply
    from rabbit_topo.broker import Broker
    from rabbit_topo.broker.connect import connect
    from rabbit_topo.broker.target import Expected, Tls
    from rabbit_topo.diff import Change, Create, Delete, Displaced, Replace, Unfinished, Unseen, Update, diff
    from rabbit_topo.errors import InputError, TopoError
    from rabbit_topo.lint import Context, Finding, lint
    from rabbit_topo.load import load
    from rabbit_topo.model import (
        Arguments,
        Binding,
        Exchange,
        Facts,
        Key,
        Observed,
        Policy,
        Queue,
        Scope,
        Topology,
        Vhost,
    )
    from rabbit_topo.plan import Consent, Plan, Report, make_plan
    from rabbit_topo.routing import Message, Route, Router, route

__version__ = "0.1.0"

_HOME = {
    "Arguments": "model",
    "Binding": "model",
    "Broker": "broker",
    "Change": "diff",
    "Consent": "plan",
    "Context": "lint",
    "Create": "diff",
    "Delete": "diff",
    "Displaced": "diff",
    "Exchange": "model",
    "Expected": "broker.target",
    "Facts": "model",
    "Finding": "lint",
    "InputError": "errors",
    "Key": "model",
    "Message": "routing",
    "Observed": "model",
    "Plan": "plan",
    "Policy": "model",
    "Queue": "model",
    "Replace": "diff",
    "Report": "plan",
    "Route": "routing",
    "Router": "routing",
    "Scope": "model",
    "TopoError": "errors",
    "Tls": "broker.target",
    "Topology": "model",
    "Unfinished": "diff",
    "Unseen": "diff",
    "Update": "diff",
    "Vhost": "model",
    "apply": "apply",
    "connect": "broker.connect",
    "diff": "diff",
    "lint": "lint",
    "load": "load",
    "make_plan": "plan",
    "route": "routing",
}

__all__ = [
    "Arguments",
    "Binding",
    "Broker",
    "Change",
    "Consent",
    "Context",
    "Create",
    "Delete",
    "Displaced",
    "Exchange",
    "Expected",
    "Facts",
    "Finding",
    "InputError",
    "Key",
    "Message",
    "Observed",
    "Plan",
    "Policy",
    "Queue",
    "Replace",
    "Report",
    "Route",
    "Router",
    "Scope",
    "Tls",
    "TopoError",
    "Topology",
    "Unfinished",
    "Unseen",
    "Update",
    "Vhost",
    "__version__",
    "apply",
    "connect",
    "diff",
    "lint",
    "load",
    "make_plan",
    "route",
]


if not TYPE_CHECKING:  # a type checker knows the names above, and no others

    def __getattr__(name: str) -> object:
        """Import a public name when it is first asked for."""
        if name not in _HOME:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names."""
    return __all__


class _Package(ModuleType):
    """Keeps `apply`, `diff` and `load` the functions: importing a submodule would put it in their place."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
