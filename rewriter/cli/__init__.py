"""The command line: parse, call, print."""

from rewriter.cli.app import run

__all__ = ["run"]
