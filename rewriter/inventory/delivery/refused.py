"""Replacements that Kustomize refuses since a field that they name is not there: it builds nothing then.

Kustomize 5, api/filters/replacement: "unable to find field ... in replacement target".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter.inventory.delivery.replacements import Replacement, indexes_of
from rewriter.inventory.delivery.transform import Transform, transformed
from rewriter.inventory.texts.manifests import mapping


def refused(chain: Sequence[Transform], manifest: Mapping[str, Any]) -> str:
    """The replacement of a chain that names a field which a manifest has not by then, in words; empty for none."""
    original = str(mapping(manifest.get("metadata")).get("name"))
    for count, step in enumerate(chain):
        if not step.replacements:
            continue
        value = transformed(manifest, [*chain[:count], replace(step, replacements=(), variables=None)])
        for replacement in step.replacements:
            if replacement.is_for(value, original):
                if missing := _missing(replacement, value):
                    return f"`replacements` of {replacement.source} name its {missing}, which is not there"
                value = replacement.made(value)
    return ""


def _missing(replacement: Replacement, value: Mapping[str, Any]) -> str:
    """The field of an object that is not there and is not made, as it is written; empty where all are."""
    if replacement.options.create:
        return ""
    paths = zip(replacement.paths, replacement.written, strict=True)
    return next((written for path, written in paths if not _is_there(value, path)), "")


def _is_there(value: Any, path: Sequence[str]) -> bool:
    if not path:
        return True
    first, rest = path[0], path[1:]
    if isinstance(value, list):
        found = range(len(value)) if first == "*" else indexes_of(value, first)
        return any(_is_there(value[at], rest) for at in found)
    members = mapping(value)
    parts = members.values() if first == "*" else [members[first]] if first in members else []
    return any(_is_there(part, rest) for part in parts)
