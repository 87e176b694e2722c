"""The packages as a user gets them: built, installed into an empty environment, and run there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command without the caller's Python settings; answer its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RABBIT_TOPO"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def fresh(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    (wheel,) = built.glob("*.whl")
    run(folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=folder)
    return folder / "bin"


def test_both_carry_the_schemas_and_the_licence(built: Path) -> None:
    schemas = {path.name for path in (ROOT / "schemas").glob("*.json")}
    assert schemas
    (wheel,) = built.glob("*.whl")
    in_wheel = zipfile.ZipFile(wheel).namelist()
    assert {f"rabbit_topo/schemas/{name}" for name in schemas} <= set(in_wheel)
    assert "rabbit_topo/py.typed" in in_wheel
    assert any(name.endswith("licenses/LICENSE") for name in in_wheel)
    assert not [name for name in in_wheel if not name.startswith("rabbit_topo")]
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"schemas/{name}" for name in schemas} | {"LICENSE", "README.md", "pyproject.toml"} <= in_sdist
    assert not [name for name in in_sdist if name.startswith(".venv")]


def test_the_installed_command_validates_the_example(fresh: Path, tmp_path: Path) -> None:
    run(fresh / "rabbit-topo", "validate", ROOT / "topology", cwd=tmp_path)


@pytest.mark.parametrize("name", ["topology", "config", "plan", "check"])
def test_the_installed_command_prints_its_schemas(fresh: Path, tmp_path: Path, name: str) -> None:
    printed = json.loads(run(fresh / "rabbit-topo", "schema", name, cwd=tmp_path))
    assert printed == json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))


def test_the_version_is_the_same_everywhere(fresh: Path, built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    version = wheel.name.split("-")[1]
    assert version in run(fresh / "rabbit-topo", "--version", cwd=tmp_path)
    assert (
        run(fresh / "python", "-c", "import rabbit_topo; print(rabbit_topo.__version__)", cwd=tmp_path).strip()
        == version
    )
