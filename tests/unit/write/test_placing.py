"""Files come into being all at once, or not at all."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.errors import UsageError
from rabbit_topo.write.placing import place

if TYPE_CHECKING:
    from pathlib import Path


def _all(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_text() for file in files}


def test_files_are_written_below_folders_that_are_made(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        place(tmp_path / "a" / "b", {"x.yaml": "é\n", "topology/deep/y.yaml": "y\n"})
    finally:
        os.umask(mask)
    assert _all(tmp_path) == {"a/b/x.yaml": "é\n", "a/b/topology/deep/y.yaml": "y\n"}
    assert stat.S_IMODE((tmp_path / "a/b/x.yaml").stat().st_mode) == 0o640


def test_no_file_is_written_over_unasked(tmp_path: Path) -> None:
    (tmp_path / "z.yaml").write_text("mine")
    with pytest.raises(UsageError, match=r"z\.yaml: it is there already"):
        place(tmp_path, {"new/a.yaml": "a", "z.yaml": "z"})
    assert _all(tmp_path) == {"z.yaml": "mine"}
    assert not (tmp_path / "new").exists()


def test_a_dangling_link_is_something_there(tmp_path: Path) -> None:
    (tmp_path / "z.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="it is there already"):
        place(tmp_path, {"z.yaml": "z"})
    assert not (tmp_path / "nowhere").exists()


def test_what_was_written_over_comes_back(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("mine")
    (tmp_path / "z.yaml").mkdir()
    with pytest.raises(UsageError, match=r"z\.yaml"):
        place(tmp_path, {"a.yaml": "new", "b.yaml": "b", "z.yaml": "z"}, replace=True)
    assert _all(tmp_path) == {"a.yaml": "mine"}


def test_asked_to_it_writes_over_and_keeps_links_and_modes(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("old")
    (tmp_path / "real.yaml").chmod(0o600)
    (tmp_path / "a.yaml").symlink_to("real.yaml")
    place(tmp_path, {"a.yaml": "new"}, replace=True)
    assert (tmp_path / "a.yaml").is_symlink()
    assert _all(tmp_path) == {"a.yaml": "new", "real.yaml": "new"}
    assert stat.S_IMODE((tmp_path / "real.yaml").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        place(tmp_path / "file", {"a.yaml": "a"})


PATHS = ["", "/etc/x.yaml", "../x.yaml", "a/../../x.yaml", ".hidden.yaml", "a/.b/x.yaml", "a\\x.yaml", "a\nb.yaml"]


@pytest.mark.parametrize("path", [*PATHS, "topology/rabbit-topo.yaml"])
def test_a_path_stays_in_its_folder_and_is_read_there(path: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is no path|would not be read"):
        place(tmp_path / "p", {"ok.yaml": "", path: ""})
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_the_reason_is_told_and_new_folders_go(
    stop: BaseException | type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_handle: int) -> None:
        if any(tmp_path.glob("p/b/.*")):
            raise stop

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((KeyboardInterrupt, UsageError)) as caught:
        place(tmp_path / "p", {"a/x.yaml": "x", "b/y.yaml": "y"})
    assert caught.type is KeyboardInterrupt or "No space left on device" in str(caught.value)
    assert not (tmp_path / "p").exists()


def test_what_is_a_folder_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "p/b/y.yaml").mkdir(parents=True)
    with pytest.raises(UsageError, match="it is a folder"):
        place(tmp_path / "p", {"a/x.yaml": "x", "b/y.yaml": "y"}, replace=True)
    assert [one.name for one in (tmp_path / "p").iterdir()] == ["b"]


def test_a_failure_to_take_back_does_not_hide_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_handle: int) -> None:
        (tmp_path / "p/theirs").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UsageError, match="No space left on device") as caught:
        place(tmp_path / "p", {"x.yaml": "x"})
    assert "could not be put back" in str(caught.value.hint)


@pytest.mark.parametrize("replace", [False, True])
def test_no_linked_folder_is_written_through(replace: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    (tmp_path / "outside").mkdir()
    (tmp_path / "p/topology").mkdir(parents=True)
    (tmp_path / "p/topology/eu").symlink_to("../../outside")
    with pytest.raises(UsageError, match="eu is a link"):
        place(tmp_path / "p", {"topology/eu/a.yaml": "a"}, replace=replace)
    assert not list((tmp_path / "outside").iterdir())


def test_no_link_out_of_the_folder_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text("theirs")
    (tmp_path / "p/topology").mkdir(parents=True)
    (tmp_path / "p/topology/shop.yaml").symlink_to("../../prod.yaml")
    with pytest.raises(UsageError, match="outside of the folder"):
        place(tmp_path / "p", {"topology/shop.yaml": "ours"}, replace=True)
    assert (tmp_path / "prod.yaml").read_text() == "theirs"
