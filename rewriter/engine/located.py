"""A policy with the place that it stands at."""

from __future__ import annotations

from dataclasses import dataclass

from rewriter import yamltext
from rewriter.cilium.policy import Policy


@dataclass(frozen=True, slots=True)
class LocatedPolicy:
    """A policy with its file and document."""

    path: str
    document: yamltext.Document
    policy: Policy

    def place(self, route: str) -> str:
        """`file:line` of a route of the policy's document."""
        return f"{self.path}:{yamltext.locate(self.document, route).line}"
