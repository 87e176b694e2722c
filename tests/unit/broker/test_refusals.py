"""What a refusal says is missing is what doctor says is needed."""

from __future__ import annotations

import shlex

import pytest

from rabbit_topo.broker.refusals import granting, permission_hint
from rabbit_topo.broker.rights import tasks
from rabbit_topo.model import Arguments, Binding, Exchange, Policy, Queue, Resource, Topology, Vhost
from tests.operations import declare, remove

DEAD_LETTERS = Queue("v", "q", "classic", arguments=Arguments({"x-dead-letter-exchange": ""}))
DIVERTS = Exchange("v", "x", "topic", arguments=Arguments({"alternate-exchange": "y"}))
BOUND = Binding("v", "x", "exchange", "y", "k")


@pytest.mark.parametrize(
    ("resource", "needs"),
    [
        (DEAD_LETTERS, "configure on queue 'q', read on queue 'q', write on exchange 'amq.default'"),
        (DIVERTS, "configure on exchange 'x', read on exchange 'x', write on exchange 'y'"),
        (BOUND, "write on exchange 'y', read on exchange 'x'"),
    ],
)
def test_a_hint_names_what_doctor_foretells(resource: Resource, needs: str) -> None:
    assert permission_hint(declare(resource), "joe") == f"user 'joe' needs these permissions in vhost 'v': {needs}"
    (task,) = tasks(Topology(resources={resource.key: resource}))["v"]
    assert ", ".join(f"{need.permission} on {need.kind} {need.called!r}" for need in task.needs) == needs


@pytest.mark.parametrize(
    ("resource", "needs"),
    [
        (DEAD_LETTERS, "configure on queue 'q'"),
        (DIVERTS, "configure on exchange 'x'"),
        (BOUND, "write on exchange 'y'"),
    ],
)
def test_to_delete_takes_less(resource: Resource, needs: str) -> None:
    hint = permission_hint(remove(resource), "")
    assert hint.startswith(f"the user of the client certificate needs these permissions in vhost 'v': {needs}")
    assert ("read" in hint) == isinstance(resource, Binding)


def test_policies_and_vhosts_take_a_tag() -> None:
    assert "tag policymaker" in permission_hint(declare(Policy("v", "p", ".*", "all", 0, Arguments())), "joe")
    assert "tag administrator" in permission_hint(declare(Vhost("v")), "joe")


def test_a_shell_takes_what_is_in_a_command_for_names() -> None:
    command, _, rest = granting("a b; rm", "jo'e").partition(" CONFIGURE")
    assert shlex.split(command) == ["rabbitmqctl", "set_permissions", "-p", "a b; rm", "jo'e"]
    assert "rabbit-topo doctor" in rest
