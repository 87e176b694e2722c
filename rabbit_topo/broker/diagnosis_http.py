"""What a user may learn of a broker and of its own rights over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from rabbit_topo.broker import poisons
from rabbit_topo.broker.expected import cluster_tags, refuse_another
from rabbit_topo.broker.http import NOT_FOUND, UNAUTHORISED, Http, no_management_api, segment
from rabbit_topo.broker.rights import Verdict
from rabbit_topo.broker.side_by_side import side_by_side
from rabbit_topo.errors import BrokerError
from rabbit_topo.model import Kind
from rabbit_topo.report.diagnosis import Access, Node, Permissions, Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rabbit_topo.broker.http import Answer
    from rabbit_topo.broker.rights import Task
    from rabbit_topo.broker.target import Expected
    from rabbit_topo.errors import NotABroker
    from rabbit_topo.model import Key

Item: TypeAlias = "dict[str, Any]"
BAD_REQUEST, UNAVAILABLE = 400, 503
NO_TYPE = ("undefined", None, "")


class _Reader(NamedTuple):
    """Reads what came back to `path`, and raises `NotABroker` where it has another form than RabbitMQ's answers."""

    http: Http
    path: str

    def get(self) -> Any:
        """Ask. Raises `BrokerError`."""
        return self.http.get(self.path)

    def item(self, body: Any, *texts: str) -> Item:
        """Take it for one object, which has these texts at least."""
        if not isinstance(body, dict) or not all(isinstance(body.get(name), str) for name in texts):
            raise self._odd()
        return body

    def items(self, body: Any, *texts: str) -> list[Item]:
        """Take it for a list of such objects."""
        if not isinstance(body, list):
            raise self._odd()
        return [self.item(one, *texts) for one in body]

    def texts(self, body: Any) -> tuple[str, ...]:
        """Take it for a list of texts; nothing at all is an empty one."""
        listed = body or []
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise self._odd()
        return tuple(listed)

    def _odd(self) -> NotABroker:
        return no_management_api(self.http.url, self.path.partition("?")[0])


def tags(http: Http) -> tuple[str, ...]:
    """Log in; return the user's tags. Raises `BrokerError`."""
    reader = _Reader(http, "/api/whoami")
    told = reader.item(reader.get(), "name").get("tags")
    return reader.texts(told.split(",") if isinstance(told, str) else told)


def cluster_name(http: Http) -> str:
    """Return what the cluster calls itself. Raises `BrokerError`."""
    return str(_overview(http).get("cluster_name", ""))


def compare(http: Http, expected: Expected) -> None:
    """Make sure that it is the broker that is expected. Raises `Refusal`, and `BrokerError`."""
    if not expected.words:
        return
    told = _overview(http)
    refuse_another(
        expected,
        http.url,
        cluster_name=str(told.get("cluster_name", "")),
        version=str(told["rabbitmq_version"]),
        tags=cluster_tags(told.get("cluster_tags")),
    )


def _overview(http: Http) -> Item:
    reader = _Reader(http, "/api/overview")
    return reader.item(reader.get(), "rabbitmq_version")


def server(http: Http, tags: tuple[str, ...]) -> Server:
    """Read what the broker tells this user of itself. Raises `BrokerError`."""
    overview = _overview(http)
    untold: dict[str, str] = {}
    kinds = overview.get("exchange_types")
    reader = _Reader(http, "/api/overview")
    return Server(
        product=str(overview.get("product_name", "")),
        version=str(overview.get("product_version") or overview["rabbitmq_version"]),
        erlang=str(overview.get("erlang_version", "")),
        cluster_name=str(overview.get("cluster_name", "")),
        exchange_types=None if kinds is None else tuple(sorted(kind["name"] for kind in reader.items(kinds, "name"))),
        nodes=_nodes(http, untold),
        alarms=_alarms(http, untold),
        deprecated=_deprecated(http, untold),
        tags=tags,
        untold=untold,
    )


def _nodes(http: Http, untold: dict[str, str]) -> tuple[Node, ...] | None:
    reader = _Reader(http, "/api/nodes?columns=name,running,partitions")
    answer = http.ask("GET", reader.path)
    if not _told(answer, "nodes", "the tag monitoring", untold):
        return None
    nodes = (
        Node(one["name"], bool(one.get("running")), reader.texts(one.get("partitions")))
        for one in reader.items(answer.body, "name")
    )
    return tuple(sorted(nodes, key=lambda node: node.name))


def _alarms(http: Http, untold: dict[str, str]) -> tuple[str, ...] | None:
    reader = _Reader(http, "/api/health/checks/alarms")
    answer = http.ask("GET", reader.path)
    if answer.status == UNAVAILABLE and isinstance(answer.body, dict):
        raised = reader.items(answer.body.get("alarms") or [{}])
        return tuple(f"{one.get('resource', 'alarm')} on {one.get('node', 'a node')}" for one in raised)
    return () if _told(answer, "alarms", "the tag monitoring", untold) else None


def _deprecated(http: Http, untold: dict[str, str]) -> tuple[str, ...] | None:
    reader = _Reader(http, "/api/deprecated-features/used")
    answer = http.ask("GET", reader.path)
    if answer.status == NOT_FOUND:
        untold["deprecated"] = "RabbitMQ tells it from 3.13 on"
        return None
    if not _told(answer, "deprecated", "the tag monitoring", untold):
        return None
    used = reader.items(answer.body, "name", "deprecation_phase")
    return tuple(sorted(f"{one['name']} ({one['deprecation_phase'].replace('_', ' ')})" for one in used))


def _told(answer: Answer, what: str, needs: str, untold: dict[str, str]) -> bool:
    if answer.ok and answer.body is not None:
        return True
    refused = answer.status == UNAUTHORISED
    untold[what] = f"the broker tells it to users with {needs}" if refused else f"the broker answered: {answer.reason}"
    return False


def visible_vhosts(http: Http) -> dict[str, str]:
    """Return the vhosts that this user sees, each with its default queue type, empty where untold.

    Raises `BrokerError`.
    """
    found = {}
    reader = _Reader(http, "/api/vhosts?columns=name,default_queue_type")
    for one in reader.items(reader.get(), "name"):
        kind = one.get("default_queue_type")
        found[one["name"]] = "" if kind in NO_TYPE else str(kind)
    return found


def access(http: Http, vhost: str, visible: Mapping[str, str], version: tuple[int, int]) -> tuple[Access, str]:
    """Say whether a vhost's objects are shown to this user, and if not, what the broker said."""
    answer = http.ask("GET", f"/api/exchanges/{segment(vhost)}?columns=name&page=1&page_size=1")
    if answer.ok:
        return "entered", ""
    if answer.status == UNAUTHORISED or vhost in visible:
        return "refused", answer.reason
    if answer.status == NOT_FOUND:
        return ("missing" if _tells_missing(http, version) else "hidden"), answer.reason
    raise BrokerError(f"{http.url} answered {answer.status} for vhost {vhost!r}: {answer.reason}")


def _tells_missing(http: Http, version: tuple[int, int]) -> bool:
    """Say whether a 404 means that there is no such vhost: an administrator sees them all, and 3.x told everybody."""
    return version < (4, 0) or http.ask("GET", "/api/users?columns=name&page=1&page_size=1").ok


def permissions(http: Http, vhost: str) -> Permissions | None:
    """Read this user's own patterns in a vhost; None where there are none, or the broker does not show them.

    Raises `BrokerError`.
    """
    path = f"{segment(vhost)}/{segment(http.user)}"
    reader = _Reader(http, f"/api/permissions/{path}")
    answer = http.ask("GET", reader.path)
    if not answer.ok:
        return None
    given = reader.item(answer.body, "configure", "write", "read")
    reader = _Reader(http, f"/api/topic-permissions/{path}")
    topics = http.ask("GET", reader.path)
    listed = reader.items(topics.body, "exchange", "write", "read") if topics.ok else []
    return Permissions(
        configure=given["configure"],
        write=given["write"],
        read=given["read"],
        topics={one["exchange"]: (one["write"], one["read"]) for one in listed},
    )


def ask(http: Http, vhost: str, todo: Iterable[Task]) -> tuple[dict[Key, Verdict], str]:
    """Judge tasks by declares that can create nothing; say why, where some stay open.

    Over HTTP they tell the configure permission, and no other: there is no harmless way to ask for those of bindings.
    """
    found: dict[Key, Verdict] = {}
    asked = (task for task in todo if task.action != "bind")
    try:
        found.update(side_by_side(lambda task: _asked(http, vhost, task), asked, http.width, http.abandon))
    except BrokerError as error:
        return found, f"the connection was lost while the broker was asked: {error.message}"
    return found, "HTTP does not tell who may bind or dead-letter; give the AMQP URL too"


def _asked(http: Http, vhost: str, task: Task) -> tuple[Key, Verdict]:
    key = task.key
    body: dict[str, Any] = {"durable": True, "auto_delete": True, "arguments": poisons.for_queue("classic")}
    if key.kind is Kind.EXCHANGE:
        body |= {"type": "direct", "internal": False, "arguments": poisons.EXCHANGE}
    answer = http.ask("PUT", f"/api/{key.kind.value}s/{segment(vhost)}/{segment(key.name)}", body)
    if answer.status == UNAUTHORISED:
        return key, Verdict(task.needs[:1], answer.reason)
    granted = answer.ok or answer.status == BAD_REQUEST
    return key, Verdict(() if granted and len(task.needs) == 1 else None)
