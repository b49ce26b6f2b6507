"""Where a checkout's requests go: its remote, the forge behind it, and the token for it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rewriter.bot.errors import BotError
from rewriter.bot.forge import Forge
from rewriter.bot.forges import open_forge
from rewriter.bot.git import Git
from rewriter.bot.http import ca_bundle_of
from rewriter.bot.remote import ForgeProject, Remote, parse_remote, project_of
from rewriter.bot.retry import Clock
from rewriter.bot.token import Token, find_token, variables_for
from rewriter.cli.errors import UsageError
from rewriter.discovery.git import top_of
from rewriter.records import dataclass

#: The remote that is meant where none is named.
DEFAULT_REMOTE = "origin"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says of remote and forge; `dry_run` says that neither is needed."""

    remote: str = DEFAULT_REMOTE
    forge: str | None = None
    api_url: str | None = None
    ca_bundle: Path | None = None
    insecure: bool = False
    dry_run: bool = False
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """A checkout, its top folder, and how to get to its server.

    In a dry run remote and project are None where nothing is known of them, and `why` says the reason.
    """

    checkout: Git
    root: Path
    remote: Remote | None
    project: ForgeProject | None
    token: Token | None
    ca_bundle: Path | None
    why: str = ""

    @property
    def name(self) -> str:
        """The project as people know it; the folder's name without a remote."""
        if self.project is not None:
            return f"{self.project.host}/{self.project.path}"
        return f"{self.remote.host}/{self.remote.path}" if self.remote else self.root.name


def server_of(wanted: Wanted, command: str, clock: Clock) -> Server:
    """The server of the checkout that this process is in. Raises UsageError and BotError."""
    ca_bundle = ca_bundle_of(wanted.ca_bundle, os.environ)
    if ca_bundle is not None and not ca_bundle.is_file():
        raise UsageError(f"{ca_bundle}: no such file of certificate authorities")
    git = Git(Path.cwd(), ca_bundle=ca_bundle, clock=clock, patient=not wanted.dry_run)
    try:
        top = Path(git.text("rev-parse", "--show-toplevel"))
    except BotError as error:
        words = str(error)
        why = "" if "not a git repository" in words else f" ({words})"
        raise UsageError(f"{command} works on a git checkout, and none is here{why}; run it in a clone") from None
    root = top_of(git.folder) or top
    git = replace(git, folder=root)
    try:
        remote = parse_remote(git.text("remote", "get-url", "--", wanted.remote))
    except BotError as error:
        if not wanted.dry_run or wanted.remote != DEFAULT_REMOTE:
            raise UsageError(f"--remote {wanted.remote}: {error}") from None
        return Server(git, root, None, None, None, ca_bundle, f"no remote on a forge ({error})")
    try:
        project = project_of(remote, wanted.forge, wanted.api_url, os.environ)
    except BotError as error:
        if not wanted.dry_run or wanted.forge or wanted.api_url:
            raise
        return Server(git, root, remote, None, None, ca_bundle, str(error))
    token = find_token(project, os.environ)
    if token is None and not wanted.dry_run:
        raise UsageError(f"no token for {project.host}: set {' or '.join(variables_for(project))} in the environment")
    if (project.is_unencrypted or remote.is_unencrypted) and not wanted.insecure:
        clear = project.api if project.is_unencrypted else remote.web
        raise UsageError(
            f"{clear} is plain HTTP: anyone on the network path can read the token and change what is pushed; "
            "use https, or give --insecure"
        )
    if token is not None and remote.is_http:
        git = replace(git, token=token, server=remote.web, url=remote.url)
    return Server(git, root, remote, project, token, ca_bundle)


@contextlib.contextmanager
def forge_of(server: Server, clock: Clock) -> Iterator[Forge | None]:
    """The forge of a server, for a while; None without a token."""
    if server.token is None or server.project is None:
        yield None
        return
    with open_forge(server.project, server.token, server.ca_bundle, clock) as forge:
        yield forge
