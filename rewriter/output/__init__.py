"""Reports: one file per format."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from rewriter.engine.results.result import Report

#: Every format that `--format` takes beside `text`, and the module that renders it.
FORMATS = {
    "json": "json_report",
    "sarif": "sarif",
    "github": "github",
    "gitlab": "gitlab",
    "markdown": "markdown",
    "junit": "junit",
}


def render(report: Report, name: str) -> str:
    """The report in one of `FORMATS`; only that format's module is imported."""
    renderer: Callable[[Report], str] = import_module(f"rewriter.output.{FORMATS[name]}").render
    return renderer(report)
