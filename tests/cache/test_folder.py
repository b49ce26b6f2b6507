"""Entries between runs: what was put is found whole or not at all, and the folder keeps its bounds."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rewriter.cache import NO_CACHE, CacheFolder, default_folder
from rewriter.cache.code import code_identity

KEY, CONTENT = b"the key", b"content " * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def entry(folder: Path, group: str = "trees") -> Path:
    return next(path for path in (folder / group).iterdir())


def test_what_was_put_is_found_by_another_run(folder: Path) -> None:
    assert CacheFolder(folder).get("trees", KEY) is None
    assert CacheFolder(folder).put("trees", KEY, CONTENT)
    assert CacheFolder(folder).get("trees", KEY) == CONTENT
    assert CacheFolder(folder).get("trees", b"another") is None
    assert CacheFolder(folder).get("rendered", KEY) is None


def test_only_its_owner_reads_it(folder: Path) -> None:
    CacheFolder(folder).put("trees", KEY, CONTENT)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "trees")}
    assert modes == {0o700}
    assert stat.S_IMODE(entry(folder).stat().st_mode) == 0o600


@pytest.mark.parametrize("length", [0, 1, 14, 15, 40, 47, 48, 500])
def test_a_file_that_was_cut_off_is_no_entry(folder: Path, length: int) -> None:
    CacheFolder(folder).put("trees", KEY, CONTENT)
    path = entry(folder)
    path.write_bytes(path.read_bytes()[:length])
    assert CacheFolder(folder).get("trees", KEY) is None


@pytest.mark.parametrize("place", [0, 20, 60, -1])
def test_a_byte_that_changed_makes_it_no_entry(folder: Path, place: int) -> None:
    CacheFolder(folder).put("trees", KEY, CONTENT)
    path = entry(folder)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert CacheFolder(folder).get("trees", KEY) is None


def test_an_entry_under_the_name_of_another_is_none(folder: Path) -> None:
    CacheFolder(folder).put("trees", KEY, CONTENT)
    first = entry(folder).rename(folder / "first")
    CacheFolder(folder).put("trees", b"another", CONTENT)
    first.replace(entry(folder))
    assert CacheFolder(folder).get("trees", b"another") is None


def test_no_link_is_followed(folder: Path, tmp_path: Path) -> None:
    CacheFolder(folder).put("trees", KEY, CONTENT)
    outside = tmp_path / "outside"
    path = entry(folder).rename(outside)
    (folder / "trees" / path.name).symlink_to(outside)
    (folder / "trees" / Path(os.listdir(folder / "trees")[0])).unlink()
    assert CacheFolder(folder).put("trees", KEY, CONTENT)
    name = entry(folder).name
    entry(folder).unlink()
    (folder / "trees" / name).symlink_to(outside)
    assert CacheFolder(folder).get("trees", KEY) is None
    outside.write_bytes(b"untouched")
    assert CacheFolder(folder).put("trees", KEY, CONTENT)
    assert outside.read_bytes() == b"untouched"


def test_a_group_that_is_a_link_holds_nothing(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.mkdir()
    (folder / "trees").symlink_to(elsewhere)
    assert not CacheFolder(folder).put("trees", KEY, CONTENT)
    assert list(elsewhere.iterdir()) == []


def test_another_version_finds_nothing(folder: Path) -> None:
    CacheFolder(folder, code=lambda: b"one").put("trees", KEY, CONTENT)
    assert CacheFolder(folder, code=lambda: b"two").get("trees", KEY) is None
    assert CacheFolder(folder, code=lambda: b"one").get("trees", KEY) == CONTENT
    assert not CacheFolder(folder, code=lambda: None).put("trees", KEY, CONTENT)


def test_code_is_known_by_its_files_or_by_what_its_installer_wrote(tmp_path: Path) -> None:
    package = tmp_path / "rewriter"
    package.mkdir()
    (package / "module.py").write_text("1")
    checkout = code_identity(package)
    (package / "module.py").write_text("22")
    changed = code_identity(package)
    assert checkout is not None and checkout != changed
    (tmp_path / "cnpfix-1.0.dist-info").mkdir()
    (tmp_path / "cnpfix-1.0.dist-info" / "RECORD").write_text("rewriter/module.py,sha256=abc,2\n")
    installed = code_identity(package)
    os.utime(package / "module.py", (1, 1))
    assert code_identity(package) == installed != changed
    assert code_identity(tmp_path / "else" / "nowhere") is None


def test_the_oldest_entries_go_when_there_are_too_many(folder: Path) -> None:
    most = 100_000
    cache = CacheFolder(folder, most)
    for number in range(40):
        assert cache.put("trees", b"%d" % number, b"x" * 5_000)
        newest = max((folder / "trees").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (1_000_000 + number, 1_000_000 + number))
    sizes = [path.stat().st_size for path in (folder / "trees").iterdir()]
    assert sum(sizes) <= most * 1.1
    assert CacheFolder(folder, most).get("trees", b"39") is not None
    assert CacheFolder(folder, most).get("trees", b"0") is None


def test_what_is_used_stays(folder: Path) -> None:
    cache = CacheFolder(folder, 100_000)
    cache.put("trees", KEY, CONTENT)
    os.utime(entry(folder), (1_000_000, 1_000_000))
    assert cache.get("trees", KEY) == CONTENT
    for number in range(40):
        cache.put("rendered", b"%d" % number, b"x" * 5_000)
        for path in (folder / "rendered").iterdir():
            os.utime(path, (2_000_000, 2_000_000))
    assert cache.get("trees", KEY) == CONTENT


def test_what_is_larger_than_the_folder_may_be_is_not_kept(folder: Path) -> None:
    assert not CacheFolder(folder, 1_000).put("trees", KEY, b"x" * 2_000)
    assert CacheFolder(folder, 1_000).get("trees", KEY) is None


@pytest.mark.parametrize("made", ["a file", "nothing at all"])
def test_a_folder_that_cannot_be_made_keeps_nothing(tmp_path: Path, made: str) -> None:
    place = tmp_path / "place"
    if made == "a file":
        place.write_text("")
    cache = CacheFolder(Path("/proc/nowhere") if made == "nothing at all" else place / "cache")
    assert not cache.put("trees", KEY, CONTENT)
    assert cache.get("trees", KEY) is None
    assert cache.folder_for("charts") is None
    assert not NO_CACHE.put("trees", KEY, CONTENT)


def test_the_folder_is_that_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert default_folder() == Path("/caches/cnpfix")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/a")
    assert default_folder() == Path("/home/a/.cache/cnpfix")
    monkeypatch.setenv("HOME", "")
    assert default_folder() is None or default_folder() != Path(".cache/cnpfix")
