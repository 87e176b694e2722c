"""A file is replaced as a whole, or stays as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rabbit_topo.atomic import CHANGED, replace_file

if TYPE_CHECKING:
    from pathlib import Path


def test_bytes_arrive_as_they_are_and_the_mode_stays(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"old")
    file.chmod(0o640)
    replace_file(file, b"a\r\nb\n", was=b"old")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"a\r\nb\n", 0o640)
    assert list(tmp_path.iterdir()) == [file]


def test_a_new_file_is_like_any_other(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    replace_file(tmp_path / "new", b"x")
    assert (tmp_path / "new").stat().st_mode == other.stat().st_mode


def test_a_file_that_changed_meanwhile_stays(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"theirs")
    with pytest.raises(OSError, match=CHANGED):
        replace_file(file, b"ours", was=b"read")
    assert file.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    replace_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_nothing_is_left_where_it_fails(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"[Ii]s a directory|denied"):
        replace_file(tmp_path / "folder", b"x")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]
