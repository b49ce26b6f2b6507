"""`cnpfix comment`: what a pull request's changes of policies do to traffic, as one comment on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rewriter.cli.errors import UsageError
from rewriter.cli.options import FACTS, Inventory, Jobs
from rewriter.cli.pr import ApiUrl, CaBundle, ForgeName, Insecure, RemoteName

_REQUEST = "Request"


def comment(
    path: Annotated[
        str, typer.Argument(metavar="[PATH]", help="A file or folder of the checkout. Default: `.`", show_default=False)
    ] = ".",
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="REV",
            help="What the request is compared with. Default: its target branch, by the pipeline, else the remote's "
            "default branch.",
            rich_help_panel=_REQUEST,
        ),
    ] = None,
    head: Annotated[
        str,
        typer.Option("--head", metavar="REV", help="The request's commit.", rich_help_panel=_REQUEST),
    ] = "HEAD",
    request: Annotated[
        int | None,
        typer.Option(
            "--request",
            metavar="N",
            min=1,
            help="The request's number. Default: as the pipeline has it.",
            rich_help_panel=_REQUEST,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the comment; ask and change nothing.")] = False,
    version: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="VERSION",
            help="The Cilium that runs today, by which both are read. Default: as the facts have it, else 1.18.",
            rich_help_panel=FACTS,
        ),
    ] = None,
    inventory: Inventory = None,
    remote: RemoteName = "origin",
    forge: ForgeName = None,
    api_url: ApiUrl = None,
    ca_bundle: CaBundle = None,
    insecure: Insecure = False,
    jobs: Jobs = 0,
) -> int:
    """Say on a pull request what its changes of policies do to traffic: its base against its head.

    One comment, updated at each run, what opens first; none where no policy changes its effect. Both sides are read by
    the rules of the Cilium that runs today, with the facts of the head. Commits are read, not the work tree.

    In the pipelines of GitHub, GitLab, Gitea and Forgejo it finds the request by itself. Tokens are those of
    `cnpfix pr`; it must be allowed to write comments.

    Exit codes: 0 fine, 2 usage, unreadable input, or a comment that could not be written.
    """
    from rewriter.bot.errors import BotError
    from rewriter.cli import comment_run
    from rewriter.cli.forge_place import Wanted

    asked = comment_run.Asked(
        wanted=Wanted(remote, forge.value if forge else None, api_url, ca_bundle, insecure, dry_run),
        path=path,
        base=base,
        head=head,
        number=request,
        dry_run=dry_run,
        version=version,
        inventories=tuple(Path(path) for path in inventory or ()),
        jobs=jobs,
    )
    try:
        return comment_run.run(asked)
    except BotError as error:
        raise UsageError(str(error)) from None
