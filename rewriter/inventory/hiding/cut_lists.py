"""Lists of objects that the API server cut off: what it left for the next page may be anything of the list's kind."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import mapping
from rewriter.inventory.texts.understood import is_inert

#: Members of a list's metadata (ListMeta) that only a list with more to come has.
_MARK = re.compile(rb"remainingItemCount|continue")


def cut_lists(files: TreeFiles, inert_kinds: Collection[str] = ()) -> Iterator[Source]:
    """Where each list stands that has more to come, unless its kind makes no pods and no Services."""
    for file in files.files.where(lambda file: file.holds_list):
        if not _MARK.search(file.text):
            continue
        try:
            documents = yamltext.parse(yamltext.decode(file.text))
        except yamltext.YamlTextError:
            continue  # It hides as a file that is not read.
        for document in documents:
            if _is_cut(document.value) and not _is_inert(document.value, inert_kinds):
                yield Source(file.path, document.line_of(""))


def _is_cut(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("items"), list):
        return False
    metadata = mapping(value.get("metadata"))
    return bool(metadata.get("continue") or metadata.get("remainingItemCount"))


def _is_inert(value: dict[str, Any], inert_kinds: Collection[str]) -> bool:
    kind = str(value.get("kind"))
    return kind != "List" and is_inert({**value, "kind": kind.removesuffix("List")}, inert_kinds)
