"""A checkout whose remote is a forge on loopback, and the bot run in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rewriter.bot import retry
from rewriter.bot.token import ALL_VARIABLES
from rewriter.cli import pr_run
from tests.bot.forges import PROJECT, GiteaApi, GitHubApi, GitLabApi, Stateful
from tests.bot.server import TOKEN, Server, git, new_project, serving
from tests.cli.support import Ran, cnpfix
from tests.samples import MESH, entity_policy

APIS: dict[str, Callable[[], Stateful]] = {
    "github": GitHubApi,
    "gitlab": GitLabApi,
    "gitea": GiteaApi,
    "forgejo": GiteaApi,
}
TOKENS = {
    "github": "GITHUB_TOKEN",
    "gitlab": "GITLAB_TOKEN",
    "gitea": "GITEA_TOKEN",
    "forgejo": "FORGEJO_TOKEN",
}


def policy(name: str, namespace: str) -> str:
    """A policy that `cluster-entity` rewrites."""
    return f"# Who may call {name}.\n{entity_policy(name, namespace)}"


FILES = {"cnpfix.toml": MESH, "shop/api.yaml": policy("api", "shop")}


@dataclass
class Lab:
    """A forge, a person's checkout that pushes around it, and the bot's own checkout."""

    server: Server
    kind: str
    person: Path
    checkout: Path
    waits: list[float] = field(default_factory=list)

    @property
    def api(self) -> Stateful:
        assert isinstance(self.server.api, Stateful)
        return self.server.api

    @property
    def bare(self) -> Path:
        return self.server.repository(PROJECT)

    def bot(self, *arguments: str) -> Ran:
        """`cnpfix pr` in the bot's checkout. Nothing it says, here or in the repository, may hold the token."""
        before = _state_of(self.checkout)
        ran = cnpfix("pr", "--forge", self.kind, *arguments)
        assert TOKEN not in ran.out + ran.err
        assert _state_of(self.checkout) == before, "the checkout is as it was"
        return ran

    def head(self, branch: str) -> str | None:
        """The commit of a branch on the server."""
        out = git(self.bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        return out or None

    def shown(self, branch: str, path: str) -> str:
        return git(self.bare, "show", f"{branch}:{path}") + "\n"


def _state_of(checkout: Path) -> tuple[object, ...]:
    """Everything of a checkout that the bot must not touch: every file, refs, index and settings too."""
    files = {
        path.relative_to(checkout): path.read_bytes()
        for path in checkout.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    return (files, git(checkout, "-c", "core.fsmonitor=false", "--no-optional-locks", "status", "--porcelain=v2"))


@pytest.fixture(params=["github"])
def lab(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The bot in a checkout of a small project; `waits` collects what it would have slept."""
    kind: str = request.param
    for name in list(os.environ):
        if name in ALL_VARIABLES or name.startswith(("GIT_", "CI_", "GITHUB_", "GITEA_", "FORGEJO_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv(TOKENS[kind], TOKEN)
    person = new_project(tmp_path / "repositories", PROJECT, FILES, tmp_path / "person")
    with serving(tmp_path / "repositories", APIS[kind]()) as server:
        checkout = tmp_path / "checkout"
        git(tmp_path, "clone", "--quiet", "--template=", str(server.repository(PROJECT)), str(checkout))
        git(checkout, "remote", "set-url", "origin", f"{server.url}/{PROJECT}.git")
        made = Lab(server, kind, person, checkout)
        clock = retry.Clock(sleep=made.waits.append, now=lambda: 1_900_000_000.0)
        monkeypatch.setattr(pr_run, "Clock", lambda: clock)
        monkeypatch.chdir(checkout)
        yield made
