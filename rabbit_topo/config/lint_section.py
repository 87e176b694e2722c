"""What the configuration says of the broker's plugins, and to the linter."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rabbit_topo.config.file import LintFile, LintSettings

if TYPE_CHECKING:
    from yaml.nodes import Node

    from rabbit_topo.config.file import Text
    from rabbit_topo.config.nodes import Nodes

_LINT: Final = ("select", "ignore", "extend_select", "fail_on", "baseline", "nodes", "naming")
FAIL_ON: Final = ("error", "warning", "info", "never")
_NAMING: Final = {"exchanges": "exchange", "queues": "queue", "policies": "policy"}
_COUNT: Final = re.compile(r"[1-9][0-9]{0,5}")
# Plugins that bring exchange types. What is listed and not here is taken for a type, and does no harm if it is none.
PLUGIN_TYPES: Final = {
    "rabbitmq_consistent_hash_exchange": "x-consistent-hash",
    "rabbitmq_delayed_message_exchange": "x-delayed-message",
    "rabbitmq_event_exchange": "x-event",
    "rabbitmq_jms_topic_exchange": "x-jms-topic",
    "rabbitmq_message_deduplication": "x-message-deduplication",
    "rabbitmq_random_exchange": "x-random",
    "rabbitmq_recent_history_exchange": "x-recent-history",
    "rabbitmq_sharding": "x-modulus-hash",
}
_KNOWN: Final = (*PLUGIN_TYPES, *PLUGIN_TYPES.values())


def plugins(nodes: Nodes, node: Node) -> tuple[str, ...]:
    """Read the names of plugins, or of exchange types; one that is nearly that of a known one is a problem."""
    listed = tuple(nodes.texts(node, "plugins must be a list of names", "a plugin", "plugins: [x-consistent-hash]"))
    for text in listed:
        if text.raw not in _KNOWN and (close := difflib.get_close_matches(text.raw, _KNOWN, 1, 0.9)):
            nodes.problems.append(text.problem(f"there is no plugin {text.raw}", f"did you mean {close[0]}?"))
    return tuple(text.raw for text in listed)


def with_types(lint: LintFile, listed: tuple[str, ...] | None) -> LintFile:
    """Add the exchange types of the plugins that are listed."""
    if listed is None:
        return lint
    types = frozenset(PLUGIN_TYPES.get(name, name) for name in listed)
    return replace(lint, settings=replace(lint.settings, exchange_types=types))


def lint(nodes: Nodes, node: Node) -> LintFile:
    """Read the `lint` section."""
    settings = LintSettings()
    baseline: Text | None = None
    for key, value in nodes.items(node, "lint", _LINT):
        match key.raw:
            case "fail_on":
                settings = replace(settings, fail_on=_fail_on(nodes, value))
            case "baseline":
                baseline = nodes.text("baseline", value).get("baseline")
            case "nodes":
                settings = replace(settings, nodes=_count(nodes, value))
            case "naming":
                settings = replace(settings, naming=_naming(nodes, value))
            case "select":
                settings = replace(settings, select=_rules(nodes, key, value))
            case "ignore":
                settings = replace(settings, ignore=_rules(nodes, key, value))
            case _:
                settings = replace(settings, extend_select=_rules(nodes, key, value))
    return LintFile(settings, baseline)


def _rules(nodes: Nodes, key: Text, node: Node) -> tuple[str, ...]:
    texts = nodes.texts(node, f"{key.raw} must be a list of rules", "a rule", f"{key.raw}: [RT203, RT3]")
    return tuple(text.raw for text in texts)


def _fail_on(nodes: Nodes, node: Node) -> str:
    if node.value in FAIL_ON:
        return str(node.value)
    nodes.complain(node, f"fail_on must be one of {', '.join(FAIL_ON)}")
    return FAIL_ON[1]


def _count(nodes: Nodes, node: Node) -> int:
    if node.tag == "tag:yaml.org,2002:int" and _COUNT.fullmatch(node.value):
        return int(node.value)
    nodes.complain(node, "nodes must be a number of nodes, at least 1", "how many the cluster has")
    return 0


def _naming(nodes: Nodes, node: Node) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in nodes.items(node, "naming", tuple(_NAMING)):
        for text in nodes.text(key.raw, value).values():
            try:
                re.compile(text.raw)
            except re.error as error:
                nodes.complain(value, f"{key.raw} must be a regular expression for whole names", str(error))
            else:
                found[_NAMING[key.raw]] = text.raw
    return found
