"""Plain HTTP to another machine is refused unless it is asked for: the token could be read on its way."""

from __future__ import annotations

import pytest

from rewriter.bot.remote import ForgeKind, parse_remote, project_of
from tests.bot.conftest import Lab
from tests.bot.server import git


def test_plain_http_to_another_machine_needs_a_word(lab: Lab) -> None:
    api = "http://git.example.org/api/v3"
    ran = lab.bot("--dry-run", "--api-url", api)
    assert (ran.code, ran.out) == (2, "")
    assert "give --insecure" in ran.err
    git(lab.checkout, "remote", "set-url", "origin", "http://git.example.org/a/b.git")
    assert "give --insecure" in lab.bot("--dry-run").err


@pytest.mark.parametrize(
    ("url", "clear"),
    [
        ("http://git.example.org/a/b.git", True),
        ("http://127.0.0.1.example.org/a/b.git", True),
        ("http://localhost.example.org/a/b.git", True),
        ("http://[2001:db8::1]:3000/a/b.git", True),
        ("http://localhost:3000/a/b.git", False),
        ("http://127.0.0.1:3000/a/b.git", False),
        ("http://[::1]:3000/a/b.git", False),
        ("https://git.example.org/a/b.git", False),
        ("ssh://git@git.example.org/a/b.git", False),
    ],
)
def test_which_addresses_are_in_the_clear(url: str, clear: bool) -> None:
    assert parse_remote(url).is_unencrypted is clear
    api = f"{url.removesuffix('/a/b.git').replace('ssh://git@', 'https://')}/api/v1"
    assert project_of(parse_remote("https://x/a/b"), ForgeKind.GITEA, api, {}).is_unencrypted is clear


def test_with_that_word_plain_http_is_taken(lab: Lab) -> None:
    api = "http://git.example.org/api/v3"
    ran = lab.bot("--dry-run", "--offline", "--insecure", "--api-url", api)
    assert "give --insecure" not in ran.err
    assert ran.code == 0
