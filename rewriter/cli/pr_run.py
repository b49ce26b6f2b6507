"""Runs the bot for a command line: checkout, clone, fixes, groups, requests."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rewriter.bot.body import digest
from rewriter.bot.clone import Clone, open_clone
from rewriter.bot.codeowners import OwnersOf, read_owners
from rewriter.bot.errors import BotError
from rewriter.bot.fixes import Fixes, fixer_of, fixes_of, inside
from rewriter.bot.forge import Forge
from rewriter.bot.forges import open_forge
from rewriter.bot.git import Git
from rewriter.bot.groups import Group, GroupBy, as_unsafe, grouped, of_pass
from rewriter.bot.http import ca_bundle_of
from rewriter.bot.remote import ForgeProject, Remote, parse_remote, project_of
from rewriter.bot.retry import Clock
from rewriter.bot.run import Action, Settings, run_bot
from rewriter.bot.token import Token, find_token, variables_for
from rewriter.cli import pr_text
from rewriter.cli.errors import UsageError
from rewriter.cli.options import open_for, options_for
from rewriter.cli.printing import say, tell
from rewriter.discovery.git import top_of
from rewriter.engine.fixer import Options
from rewriter.engine.workspace import Request, Workspace
from rewriter.output.style import style_for


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, as `cli.pr` documents it."""

    paths: tuple[str, ...]
    dry_run: bool
    group_by: str
    from_version: str | None
    to_version: str | None
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    unsafe_fixes: bool
    config: Path | None
    inventories: tuple[Path, ...]
    remote: str
    base: str | None
    branch: str | None
    forge: str | None
    api_url: str | None
    ca_bundle: Path | None
    insecure: bool
    labels: tuple[str, ...]
    reviewers: tuple[str, ...]
    owners: bool
    draft: bool
    limit: int
    author: str
    jobs: int
    verbose: bool
    color: str


@dataclass(frozen=True, slots=True)
class _Server:
    """Where the requests go, and how to get there."""

    checkout: Git
    root: Path
    remote: Remote
    project: ForgeProject
    token: Token | None
    ca_bundle: Path | None


def run(asked: Asked, clock: Clock | None = None) -> int:
    """Does what is asked and prints what becomes of each group. Returns the exit code. Raises BotError."""
    server = _server(asked, clock or Clock())
    names = tuple(_in_repository(name, server.root) for name in asked.paths)
    inventories = tuple(path.absolute() for path in asked.inventories)
    with open_clone(server.checkout, server.remote, asked.base, asked.author) as clone:
        config = _config_in(clone.tree, asked.config, server.root)
        with inside(clone.tree):
            _check_paths(names, clone)
            request = Request(names, config, asked.from_version, asked.to_version, inventories)
            workspace = open_for(request)
            owners = read_owners(clone.tree, server.project.kind)
            groups, fixes = _groups(asked, workspace, owners)
        settings = _settings(asked, workspace, names)
        clone = clone.on(settings.branch)
        with _forge(server, clock or Clock()) as forge:
            return _print(asked, server, clone, forge, groups, fixes, settings)


def _server(asked: Asked, clock: Clock) -> _Server:
    ca_bundle = ca_bundle_of(asked.ca_bundle, os.environ)
    if ca_bundle is not None and not ca_bundle.is_file():
        raise UsageError(f"{ca_bundle}: no such file of certificate authorities")
    git = Git(Path.cwd(), ca_bundle=ca_bundle, clock=clock)
    try:
        top = Path(git.text("rev-parse", "--show-toplevel"))
    except BotError as error:
        raise UsageError(f"cnpfix pr runs in a git checkout, and this is none: {error}") from None
    root = top_of(git.folder) or top
    git = replace(git, folder=root)
    try:
        remote = parse_remote(git.text("remote", "get-url", "--", asked.remote))
    except BotError as error:
        raise UsageError(f"--remote {asked.remote}: {error}") from None
    project = project_of(remote, asked.forge, asked.api_url, os.environ)
    token = find_token(project, os.environ)
    if token is None and not asked.dry_run:
        raise UsageError(f"no token for {project.host}: set {' or '.join(variables_for(project))} in the environment")
    if (project.is_unencrypted or remote.is_unencrypted) and not asked.insecure:
        clear = project.api if project.is_unencrypted else remote.web
        raise UsageError(
            f"{clear} is plain HTTP: anybody on the way can read the token and change what is pushed; use https, or "
            "give --insecure"
        )
    if token is not None and remote.is_http:
        git = replace(git, token=token, server=remote.web, url=remote.url)
    return _Server(git, root, remote, project, token, ca_bundle)


def _in_repository(name: str, root: Path) -> str:
    """A path of the command line as the repository has it."""
    if name == "-":
        raise UsageError("`-` has no place in a pull request; give files and folders of the checkout")
    path = Path(os.path.normpath(Path.cwd() / name))
    try:
        return str(path.relative_to(root))
    except ValueError:
        raise UsageError(f"{name}: is not in the checkout at {root}") from None


def _check_paths(names: tuple[str, ...], clone: Clone) -> None:
    for name in names:
        if not Path(name).exists():
            raise UsageError(f"{name}: {clone.base_branch} on the remote has no manifests there")


def _config_in(tree: Path, given: Path | None, root: Path) -> Path | None:
    """The configuration that was given, laid where its globs mean what they mean in the checkout."""
    if given is None:
        return None
    file = Path(os.path.normpath(given.absolute()))
    target = tree / (file.relative_to(root) if file.is_relative_to(root) else file.name)
    if target.is_symlink() or not target.resolve().is_relative_to(tree.resolve()):
        raise UsageError(f"--config {given}: leads out of the repository")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    except OSError as error:
        raise UsageError(f"--config {given}: cannot be read: {error.strerror or error}") from None
    return target


def _groups(asked: Asked, workspace: Workspace, owners: OwnersOf) -> tuple[list[Group], list[Fixes]]:
    """The groups of all runs of the fixer that are needed, and what each run gave."""
    options = options_for(workspace, asked.select, asked.ignore)
    groups, runs = _groups_with(asked, workspace, owners, options)
    if asked.unsafe_fixes:
        unsafe = replace(options, unsafe_fixes=True, safe_fixes=False)
        more, more_runs = _groups_with(asked, workspace, owners, unsafe)
        groups += [as_unsafe(group) for group in more]
        runs += more_runs
    return groups, runs


def _groups_with(
    asked: Asked, workspace: Workspace, owners: OwnersOf, options: Options
) -> tuple[list[Group], list[Fixes]]:
    by = GroupBy(asked.group_by)
    fixes = fixes_of(workspace, options, asked.jobs)
    if by is not GroupBy.PASS:
        return grouped(fixes, by, owners, fixer_of(workspace, options)), [fixes]
    groups: list[Group] = []
    runs = [fixes]
    for name in sorted({item.finding.id for result in fixes.results for item in result.findings if item.fixed}):
        alone = replace(options, select=frozenset({name}))
        runs.append(fixes_of(workspace, alone, asked.jobs))
        groups += of_pass(name, runs[-1], owners, fixer_of(workspace, alone))
    return groups, runs


def _settings(asked: Asked, workspace: Workspace, names: tuple[str, ...]) -> Settings:
    return Settings(
        branch=asked.branch or f"cnpfix/{workspace.to_version}",
        scope=digest(*sorted(set(names))),
        from_version=str(workspace.from_version),
        to_version=str(workspace.to_version),
        labels=asked.labels,
        reviewers=asked.reviewers,
        ask_owners=asked.owners,
        draft=asked.draft,
        limit=asked.limit,
        unsafe=asked.unsafe_fixes,
        dry_run=asked.dry_run,
    )


@contextlib.contextmanager
def _forge(server: _Server, clock: Clock) -> Iterator[Forge | None]:
    if server.token is None:
        yield None
        return
    with open_forge(server.project, server.token, server.ca_bundle, clock) as forge:
        yield forge


def _print(
    asked: Asked,
    server: _Server,
    clone: Clone,
    forge: Forge | None,
    groups: list[Group],
    runs: list[Fixes],
    settings: Settings,
) -> int:
    style = style_for(sys.stdout, asked.color)
    errors = list(dict.fromkeys(str(error) for fixes in runs for error in fixes.errors))
    where = f"{server.remote.host}/{server.project.path}"
    say(pr_text.head(settings, clone, where, style, asked=forge is not None))
    outcomes = []
    for outcome in run_bot(clone, forge, groups, settings, complete=not errors):
        outcomes.append(outcome)
        say(pr_text.outcome(outcome, settings, style, verbose=asked.verbose))
    say(pr_text.summary(outcomes, settings, style))
    for error in errors:
        tell(error)
    failed = any(outcome.action is Action.FAILED for outcome in outcomes)
    return 2 if errors or failed else 0
