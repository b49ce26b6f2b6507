"""What a kustomization reads from outside of the tree: a repository must not lead kubectl to other files or hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from posixpath import isabs, join, normpath
from typing import Any

from rewriter.inventory.delivery.kustomize import is_remote
from rewriter.inventory.texts.manifests import mapping

_LISTS = ("resources", "bases", "components", "crds", "configurations", "transformers", "generators", "validators")
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902", "replacements")
_GENERATORS = ("configMapGenerator", "secretGenerator")


def read_outside(value: Mapping[str, Any], folder: str) -> str | None:
    """The first file, as written, that a kustomization of a folder of the tree reads outside of it; None for none."""
    return next((name for name in _files(value) if _is_outside(name, folder)), None)


def _is_outside(name: str, folder: str) -> bool:
    return isabs(name) or name.startswith("~") or is_remote(name) or normpath(join(folder, name)).startswith("..")


def _files(value: Mapping[str, Any]) -> Iterator[str]:
    for key in _LISTS:
        yield from _texts(value.get(key))
    for key in _PATCHES:
        items = value.get(key)
        yield from _texts(items)
        for item in items if isinstance(items, list) else ():
            yield from _texts([mapping(item).get("path")])
    yield from _texts([mapping(value.get("openapi")).get("path")])
    for key in _GENERATORS:
        items = value.get(key)
        for item in items if isinstance(items, list) else ():
            generator = mapping(item)
            names = [*_texts(generator.get("files")), *_texts(generator.get("envs")), *_texts([generator.get("env")])]
            yield from (name.rpartition("=")[2] for name in names)


def _texts(items: Any) -> Iterator[str]:
    """The texts of a list on one line; one of several lines is no name but the thing itself."""
    for item in items if isinstance(items, list) else ():
        if isinstance(item, str) and "\n" not in item.strip():
            yield item.strip()
