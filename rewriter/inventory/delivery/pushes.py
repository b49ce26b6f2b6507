"""Commands that push a folder of the repository as an artifact: `flux push artifact` and `oras push`.

The folder is that of `--path` (Flux documentation, "flux push artifact"), of `tar -C` for an archive that oras pushes,
and the one in which oras runs for a folder that it packs, which keeps its name within the artifact (ORAS
documentation, "oras push"). `cd` before the command and the `working-directory` of a workflow count. What a variable
fills in may be anything, and where two places may be meant neither is taken.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from rewriter import patterns as re
from rewriter.inventory.texts.remarks import in_remark

_URL = r"[\"']?(?P<url>(?!-)(?:\$\{\{[^}\n]*\}\}|[^\s\"'])+)"
_REST = r"(?P<rest>(?:\\\r?\n|[^\n|;&])*)"
_FLUX = re.compile(rf"\bflux[ \t]+push[ \t]+artifact[ \t]+(?:\\\r?\n[ \t]*)?{_URL}{_REST}")
_ORAS = re.compile(r"\boras[ \t]+push[ \t]+(?P<rest>(?:\\\r?\n|[^\n|;&])*)")
_PATH = re.compile(r"(?<!\S)(?:--path|-f)(?:=|[ \t]+)[\"']?([^\s\"'\\]+)")
#: Options of oras with a value behind them.
_VALUED = (
    *("--artifact-type", "--config", "--annotation", "-a", "--annotation-file", "--username", "-u", "--password", "-p"),
    *("--registry-config", "--export-manifest", "--format", "--concurrency", "--ca-file", "--artifact-platform"),
)
#: Template markup as one word without blanks.
_MARKUP = re.compile(r"\$\{\{[^}]*\}\}|\{\{[^}]*\}\}|\$\([^)]*\)")
_ARCHIVE = (".tgz", ".tar.gz", ".tar")
#: A media type behind the name of a file.
_MEDIA = re.compile(r":[\w.+-]+/[\w.+-]+$")
_TAR = re.compile(r"\btar[ \t]+(?P<rest>(?:\\\r?\n|[^\n|;&])*)")
_CHANGES = re.compile(
    r"(?:^|[;&|(\t -])(?:cd|pushd)[ \t]+[\"']?(?P<to>[^\s\"';&|)]+)"
    r"|^[ \t-]*working-directory:[ \t]*[\"']?(?P<at>[^\s\"'#]+)",
    re.MULTILINE,
)
_STEP = re.compile(r"^(?P<indent>[ \t]*)-[ \t]", re.MULTILINE)
_DEFAULTS = re.compile(r"^[ \t]*defaults:[ \t]*$", re.MULTILINE)


class Push(NamedTuple):
    """Where a command pushes to, as written, and the folder; None where that is not known."""

    url: str
    folder: str | None


def pushes(text: str) -> Iterator[Push]:
    """The commands of a script, a Makefile or a pipeline, in their order."""
    for match in _FLUX.finditer(text):
        if not in_remark(text, match.start()):
            path = _PATH.search(match["rest"])
            yield Push(match["url"], _joined(_base(text, match.start()), path[1] if path is not None else None))
    for match in _ORAS.finditer(text):
        if not in_remark(text, match.start()):
            yield from _of_oras(text, match)


def _of_oras(text: str, match: re.Match[str]) -> Iterator[Push]:
    words = _words(match["rest"])
    given = [
        word for place, word in enumerate(words) if word[:1] != "-" and (place == 0 or words[place - 1] not in _VALUED)
    ]
    if not given:
        return
    files = [_MEDIA.sub("", word) for word in given[1:]]
    base = _base(text, match.start())
    archives = [file for file in files if file.endswith(_ARCHIVE)]
    if not archives:
        known = files and not any("$" in file or "{{" in file for file in files)
        yield Push(given[0], base if known else None)
    else:
        yield Push(given[0], _packed(text, archives[0], base) if len(files) == 1 else None)


def _packed(text: str, archive: str, base: str | None) -> str | None:
    """The folder that `tar` packed into an archive, which is its root there."""
    found: set[str | None] = set()
    for match in _TAR.finditer(text):
        words = _words(match["rest"])
        if archive not in words or in_remark(text, match.start()):
            continue
        at = next((words[place + 1] for place, word in enumerate(words[:-1]) if word in ("-C", "--directory")), ".")
        found.add(_joined(base, at))
    return found.pop() if len(found) == 1 else None


def _words(text: str) -> list[str]:
    """The words of a command; markup counts as one."""
    plain = _MARKUP.sub("$X", text.replace("\\\r\n", " ").replace("\\\n", " "))
    try:
        return shlex.split(plain, comments=True)
    except ValueError:
        return []


def _base(text: str, offset: int) -> str | None:
    """The folder in which a command runs; None where it is not known."""
    start = _start(text, offset)
    end = _end(text, start, offset)
    found = [match for match in _CHANGES.finditer(text, start, end) if not in_remark(text, match.start())]
    before = [match["to"] for match in found if match["to"] is not None and match.end() <= offset]
    at = [match["at"] for match in found if match["at"] is not None]
    if not at and _DEFAULTS.search(text):
        rest = (match["at"] for match in _CHANGES.finditer(text) if match["at"] is not None)
        at = list(dict.fromkeys(rest))
    if len(before) > 1 or len(at) > 1:
        return None
    base: str | None = "."
    for place in (*at, *before):
        base = _joined(base, place)
    return base


def _start(text: str, offset: int) -> int:
    """Where the lines begin that one shell may run: a step of a pipeline, a line of a Makefile, else the whole text."""
    line = text.rfind("\n", 0, offset) + 1
    if text[line : line + 1] == "\t":
        return line
    column = len(text[line:offset]) - len(text[line:offset].lstrip())
    steps = [step for step in _STEP.finditer(text, 0, offset) if len(step["indent"]) <= column]
    return steps[-1].start() if steps else 0


def _end(text: str, start: int, offset: int) -> int:
    """The end of the step that begins at a place: its working-directory may stand behind its commands."""
    first = _STEP.match(text, start)
    if first is None:
        return offset
    return next(
        (m.start() for m in _STEP.finditer(text, offset) if len(m["indent"]) <= len(first["indent"])), len(text)
    )


def _joined(base: str | None, path: str | None) -> str | None:
    """A folder below another, by its path from the root; None where one of them is not known or lies outside."""
    if base is None or path is None or "$" in path or "{{" in path or path.startswith(("~", "-")):
        return None
    found = posixpath.normpath(posixpath.join(base, path.removeprefix("/") or "."))
    return None if found.startswith("..") else found
