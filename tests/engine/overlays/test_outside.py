"""A kustomization that leads out of the tree is not built: nothing of the machine is read, and nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.engine.charts.support import STAR, Repository
from tests.engine.overlays.test_overlays import PLAIN, inline, treat

OVERLAY = inline("- op: add\n  path: /spec/ingress\n  value: []\n")
FILES = {"base/policy.yaml": PLAIN + STAR, "top/kustomization.yaml": OVERLAY}
LINES = {
    "an absolute file": "configMapGenerator: [{name: a, files: [x=/etc/hostname]}]\n",
    "a file above": "configMapGenerator: [{name: a, envs: [../../../secret.env]}]\n",
    "an address": "openapi: {path: https://127.0.0.1:9/schema.json}\n",
    "a transformer by address": "transformers: [https://127.0.0.1:9/t.yaml]\n",
}


def assert_left(repository: Repository, files: dict[str, str]) -> None:
    treated = treat(repository, files)
    assert treated.after == {"base/kustomization.yaml": treated.after["base/kustomization.yaml"], **files}
    assert [each["fixed"] for each in treated.of("fqdn-double-star")] == [False]
    assert treated.errors == []


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_file_outside_is_not_read(repository: Repository, line: str) -> None:
    assert_left(repository, {**FILES, "top/kustomization.yaml": OVERLAY + line})


@pytest.mark.parametrize("kind", ["a link out of the tree", "a pipe"])
def test_what_is_no_file_of_the_tree_is_not_read(repository: Repository, tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret.env").write_text("a=b\n")
    beside = tmp_path / "repository" / "top" / "secret.env"
    beside.parent.mkdir(parents=True)
    if kind == "a pipe":
        os.mkfifo(beside)
    else:
        beside.symlink_to(tmp_path / "secret.env")
    assert_left(repository, FILES)


def test_a_link_within_the_tree_is_read(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "repository" / "top").mkdir(parents=True)
    (tmp_path / "repository" / "top" / "other.yaml").symlink_to("kustomization.yaml")
    treated = treat(repository, FILES)
    assert [each["fixed"] for each in treated.of("fqdn-double-star")] == [True]
