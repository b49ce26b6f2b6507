"""The adapter for a place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rewriter.bot import gitea, github, gitlab
from rewriter.bot.forge import Forge
from rewriter.bot.http import Api
from rewriter.bot.remote import ForgeKind, Place
from rewriter.bot.retry import Clock
from rewriter.bot.token import Token


@contextmanager
def open_forge(place: Place, token: Token, ca_bundle: Path | None, clock: Clock) -> Iterator[Forge]:
    """The forge of a place, for a while. Nothing is asked of it yet."""
    match place.kind:
        case ForgeKind.GITHUB:
            heads = github.headers(token)
        case ForgeKind.GITLAB:
            heads = gitlab.headers(token)
        case _:
            heads = gitea.headers(token)
    with Api(place.api, token, heads, ca_bundle, clock) as api:
        match place.kind:
            case ForgeKind.GITHUB:
                yield github.GitHub(api, place.project)
            case ForgeKind.GITLAB:
                yield gitlab.GitLab(api, place.project)
            case _:
                yield gitea.Gitea(api, place.project)
