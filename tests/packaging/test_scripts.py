"""The commands that a newcomer types first."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIB = ROOT / "scripts/lib"
COMMANDS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix and path != LIB)
SCRIPTS = [*COMMANDS, ROOT / ".ci/run"]
# In the place of apt-get: asks as an install script would, then ends as it is told to.
APT_GET = """#!/bin/sh
"$POLICY" && said=yes || said=$?
echo "$* $said" >>"$LOG"
echo 'E: the words of apt' >&2
exit "$ENDS_WITH"
"""
SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$LOG"
"""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_can_be_run_and_parses(script: Path) -> None:
    assert os.access(script, os.X_OK)
    for path in (script, LIB):
        assert subprocess.run(["/bin/bash", "-n", path], check=False).returncode == 0


def in_lib(command: str, folder: Path, ends_with: int = 0) -> tuple[int, str, str, list[str]]:
    """Run a function of scripts/lib on stand-ins; answer its exit code, its words and what the stand-ins were asked."""
    tools, log, policy = folder / "bin", folder / "log", folder / "policy-rc.d"
    tools.mkdir()
    for name, text in (("apt-get", APT_GET), ("systemctl", SYSTEMCTL)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "LOG": str(log), "ENDS_WITH": str(ends_with)}
    code = f'. "{LIB}"; as_root() {{ "$@"; }}; export policy POLICY="{policy}"; policy=$POLICY; {command}'
    done = subprocess.run(
        ["/bin/bash", "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout, done.stderr, log.read_text().splitlines() if log.exists() else []


def test_what_is_installed_is_not_started(tmp_path: Path) -> None:
    code, out, err, asked = in_lib("install_rabbitmq", tmp_path)
    assert (code, err) == (0, "")
    assert "keeps its services from starting" in out
    assert asked[0] == "install -y -qq --no-install-recommends rabbitmq-server 101"
    assert asked[1].startswith("disable --quiet rabbitmq-server.service")
    assert not (tmp_path / "policy-rc.d").exists()


def test_a_failed_installation_is_told_in_apts_own_words(tmp_path: Path) -> None:
    code, _, err, asked = in_lib("install_rabbitmq", tmp_path, ends_with=100)
    assert code == 100
    assert "E: the words of apt" in err
    assert len(asked) == 1
    assert not (tmp_path / "policy-rc.d").exists()


def test_an_interrupted_installation_leaves_nothing(tmp_path: Path) -> None:
    kill = 'quietly() { case "$*" in *apt-get*) [ ! -e "$policy" ] || kill -TERM $BASHPID ;; *) "$@" ;; esac; }'
    code, *_ = in_lib(f"{kill}; install_packages thing", tmp_path)
    assert code == 143
    assert not (tmp_path / "policy-rc.d").exists()


def test_somebody_elses_rule_stays(tmp_path: Path) -> None:
    rule = tmp_path / "policy-rc.d"
    rule.write_text("#!/bin/sh\nexit 104\n")
    rule.chmod(0o755)
    code, out, _, asked = in_lib("install_packages thing", tmp_path)
    assert code == 0
    assert "decides" in out
    assert asked == ["install -y -qq --no-install-recommends thing 104"]
    assert rule.read_text() == "#!/bin/sh\nexit 104\n"


def test_a_link_that_leads_nowhere_makes_room(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "place").symlink_to(tmp_path / "gone")
    code, _, err, _ = in_lib("put_in_place new place", tmp_path)
    assert (code, err) == (0, "")
    assert (tmp_path / "place").is_dir()
    assert not (tmp_path / "place").is_symlink()


@pytest.mark.parametrize("arguments", [(), ("--file",)], ids=["broker", "file"])
def test_the_demo_shows_drift_and_the_way_back(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([ROOT / "scripts/demo", *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    finding = done.stdout.partition("6. Check finds it")[2].partition("7. The way back")[0]
    assert "mcard --[mcard.mint]--> queue mcard.mint" in finding
    assert "queue shop.orders.test" in finding
    assert "exit 3, as it should" in finding
    assert done.stdout.rstrip().endswith("rabbit-topo --help knows the rest.")
