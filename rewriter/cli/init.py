"""`cnpfix init`: a commented `cnpfix.toml` from what the repository holds."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from rewriter.cli.errors import UsageError
from rewriter.cli.options import cache_for, open_for
from rewriter.cli.printing import warn
from rewriter.config.load import FILE_NAME, find_config
from rewriter.engine.run.workspace import Request
from rewriter.engine.run.write import temporary
from rewriter.output.style import escaped_marks


def init(
    path: Annotated[str, typer.Argument(metavar="PATH", help="The folder that the config is for.")] = ".",
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file to write; `-` prints it. Default: cnpfix.toml in PATH."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> int:
    """Write a commented cnpfix.toml with the clusters and versions that the repository holds, and their sources."""
    from rewriter.cli.init_config import render_config

    folder = Path(path)
    if not folder.is_dir():
        raise UsageError(f"{path}: is not a folder; name the folder that the config is for")
    target = folder / FILE_NAME if output is None else Path(output)
    if output != "-" and not force and target.exists():
        raise UsageError(f"{target}: is there already; give --force to overwrite it, or -o - to print")
    workspace = open_for(Request(names=(path,), ignore_config=True, cache=cache_for()))
    text = render_config(workspace, folder)
    if output == "-":
        sys.stdout.write(escaped_marks(text))
        return 0
    try:
        _write(target, text)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror or error}") from None
    warn(f"wrote {target}; read it before you rely on it")
    above = find_config(folder.resolve().parent)
    if above is not None:
        warn(f"below {path}, it takes the place of {above}: a file has one config, the nearest")
    return 0


def _write(target: Path, text: str) -> None:
    """In one go, so that a config is never half there."""
    with temporary(target.parent) as (descriptor, name):
        os.write(descriptor, text.encode())
        os.fchmod(descriptor, 0o666 & ~_umask())
        Path(name).replace(target)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
