"""`cnpfix pr`: fixes on branches, and pull requests that are kept up to date."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rewriter.bot.group_by import GroupBy
from rewriter.cli.errors import UsageError
from rewriter.cli.options import (
    Color,
    ColorOption,
    Config,
    FromVersion,
    Ignore,
    Inventory,
    Jobs,
    Paths,
    Select,
    ToVersion,
)

# Panels of its help.
_REQUESTS = "Requests"
_REMOTE = "Remote and forge"


class Forge(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    FORGEJO = "forgejo"


RemoteName = Annotated[
    str, typer.Option("--remote", metavar="NAME", help="The remote of the checkout.", rich_help_panel=_REMOTE)
]
ForgeName = Annotated[
    Forge | None,
    typer.Option(
        "--forge",
        metavar="NAME",
        help="github, gitlab, gitea or forgejo. Default: by the host of the remote.",
        rich_help_panel=_REMOTE,
    ),
]
ApiUrl = Annotated[
    str | None,
    typer.Option("--api-url", metavar="URL", help="The API of a self-hosted forge.", rich_help_panel=_REMOTE),
]
CaBundle = Annotated[
    Path | None,
    typer.Option("--ca-bundle", metavar="FILE", help="Certificate authorities to trust.", rich_help_panel=_REMOTE),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Allow plain HTTP to another machine.", rich_help_panel=_REMOTE)
]

_BODIES = "With --dry-run: the folder for the requests' texts. Default: a new one for temporary files."


def pr(
    paths: Paths = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show branches, commits, diffs and requests; change nothing anywhere.")
    ] = False,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="Also propose the unsafe fixes, in requests of their own.")
    ] = False,
    from_version: FromVersion = None,
    to_version: ToVersion = None,
    select: Select = None,
    ignore: Ignore = None,
    config: Config = None,
    inventory: Inventory = None,
    group_by: Annotated[
        GroupBy | None,
        typer.Option(
            "--group-by",
            metavar="WHAT",
            help="One request for each namespace, directory, codeowners or pass; none makes a single request.",
            rich_help_panel=_REQUESTS,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", metavar="NAME", help="A label for the requests; repeatable.", rich_help_panel=_REQUESTS
        ),
    ] = None,
    reviewer: Annotated[
        list[str] | None,
        typer.Option(
            "--reviewer",
            metavar="NAME",
            help="Who reviews: a user, or org/team; repeatable.",
            rich_help_panel=_REQUESTS,
        ),
    ] = None,
    owners: Annotated[
        bool | None,
        typer.Option(
            "--owners/--no-owners",
            help="Ask the files' CODEOWNERS to review. Default: ask.",
            show_default=False,
            rich_help_panel=_REQUESTS,
        ),
    ] = None,
    draft: Annotated[
        bool | None,
        typer.Option(
            "--draft/--no-draft", help="Open the requests as drafts.", show_default=False, rich_help_panel=_REQUESTS
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            help="How many requests may be open at the same time. Default: 20.",
            rich_help_panel=_REQUESTS,
        ),
    ] = None,
    dashboard: Annotated[
        bool | None,
        typer.Option(
            "--dashboard/--no-dashboard",
            help="Keep an issue that says what is open and what is left to people.",
            show_default=False,
            rich_help_panel=_REQUESTS,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help=_BODIES, rich_help_panel=_REQUESTS),
    ] = None,
    remote: RemoteName = "origin",
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="BRANCH",
            help="The branch to start from. Default: the remote's default branch.",
            rich_help_panel=_REMOTE,
        ),
    ] = None,
    branch: Annotated[
        str | None,
        typer.Option(
            "--branch",
            metavar="NAME",
            help="The branch to push. Default: cnpfix/VERSION; groups add a suffix.",
            rich_help_panel=_REMOTE,
        ),
    ] = None,
    author: Annotated[
        str | None,
        typer.Option(
            "--author",
            metavar="'NAME <MAIL>'",
            help="The author of the commits. Default: cnpfix.",
            rich_help_panel=_REMOTE,
        ),
    ] = None,
    forge: ForgeName = None,
    api_url: ApiUrl = None,
    ca_bundle: CaBundle = None,
    insecure: Insecure = False,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="With --dry-run: contact neither remote nor forge; the base is the commit fetched last.",
            rich_help_panel=_REMOTE,
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="With --dry-run: also the requests' bodies.")
    ] = False,
    color: ColorOption = Color.AUTO,
    jobs: Jobs = 0,
) -> int:
    """Propose the fixes as pull requests on GitHub, GitLab, Gitea or Forgejo, and keep them up to date.

    cnpfix reads the base branch as the remote has it, and never touches the checkout, its branches or uncommitted work.
    Run it again at any time: it updates a request instead of opening a second one, leaves a branch alone to which a
    person has committed, and closes a request when no change is left.

    The token comes from CNPFIX_TOKEN, or GH_TOKEN or GITHUB_TOKEN (another host than github.com: GH_ENTERPRISE_TOKEN,
    GITHUB_ENTERPRISE_TOKEN), GITLAB_TOKEN or CI_JOB_TOKEN, GITEA_TOKEN, FORGEJO_TOKEN.

    A dry run works in any checkout: without a remote, or one that cannot be reached, the base is the commit that was
    fetched last, else the one that is checked out. It writes the text of each request to a file.

    `[pr]` in the configuration sets the options that the command line does not give.

    Exit codes: 0 fine, 2 usage, unreadable input, or a request that could not be made.
    """
    from rewriter.bot.clone import DEFAULT_IDENTITY
    from rewriter.bot.errors import BotError
    from rewriter.cli import pr_run
    from rewriter.cli.forge_place import Wanted

    if (output is not None or offline) and not dry_run:
        raise UsageError(f"{'--output' if output is not None else '--offline'} goes with --dry-run")
    asked = pr_run.Asked(
        paths=tuple(paths or (".",)),
        dry_run=dry_run,
        group_by=group_by.value if group_by else None,
        from_version=from_version,
        to_version=to_version,
        select=tuple(select or ()),
        ignore=tuple(ignore or ()),
        unsafe_fixes=unsafe_fixes,
        config=config,
        inventories=tuple(inventory or ()),
        wanted=Wanted(remote, forge.value if forge else None, api_url, ca_bundle, insecure, dry_run, offline),
        base=base,
        branch=branch,
        labels=tuple(label or ()),
        reviewers=tuple(reviewer or ()),
        owners=owners,
        draft=draft,
        limit=limit,
        dashboard=dashboard,
        output=output,
        author=author or DEFAULT_IDENTITY,
        jobs=jobs,
        verbose=verbose,
        color=color.value,
    )
    try:
        return pr_run.run(asked)
    except BotError as error:
        raise UsageError(str(error)) from None
