"""`diff` with real brokers: a broker against files, against its own export, and against itself under another login."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rabbit_topo.cli import run
from tests.integration.test_export import ODD

if TYPE_CHECKING:
    import pytest

    from tests.brokers import Node

ROOT = Path(__file__).parents[2]


def test_a_broker_is_what_was_applied_to_it_from_either_side(
    node: Node, vhost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    odd = Path("odd.yaml")
    first, _, _ = ODD.partition("---\n")
    text = first.replace("vhost: Ärger & Söhne/%2F\n", "")
    if node.label == "3.10":
        text = "".join(line for line in text.splitlines(keepends=True) if "x-consistent-hash" not in line)
        text = text.replace('  - {exchange: hashed, queue: plain, routing_key: "3"}\n', "")
        text = text.replace("definition: {alternate_exchange: hashed}", 'definition: {alternate_exchange: "on"}')
    odd.write_text(text, encoding="utf-8")
    assert run(("apply", "--yes", "odd.yaml", "--broker", node.broker_url, "--vhost", vhost)) == 0
    capsys.readouterr()

    def diff(*words: str) -> tuple[int, str]:
        code = run(("diff", *words, "--vhost", vhost))
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    for pair in (("odd.yaml", node.broker_url), (node.broker_url, "odd.yaml")):
        code, said = diff(*pair)
        assert code == 0, said
        assert "Nothing differs" in said

    export = Path("export.json")
    export.write_text(json.dumps(node.http("GET", "definitions")), encoding="utf-8")
    login = ("--broker", node.broker_url)
    told = all("internal" in one for one in json.loads(export.read_text(encoding="utf-8"))["exchanges"])
    for words in (("export.json", "broker", *login), ("broker", "export.json", *login)):
        code, said = diff(*words)
        assert (code == 0) == told, said
        # From 4.2.9 and 4.3.3 on RabbitMQ leaves internal exchanges out of what it exports.
        assert ("1.10" in said and "it may be there" in " ".join(said.split())) != told

    user = {"password": "p w/@:", "tags": "administrator"}
    node.http("PUT", "users", "looks on", body=user)
    node.http("PUT", "permissions", vhost, "looks on", body={"configure": "", "write": "", "read": ""})
    other = node.broker_url.replace("guest:guest@", "").replace("://", "://looks%20on:p%20w%2F%40%3A@")
    try:
        code, said = diff("broker", other, *login)
        assert code == 0, said
        assert "p w" not in said
        assert "p%20w" not in said
    finally:
        node.http("DELETE", "users", "looks on")

    node.http("DELETE", "queues", vhost, "quorum")
    code, said = diff("odd.yaml", node.broker_url)
    assert code == 3
    assert "- queue quorum" in said
    assert "BLOCKED" not in said
    code, said = diff("broker", "export.json", *login)
    assert code == 3
    assert "+ queue quorum" in said
    assert said.count("+ binding") == 1
