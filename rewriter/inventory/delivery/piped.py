"""Which files of the tree go through a filter before they are applied (see `rewriter.inventory.files.filters`)."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from rewriter import patterns as re
from rewriter.inventory.delivery.kustomize import Kustomization
from rewriter.inventory.delivery.kustomize_walk import reach
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.filters import Filter, filters_in
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.line_numbers import LineNumbers
from rewriter.records import dataclass

_VARIABLE = re.compile(r"\$\{?\w+\}?|\$[(\[]+[^)\]]*[)\]]+|\{\{[^{}]*\}\}")
_CHANGED_FOLDER = re.compile(
    r"(?:\b(?:cd|pushd)[ \t]+|\bworking-directory:[ \t]*|[ \t]-C[ \t]+|\bchdir:[ \t]*)[\"']?([^\s\"';&]+)"
)


@dataclass(frozen=True, slots=True)
class Piped:
    """A filter at its place. `listed` are the inner paths of the files that go through it, of those asked for."""

    filter: Filter
    source: Source
    listed: tuple[str, ...]

    @property
    def words(self) -> str:
        """What it is, with its place."""
        return f"`{self.filter.name}` in {self.source}"


def piped(files: TreeFiles, kustomizations: Mapping[str, Kustomization], wanted: Sequence[str]) -> Iterator[Piped]:
    """Every filter of the tree that something of `wanted` (inner paths) goes through."""
    memo: dict[str, frozenset[str]] = {}
    for path, data in files.filtering_texts:
        text = data.decode("utf-8", "replace")
        lines = LineNumbers(text)
        bases = _bases(files.inner(path), text)
        for filter_name in filters_in(text):
            listed = tuple(_listed(filter_name, bases, wanted, files.folders, kustomizations, memo))
            if listed:
                yield Piped(
                    filter_name, Source(path, lines.at(filter_name.offset + _blank(text, filter_name.offset))), listed
                )


def _blank(text: str, offset: int) -> int:
    found = re.compile(r"\s*").match(text, offset)
    return found.end() - offset if found else 0


def _bases(inner: str, text: str) -> list[str]:
    """The folders in which a command may run: its file's own, the top, and those that the text changes to."""
    own = posixpath.dirname(inner)
    named = [_VARIABLE.sub("*", folder) for folder in _CHANGED_FOLDER.findall(text)]
    return list(dict.fromkeys((own, "", *(_joined(base, folder) for base in (own, "") for folder in named))))


def _joined(base: str, path: str) -> str:
    joined = posixpath.normpath(posixpath.join(base, path.lstrip("/")))
    return "" if joined == "." else joined


def _listed(
    pipe_filter: Filter,
    bases: Sequence[str],
    wanted: Sequence[str],
    folders: Collection[str],
    kustomizations: Mapping[str, Kustomization],
    memo: dict[str, frozenset[str]],
) -> Iterator[str]:
    operands = [_VARIABLE.sub("*", operand).rstrip("/") for operand in pipe_filter.operands if operand != "-"]
    patterns = {_joined(base, operand) for base in bases for operand in operands if operand not in (".", "*")}
    if pipe_filter.is_build and not any(operand not in (".", "*") for operand in operands):
        patterns = {base for base in bases if (base or ".") in kustomizations}
    named = {folder for folder in folders if _meets(folder, patterns)}
    built: set[str] = set()
    for folder in named:
        built |= reach(folder, kustomizations, memo)
    found = [
        inner
        for inner in wanted
        if inner in built or _meets(inner, patterns) or any(above in named for above in _above(inner))
    ]
    # A build whose folder is not found may be that of any.
    yield from found or (wanted if pipe_filter.is_build and not named else ())


def _meets(path: str, patterns: Collection[str]) -> bool:
    own = "" if path == "." else path
    return any(own == pattern or ("*" in pattern and fnmatchcase(own, pattern)) for pattern in patterns)


def _above(inner: str) -> Iterator[str]:
    folder = posixpath.dirname(inner)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
