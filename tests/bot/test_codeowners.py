"""CODEOWNERS as each forge reads it."""

from __future__ import annotations

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
    [("shop/a.yaml", ("@shop", "@not-prod")), ("prod/a.yaml", ()), ("x/shop/a.yaml", ("@not-prod",))],
)
def test_gitea_takes_expressions(tmp_path: Path, kind: ForgeKind, path: str, expected: tuple[str, ...]) -> None:
    text = "shop/.*\\.yaml @shop\n!prod/.* @not-prod\n(broken @nobody\n"
    assert owners(tmp_path, kind, "CODEOWNERS", text, path) == expected


def test_nobody_owns_anything_without_a_file_or_through_a_symlink(tmp_path: Path) -> None:
    assert read_owners(tmp_path, ForgeKind.GITHUB)("a.yaml") == ()
    secret = tmp_path / "outside"
    secret.write_text("* @me\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "CODEOWNERS").symlink_to(secret)
    assert read_owners(tree, ForgeKind.GITHUB)("a.yaml") == ()
