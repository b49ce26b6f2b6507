"""Writing: whole or not at all, and never over somebody else's change."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from rewriter.engine.run.write import WriteError, remove_leftovers, write_atomically


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that holds `old`, alone in its folder."""
    made = tmp_path / "folder" / "a.yaml"
    made.parent.mkdir()
    made.write_bytes(b"old")
    return made


def _alone(path: Path) -> bool:
    """Whether nothing but the file is in its folder: no temporary file stays."""
    return os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o755, 0o666, 0o4750, 0o2644])
def test_replaces_content_and_keeps_the_mode(path: Path, mode: int) -> None:
    path.chmod(mode)
    write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o7777 == mode
    assert _alone(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_keeps_the_owner(path: Path) -> None:
    os.chown(path, 12345, 23456)
    path.chmod(0o6755)
    write_atomically(path, b"old", b"new")
    status = path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (12345, 23456, 0o6755)


def test_keeps_extended_attributes(path: Path) -> None:
    try:
        os.setxattr(path, "user.origin", b"vendor")
    except (OSError, AttributeError):
        pytest.skip("no extended attributes here")
    write_atomically(path, b"old", b"new")
    assert os.getxattr(path, "user.origin") == b"vendor"


def test_the_umask_does_not_matter(path: Path) -> None:
    path.chmod(0o666)
    before = os.umask(0o077)
    try:
        write_atomically(path, b"old", b"new")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666


def test_refuses_a_file_that_changed(path: Path) -> None:
    path.write_bytes(b"theirs")
    with pytest.raises(WriteError, match="changed while it was being read"):
        write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"theirs"
    assert _alone(path)


def test_refuses_a_file_that_changes_at_the_last_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: path.write_bytes(b"theirs"))
    with pytest.raises(WriteError, match="changed while it was being rewritten"):
        write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"theirs"
    assert _alone(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write a file without write bits")
def test_a_copy_of_a_read_only_store_is_written_where_the_system_lets_it(path: Path) -> None:
    before = path.read_bytes()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    write_atomically(path, before, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o444)


@pytest.mark.parametrize("mode", [0o444, 0o400, 0o555])
def test_read_only_files_are_left_alone_even_by_root(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(WriteError, match="is read-only; nothing written"):
        write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"old"
    assert _alone(path)


def test_says_whose_file_it_is_when_it_may_not_be_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    owner, user = path.stat().st_uid, os.geteuid()
    with pytest.raises(WriteError, match=f"belongs to user {owner}, and user {user} may not write it; nothing written"):
        write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"old"


def test_says_that_the_file_system_is_read_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY | os.ST_NOSUID))
    with pytest.raises(WriteError, match="is on a read-only file system; nothing written"):
        write_atomically(path, b"old", b"new")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_an_owner_that_cannot_be_kept_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    os.chown(path, 12345, -1)
    monkeypatch.setattr(os, "fchown", refused)
    with pytest.raises(WriteError, match="belongs to user 12345, and user 0 cannot leave it so; nothing written"):
        write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"old"
    assert _alone(path)


def test_writes_through_a_symlink(path: Path) -> None:
    link = path.parent.parent / "link.yaml"
    link.symlink_to("folder/a.yaml")
    write_atomically(link, b"old", b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert _alone(path)


def test_other_names_of_the_file_keep_the_old_content(path: Path) -> None:
    other = path.parent.parent / "other.yaml"
    os.link(path, other)
    write_atomically(path, b"old", b"new")
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"old")


def test_a_file_that_went_away_is_an_error(path: Path) -> None:
    path.unlink()
    with pytest.raises(WriteError, match="cannot be written: No such file"):
        write_atomically(path, b"old", b"new")
    assert os.listdir(path.parent) == []


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".yaml")
    path.write_bytes(b"old")
    write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("step", ["write", "fchmod", "fsync", "replace"])
def test_a_failing_step_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fails)
    with pytest.raises(WriteError, match="cannot be written: No space left on device; nothing written"):
        write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"old"
    assert _alone(path)


@pytest.mark.parametrize("step", ["write", "fchmod", "fsync", "replace"])
def test_an_interruption_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"old", b"new")
    assert path.read_bytes() == b"old"
    assert _alone(path)


def test_short_writes_are_continued(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    write_atomically(path, b"old", b"a new text")
    assert path.read_bytes() == b"a new text"


@pytest.mark.parametrize(
    ("name", "gone"),
    [("a.yaml", [True, False]), ("folder/a.yaml", [False, True]), ("folder", [False, True]), (".", [True, True])],
)
def test_what_a_killed_run_left_beside_files_goes(
    name: str, gone: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    left = [folder / ".cnpfix-0123456789abcdef.tmp" for folder in (tmp_path, tmp_path / "folder")]
    for path in left:
        path.write_bytes(b"half")
    remove_leftovers([name])
    assert [not path.exists() for path in left] == gone
