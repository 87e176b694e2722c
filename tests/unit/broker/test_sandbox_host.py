"""What a throwaway node takes from the machine, without starting one."""

from __future__ import annotations

import os
import pwd
import socket
import stat
from dataclasses import astuple
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.broker.sandbox_host import Host, Ports, answers, free_ports, make_folder, write_files
from rabbit_topo.errors import BrokerError

if TYPE_CHECKING:
    from pathlib import Path

PORTS = Ports(amqp=20001, http=20002, distribution=20003, epmd=20004, amqps=20005, https=20006)
HERE = Host(None, None)


def test_six_different_ports_that_can_be_bound() -> None:
    ports = astuple(free_ports())
    assert len(set(ports)) == 6
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


def test_nothing_of_the_callers_settings_reaches_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBITMQ_CONFIG_FILES", "/etc/other")
    monkeypatch.setenv("ERL_FLAGS", "-sname other")
    environment = HERE.environment(tmp_path, PORTS)
    assert not {"RABBITMQ_CONFIG_FILES", "ERL_FLAGS"} & set(environment)
    assert environment["RABBITMQ_NODENAME"] == "sandbox-20001@localhost"


def test_every_file_of_the_node_lies_in_its_folder(tmp_path: Path) -> None:
    environment = HERE.environment(tmp_path, PORTS)
    paths = [value for name, value in environment.items() if value.startswith("/") and name != "PATH"]
    assert len(paths) == 9
    assert all(path.startswith(str(tmp_path)) for path in paths)


def test_definitions_are_loaded_from_a_folder_of_their_own(tmp_path: Path) -> None:
    write_files(tmp_path / "home", HERE, PORTS, (), definitions={"a.json": b"{}"})
    folder = tmp_path / "home" / "definitions"
    assert f"\nload_definitions = {folder}\n" in (tmp_path / "home" / "rabbitmq.conf").read_text()
    assert (folder / "a.json").read_bytes() == b"{}"


def test_inside_a_root_the_folder_is_mnt_and_the_path_is_the_systems_own(tmp_path: Path) -> None:
    host = Host(tmp_path, (65534, 65534))
    environment = host.environment(tmp_path / "home", PORTS)
    assert environment["HOME"] == "/mnt"
    assert str(os.environ["PATH"]) not in environment["PATH"]
    command = host.command(tmp_path / "home", ["/bin/true", "--flag"])
    assert command[:2] == ["unshare", "--mount"]
    assert command[-5:] == [str(tmp_path / "home"), str(tmp_path), "65534:65534", "/bin/true", "--flag"]


def test_a_root_without_a_server_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="there is no /usr/lib/rabbitmq/bin/rabbitmq-server in"):
        Host(tmp_path, None).server()


def test_the_plugins_come_with_management_and_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_files(home, HERE, PORTS, ["rabbitmq_management", "rabbitmq_consistent_hash_exchange"])
    plugins = (home / "enabled_plugins").read_text(encoding="utf-8")
    assert plugins == "[rabbitmq_consistent_hash_exchange,rabbitmq_management].\n"
    assert "management.tcp.ip = 127.0.0.1" in (home / "rabbitmq.conf").read_text(encoding="utf-8")


def test_the_folder_can_be_reached_by_the_nodes_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the temporary folder is closed to others, the node's goes to /tmp."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    nobody = pwd.getpwnam("nobody")
    ours = make_folder(HERE)
    theirs = make_folder(Host(None, (nobody.pw_uid, nobody.pw_gid)))
    try:
        assert ours.parent == tmp_path.resolve()
        assert theirs.parent != tmp_path.resolve()
        assert all(stat.S_IMODE(folder.stat().st_mode) & 0o001 for folder in theirs.parents)
    finally:
        ours.rmdir()
        theirs.rmdir()


def test_nobody_there_is_no_answer() -> None:
    assert answers(free_ports()) == ""
