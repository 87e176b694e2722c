"""What the options about the way in become, and how they are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from rabbit_topo.cli import run
from rabbit_topo.cli.options import BrokerOptions, Common
from rabbit_topo.cli.session import settle
from rabbit_topo.config import Flags

COMMON = Common((), None, "/", (), quiet=False, verbose=False, color="auto")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text("version: 1\nvhost: shop\nqueues: {q: {type: classic}}\n", encoding="utf-8")
    Path("ca.pem").touch()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--timeout", "0"], "--timeout is not a number of seconds"),
        (["--timeout", "nan"], "--timeout is not a number of seconds"),
        (["--timeout", "soon"], "not a valid float"),
        (["--channels", "0"], "1<=x<=2047"),
        (["--channels", "2048"], "1<=x<=2047"),
        (["--broker", "https://x", "--ca-file", "none.pem"], "--ca-file: there is no file none.pem"),
        (["--broker", "https://x", "--key-file", "ca.pem"], "--key-file is given without --cert-file"),
        (["--broker", "https://x", "--ca-file", "ca.pem"], "it holds no certificate in PEM form"),
        (["--amqp", "amqp://x/other"], "the AMQP URL names vhost 'other', and the files are for 'shop'"),
        (["--amqp", "amqps://x?cacertfile=ca.pem"], "--ca-file"),
        (["--amqp", "amqps://x?auth_mechanism=external"], "logs in with a client certificate, and none is given"),
    ],
)
@pytest.mark.parametrize("command", ["plan", "apply", "check"])
def test_what_is_refused(capsys: pytest.CaptureFixture[str], command: str, words: list[str], says: str) -> None:
    assert run([command, "shop.yaml", *words]) == 2
    assert says in capsys.readouterr().err


def test_every_option_reaches_the_target(capsys: pytest.CaptureFixture[str]) -> None:
    flags = Flags("me", None, "ca.pem", "ca.pem", "ca.pem", 2.5)
    names = (flags.username, flags.password_file, flags.ca_file, flags.cert_file, flags.key_file, flags.timeout)
    target = settle(COMMON, BrokerOptions(None, "https://x", "amqps://x", *names, channels=7)).target
    pem = str(Path.cwd() / "ca.pem")
    assert (target.username, target.timeout, target.channels) == ("me", 2.5, 7)
    assert (target.tls.ca_file, target.tls.cert_file, target.tls.key_file) == (pem, pem, pem)
    assert capsys.readouterr().err == ""
