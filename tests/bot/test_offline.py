"""A dry run in any checkout: no remote, a remote that is a folder, one that does not answer; nothing is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewriter.bot.marker import marker_in
from tests.bot.conftest import FILES, policy
from tests.bot.server import git
from tests.cli.support import cnpfix


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one commit, with no remote."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "--quiet", "-m", "First")
    monkeypatch.chdir(folder)
    return folder


def test_without_a_remote_the_body_is_in_a_file(checkout: Path, tmp_path: Path) -> None:
    (checkout / "shop" / "new.yaml").write_text(policy("new", "shop"))
    ran = cnpfix("pr", "--dry-run", "--output", str(tmp_path / "bodies"))
    assert (ran.code, ran.err) == (0, "")
    assert "checkout, main at" in ran.out and "no remote on a forge" in ran.out
    assert "would open" in ran.out and str(tmp_path / "bodies" / "cnpfix-1.19.md") in ran.out
    body = (tmp_path / "bodies" / "cnpfix-1.19.md").read_text()
    assert marker_in(body) is not None
    assert "shop/api (shop/api.yaml:11)" in body
    assert "shop/new" not in body, "the base is a commit"


def test_a_folder_for_the_bodies_is_made_where_none_is_given(checkout: Path) -> None:
    ran = cnpfix("pr", "--dry-run")
    assert ran.code == 0
    line = next(line for line in ran.out.splitlines() if line.strip().startswith("body "))
    path = Path(line.split()[1])
    assert path.read_text().startswith("<!-- cnpfix:1 ")
    assert checkout not in path.parents


def test_a_remote_that_is_a_folder_is_not_asked(checkout: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(checkout), "bare.git")
    git(checkout, "remote", "add", "origin", str(tmp_path / "bare.git"))
    git(checkout, "fetch", "--quiet", "origin")
    git(checkout, "remote", "set-head", "origin", "main")
    (checkout / "shop" / "api.yaml").unlink()
    git(checkout, "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "--quiet", "-am", "Gone here")
    ran = cnpfix("pr", "--dry-run", "--output", str(tmp_path))
    assert ran.code == 0, ran.err
    assert "origin/main at" in ran.out, "what was fetched last is the base"
    assert "would open" in ran.out


def test_a_server_that_does_not_answer_is_tried_once(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "remote", "add", "origin", "http://127.0.0.1:9/acme/gitops.git")
    ran = cnpfix("pr", "--dry-run", "--forge", "github", "--output", str(tmp_path))
    assert ran.code == 0, ran.err
    assert "127.0.0.1 does not answer" in ran.out
    body = (tmp_path / "cnpfix-1.19.md").read_text()
    commit = git(checkout, "rev-parse", "HEAD")
    assert f"[shop/api](http://127.0.0.1:9/acme/gitops/blob/{commit}/shop/api.yaml#L11)" in body


def test_offline_asks_nobody(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "remote", "add", "origin", "http://127.0.0.1:9/acme/gitops.git")
    ran = cnpfix("pr", "--dry-run", "--offline", "--forge", "github", "--output", str(tmp_path))
    assert ran.code == 0, ran.err
    assert "--offline" in ran.out
    assert "goes with --dry-run" in cnpfix("pr", "--offline").err
    assert "goes with --dry-run" in cnpfix("pr", "--output", str(tmp_path)).err


def test_a_base_that_is_not_there_is_named(checkout: Path) -> None:
    ran = cnpfix("pr", "--dry-run", "--base", "release")
    assert ran.code == 2
    assert "no commit to start from" in ran.err and "refs/heads/release" in ran.err


def test_the_configuration_says_how_requests_are_made(checkout: Path, tmp_path: Path) -> None:
    """Its `[pr]` counts as it is in the base; the command line comes before it."""
    settings = """
[pr]
group_by = "namespace"
branch = "net/cilium"
title = "chore: Cilium {to}"
labels = ["network"]
reviewers = ["ann"]
draft = true
"""
    (checkout / "cnpfix.toml").write_text(FILES["cnpfix.toml"] + settings)
    (checkout / "shop" / "db.yaml").write_text(policy("db", "prod"))
    git(checkout, "add", "-A")
    git(checkout, "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "--quiet", "-m", "Settings")
    ran = cnpfix("pr", "--dry-run", "--label", "bot", "--output", str(tmp_path))
    assert ran.code == 0, ran.err
    for shown in ("net/cilium-shop", "net/cilium-prod", "chore: Cilium 1.19: namespace shop", "draft", "ann"):
        assert shown in ran.out
    assert "network, bot" in ran.out
    again = cnpfix("pr", "--dry-run", "--group-by", "none", "--no-draft", "--branch", "x", "--output", str(tmp_path))
    assert "net/cilium" not in again.out and "draft" not in again.out
    assert "1 request: 1 would open" in again.out


def test_what_pr_does_not_know_is_refused(checkout: Path) -> None:
    (checkout / "cnpfix.toml").write_text('[pr]\ngroup_by = "team"\n')
    ran = cnpfix("--dry-run", ".")
    assert ran.code == 2
    assert "pr.group_by: expected one of none, namespace, directory, codeowners, pass" in ran.err
