"""`cnpfix config schema`: the JSON schema of the configuration, for editors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from rewriter.cli.options import write_file

config_app = typer.Typer(
    help="About the configuration, cnpfix.toml.", no_args_is_help=True, rich_markup_mode="markdown"
)


@config_app.callback()
def _config() -> None:
    """About the configuration, cnpfix.toml."""


@config_app.command()
def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead of stdout.")
    ] = None,
) -> int:
    """Print the JSON schema of cnpfix.toml: editors complete its keys with it, and mark what is wrong.

    With taplo or Even Better TOML: `cnpfix config schema -o cnpfix.schema.json`, and as the first line of cnpfix.toml
    `#:schema ./cnpfix.schema.json`.
    """
    from rewriter.config.schema import config_schema
    from rewriter.passes import PASS_IDS

    text = json.dumps(config_schema(PASS_IDS), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        write_file(output, text)
    return 0
