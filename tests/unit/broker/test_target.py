"""Who logs in where, and that no password is ever shown."""

from __future__ import annotations

import pytest

from rabbit_topo.broker.address import Address, parse_address
from rabbit_topo.broker.target import DEFAULT, Target, Tls, without_credentials
from rabbit_topo.errors import UsageError

SECRET = "s3cr3t"


def address(target: Target) -> Address:
    return parse_address(target.broker or "", target, ("http", "https"), "the management URL")


@pytest.mark.parametrize(
    ("target", "login"),
    [
        (Target(DEFAULT), ("guest", "guest", True)),
        (Target("http://shop"), ("guest", "guest", True)),
        (Target("http://guest@shop"), ("guest", "guest", True)),
        (Target("http://me:p%40ss@shop"), ("me", "p@ss", True)),
        (Target("http://me:pass@shop", username="joe"), ("joe", "pass", True)),
        (Target("http://me:pass@shop", password="other"), ("me", "other", True)),
        (Target(DEFAULT, username="joe", password="other"), ("joe", "other", True)),
        (Target("http://me@shop"), ("me", "", False)),
        (Target("http://shop", username="joe"), ("joe", "", False)),
        (Target(DEFAULT, username="joe"), ("joe", "", False)),
    ],
)
def test_who_logs_in(target: Target, login: tuple[str, str, bool]) -> None:
    found = address(target)
    assert (found.username, found.password, found.password_given) == login
    assert ("no password was given" in found.login_hint) is not found.password_given


@pytest.mark.parametrize(
    "target",
    [
        Target(f"http://me:{SECRET}@shop:15672", f"amqp://me:{SECRET}@shop"),
        Target(f"http://me:{SECRET}#?/@shop:15672"),
        Target(f"me:{SECRET}@shop:15672", f"me:{SECRET}@shop"),
        Target(f"http:/me:{SECRET}@shop:15672"),
        Target("http://shop", password=SECRET),
        Target("http://shop", f"amqp://me:a/{SECRET}@shop/v"),
    ],
)
def test_no_password_is_shown(target: Target) -> None:
    assert SECRET not in repr(target)
    assert "shop" in repr(target)


def test_what_is_no_secret_is_shown() -> None:
    assert repr(Target()) == "Target()"
    target = Target("broker.json", None, "me", "x", Tls("ca.pem"), "3.13", 5.0)
    assert repr(target) == (
        "Target(broker='broker.json', username='me', tls=Tls(ca_file='ca.pem', cert_file=None, key_file=None,"
        " verify=True), target_version='3.13', timeout=5.0)"
    )


@pytest.mark.parametrize(
    "url", [f"http://me:a#{SECRET}@shop", f"http://me:1#{SECRET}@shop", f"http://me:{SECRET}?@shop"]
)
def test_a_broken_url_keeps_its_password(url: str) -> None:
    assert without_credentials(url) == "http://shop"


def test_a_broken_url_is_refused_without_its_password() -> None:
    with pytest.raises(UsageError, match="behind its host") as caught:
        address(Target(f"http://me:a#{SECRET}@shop"))
    assert SECRET not in f"{caught.value}{caught.value.hint}"
