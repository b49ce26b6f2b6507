"""The adapter for a project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rewriter.bot import gitea, github, gitlab
from rewriter.bot.forge import Forge
from rewriter.bot.http import Api
from rewriter.bot.remote import ForgeKind, ForgeProject
from rewriter.bot.retry import Clock
from rewriter.bot.token import Token


@contextmanager
def open_forge(project: ForgeProject, token: Token, ca_bundle: Path | None, clock: Clock) -> Iterator[Forge]:
    """The forge of a project, for a while. Nothing is asked of it yet."""
    match project.kind:
        case ForgeKind.GITHUB:
            heads = github.headers(token)
        case ForgeKind.GITLAB:
            heads = gitlab.headers(token)
        case _:
            heads = gitea.headers(token)
    with Api(project.api, token, heads, ca_bundle, clock) as api:
        match project.kind:
            case ForgeKind.GITHUB:
                yield github.GitHub(api, project.path)
            case ForgeKind.GITLAB:
                yield gitlab.GitLab(api, project.path)
            case _:
                yield gitea.Gitea(api, project.path)
