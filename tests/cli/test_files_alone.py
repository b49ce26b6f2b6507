"""A run on files alone says that it read nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.server import git
from tests.cli.support import cnpfix
from tests.samples import POLICY

WORDS = "files beside these"


@pytest.fixture(autouse=True)
def _with_a_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policy.yaml").write_text(POLICY)
    Path("other.yaml").write_text("kind: ConfigMap\n")


def test_files_outside_of_a_work_tree() -> None:
    *above, last = cnpfix("policy.yaml").out.splitlines()
    assert any(f"{WORDS} (no git work tree; name their folder)" in line for line in above)
    assert "and 1 more" in last
    assert "(no mesh known)" in last
    assert WORDS in cnpfix("--dry-run", "-", stdin=POLICY.encode()).out
    one = cnpfix("--select", "fqdn-double-star", "policy.yaml").out.splitlines()[-1]
    assert f"not checked: {WORDS} (no git work tree)" in one


def test_where_more_was_read_or_nothing_rests_on_it() -> None:
    assert WORDS not in cnpfix(".").out
    assert WORDS not in cnpfix("policy.yaml", ".").out
    assert WORDS not in cnpfix("other.yaml").out
    Path("cnpfix.toml").write_text("")
    assert WORDS not in cnpfix("policy.yaml").out
    Path("cnpfix.toml").unlink()
    git(Path(), "init", "--quiet")
    assert WORDS not in cnpfix("policy.yaml").out


_FLOW = ("--source", "shop/app=web", "--destination", "world", "--port", "443/TCP")


@pytest.mark.parametrize("command", [("verdict", *_FLOW), ("impact",)], ids=["verdict", "impact"])
def test_answers_that_rest_on_what_is_beside(command: tuple[str, ...]) -> None:
    alone = f"cnpfix: not checked: {WORDS} (no git work tree; name their folder)"
    ran = cnpfix(*command, "policy.yaml")
    assert (ran.code, ran.err.splitlines()) == (0, [alone])
    assert alone in cnpfix(*command, "--format", "json", "policy.yaml").err
    assert cnpfix(*command, ".").err == ""


def test_a_release_accepts_a_manifest_whatever_is_beside() -> None:
    assert WORDS not in cnpfix("validate", "policy.yaml").err
