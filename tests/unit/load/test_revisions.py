"""Files of a revision, out of real repositories."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from rabbit_topo.errors import InputError, UsageError
from rabbit_topo.load import load, revisions, tolerant
from rabbit_topo.load.revisions import Revision

if TYPE_CHECKING:
    from pathlib import Path

    from rabbit_topo.model import Topology

ORDERS = "version: 1\nqueues:\n  orders: {type: quorum}\n"
MAIL = "version: 1\nqueues:\n  mail: {type: classic}\n"


class Repository:
    """A repository, and what is committed to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "protocol.file.allow=always"]
        words = ("git", "-C", str(self.folder), *who, *words)
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, **files: str) -> str:
        """Write files (`a__b` is a/b.yaml), commit everything and return the commit's name."""
        for name, text in files.items():
            path = self.folder / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a state")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    found = Repository(tmp_path / "repository")
    monkeypatch.chdir(found.folder)
    return found


def names(topology: Topology) -> list[str]:
    return sorted(key.name for key in topology.resources if key.kind == "queue")


def problem(ref: str, *paths: str) -> str:
    with pytest.raises(InputError) as caught:
        load(*paths, shelf=Revision(ref))
    return "\n".join(map(str, caught.value.problems))


def test_a_revision_is_read_as_it_was(repository: Repository) -> None:
    first = repository.commit(topology__orders=ORDERS, topology__deep__mail=MAIL)
    repository.commit(topology__orders="version: 1\nqueues: {other: {}}\n")
    (repository.folder / "topology" / "orders.yaml").write_text("never committed")
    repository.git("tag", "v1", first)
    for ref in (first, first[:10], "v1", "HEAD~1", "main^", "main@{1}"):
        found = load("topology", shelf=Revision(ref))
        assert names(found) == ["mail", "orders"]
        assert found.files == (f"git:{ref}:topology/deep/mail.yaml", f"git:{ref}:topology/orders.yaml")
    assert names(load("topology/", shelf=Revision("HEAD"))) == ["mail", "other"]
    there = load("topology", shelf=Revision("v1"))
    [place] = [str(note.origin) for key, note in there.notes.items() if key.name == "mail"]
    assert place == "git:v1:topology/deep/mail.yaml:3:3"


def test_paths_are_those_of_git(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit(shop__topology__orders=ORDERS, mail=MAIL)
    monkeypatch.chdir(repository.folder / "shop")
    here = Revision("HEAD")
    assert names(load("./topology", shelf=here)) == names(load("shop/topology", shelf=here)) == ["orders"]
    assert names(load("../mail.yaml", shelf=here)) == names(load("mail.yaml", shelf=here)) == ["mail"]
    assert names(load(".", shelf=here)) == ["orders"]
    assert names(load("..", shelf=here)) == ["mail", "orders"]
    for outside in ("../..", "../../x", "/etc/passwd", "a/../../b", "a\nb"):
        with pytest.raises(UsageError, match="no path in the repository"):
            load(outside, shelf=here)
    told = problem("HEAD", "topology")
    assert "git:HEAD:topology: there is no such file or folder at that revision" in told
    assert "or with ./ in this folder" in told
    assert "no such file" in problem("HEAD", "mail.yaml/x.yaml")


def test_a_folder_means_what_it_means_on_disk(repository: Repository) -> None:
    repository.commit(**{"t__a": ORDERS, "t__.hidden": "x: [", "t__.deep__b": "x: [", "t__rabbit-topo": "sources: []"})
    (repository.folder / "t" / "notes.txt").write_text("x: [")
    (repository.folder / "t" / "näme \t with.yml").write_text(MAIL)
    (repository.folder / "empty").mkdir()
    (repository.folder / "empty" / "x.txt").write_text("")
    repository.commit()
    there = load("t", shelf=Revision("HEAD"))
    assert [file.removeprefix("git:HEAD:") for file in there.files] == list(load("t").files)
    assert names(there) == names(load("t")) == ["mail", "orders"]
    assert "no *.yaml or *.yml file in this folder at that revision" in problem("HEAD", "empty")


def test_what_is_wrong_in_a_file_has_its_place(repository: Repository) -> None:
    repository.commit(t__a="version: 1\nqueues: {a: {typ: classic}}\n")
    assert "git:HEAD:t/a.yaml:2:14" in problem("HEAD", "t")
    (repository.folder / "t" / "a.yaml").write_bytes(b"version: 1 # \xff\n")
    repository.commit()
    assert "git:HEAD:t/a.yaml:1:14" in problem("HEAD", "t")
    read = tolerant("t", shelf=Revision("HEAD~1"))
    assert [str(one.file) for one in read.problems] == ["git:HEAD~1:t/a.yaml"]


def test_a_file_that_is_too_big_is_refused_unread(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revisions, "MAX_BYTES", len(MAIL))
    repository.commit(t__a=MAIL, t__b=MAIL.replace("mail", "mails"))
    assert "git:HEAD:t/b.yaml: this file has more than 64 MB" in problem("HEAD", "t")
    assert names(load("t/a.yaml", shelf=Revision("HEAD"))) == ["mail"]


def test_links_are_followed_inside_the_repository_and_never_out_of_it(repository: Repository) -> None:
    outside = repository.folder.parent / "outside.yaml"
    outside.write_text(MAIL)
    repository.commit(real__a=ORDERS)
    topology = repository.folder / "topology"
    topology.mkdir()
    (topology / "a.yaml").symlink_to("../real/a.yaml")
    (topology / "a-again.yaml").symlink_to("a.yaml")
    (repository.folder / "all").symlink_to("real")
    repository.commit()
    assert names(load("topology/a.yaml", shelf=Revision("HEAD"))) == ["orders"]
    assert names(load("all", shelf=Revision("HEAD"))) == ["orders"]
    for name, target in {"out": "../../outside.yaml", "up": str(outside), "gone": "nowhere", "me": "me.yaml"}.items():
        (topology / f"{name}.yaml").symlink_to(target)
    repository.commit()
    told = problem("HEAD", "topology")
    assert "git:HEAD:topology/out.yaml: this is a link that leads out of the repository" in told
    assert "git:HEAD:topology/up.yaml: this is a link that leads out of the repository" in told
    assert "git:HEAD:topology/gone.yaml: this is a link that leads to nothing" in told
    assert "git:HEAD:topology/me.yaml: this is a link that leads to itself" in told


@pytest.mark.parametrize("ref", ["--help", "-h", "^main", "a b", "a..b", "main;ls", "$(ls)", "a\nb", ":/x", "", "`x`"])
def test_an_odd_revision_is_refused_before_git_sees_it(
    ref: str, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit(a=MAIL)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="is no revision"):
        Revision(ref)


def test_git_is_quoted_where_it_refuses(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        UsageError, match="git:HEAD cannot be read; git says: fatal: Needed a single revision"
    ) as caught:
        Revision("HEAD")
    assert "git branch --all" in caught.value.hint
    repository.commit(a=MAIL)
    repository.commit(a=ORDERS)
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.folder}", str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    assert names(load("a.yaml", shelf=Revision("HEAD"))) == ["orders"]
    with pytest.raises(UsageError, match="git says") as caught:
        Revision("HEAD~1")
    assert "git fetch --unshallow" in caught.value.hint
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match="git says: fatal: not a git repository") as caught:
        Revision("HEAD")
    assert "inside a repository" in caught.value.hint
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="needs git, and there is none"):
        Revision("HEAD")
    monkeypatch.setenv("PATH", "/dev/null")
    with pytest.raises(UsageError, match="git"):
        Revision("HEAD")


def test_a_bare_repository_has_revisions_too(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit(a=MAIL)
    repository.git("clone", "--quiet", "--bare", str(repository.folder), str(tmp_path / "bare"))
    monkeypatch.chdir(tmp_path / "bare")
    assert names(load("a.yaml", shelf=Revision("main"))) == ["mail"]


def test_what_a_clone_lacks_is_told_and_not_fetched(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit(t__a=MAIL)
    repository.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "partial"
    url = f"file://{repository.folder}"
    repository.git("clone", "--quiet", "--no-checkout", "--filter=blob:none", url, str(clone))
    monkeypatch.chdir(clone)
    for path in ("t", "t/a.yaml"):
        # Which of the two git does first is its own business.
        with pytest.raises((InputError, UsageError)) as caught:
            load(path, shelf=Revision("main"))
        said = "\n".join(map(str, getattr(caught.value, "problems", (caught.value,)))) + caught.value.hint
        assert "git fetch --refetch" in said
    assert "?" in repository.git("-C", str(clone), "rev-list", "--objects", "--missing=print", "main")


def test_a_submodule_is_told(repository: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.commit(b=MAIL)
    repository.commit(t__a=ORDERS)
    repository.git("submodule", "--quiet", "add", str(other.folder), "t/sub")
    repository.commit()
    assert "git:HEAD:t/sub: this folder is a submodule" in problem("HEAD", "t")
    assert "git:HEAD:t/sub: this folder is a submodule" in problem("HEAD", "t/sub")


def test_the_environment_of_a_hook_does_no_harm(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit(t__a=MAIL)
    monkeypatch.setenv("GIT_DIR", os.fspath(repository.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    monkeypatch.setenv("GIT_TRACE", "1")
    monkeypatch.setenv("GIT_ICASE_PATHSPECS", "1")
    assert names(load("t", shelf=Revision("HEAD"))) == ["mail"]
    assert "no such file" in problem("HEAD", "T")
    with pytest.raises(UsageError, match="git says: fatal: Needed"):
        Revision("nowhere")
