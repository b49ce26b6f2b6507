"""What Flux and Argo CD bring beside the files of folders: Applications, and manifests that are not read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.inventory.facts.model import Source
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class LocatedApplication:
    """An Argo CD Application as it is applied, the target that it deploys to, and what may change it, in words."""

    value: Mapping[str, Any]
    source: Source
    target: str
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """Manifests that an applier brings and that are not read, in words; `namespace` (None: any) is where to."""

    words: str
    source: Source
    namespace: str | None = None
