"""The texts that a configMapGenerator of a kustomization puts into its ConfigMap.

Its files may be of any kind, and only those of the tree that are read as manifests are at hand. An env file (`envs`)
gives a key for each of its lines, and is never read here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rewriter.inventory.delivery.appliers import texts_of
from rewriter.inventory.delivery.kustomize import joined
from rewriter.inventory.files.tree_files import TreeFiles


class GeneratedText(NamedTuple):
    """A key of the ConfigMap with its text, None where its file is not at hand; the inner path of that file."""

    key: str
    text: str | None
    inner: str | None = None


def generated_texts(files: TreeFiles, folder: str, generator: Mapping[str, Any]) -> Iterator[GeneratedText]:
    """The keys that a generator of a folder's kustomization states, those of its env files left out."""
    for entry in texts_of(generator.get("files")):
        key, equals, path = entry.partition("=")
        inner = joined(folder, path if equals else entry)
        data = files.bytes_of(inner)
        text = None if data is None else data.decode("utf-8", "replace")
        yield GeneratedText(key if equals else posixpath.basename(entry), text, inner)
    for literal in texts_of(generator.get("literals")):
        key, equals, value = literal.partition("=")
        if equals:
            yield GeneratedText(key, value.strip("\"'"))


def has_env_files(generator: Mapping[str, Any]) -> bool:
    """Whether a generator takes keys from env files: which ones is not known."""
    return bool(generator.get("envs") or generator.get("env"))
