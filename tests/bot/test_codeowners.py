"""CODEOWNERS as each forge reads it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rewriter.bot.codeowners import read_owners
from rewriter.bot.remote import ForgeKind


def owners(tmp_path: Path, kind: ForgeKind, place: str, text: str, path: str) -> tuple[str, ...]:
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return read_owners(tmp_path, kind)(path)


GITHUB = """
# comment
*                  @everyone
/shop/             @acme/shop @bob   # trailing comment
docs/*             @docs
apps/**/net.yaml   @net
*.json
/mail/my\\ file.yaml ops@example.org
[broken            @nobody
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.yaml", ("@everyone",)),
        ("shop/x/y.yaml", ("@acme/shop", "@bob")),
        ("x/shop/y.yaml", ("@everyone",)),
        ("docs/a.yaml", ("@docs",)),
        ("docs/a/b.yaml", ("@everyone",)),
        ("apps/a/b/net.yaml", ("@net",)),
        ("shop/x.json", ()),
        ("mail/my file.yaml", ("ops@example.org",)),
    ],
)
def test_github_takes_the_last_match(tmp_path: Path, path: str, expected: tuple[str, ...]) -> None:
    assert owners(tmp_path, ForgeKind.GITHUB, ".github/CODEOWNERS", GITHUB, path) == expected


GITLAB = """
* @default
[Network][2] @acme/network
*.yaml
/shop/ @shop
^[Docs]
docs/ @writers
[network]
/prod/ @prod
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.txt", ("@default",)),
        ("a.yaml", ("@default", "@acme/network")),
        ("shop/a.yaml", ("@default", "@shop")),
        ("prod/a.yaml", ("@default", "@prod")),
        ("docs/a.yaml", ("@default", "@acme/network", "@writers")),
    ],
)
def test_gitlab_asks_every_section(tmp_path: Path, path: str, expected: tuple[str, ...]) -> None:
    assert owners(tmp_path, ForgeKind.GITLAB, ".gitlab/CODEOWNERS", GITLAB, path) == expected


@pytest.mark.parametrize("kind", [ForgeKind.GITEA, ForgeKind.FORGEJO])
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("shop/a.yaml", ("@shop", "@not-prod")),
        ("shop/a-yaml", ("@not-prod",)),
        ("prod/a.yaml", ()),
        ("x/shop/a.yaml", ("@not-prod",)),
        ("dir with#hash", ("@not-prod", "@odd")),
        ("docs/aws/a.md", ("@not-prod", "@org/docs")),
        ("prod/docs/gcp/a.md", ()),
        ("alone", ("@not-prod",)),
        ("prod/ends/either", ("@either",)),
    ],
)
def test_gitea_takes_expressions(tmp_path: Path, kind: ForgeKind, path: str, expected: tuple[str, ...]) -> None:
    """In which a backslash stands before another, as Gitea's documentation has it."""
    text = r"""
        shop/.*\\.yaml @shop#not-here
        !prod/.* @not-prod # comment
        (broken @nobody
        (?=more) @nobody
        dir\ with\#hash @odd
        docs/(aws|gcp)/[^/]*\\.(md|txt) @org/docs
        alone
        begins/|ends/either @either
    """
    assert owners(tmp_path, kind, "CODEOWNERS", text, path) == expected


@pytest.mark.parametrize("kind", ForgeKind)
@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "/" + "**/a/" * 20 + "b", "^(a+)+$", "(a*)*b", "[*]" * 30])
def test_no_pattern_takes_for_ever(tmp_path: Path, kind: ForgeKind, pattern: str) -> None:
    start = time.process_time()
    assert owners(tmp_path, kind, "CODEOWNERS", f"{pattern} @nobody\n", "a/" * 100 + "a" * 200) == ()
    assert time.process_time() - start < 10


def test_nobody_owns_anything_without_a_file_or_through_a_symlink(tmp_path: Path) -> None:
    assert read_owners(tmp_path, ForgeKind.GITHUB)("a.yaml") == ()
    secret = tmp_path / "outside"
    secret.write_text("* @me\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "CODEOWNERS").symlink_to(secret)
    assert read_owners(tree, ForgeKind.GITHUB)("a.yaml") == ()
