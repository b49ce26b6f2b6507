"""Clones of a fleet's repositories: the newest commit of the default branch, laid out as files.

Large files that hold no facts stay on the server; to a run in the clone they are those of a sparse checkout.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from rewriter.bot.git import Git, GitError
from rewriter.bot.http import ca_bundle_of
from rewriter.bot.partial import WITHOUT_LARGE, fetch_wanted
from rewriter.discovery.files import may_hold_facts
from rewriter.fleet.repositories import FleetRepository, access

_BASE = "refs/cnpfix/base"
_SPECIAL = re.compile(r"[\\*?\[\] !#]")


def update(
    repository: FleetRepository,
    folder: Path,
    environment: Mapping[str, str],
    timeout: int,
    inherited: tuple[int, ...] = (),
) -> str:
    """The commit that the server's default branch is at, laid out in `folder`; "" of a repository without commits.

    Only that commit is fetched, without history and tags. A folder that an ended run left half made is made anew.
    git's processes inherit the descriptors `inherited`, and take `timeout` seconds at most. Raises BotError.
    """
    remote, token = access(repository, environment)
    server = remote.web if remote.is_http else ""
    folder.mkdir(parents=True, exist_ok=True)
    git = Git(
        folder,
        token,
        server,
        remote.url if token else "",
        ca_bundle_of(None, environment),
        environment,
        inherited=inherited,
        timeout=timeout,
    )
    if not _is_whole(git):
        shutil.rmtree(folder)
        folder.mkdir()
        git.run("init", "--quiet", "--template=", ".")
        git.run("config", "remote.origin.url", remote.url)
    output, _ = git.reach("ls-remote", remote.url, "HEAD")
    head = output.decode("utf-8", "replace").partition("\t")[0].strip()
    if not head:
        return ""
    if _commit(git, "HEAD") != head:
        for lock in ("index.lock", "config.lock", "shallow.lock"):  # Of a run that was killed.
            (folder / ".git" / lock).unlink(missing_ok=True)
        git.reach("fetch", "--quiet", "--depth=1", "--no-tags", WITHOUT_LARGE, remote.url, f"+HEAD:{_BASE}")
        head = _commit(git, _BASE)
        _leave_out(git, fetch_wanted(git, remote.url, head, may_hold_facts))
        git.run("checkout", "--quiet", "--force", "--detach", _BASE)
    return head


def _leave_out(git: Git, paths: Sequence[str]) -> None:
    """Has git lay out everything but these files."""
    patterns = git.folder / ".git" / "info" / "sparse-checkout"
    if not paths and not patterns.exists():
        return
    patterns.parent.mkdir(exist_ok=True)
    # A file of patterns has one a line: any character may stand where a path has the end of one.
    lines = ["!/" + _SPECIAL.sub(r"\\\g<0>", path).replace("\n", "?") for path in paths]
    patterns.write_bytes(os.fsencode("\n".join(["/*", *lines]) + "\n"))
    git.run("config", "core.sparseCheckout", "true")


def _is_whole(git: Git) -> bool:
    if not (git.folder / ".git" / "HEAD").is_file():
        return False
    try:
        return git.text("config", "remote.origin.url") != ""
    except GitError:
        return False


def _commit(git: Git, name: str) -> str:
    try:
        return git.text("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except GitError:
        return ""
