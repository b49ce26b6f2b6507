"""Real manifests: no crash, nothing touched that need not be, every comment kept, stable after one run."""

from __future__ import annotations

import io
import re
import shutil
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from rewriter import yamltext
from rewriter.cli import run

CORPUS = Path(__file__).parent.parent.parent / "shared" / "corpus"
GROUPS = sorted(CORPUS.glob("*/*")) if CORPUS.is_dir() else []

MESH = """
[[clusters]]
name = "cluster-a"
local = ["**"]
pod_cidrs = ["10.0.0.0/16"]
node_cidrs = ["192.168.0.0/16"]
[[clusters]]
name = "cluster-b"
pod_cidrs = ["10.1.0.0/16"]
[passes.cluster-entity]
remote = "all"
"""


def test_the_corpus_is_there() -> None:
    if not GROUPS:
        pytest.skip("no corpus of real manifests in ../shared/corpus")


def _cnpfix(*arguments: str) -> int:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(arguments)
    assert "Traceback" not in err.getvalue()
    assert "proof failed" not in err.getvalue(), err.getvalue()
    return code


def _bytes(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mesh", [False, True], ids=["alone", "mesh"])
@pytest.mark.parametrize("group", GROUPS, ids=lambda path: path.name)
def test_rewrites_only_what_it_must(group: Path, mesh: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "repository"
    shutil.copytree(group, folder, symlinks=True)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    if mesh:
        (folder / "cnpfix.toml").write_text(MESH)
    monkeypatch.chdir(folder)
    before = _bytes(folder)
    arguments = ["--write", "--unsafe-fixes", "--format", "json", "--output", str(tmp_path / "report.json"), "."]
    _cnpfix(*arguments)
    after = _bytes(folder)
    assert before.keys() == after.keys()
    for path, old in before.items():
        if old != after[path]:
            _check_change(path, old.decode(), after[path].decode())
    _cnpfix(*arguments)
    assert _bytes(folder) == after, "a second run changes nothing"


def _check_change(path: Path, before: str, after: str) -> None:
    old = Counter(comment.text for comment in yamltext.comments(before))
    new = Counter(comment.text for comment in yamltext.comments(after))
    assert old == new, path
    assert len(set(re.findall(r"\r?\n", after))) == 1, path
    assert after.endswith("\n") == before.endswith("\n"), path
