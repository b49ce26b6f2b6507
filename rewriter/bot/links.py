"""Addresses of lines on a forge's web pages."""

from __future__ import annotations

from collections.abc import Container
from urllib.parse import quote

from rewriter.bot.remote import ForgeKind, ForgeProject, Remote
from rewriter.output.links import Links

_PATHS = {
    ForgeKind.GITHUB: "blob",
    ForgeKind.GITLAB: "-/blob",
    ForgeKind.GITEA: "src/commit",
    ForgeKind.FORGEJO: "src/commit",
}


def links_of(project: ForgeProject, remote: Remote, commit: str, files: Container[str]) -> Links:
    """Links to lines of the files as a commit has them; none for what is not among the files."""
    base = f"{remote.web}/{quote(remote.path, safe='/')}/{_PATHS[project.kind]}/{commit}"

    def line(path: str, number: int) -> str:
        known = path in files
        return f"{base}/{quote(path, safe='/', errors='surrogateescape')}#L{number}" if known else ""

    return Links(line)
