"""Runs the bot for a command line: checkout, clone, fixes, groups, requests."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rewriter.bot.body import Surroundings
from rewriter.bot.clone import Clone, open_clone, open_local_clone
from rewriter.bot.codeowners import OwnersOf, read_owners
from rewriter.bot.dashboard import dashboard_of, keep_dashboard
from rewriter.bot.fixes import Fixes, fixer_of, fixes_of, inside
from rewriter.bot.forge import Forge
from rewriter.bot.git import GitError
from rewriter.bot.group_by import GroupBy
from rewriter.bot.groups import Group, as_unsafe, grouped, of_pass, with_pictures
from rewriter.bot.links import links_of
from rewriter.bot.marker import digest
from rewriter.bot.remote import ForgeKind
from rewriter.bot.retry import Clock
from rewriter.bot.run import Action, Outcome, Settings, run_bot
from rewriter.cli import pr_text
from rewriter.cli.errors import UsageError
from rewriter.cli.forge_place import Server, Wanted, forge_of, server_of
from rewriter.cli.options import cache_for, open_for, options_for, write_file
from rewriter.cli.printing import say, warn
from rewriter.discovery import MAX_BYTES, read_bounded, why_unread
from rewriter.engine.results.once import reported_once
from rewriter.engine.results.result import Reported
from rewriter.engine.run.not_checked import not_checked
from rewriter.engine.run.run_options import Options
from rewriter.engine.run.workspace import Request, Workspace
from rewriter.output.links import NO_LINKS
from rewriter.output.style import style_for
from rewriter.records import dataclass

_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, as `cli.pr` documents it; None where it says nothing that the configuration may say."""

    wanted: Wanted
    paths: tuple[str, ...]
    dry_run: bool
    group_by: str | None
    from_version: str | None
    to_version: str | None
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    unsafe_fixes: bool
    config: Path | None
    inventories: tuple[Path, ...]
    base: str | None
    branch: str | None
    labels: tuple[str, ...]
    reviewers: tuple[str, ...]
    owners: bool | None
    draft: bool | None
    limit: int | None
    dashboard: bool | None
    output: Path | None
    author: str
    jobs: int
    verbose: bool
    color: str


def run(asked: Asked, clock: Clock | None = None) -> int:
    """Does what is asked and prints what becomes of each group. Returns the exit code. Raises BotError."""
    server = server_of(asked.wanted, "cnpfix pr", clock or Clock())
    names = tuple(_in_repository(name, server.root) for name in asked.paths)
    inventories = tuple(path.absolute() for path in asked.inventories)
    bodies = _bodies(asked) if asked.dry_run else None
    with _clone(asked, server) as (server, clone):
        config = _config_in(clone.tree, asked.config, server.root)
        with inside(clone.tree):
            _check_paths(names, clone)
            request = Request(names, config, asked.from_version, asked.to_version, inventories, cache=cache_for())
            workspace = open_for(request)
            asked = _by_config(asked, workspace)
            owners = read_owners(clone.tree, server.project.kind if server.project else ForgeKind.GITHUB)
            groups, fixes = _groups(asked, workspace, owners)
            groups = [with_pictures(group, workspace) for group in groups]
            around = _around(server, clone, workspace, fixes)
        settings = _settings(asked, workspace, names, around)
        clone = clone.on(settings.branch)
        with forge_of(server, clock or Clock()) as forge:
            return _print(asked, server, clone, forge, groups, fixes, settings, bodies)


@contextlib.contextmanager
def _clone(asked: Asked, server: Server) -> Iterator[tuple[Server, Clone]]:
    """The repository at its base; in a dry run, where the server cannot be reached, as it was fetched last."""
    with contextlib.ExitStack() as stack:
        remote = None if asked.wanted.offline else server.remote
        if remote is not None:
            try:
                clone = stack.enter_context(open_clone(server.checkout, remote, asked.base, asked.author))
                yield server, clone
                return
            except GitError as error:
                if not asked.dry_run:
                    raise
                server = replace(server, why=f"{remote.host} does not answer ({error})")
        server = replace(server, token=None, why=server.why or "--offline")
        local = open_local_clone(server.checkout, asked.wanted.remote, asked.base, asked.author)
        yield server, stack.enter_context(local)


def _bodies(asked: Asked) -> Path:
    """The folder for the texts of a dry run's requests. Raises UsageError."""
    if asked.output is None:
        return Path(tempfile.mkdtemp(prefix="cnpfix-pr-"))
    try:
        asked.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--output {asked.output}: cannot be made: {error.strerror or error}") from None
    return asked.output.absolute()


def _by_config(asked: Asked, workspace: Workspace) -> Asked:
    """What is asked, with what `[pr]` says where the command line says nothing."""
    given = workspace.config.pull_requests
    return replace(
        asked,
        group_by=asked.group_by or given.group_by or GroupBy.NONE,
        branch=asked.branch or given.branch,
        labels=tuple(dict.fromkeys((*given.labels, *asked.labels))),
        reviewers=tuple(dict.fromkeys((*given.reviewers, *asked.reviewers))),
        owners=_first(asked.owners, given.owners, True),
        draft=_first(asked.draft, given.draft, False),
        dashboard=_first(asked.dashboard, given.dashboard, False),
        limit=asked.limit or given.limit or _LIMIT,
    )


def _first(asked: bool | None, given: bool | None, usual: bool) -> bool:
    return next(choice for choice in (asked, given, usual) if choice is not None)


def _around(server: Server, clone: Clone, workspace: Workspace, runs: list[Fixes]) -> Surroundings:
    links = NO_LINKS
    if server.project is not None and server.remote is not None:
        links = links_of(server.project, server.remote, clone.base, clone.modes)
    unread = not_checked(workspace, [result for fixes in runs for result in fixes.results])
    return Surroundings(links, unread, workspace.config.pull_requests.title)


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
        target.write_bytes(read_bounded(file, MAX_BYTES))
    except OSError as error:
        raise UsageError(f"--config {given}: {why_unread(given, error)}") from None
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
    by = GroupBy(asked.group_by or GroupBy.NONE)
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


def _settings(asked: Asked, workspace: Workspace, names: tuple[str, ...], around: Surroundings) -> Settings:
    return Settings(
        branch=asked.branch or f"cnpfix/{workspace.to_version}",
        scope=digest(*sorted(set(names))),
        from_version=str(workspace.from_version),
        to_version=str(workspace.to_version),
        labels=asked.labels,
        reviewers=asked.reviewers,
        ask_owners=asked.owners is not False,
        draft=asked.draft is True,
        limit=asked.limit or _LIMIT,
        unsafe=asked.unsafe_fixes,
        dry_run=asked.dry_run,
        around=around,
    )


def _print(
    asked: Asked,
    server: Server,
    clone: Clone,
    forge: Forge | None,
    groups: list[Group],
    runs: list[Fixes],
    settings: Settings,
    bodies: Path | None,
) -> int:
    style = style_for(sys.stdout, asked.color)
    errors = list(dict.fromkeys(str(error) for fixes in runs for error in fixes.errors))
    unasked = "" if forge is not None else server.why or "no token"
    say(pr_text.head(settings, clone, server.name, style, unasked=unasked))
    outcomes = []
    for outcome in run_bot(clone, forge, groups, settings, complete=not errors):
        outcomes.append(outcome)
        body = _write_body(bodies, outcome) if bodies is not None else None
        say(pr_text.outcome(outcome, settings, style, verbose=asked.verbose, body=body))
    say(pr_text.summary(outcomes, settings, style))
    if asked.dashboard:
        kept = dashboard_of(outcomes, _left(runs), settings)
        if bodies is not None:
            write_file(bodies / "dashboard.md", kept.text)
            say([f"dashboard    {bodies / 'dashboard.md'}"])
        elif forge is not None:
            say([f"dashboard    {' '.join(filter(None, keep_dashboard(forge, kept)))}"])
    for error in errors:
        warn(error)
    failed = any(outcome.action is Action.FAILED for outcome in outcomes)
    return 2 if errors or failed else 0


def _left(runs: list[Fixes]) -> tuple[Reported, ...]:
    """The findings that the run for all passes, which is the first, left to people."""
    found = [item for result in runs[0].results for item in result.findings if not item.fixed]
    return reported_once(found)


def _write_body(folder: Path, outcome: Outcome) -> Path | None:
    """The file with the text of a request that a dry run would open or update; None where there is no such text."""
    if outcome.words is None:
        return None
    path = folder / f"{outcome.branch.replace('/', '-')}.md"
    write_file(path, f"{outcome.words.body}")
    return path
