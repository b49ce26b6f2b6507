"""The proof of a fix of a patched policy: each kustomization builds the fixed policies, and all else as before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.engine.overlays.builds import Built
from rewriter.engine.overlays.sources import same_rules
from rewriter.inventory.texts.manifests import mapping
from rewriter.yamltext.document import equal


class NotProvedError(Exception):
    """A fix that is not made: why, in words."""


def prove(before: Built, after: Built, expected: Mapping[int, Any], words: str) -> None:
    """Raises NotProvedError unless a kustomization builds what is expected, by position, and the rest as before."""
    if len(before.documents) != len(after.documents):
        raise NotProvedError(f"with the fix, {words} builds a different number of manifests")
    for index, ((was, _), (now, value)) in enumerate(zip(before.documents, after.documents, strict=True)):
        if index in expected:
            if not _is_same(value, expected[index]):
                raise NotProvedError(f"with the fix, {words} builds something other than the fix makes")
        elif was != now:
            raise NotProvedError(f"the fix would change another manifest that {words} builds")


def _is_same(value: Any, expected: Any) -> bool:
    """Whether two policies are the same, with their rules in any order."""
    beside = [
        {key: member for key, member in mapping(one).items() if key not in ("spec", "specs")}
        for one in (value, expected)
    ]
    return equal(*beside) and same_rules(value, expected)
