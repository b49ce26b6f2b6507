"""Runs that keep what they read: the same output to the byte without a cache, with an empty one and with a full one."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from rewriter.inventory.kept.tree import KeptTree
from tests.bench.trees import CONFIG_MAP, DEPLOYMENT, MESH, SERVICE, policy
from tests.cli.support import Ran, cnpfix
from tests.test_golden import GOLDEN, arguments_of

#: More files than a run reads again rather than writing all anew.
FILES = 60
SECRET = """apiVersion: v1
kind: Secret
metadata: {name: database, namespace: team-1}
stringData: {password: correct-horse-battery}
"""
CACHE = ("--cache-dir", "../cache")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of manifests of several kinds; the working folder."""
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "cnpfix.toml").write_text(MESH)
    for number in range(FILES):
        first = number // 12 * 120
        made = (CONFIG_MAP, DEPLOYMENT, SERVICE)[number % 3].format(number=first, team=first % 40)
        (folder / f"{number:02}.yaml").write_text(policy(first) if number % 12 == 0 else made)
    (folder / "secret.yaml").write_text(SECRET + "---\n" + DEPLOYMENT.format(number=100, team=1))
    (folder / "secrets.yaml").write_text(
        "apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {name: x}\n  data: {password: b3Blbi1zZXNhbWU=}\n"
    )
    (folder / "broken.yaml").write_text("kind: Deployment\n  a: [")
    (folder / "template.yaml").write_text("kind: Service\nmetadata: {name: {{ .name }}}\n")
    (folder / "chart.sh").write_text("helm install web ./web -n shop\n")
    monkeypatch.chdir(folder)
    return folder


def run(*extra: str, names: tuple[str, ...] = (".",)) -> Ran:
    return cnpfix("--dry-run", "--format", "json", "-v", "-j", "1", *extra, *names)


def entries(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("cache/trees/*")}


def agree(*extra: str, names: tuple[str, ...] = (".",)) -> Ran:
    """What a run says, the same with the cache as without it."""
    plain = run("--no-cache", *extra, names=names)
    assert run(*CACHE, *extra, names=names) == plain
    return plain


@pytest.mark.parametrize("names", [(".",), ("00.yaml",), ("01.yaml",), ("00.yaml", "12.yaml")])
def test_no_cache_empty_and_full_say_the_same(tree: Path, tmp_path: Path, names: tuple[str, ...]) -> None:
    first = agree(names=names)
    assert agree(names=names) == agree(names=names) == first
    assert run(*CACHE) == run("--no-cache")
    assert len(entries(tmp_path)) == 1


@pytest.mark.parametrize(
    "case",
    sorted(path.parent for path in GOLDEN.glob("*/*/tree"))[::40],
    ids=lambda case: f"{case.parent.name}/{case.name}",
)
def test_golden_trees_come_out_the_same(case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tree"
    shutil.copytree(case, folder)
    monkeypatch.chdir(folder)
    cache = ("--cache-dir", str(tmp_path / "cache"))
    names = tuple(arguments_of(case, folder))
    plain, cold, warm = (run(*extra, names=names) for extra in (("--no-cache",), cache, cache))
    assert plain == cold == warm


CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus" / "gitops"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the repositories of others are not beside this one")
@pytest.mark.parametrize("name", ["hbjydev+phoebe"])
def test_a_repository_of_others_comes_out_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CORPUS / name)
    cache = ("--render", "never", "--cache-dir", str(tmp_path / "cache"))
    plain, cold, warm = (run(*extra) for extra in (("--render", "never", "--no-cache"), cache, cache))
    assert plain == cold == warm


def test_every_change_is_seen(tree: Path) -> None:
    """Of the file itself, of facts, of the config, of what is there: each by a run that knows all that was before."""
    agree()
    agree()
    said = [agree(names=("00.yaml",))]

    def changed(path: str, old: str, new: str) -> None:
        text = (tree / path).read_text()
        assert old in text
        (tree / path).write_text(text.replace(old, new))
        said.append(agree(names=("00.yaml",)))
        agree()

    changed("00.yaml", "kube-system", "team-7")
    changed("01.yaml", "app: frontend-0", "app: frontend-1")
    changed("cnpfix.toml", 'remote = "all"', 'remote = ["cluster-b"]')
    (tree / "01.yaml").unlink()
    said.append(agree())
    (tree / "new").mkdir()
    (tree / "new" / "01.yaml").write_text(DEPLOYMENT.format(number=0, team=0))
    said.append(agree())
    (tree / "02.yaml").rename(tree / "moved.yaml")
    said.append(agree())
    (tree / "02.yaml").symlink_to("moved.yaml")
    said.append(agree())
    for number in range(20):  # So many that all is written anew.
        (tree / f"more-{number}.yaml").write_text(DEPLOYMENT.format(number=number, team=0))
    said.append(agree())
    said.append(agree("--ignore", "implicit-cluster"))
    assert len({each.out for each in said}) > 4


@pytest.mark.parametrize("seed", range(3))
def test_any_edits_are_seen(tree: Path, seed: int) -> None:
    """Edits that nobody thought of: after each, a run that knows what was before says what one without a cache says."""
    draw = random.Random(seed)
    agree(names=("00.yaml",))
    for step in range(6):
        for _ in range(draw.randint(1, 4)):
            path = draw.choice(sorted(tree.glob("*.yaml")))
            number, team = draw.randrange(3) * 120, draw.randrange(3)
            made = (DEPLOYMENT, SERVICE, CONFIG_MAP)[draw.randrange(3)].format(number=number, team=team)
            match draw.randrange(6):
                case 0:
                    path.write_text(made)
                case 1:
                    path.write_text(f"{path.read_text()}---\n{made}")
                case 2:
                    path.write_text(path.read_text()[: draw.randrange(400)])
                case 3 if path.name != "00.yaml":
                    path.unlink()
                case 4:
                    path.write_text(path.read_text().replace("team-0", f"team-{team}"))
                case _:
                    (tree / f"new-{step}-{number}.yaml").write_text(policy(number + team))
        agree(names=("00.yaml",) if draw.random() < 0.7 else (".",))


def test_a_run_that_learns_nothing_writes_nothing(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(FILES):  # Dates, which JSON has none of: each run parses these anew.
        (tree / f"dated-{number}.yaml").write_text(f"{SERVICE.format(number=number, team=0)}made: 2020-01-01\n")
    later = partial(KeptTree, clock=lambda: time.time_ns() + 10**10)  # All these files are old.
    monkeypatch.setattr("rewriter.inventory.tree.repository.KeptTree", later)
    for _ in range(3):
        run(*CACHE)
    before = entries(tmp_path), [path.stat().st_ino for path in tmp_path.glob("cache/trees/*")]
    run(*CACHE)
    assert (entries(tmp_path), [path.stat().st_ino for path in tmp_path.glob("cache/trees/*")]) == before


def test_a_change_that_keeps_size_and_times_of_a_new_file_is_seen(tree: Path) -> None:
    """A file that was written a moment ago is not known by its times: another write may leave them as they are."""
    path = tree / "00.yaml"
    status = path.stat()
    before = agree(names=("00.yaml",))
    path.write_text(path.read_text().replace("toEntities: [cluster]", "toEntities: [all]    "))
    assert path.stat().st_size == status.st_size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert agree(names=("00.yaml",)).out != before.out


def test_no_cache_reads_and_writes_none(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert run("--no-cache") == run("--no-cache", *CACHE)
    assert not (tmp_path / "home").exists() and not (tmp_path / "cache").exists()
    run()
    assert len(list((tmp_path / "home" / "cnpfix" / "trees").iterdir())) == 1
    kept = {path: path.stat() for path in (tmp_path / "home").rglob("*")}
    run("--no-cache")
    assert {path: path.stat() for path in (tmp_path / "home").rglob("*")} == kept


def test_no_home_and_no_place_to_write_are_no_errors(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = run("--no-cache")
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert run() == plain
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/nonexistent")
    assert run() == plain
    assert run("--cache-dir", "/proc/nowhere") == plain
    refused = run("--cache-dir", "00.yaml")
    assert refused.code == 2 and "--cache-dir 00.yaml: is not a folder" in refused.err


def test_no_word_of_a_secret_is_kept(tree: Path, tmp_path: Path) -> None:
    agree()
    agree()
    (data,) = entries(tmp_path).values()
    assert b"secret.yaml" in data and b"backend=0" not in data
    assert b"correct" not in data and b"battery" not in data and b"b3Blbi1zZXNhbWU" not in data


@pytest.mark.parametrize("harm", ["cut", "garbage", "empty", "a folder", "turned round"])
def test_a_damaged_entry_is_none(tree: Path, tmp_path: Path, harm: str) -> None:
    agree()
    (path,) = (tmp_path / "cache" / "trees").iterdir()
    whole = path.read_bytes()
    path.unlink()
    if harm == "a folder":
        path.mkdir()
    else:
        path.write_bytes(
            {
                "cut": whole[: len(whole) // 2],
                "garbage": os.urandom(5_000),
                "empty": b"",
                "turned round": whole[::-1],
            }[harm]
        )
    assert "Traceback" not in agree().err
    agree()


def start(tree: Path, cache: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "rewriter",
        "--dry-run",
        "--format",
        "json",
        "-j",
        "1",
        "--cache-dir",
        str(cache),
        ".",
    ]
    return subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_several_runs_at_once_share_a_folder(tree: Path, tmp_path: Path) -> None:
    plain = cnpfix("--dry-run", "--format", "json", "-j", "1", "--no-cache", ".")
    for _ in range(2):
        processes = [start(tree, tmp_path / "cache") for _ in range(4)]
        with ThreadPoolExecutor(len(processes)) as pool:
            outputs = list(pool.map(lambda process: process.communicate()[0], processes))
        assert {json.dumps(json.loads(output)) for output in outputs} == {json.dumps(json.loads(plain.out))}
    assert [path.name[:1] != "." for path in (tmp_path / "cache" / "trees").iterdir()] == [True]


@pytest.mark.parametrize("moment", [0.2, 0.5, 0.8])
def test_a_run_that_is_killed_leaves_nothing_that_is_wrong(tree: Path, tmp_path: Path, moment: float) -> None:
    """Killed at a part of the time that a whole run takes; what lies there then is whole or is not found."""
    process = start(tree, tmp_path / "other")
    process.communicate()
    process = start(tree, tmp_path / "cache")
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    agree()
    shutil.rmtree(tmp_path / "cache")
    agree()
