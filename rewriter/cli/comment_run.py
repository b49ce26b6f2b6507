"""Compares the two sides of a pull request and puts the result on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from rewriter import patterns as re
from rewriter.bot.clone import Clone, open_commit
from rewriter.bot.comment import Compared, changes_anything, comment_text, post_comment
from rewriter.bot.fixes import inside
from rewriter.bot.git import GitError
from rewriter.bot.links import links_of
from rewriter.bot.retry import Clock
from rewriter.cilium.digits import is_number
from rewriter.cli.errors import UsageError
from rewriter.cli.forge_place import Server, Wanted, forge_of, server_of
from rewriter.cli.options import cache_for, open_for
from rewriter.cli.printing import say, warn
from rewriter.cli.revision import commit_of, made_like
from rewriter.engine.run.impact import impact_of
from rewriter.engine.run.impact_result import Impact
from rewriter.engine.run.rewrites import rewritten_by_hand
from rewriter.engine.run.workspace import Request, WorkspaceError
from rewriter.output.links import NO_LINKS
from rewriter.output.style import logged
from rewriter.records import dataclass

_GITHUB_REF = re.compile(r"refs/pull/(\d+)/")
_SHORT = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, as `cli.comment` documents it."""

    wanted: Wanted
    path: str
    base: str | None
    head: str
    number: int | None
    dry_run: bool
    version: str | None
    inventories: tuple[Path, ...]
    jobs: int


def run(asked: Asked, clock: Clock | None = None) -> int:
    """Does what is asked. Returns the exit code. Raises BotError and UsageError."""
    clock = clock or Clock()
    server = server_of(asked.wanted, "cnpfix comment", clock)
    number = asked.number or request_number(os.environ)
    if number is None and not asked.dry_run:
        raise UsageError("which pull request? Give --request, or --dry-run to print the comment")
    head = commit_of(server.checkout, asked.head)
    if head is None:
        raise UsageError(f"--head {asked.head}: no such commit in the checkout")
    base = _base(asked, server, head)
    impact, compared = _compared(asked, server, base, head)
    text = comment_text(impact, compared)
    for problem in impact.errors:
        warn(problem)
    code = 2 if impact.errors else 0
    if asked.dry_run:
        sys.stdout.write(logged(text))
        return code
    with forge_of(server, clock) as forge:
        assert forge is not None and number is not None
        done = post_comment(forge, number, text, needed=changes_anything(impact))
    say([f"{server.name}: comment on request {number} {done}"])
    return code


def request_number(environment: Mapping[str, str]) -> int | None:
    """The request that a pipeline runs for; None outside of one."""
    found = _GITHUB_REF.match(environment.get("GITHUB_REF", ""))
    text = found[1] if found else environment.get("CI_MERGE_REQUEST_IID", "")
    return int(text) if is_number(text) else None


def _bases(asked: Asked, environment: Mapping[str, str]) -> Iterator[str]:
    """The revisions to compare with, the first one that is there counts."""
    if asked.base is not None:
        yield asked.base
        return
    if sha := environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA"):
        yield sha
    if target := environment.get("GITHUB_BASE_REF") or environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        yield f"refs/remotes/{asked.wanted.remote}/{target}"
    yield f"refs/remotes/{asked.wanted.remote}/HEAD"


def _base(asked: Asked, server: Server, head: str) -> str:
    """The commit that head grew from. Raises UsageError."""
    tried = list(_bases(asked, os.environ))
    commit = next((found for name in tried if (found := commit_of(server.checkout, name))), None)
    if commit is None:
        raise UsageError(
            f"no commit to compare with: the checkout does not have {' or '.join(tried)}; "
            "fetch the target branch (actions/checkout: fetch-depth: 0), or give --base"
        )
    try:
        return server.checkout.text("merge-base", commit, head)
    except GitError:
        return commit  # A shallow checkout does not know where they part.


def _compared(asked: Asked, server: Server, base: str, head: str) -> tuple[Impact, Compared]:
    name = _in_checkout(asked.path, server.root)
    inventories = tuple(path.absolute() for path in asked.inventories)
    with open_commit(server.checkout, base) as old, open_commit(server.checkout, head) as new:
        if not (old.tree / name).exists() and not (new.tree / name).exists():
            raise UsageError(f"{asked.path}: neither side of the request has manifests there")
        before = made_like(old.tree / name, new.tree / name)
        made_like(new.tree / name, old.tree / name)
        with inside(new.tree):
            request = Request((name,), None, asked.version, asked.version, inventories, cache=cache_for())
            workspace = open_for(request)
            workspace.to_version = workspace.from_version
            try:
                rewrites = rewritten_by_hand(workspace, before, request.names)
            except WorkspaceError as error:
                raise UsageError(str(error)) from None
            impact = impact_of(workspace, rewrites, jobs=asked.jobs, by_hand=True)
            version = str(workspace.from_version)
    return impact, _described(server, base, new, version)


def _described(server: Server, base: str, new: Clone, version: str) -> Compared:
    links = NO_LINKS
    if server.project is not None and server.remote is not None:
        links = links_of(server.project, server.remote, new.base, new.modes)
    return Compared(base[:_SHORT], new.base[:_SHORT], version, links)


def _in_checkout(name: str, root: Path) -> str:
    path = Path(os.path.normpath(Path.cwd() / name))
    try:
        return str(path.relative_to(root))
    except ValueError:
        raise UsageError(f"{name}: is not in the checkout at {root}") from None
