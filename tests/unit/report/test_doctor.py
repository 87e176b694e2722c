"""A diagnosis on a page of 80 columns, what it warns of, and its document."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from rabbit_topo.load.schemas import schema_text
from rabbit_topo.model import Arguments, Binding, Key, Kind
from rabbit_topo.report.diagnosis import (
    Ability,
    Certificate,
    Denied,
    Diagnosis,
    LoginAttempt,
    Need,
    Negotiated,
    Node,
    Permissions,
    Rights,
    Server,
    Unshown,
)
from rabbit_topo.report.doctor import doctor_lines
from rabbit_topo.report.doctor_document import doctor_document
from rabbit_topo.report.doctor_findings import findings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rabbit_topo.report.layout import Line

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
WEB = LoginAttempt("management", "https://shop:15671", "small", cluster_name="rabbit@shop")
WIRE = LoginAttempt(
    "amqp",
    "amqps://shop",
    "small",
    cluster_name="rabbit@shop",
    negotiated=Negotiated(("AMQPLAIN", "PLAIN"), 2047, 131072, 60),
)
SERVER = Server(
    "RabbitMQ",
    "4.3.6",
    "29.1.1",
    "rabbit@shop",
    exchange_types=("direct", "fanout", "headers", "topic", "x-consistent-hash"),
    nodes=(Node("rabbit@one", running=True), Node("rabbit@two", running=True)),
    alarms=(),
    deprecated=(),
    tags=("management",),
)
ORDERS = Key("shop", Kind.BINDING, "orders", "queue", "other.q", "order.*")
RIGHTS = Rights(
    "shop",
    "entered",
    "entered",
    default_queue_type="quorum",
    source="asked",
    abilities=(
        Ability(
            "create",
            16,
            (Denied(Key("shop", Kind.QUEUE, "other.q"), "create", (Need("configure", "queue", "other.q"),)),),
        ),
        Ability(
            "bind",
            20,
            (
                Denied(
                    ORDERS,
                    "bind",
                    (Need("write", "queue", "other.q"), Need("read", "exchange", "orders", "order.*")),
                    "ACCESS_REFUSED - write access to queue 'other.q' in vhost 'shop' refused for user 'small'",
                ),
            ),
        ),
        Ability("delete", 2),
        Ability("lock", 1),
    ),
    policies=1,
)
CERTIFICATE = Certificate(
    "broker", "https://shop:15671", "CN=shop", "CN=Our CA, O=Example", ("shop",), NOW + timedelta(days=12, hours=1)
)
WHOLE = Diagnosis(NOW, (WEB, WIRE), SERVER, (RIGHTS,), (CERTIFICATE,), files=("shop.yaml",))

PAGE = """\

WARNINGS
  ! the broker's certificate of https://shop:15671 expires in 12 days:
    2030-01-14 04:04 UTC
      next: have it renewed on the broker; clients that verify it will not
            connect after that day
  ! 2 declared objects of vhost shop would be refused: see RIGHTS
      next: rabbitmqctl set_permissions -p shop small CONFIGURE WRITE READ
  ! user small may not write 1 policy of vhost shop: it lacks the tag
    policymaker
      next: rabbitmqctl set_user_tags small management policymaker

CONNECTION
  management      https://shop:15671
                  logged in as user small
  amqp            amqps://shop
                  logged in as user small
                  heartbeat 60 s, 2,047 channels, frames of 131,072 bytes;
                  logins offered: AMQPLAIN, PLAIN
  same cluster    yes, by name
  certificate     https://shop:15671
                  for CN=shop, signed by CN=Our CA, O=Example
                  names: shop
                  until 2030-01-14, 12 days left

CLUSTER
  name            rabbit@shop
  version         RabbitMQ 4.3.6 on Erlang 29.1.1
  nodes           rabbit@one runs, rabbit@two runs
  exchange types  direct, fanout, headers, topic; and x-consistent-hash
  alarms          none
  deprecated      none

RIGHTS
  tags            management
  vhost shop
    entered       yes, over HTTP and over AMQP
    new queues    are quorum where they do not say their type
    permissions   not shown to this user; so the broker was asked, object by
                  object
    plan, check   yes, over HTTP: everything
    create        15 of 16 exchanges and queues; 1 would be refused
    --via active  compares 15 of 16 exchanges and queues; of the others at most
                  whether they exist
    bind          19 of 20 bindings; 1 would be refused
    delete        yes, all 2 exchanges and queues
    lock          yes
    policies      no: it takes the tag policymaker
    ! queue other.q needs configure on queue other.q
    ! binding orders --[order.*]--> queue other.q needs write on queue other.q;
      read on exchange orders, for routing key order.*

  3 warnings.
"""


def text(lines: Iterable[Line]) -> str:
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


def page(diagnosis: Diagnosis, width: int = 80) -> str:
    return text(doctor_lines(diagnosis, width))


def validated(diagnosis: Diagnosis) -> dict[str, Any]:
    document = doctor_document(diagnosis)
    schema = json.loads(schema_text("doctor"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(document)))
    return document


def test_a_whole_page() -> None:
    assert page(WHOLE) == PAGE
    assert WHOLE.exit_code == 0


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, page(WHOLE, width).splitlines())) <= width


def test_a_whole_document() -> None:
    document = validated(WHOLE)
    assert document["same_cluster"] is True
    assert document["problems"] == []
    assert len(document["warnings"]) == 3
    assert document["certificates"][0]["days_left"] == 12
    assert document["vhosts"][0]["abilities"][1]["refused"][0]["needs"][1] == {
        "permission": "read",
        "kind": "exchange",
        "name": "orders",
        "topic": "order.*",
    }


def test_all_well() -> None:
    calm = Diagnosis(NOW, (WEB, WIRE), SERVER, (Rights("shop", "entered", "entered"),))
    assert page(calm).endswith("\n  All well.\n")
    assert validated(calm)["warnings"] == []


REFUSED = replace(
    WIRE, error="amqps://shop refuses the login", hint="check the password", cluster_name="", negotiated=None
)
OTHER = replace(WIRE, url="amqps://other", cluster_name="rabbit@other")


@pytest.mark.parametrize(
    ("logins", "code", "level"),
    [
        ((WEB, REFUSED), 1, "problem"),
        ((REFUSED,), 1, "problem"),
        ((WEB, REFUSED, WIRE), 0, "warning"),
        ((WEB, OTHER), 5, "problem"),
        ((WEB, OTHER, REFUSED), 5, "problem"),
    ],
)
def test_what_decides_the_exit_code(logins: tuple[LoginAttempt, ...], code: int, level: str) -> None:
    diagnosis = Diagnosis(NOW, logins, SERVER)
    assert diagnosis.exit_code == code
    assert findings(diagnosis)[0].level == level
    assert page(diagnosis).splitlines()[1] == f"{level.upper()}S"
    assert bool(validated(diagnosis)["problems"]) == (code != 0)


def test_different_clusters_are_named() -> None:
    (found,) = findings(Diagnosis(NOW, (WEB, OTHER), SERVER))
    assert "https://shop:15671 to 'rabbit@shop', amqps://other to 'rabbit@other'" in found.message
    shown = page(Diagnosis(NOW, (WEB, OTHER), SERVER))
    assert "same cluster    NO" in shown
    assert "1 problem.\n" in shown


def test_a_login_that_entered_no_vhost_leaves_the_cluster_open() -> None:
    outside = replace(WIRE, cluster_name="", negotiated=None)
    assert "same cluster    not known: this user may enter no vhost" in page(Diagnosis(NOW, (WEB, outside), SERVER))
    assert validated(Diagnosis(NOW, (WEB, outside), SERVER))["same_cluster"] is None


@pytest.mark.parametrize(
    ("rights", "tags", "message", "row"),
    [
        (
            Rights("v", "missing", "missing"),
            ("administrator",),
            "vhost v does not exist",
            "create it     yes, over HTTP",
        ),
        (Rights("v", "missing", "missing"), (), "vhost v does not exist", "create it     no: it takes the tag"),
        (Rights("v", "not_asked", "missing"), None, "vhost v does not exist", "create it     not known"),
        (Rights("v", "hidden", "not_asked"), (), "the broker does not tell which", "entered       no; HTTP not to be"),
        (Rights("v", "refused", "entered", "the words"), (), "the words", "entered       yes, over AMQP; HTTP refused"),
        (Rights("v", "refused", "refused", "the words"), (), "the words", "entered       no; HTTP refused; AMQP ref"),
    ],
)
def test_a_vhost_that_keeps_us_out(rights: Rights, tags: tuple[str, ...] | None, message: str, row: str) -> None:
    diagnosis = Diagnosis(NOW, (WEB, WIRE), replace(SERVER, tags=tags), (rights,), files=("v.yaml",))
    (found,) = findings(diagnosis)
    assert message in found.message
    assert "-p v small" in found.hint or found.hint.startswith("apply creates it")
    assert row in page(diagnosis)
    assert findings(replace(diagnosis, files=())) == []
    validated(diagnosis)


@pytest.mark.parametrize(
    ("rights", "row"),
    [
        (Rights("v", "entered", source="unknown"), "not shown to this user: it takes the tag administrator"),
        (Rights("v", "entered", source="unknown", abilities=(Ability("bind", 1, (), 1),)), "not shown to this user"),
        (Rights("v", "entered", why="it answers oddly"), "permissions   not known: it answers oddly"),
        (
            Rights("v", "entered", source="asked_by_http", abilities=(Ability("bind", 1, (), 1),), why="so it is"),
            "not known     so it is",
        ),
        (
            Rights(
                "v",
                "entered",
                source="permissions",
                permissions=Permissions("^a", "", ".*", {"t": ("", "k"), "": ("", "")}),
            ),
            'configure ^a, write "", read .*; topic default: write "", read ""',
        ),
        (Rights("v", "not_asked", "entered"), "plan, check   over AMQP: exchanges and queues"),
        (Rights("v", "entered", abilities=(Ability("create", 1),)), "create        yes, exchanges and queues: 1"),
        (Rights("v", "refused", "entered", policies=2), "policies      no: it takes the tag policymaker"),
    ],
)
def test_how_rights_are_told(rights: Rights, row: str) -> None:
    diagnosis = Diagnosis(NOW, (WEB, WIRE), SERVER, (rights,), files=("v.yaml",))
    assert row in " ".join(page(diagnosis, 120).replace("\n", " \n").split(" \n"))
    validated(diagnosis)


@pytest.mark.parametrize(
    ("tags", "management", "row"),
    [
        (None, "entered", "policies      not known: they are written over HTTP only"),
        (("policymaker",), "entered", "policies      yes"),
        (("administrator",), "refused", "policies      no: HTTP does not lead into this vhost"),
    ],
)
def test_who_writes_policies(tags: tuple[str, ...] | None, management: Any, row: str) -> None:
    rights = Rights("v", management, "entered", policies=2)
    assert row in page(Diagnosis(NOW, (WEB,), replace(SERVER, tags=tags), (rights,), files=("v.yaml",)))


def test_many_refusals_are_counted_in_text_and_listed_in_the_document() -> None:
    denied = tuple(
        Denied(Key("v", Kind.QUEUE, f"q{at}"), "create", (Need("configure", "queue", f"q{at}"),)) for at in range(25)
    )
    diagnosis = Diagnosis(
        NOW, (WEB,), SERVER, (Rights("v", "entered", abilities=(Ability("create", 25, denied),)),), files=("v.yaml",)
    )
    shown = page(diagnosis)
    assert "queue q19 needs" in shown
    assert "queue q20 needs" not in shown
    assert "and 5 more; --format json lists them" in shown
    assert len(validated(diagnosis)["vhosts"][0]["abilities"][0]["refused"]) == 25


def test_topic_permissions_have_a_command_of_their_own() -> None:
    denied = Denied(ORDERS, "bind", (Need("read", "exchange", "orders", "order.*"),))
    rights = Rights("my shop", "entered", abilities=(Ability("bind", 1, (denied,)),))
    (found,) = findings(Diagnosis(NOW, (WEB,), SERVER, (rights,), files=("v.yaml",)))
    assert found.hint == "rabbitmqctl set_topic_permissions -p 'my shop' small EXCHANGE WRITE READ"


def test_a_definitions_file() -> None:
    diagnosis = Diagnosis(NOW, server=Server("RabbitMQ", "4.3"), file="broker.json", files=("shop.yaml",))
    shown = page(diagnosis)
    assert "nothing to log in to" in shown
    assert "taken for RabbitMQ 4.3" in shown
    assert "taken for" not in page(replace(diagnosis, server=None))
    assert "RIGHTS" not in shown
    assert validated(diagnosis)["definitions_file"] == "broker.json"


def test_nothing_that_a_broker_says_drives_a_terminal() -> None:
    evil = "a\x1b[31mb\u202ec"
    diagnosis = Diagnosis(
        NOW,
        (replace(WEB, user=evil, cluster_name=evil), replace(REFUSED, error=evil, hint=evil)),
        replace(SERVER, product=evil, version=evil, erlang=evil, cluster_name=evil, tags=(evil,), alarms=(evil,)),
        (replace(RIGHTS, vhost=evil, default_queue_type=evil, permissions=Permissions(evil, evil, evil)),),
        (replace(CERTIFICATE, subject=evil, issuer=evil, names=(evil,)),),
        files=("shop.yaml",),
        missing_types={evil: 1},
    )
    shown = page(diagnosis)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"a\x1b[31mb\u202ec" in shown
    validated(diagnosis)


def test_vhosts_that_were_left_out_are_counted() -> None:
    diagnosis = Diagnosis(NOW, (WEB,), SERVER, (Rights("v", "entered"),), more_vhosts=3)
    assert "and 3 more vhosts that were not asked" in page(diagnosis)
    assert validated(diagnosis)["vhosts_not_asked"] == 3


def test_a_certificate_as_login_and_a_limitless_connection() -> None:
    login = replace(WIRE, user="", negotiated=Negotiated(("EXTERNAL",), 0, 131072, 0))
    shown = page(Diagnosis(NOW, (login,), Server("RabbitMQ", "")))
    authority = replace(CERTIFICATE, what="authority", place="ca.pem", names=(), not_after=NOW - timedelta(days=1))
    assert "until 2030-01-01, expired" in page(Diagnosis(NOW, (login,), certificates=(authority,)))
    assert "logged in as the user of the client certificate" in shown
    assert "any number of channels" in shown
    assert "RabbitMQ of no version" in shown


def test_a_node_that_is_down_is_shown() -> None:
    sick = replace(SERVER, nodes=(Node("one", running=False), Node("two", running=True, partitions=("one",))))
    assert "one IS DOWN, two runs" in page(Diagnosis(NOW, (WEB,), sick))
    assert len(validated(Diagnosis(NOW, (WEB,), sick))["warnings"]) == 2


def test_where_nobody_lets_us_in_nothing_else_is_told() -> None:
    diagnosis = Diagnosis(NOW, (replace(WEB, error="no answer", cluster_name=""),))
    shown = page(diagnosis)
    assert "PROBLEMS\n  ! no answer\n" in shown
    assert "amqp            no URL is given (--amqp)" in shown
    assert "CLUSTER" not in shown
    assert "RIGHTS" not in shown
    assert validated(diagnosis)["server"] is None


def test_what_a_broker_does_not_tell_is_told_once() -> None:
    silent = Server("RabbitMQ", "4.3.6", untold={"nodes": "a", "alarms": "b", "deprecated": "b"})
    shown = page(Diagnosis(NOW, (WIRE,), silent))
    assert "not known       nodes: a\n" in shown
    assert "not known       alarms, deprecated: b\n" in shown
    assert "not known       exchange types: the broker does not tell it\n" in shown


def test_a_certificate_that_was_not_shown_is_missed() -> None:
    shown = page(Diagnosis(NOW, unshown=(Unshown("broker", "amqps://shop:5671", "no answer"),)))
    assert "amqps://shop:5671" in shown
    assert "not shown (no answer): nobody knows when it expires" in shown


def test_a_closed_vhost_is_a_problem() -> None:
    closed = Rights("shop", management="refused", words="access to vhost 'shop' refused")
    diagnosis = Diagnosis(NOW, rights=(closed,), files=("a.yaml",))
    assert diagnosis.exit_code == 1
    assert page(diagnosis).startswith("\nPROBLEMS")


def test_bindings_that_differ_in_arguments_are_told_apart() -> None:
    binding = Binding("shop", "match", "queue", "q", "", Arguments({"format": "pdf", "n": 1}))
    denied = Denied(binding.key, "bind", (Need("write", "queue", "q"),))
    rights = Rights("shop", "entered", abilities=(Ability("bind", 1, (denied,)),))
    diagnosis = Diagnosis(NOW, (WEB,), SERVER, (rights,), files=("v.yaml",))
    assert "! binding match --[format=pdf, n=1]--> queue q needs write on queue q" in page(diagnosis)
    (refused,) = validated(diagnosis)["vhosts"][0]["abilities"][0]["refused"]
    assert refused["arguments"] == {"format": "pdf", "n": 1}
    beside = Denied(Binding("shop", "a", "exchange", "b", "k").key, "bind", denied.lacks)
    rights = Rights("shop", "entered", abilities=(Ability("bind", 1, (beside,)),))
    assert "! binding a --[k]--> exchange b needs" in page(replace(diagnosis, rights=(rights,)))


def test_what_was_expected_is_shown_where_the_broker_is_it() -> None:
    expected = replace(WHOLE, expected="cluster shop, version 4.3")
    assert "  as expected     cluster shop, version 4.3" in page(expected)
    assert validated(expected)["expected"] == "cluster shop, version 4.3"
    assert "as expected" not in page(WHOLE)


def test_an_inventory_that_the_user_may_not_see_is_a_warning() -> None:
    for tags, told in ((("management",), 1), (("policymaker",), 0), (("administrator",), 0), (None, 0)):
        found = findings(replace(WHOLE, server=replace(SERVER, tags=tags), project="shop"))
        about = [one for one in found if "inventory of project shop" in one.message]
        assert len(about) == told
    assert not [
        one
        for one in findings(replace(WHOLE, server=replace(SERVER, tags=("management",))))
        if "inventory" in one.message
    ]
    [warning] = [
        one
        for one in findings(replace(WHOLE, server=replace(SERVER, tags=("management",)), project="shop"))
        if "inv" in one.message
    ]
    assert warning.level == "warning"
    assert "set_user_tags" in warning.hint
    assert "policymaker" in warning.hint


def test_a_lock_that_may_not_be_taken_is_a_finding_of_its_own() -> None:
    key = Key("shop", Kind.QUEUE, "rabbit-topo.lock")
    denied = Denied(key, "lock", (Need("configure", "queue", key.name),))
    rights = replace(RIGHTS, abilities=(Ability("lock", 1, (denied,)),), policies=0)
    found = replace(WHOLE, rights=(rights,))
    assert "apply may not take its lock in vhost shop" in [one.message for one in findings(found)]
    assert not any("declared object" in one.message for one in findings(found))
    assert "lock          no: apply needs --no-lock" in page(found)
    unknown = replace(rights, abilities=(Ability("lock", 1, (), 1),))
    assert "lock          not known" in page(replace(found, rights=(unknown,)))
