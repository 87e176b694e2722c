"""The inventory of a project on a broker, by HTTP: global parameters, which need the tag policymaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rabbit_topo.broker.http import UNAUTHORISED, segment
from rabbit_topo.errors import AccessRefused, BrokerError
from rabbit_topo.model import Inventory, parameter_name
from rabbit_topo.report.rabbitmqctl import set_user_tags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.broker.http import Answer, Http

PATH = "/api/global-parameters"
BY_HTTP_ONLY = "AMQP alone does not show it"


def read_inventory(http: Http, project: str, vhosts: Iterable[str]) -> Inventory | None:
    """Read what the broker keeps of `project`, in one request; None where no project is named.

    That this user may not read it is told in the result. Raises `BrokerError` where the broker does not answer.
    """
    if not project:
        return None
    answer = http.ask("GET", PATH)
    if answer.status == UNAUTHORISED:
        return Inventory(
            project, gap=f"user {http.user!r} may not read global parameters: the tag policymaker is missing"
        )
    if not answer.ok or not isinstance(answer.body, list):
        return Inventory(project, gap=f"the broker answers {answer.status} to GET {PATH}: {answer.reason}")
    parameters = {item["name"]: item.get("value") for item in answer.body if isinstance(item, dict) and "name" in item}
    return Inventory.read(project, vhosts, parameters)


def write_inventory(http: Http, inventory: Inventory, vhosts: Iterable[str]) -> None:
    """Write the inventory of these vhosts, one request each. Raises `BrokerError`."""
    for vhost in vhosts:
        name = parameter_name(inventory.project, vhost)
        body = {"name": name, "value": inventory.value(vhost)}
        answer = http.ask("PUT", f"{PATH}/{segment(name)}", body)
        if not answer.ok:
            raise _refused(http, name, answer)


def _refused(http: Http, name: str, answer: Answer) -> BrokerError:
    said = f"the inventory {name!r} could not be written: {answer.reason}"
    if answer.status == UNAUTHORISED:
        return AccessRefused(
            said, f"user {http.user!r} needs the tag policymaker: {set_user_tags(http.user, 'policymaker')}"
        )
    return BrokerError(said)
