"""A policy with the place that it stands at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Protocol

from rewriter import yamltext
from rewriter.cilium.policy import Policy
from rewriter.inventory.facts.model import Cluster
from rewriter.records import dataclass


class Built(Protocol):
    """How a policy that is not applied as it stands comes about: the cluster that it goes to, and its texts."""

    cluster: Cluster | None

    @property
    def paths(self) -> frozenset[str]:
        """The files that it is made of."""
        ...

    def place(self, route: str) -> str | None:
        """`file:line` of what stands at a route of it; None where that cannot be read."""
        ...

    def with_texts(self, changed: Mapping[str, str], namespace: str | None) -> Policy | None:
        """The policy that other texts of files make; None where they make none."""
        ...


@dataclass(frozen=True, slots=True)
class LocatedPolicy:
    """A policy with its file and document.

    Where patches or variables change it on its way, `policy` is as applied and `built` says how that comes about.
    `line` is the line of the quoted text that it stands in, whose lines have no positions of their own.
    """

    path: str
    document: yamltext.Document
    policy: Policy
    built: Built | None = field(default=None, compare=False)
    line: int | None = None

    @property
    def value(self) -> Any:
        """What routes of the policy lead through."""
        return self.document.value if self.built is None else self.policy.raw

    def place(self, route: str) -> str:
        """`file:line` of a route of the policy's document, or of the text that a patched policy has it from."""
        if self.line is not None:
            return f"{self.path}:{self.line}"
        place = self.built.place(route) if self.built is not None else None
        if place is not None:
            return place
        return f"{self.path}:{yamltext.locate(self.document, route).line}"
