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
            help="The commit to compare with. Default: the target branch that the pipeline names, else the remote's "
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
            help="The request's number. Default: the one that the pipeline runs for.",
            rich_help_panel=_REQUEST,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the comment; send nothing to the forge.")] = False,
    version: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="VERSION",
            help="The Cilium release that runs today; its rules count for both sides. Default: as "
            "configured, else the one that the facts name, else 1.18.",
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
    """Comment on a pull request with what its policy changes do to traffic.

    cnpfix keeps one comment per request, lists the flows that open first, and writes none where no policy changes its
    effect. It reads the commits of the base and the head, not the work tree, by the rules of the Cilium release that
    runs today and with the facts of the head.

    In the pipelines of GitHub, GitLab, Gitea and Forgejo it finds the request by itself. It takes the same tokens as
    `cnpfix pr`; they must allow it to write comments.

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
