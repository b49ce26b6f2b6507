"""`cnpfix pr`: fixes on branches, and pull requests that are kept up to date."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rewriter.cli.errors import UsageError
from rewriter.cli.options import Color


class GroupBy(StrEnum):
    NONE = "none"
    NAMESPACE = "namespace"
    DIRECTORY = "directory"
    CODEOWNERS = "codeowners"
    PASS = "pass"


class Forge(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    FORGEJO = "forgejo"


def pr(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="Files and folders of the checkout.", show_default=".")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show branches, commits, diffs and requests; change nothing anywhere.")
    ] = False,
    group_by: Annotated[
        GroupBy, typer.Option("--group-by", help="What gets a branch and a pull request of its own.")
    ] = GroupBy.NONE,
    from_version: Annotated[
        str | None, typer.Option("--from", metavar="VERSION", help="Cilium that runs today.")
    ] = None,
    to_version: Annotated[str | None, typer.Option("--to", metavar="VERSION", help="Cilium to be ready for.")] = None,
    select: Annotated[list[str] | None, typer.Option("--select", metavar="ID", help="Passes to run.")] = None,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", metavar="ID", help="Passes not to run.")] = None,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="Also propose fixes that are guesses, in requests of their own.")
    ] = False,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE")] = None,
    inventory: Annotated[list[Path] | None, typer.Option("--inventory", metavar="FILE", help="Cluster facts.")] = None,
    remote: Annotated[str, typer.Option("--remote", metavar="NAME", help="The remote to push to.")] = "origin",
    base: Annotated[
        str | None, typer.Option("--base", metavar="BRANCH", help="Default: the remote's default branch.")
    ] = None,
    branch: Annotated[
        str | None, typer.Option("--branch", metavar="NAME", help="Default: cnpfix/VERSION; groups add a suffix.")
    ] = None,
    forge: Annotated[Forge | None, typer.Option("--forge", help="Default: as the remote's host tells.")] = None,
    api_url: Annotated[str | None, typer.Option("--api-url", metavar="URL", help="Of a self-hosted forge.")] = None,
    ca_bundle: Annotated[
        Path | None, typer.Option("--ca-bundle", metavar="FILE", help="Certificate authorities to trust.")
    ] = None,
    label: Annotated[list[str] | None, typer.Option("--label", metavar="NAME", help="Labels; repeatable.")] = None,
    reviewer: Annotated[
        list[str] | None, typer.Option("--reviewer", metavar="NAME", help="User, or org/team; repeatable.")
    ] = None,
    owners: Annotated[bool, typer.Option("--owners/--no-owners", help="Ask the files' CODEOWNERS to review.")] = True,
    draft: Annotated[bool, typer.Option("--draft", help="Open requests as drafts.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Open no more requests than this at a time.")] = 20,
    author: Annotated[
        str | None, typer.Option("--author", metavar="'NAME <MAIL>'", help="Of the commits; default: cnpfix.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Processes; 0 means as many as help.")] = 0,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="With --dry-run: also the requests' bodies.")
    ] = False,
    color: Annotated[Color, typer.Option("--color", help="Colour the output.")] = Color.AUTO,
) -> int:
    """Propose the fixes as pull requests on GitHub, GitLab, Gitea or Forgejo, and keep them up to date.

    Reads the base branch as the remote has it; the checkout, its branches and uncommitted work are never touched.
    Run it again at any time: a request is updated, never made twice; a branch with somebody's own commit is left to
    them; a request of which nothing is left is closed.

    The token comes from CNPFIX_TOKEN, or GH_TOKEN or GITHUB_TOKEN (another host than github.com: GH_ENTERPRISE_TOKEN,
    GITHUB_ENTERPRISE_TOKEN), GITLAB_TOKEN or CI_JOB_TOKEN, GITEA_TOKEN, FORGEJO_TOKEN.

    Exit codes: 0 fine, 2 usage, unreadable input, or a request that could not be made.
    """
    from rewriter.bot.clone import DEFAULT_IDENTITY
    from rewriter.bot.errors import BotError
    from rewriter.cli import pr_run

    asked = pr_run.Asked(
        paths=tuple(paths or (".",)),
        dry_run=dry_run,
        group_by=group_by.value,
        from_version=from_version,
        to_version=to_version,
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
        unsafe_fixes=unsafe_fixes,
        config=config,
        inventories=tuple(inventory or ()),
        remote=remote,
        base=base,
        branch=branch,
        forge=forge.value if forge else None,
        api_url=api_url,
        ca_bundle=ca_bundle,
        labels=tuple(label or ()),
        reviewers=tuple(reviewer or ()),
        owners=owners,
        draft=draft,
        limit=limit,
        author=author or DEFAULT_IDENTITY,
        jobs=jobs,
        verbose=verbose,
        color=color.value,
    )
    try:
        return pr_run.run(asked)
    except BotError as error:
        raise UsageError(str(error)) from None
