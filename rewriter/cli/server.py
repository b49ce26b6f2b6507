"""`cnpfix server`: findings and fixes in an editor, by the Language Server Protocol."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rewriter.cli.options import Config, FromVersion, Ignore, Inventory, Select, ToVersion


def server(
    stdio: Annotated[
        bool, typer.Option("--stdio", help="Use stdin and stdout, as the server always does.", show_default=False)
    ] = True,
    from_version: FromVersion = None,
    to_version: ToVersion = None,
    select: Select = None,
    ignore: Ignore = None,
    inventory: Inventory = None,
    config: Config = None,
) -> int:
    """Serve an editor by the Language Server Protocol: diagnostics, hovers and quick fixes as you type.

    Each folder that the editor opens is one repository: its configuration and its manifests are the facts. They are
    read anew when a file is saved. The server never writes a file; the editor makes the edits.
    """
    from rewriter.cli.pass_names import passes_named
    from rewriter.server.analysis import Wishes
    from rewriter.server.loop import serve

    wishes = Wishes(
        config=config.absolute() if config else None,
        from_version=from_version,
        to_version=to_version,
        inventories=tuple(path.absolute() for path in inventory or ()),
        select=passes_named(select) if select else None,
        ignore=passes_named(ignore) if ignore else frozenset(),
    )
    # Nothing but messages goes to the editor.
    target, sys.stdout = sys.stdout.buffer, sys.stderr
    # Unbuffered: at the end Python would wait for a buffered reader, which waits for the editor.
    source = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)  # noqa: SIM115 - read to the end
    return serve(source, target, wishes)
