"""Real manifests: no crash, nothing touched that need not be, every comment kept, stable after one run."""

from __future__ import annotations

import io
import json
import os
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
WIDE = """
internal_cidrs = ["0.0.0.0/0", "::/0"]
[[clusters]]
name = "cluster-a"
pod_cidrs = ["10.0.0.0/8", "fd00::/8"]
node_cidrs = ["172.16.0.0/12", "192.168.0.0/16"]
service_cidrs = ["10.96.0.0/12"]
[[clusters]]
name = "cluster-b"
pod_cidrs = ["100.64.0.0/10"]
[passes.cluster-entity]
remote = "all"
[passes.implicit-cluster]
scope = "any"
"""
CONFIGS = {"alone": "", "mesh": MESH, "wide": WIDE}
#: With a mesh these take half a minute each: `make corpus` runs them, as continuous integration does.
LARGE = ("JJGadgets+Biohazard", "np-guard+netpol-analyzer")


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


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("group", GROUPS, ids=lambda path: path.name)
def test_rewrites_only_what_it_must(group: Path, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if config and group.name in LARGE and not os.environ.get("CNPFIX_CORPUS"):
        pytest.skip("takes long: make corpus")
    folder = tmp_path / "repository"
    shutil.copytree(group, folder, symlinks=True)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    if config:
        (folder / "cnpfix.toml").write_text(config)
    monkeypatch.chdir(folder)
    before = _bytes(folder)
    # Charts and overlays have tests of their own; here the result must not hang on the programs of the machine.
    arguments = [
        "--render",
        "never",
        "--write",
        "--unsafe-fixes",
        "--format",
        "json",
        "--output",
        str(tmp_path / "report.json"),
        ".",
    ]
    _cnpfix(*arguments)
    after = _bytes(folder)
    assert before.keys() == after.keys()
    report = json.loads((tmp_path / "report.json").read_text())
    fixed = {(folder / item["file"], item["document"]) for item in report["findings"] if item["fixed"]}
    changed = [path for path, old in before.items() if old != after[path]]
    assert set(changed) == {path for path, _ in fixed} == {folder / item["path"] for item in report["files"]}
    for path in changed:
        documents = {document for each, document in fixed if each == path}
        _check_change(path, before[path].decode(), after[path].decode(), documents)
    _cnpfix(*arguments)
    assert _bytes(folder) == after, "a second run changes nothing"


def _check_change(path: Path, before: str, after: str, fixed: set[int]) -> None:
    """Only the documents with a fixed finding changed; comments, line ends and the end of the file are as they were."""
    documents, new_documents = yamltext.parse(before), yamltext.parse(after)
    assert len(documents) == len(new_documents), path
    for document, new in zip(documents, new_documents, strict=True):
        same = _slice(document) == _slice(new)
        assert same != (document.index in fixed), (path, document.index)
    comments = Counter(comment.text for comment in yamltext.comments(before))
    new_comments = Counter(comment.text for comment in yamltext.comments(after))
    assert comments == new_comments, path
    assert len(set(re.findall(r"\r?\n", after))) == 1, path
    assert after.startswith("\ufeff") == before.startswith("\ufeff"), path
    assert after.endswith("\n") == before.endswith("\n"), path


def _slice(document: yamltext.Document) -> str:
    return document.text[document.span.start : document.span.end]
