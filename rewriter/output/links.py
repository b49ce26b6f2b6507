"""Where the texts of a report can be read on the web: lines of files, pages of passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, metadata

from rewriter import patterns as re
from rewriter.records import dataclass

#: A file and a line as evidence names them.
_SOURCE = re.compile(r"(?<![\w./-])(\w[\w.@+/-]*\.(?:ya?ml|json|toml|tpl|gotmpl)):(\d{1,7})\b")


def _nowhere(_path: str, _line: int) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Links:
    """`line` gives the address of a line (1-based) of a file; "" where the file has none."""

    line: Callable[[str, int], str] = _nowhere


NO_LINKS = Links()


def sources_in(text: str) -> Iterator[tuple[str, str, int]]:
    """The text in pieces: (piece, path, line) for each `path:line` in it, with an empty path for what is between."""
    position = 0
    for found in _SOURCE.finditer(text):
        yield text[position : found.start()], "", 0
        yield found[0], found[1], int(found[2])
        position = found.end()
    yield text[position:], "", 0


def documentation() -> str:
    """The address of the documentation, from the package's own metadata; "" where it was built without one."""
    try:
        urls = metadata("cnpfix").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    named = (str(url).partition(", ") for url in urls)
    return next((url.rstrip("/") for name, _, url in named if name == "Documentation"), "")


def page_of(pass_id: str) -> str:
    """The address of a pass's page; "" where none is known."""
    base = documentation()
    return f"{base}/passes/{pass_id}.md" if base else ""
