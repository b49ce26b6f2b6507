"""The texts that a configMapGenerator of a kustomization puts into its ConfigMap (kustomize, api/kv).

Its files may be of any kind. An env file gives a key for each of its lines; a line without a value takes it from the
environment of the program that builds, which is not known.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rewriter.inventory.delivery.appliers import joined, texts_of
from rewriter.inventory.files.tree_files import TreeFiles


class GeneratedText(NamedTuple):
    """A key of the ConfigMap with its text, None where that is not known; the inner path of the file that has it."""

    key: str
    text: str | None
    inner: str | None = None


def generated_texts(files: TreeFiles, folder: str, generator: Mapping[str, Any]) -> Iterator[GeneratedText]:
    """The keys that a generator of a folder's kustomization states, those of env files that cannot be read left out."""
    for entry in texts_of(generator.get("files")):
        key, equals, path = entry.partition("=")
        inner = joined(folder, path if equals else entry)
        yield GeneratedText(key if equals else posixpath.basename(entry), _text(files, inner), inner)
    for inner in _env_files(folder, generator):
        for key, text in _lines(_text(files, inner) or ""):
            yield GeneratedText(key, text, inner)
    for literal in texts_of(generator.get("literals")):
        key, equals, value = literal.partition("=")
        if equals:
            yield GeneratedText(key, _unquoted(value))


def has_unread_env_file(files: TreeFiles, folder: str, generator: Mapping[str, Any]) -> bool:
    """Whether a generator takes keys from env files that cannot be read: which ones is not known."""
    return any(_text(files, inner) is None for inner in _env_files(folder, generator))


def generated_map(files: TreeFiles, folder: str, generator: Mapping[str, Any]) -> dict[str, Any]:
    """The ConfigMap that a generator makes, without the hash in its name, with the keys whose texts are known."""
    namespace = generator.get("namespace")
    metadata = {"name": generator.get("name"), **({"namespace": namespace} if isinstance(namespace, str) else {})}
    data = {key: text for key, text, _inner in generated_texts(files, folder, generator) if text is not None}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _env_files(folder: str, generator: Mapping[str, Any]) -> list[str]:
    own = generator.get("env")
    listed = [*texts_of(generator.get("envs")), *([own] if isinstance(own, str) and own else [])]
    return [joined(folder, path) for path in listed]


def _text(files: TreeFiles, inner: str) -> str | None:
    data = files.bytes_beside(inner)
    try:
        return None if data is None else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _lines(text: str) -> Iterator[tuple[str, str | None]]:
    for line in text.removeprefix("\ufeff").split("\n"):
        line = line.removesuffix("\r").lstrip()
        if line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            yield key, value if equals else None


def _unquoted(text: str) -> str:
    """A literal without the quotes around it, as Kustomize takes them off."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
