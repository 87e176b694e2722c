"""Where URLs lead: lists of them, what stands behind `?`, and the vhost that an AMQP URL may name."""

from __future__ import annotations

import pytest

from rabbit_topo.broker.address import Address, check_vhost, parse_addresses
from rabbit_topo.broker.amqp_login import Login
from rabbit_topo.broker.target import Target, without_credentials
from rabbit_topo.errors import UsageError

SECRET = "s3cr3t"
SCHEMES = ("amqp", "amqps")


def addresses(text: str, target: Target = Target()) -> tuple[Address, ...]:  # noqa: B008 - a frozen value
    return parse_addresses(text, target, SCHEMES, "--amqp")


def refusal(text: str, target: Target = Target(), schemes: tuple[str, ...] = SCHEMES) -> str:  # noqa: B008
    with pytest.raises(UsageError) as caught:
        parse_addresses(text, target, schemes, "--amqp")
    told = f"{caught.value.message} | {caught.value.hint}"
    assert SECRET not in told
    return told


def test_several_addresses_keep_their_order_and_their_own_logins() -> None:
    one, two, three = addresses(f"amqp://me:{SECRET};x@one ; amqps://you:pw@two:5673;amqp://him@[::1]/v")
    assert (one.shown, one.username, one.password) == ("amqp://one", "me", f"{SECRET};x")
    assert (two.shown, two.username, two.password) == ("amqps://two:5673", "you", "pw")
    assert (three.shown, three.username, three.vhost) == ("amqp://[::1]/v", "him", "v")


def test_a_shared_login_is_for_all_of_them() -> None:
    shared = Target(username="me", password="pw")
    assert {(a.username, a.password) for a in addresses("amqp://one;amqp://you:x@two", shared)} == {("me", "pw")}


def test_a_login_in_some_of_them_only_is_refused() -> None:
    assert "some of its URLs carry a login" in refusal(f"amqp://me:{SECRET}@one;amqp://two")


@pytest.mark.parametrize("text", ["amqp://one;two", "amqp://one;", f"amqp://me:{SECRET}@one;two:5672"])
def test_a_host_alone_is_no_second_address(text: str) -> None:
    assert "another whole URL is expected" in refusal(text)


def test_each_address_is_checked() -> None:
    assert "must begin with amqp:// or amqps://" in refusal(f"amqp://one;http://me:{SECRET}@two")
    assert "out of range" in refusal("amqp://one;amqp://two:0")


@pytest.mark.parametrize(
    ("query", "external", "heartbeat"),
    [
        ("", False, 60),
        ("?heartbeat=5", False, 5),
        ("?auth_mechanism=external", True, 60),
        ("?auth_mechanism=EXTERNAL&heartbeat=600", True, 600),
        ("?auth_mechanism=plain", False, 60),
    ],
)
def test_the_query_says_how_to_log_in(query: str, external: bool, heartbeat: int) -> None:  # noqa: FBT001
    (address,) = addresses(f"amqps://host{query}")
    assert (address.external, address.heartbeat) == (external, heartbeat)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("amqps://host?cacertfile=/ca.pem", "--ca-file"),
        ("amqps://host?certfile=/c.pem", "--cert-file"),
        ("amqps://host?keyfile=/k.pem", "--key-file"),
        ("amqps://host?verify=verify_none", "always verified"),
        ("amqps://host?server_name_indication=x", "name in the URL"),
        ("amqps://host?connection_timeout=1000", "--timeout"),
        ("amqps://host?channel_max=5", "--channels"),
        (f"amqps://host?{SECRET}={SECRET}", "unknown parameter"),
        (f"amqps://host?{SECRET}", "unknown parameter"),
        (f"amqps://host?auth_mechanism={SECRET}", "plain or external"),
        ("amqps://host?heartbeat=0", "from 1 to 65535"),
        ("amqps://host?heartbeat=65536", "from 1 to 65535"),
        ("amqps://host?heartbeat=5.5", "from 1 to 65535"),
        ("amqps://host?heartbeat=", "from 1 to 65535"),
        ("amqp://host?auth_mechanism=external", "amqps://"),
        (f"amqps://me:{SECRET}@host?auth_mechanism=external", "leave user name and password out"),
        ("amqps://one?auth_mechanism=external;amqps://two", "write it in each"),
    ],
)
def test_a_query_that_is_not_read_is_refused(url: str, says: str) -> None:
    assert says in refusal(url)


def test_a_management_url_has_no_query() -> None:
    assert "behind a '?'" in refusal(f"http://host?{SECRET}", schemes=("http", "https"))


def test_an_external_login_has_no_password_and_wants_a_certificate() -> None:
    target = Target(amqp="amqps://host?auth_mechanism=external", username="me", password=SECRET)
    (address,) = addresses(target.amqp or "", target)
    assert (address.username, address.password, address.who) == ("", "", "the user of the client certificate")
    with pytest.raises(UsageError, match="client certificate"):
        Login(target)


@pytest.mark.parametrize(
    ("url", "vhost"),
    [
        ("amqp://host", None),
        ("amqp://host/", None),
        ("amqp://host/shop", "shop"),
        ("amqp://host//", "/"),
        ("amqp://host/%2F", "/"),
        ("amqp://host/a%20b?heartbeat=5", "a b"),
    ],
)
def test_the_vhost_of_an_amqp_url(url: str, vhost: str | None) -> None:
    (address,) = addresses(url)
    assert address.vhost == vhost
    check_vhost(Target(amqp=url), {vhost or "/", "other"})
    if vhost:
        with pytest.raises(UsageError, match="the files are for 'other' and 'this'") as caught:
            check_vhost(Target(amqp=f"amqp://one;{url}"), {"this", "other"})
        assert "leave the URL's path out" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"amqp://me:{SECRET}@one;amqp://me:{SECRET}@two:5673", "amqp://one;amqp://two:5673"),
        (f"amqp://me:x;{SECRET}@one;amqp://me:{SECRET}@[::1]/v", "amqp://one;amqp://[::1]/v"),
        (f"http://me:{SECRET};amqp://x@one", "http://one"),
        (f"http://me:{SECRET}#;amqp://x@one;amqp://two", "http://one;amqp://two"),
        (f"http://one;amqp://me:a/{SECRET}@two", "http://two"),
    ],
)
def test_no_password_of_a_list_is_shown(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert SECRET not in repr(Target(text, text))
