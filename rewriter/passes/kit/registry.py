"""What a pass is: its name, the policies it reads, the upgrades it concerns, and the function that finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rewriter.cilium.policy import CCNP, CNP
from rewriter.cilium.version import Version
from rewriter.evidence.context import Context
from rewriter.finding import Finding


@dataclass(frozen=True, slots=True)
class Pass:
    """One anti-pattern: its code and id, the kinds of policy it reads, and the function that finds it.

    `change` is the release that brings what the pass speaks of (`rewriter.cilium.version`; None: every release does).
    The pass concerns upgrades to that release or a later one, and with `crossing` only those that come from before
    it; `spans` narrows that further. The documentation of a pass is the docstring of its module.
    """

    code: str
    id: str
    title: str
    find: Callable[[Context], Iterator[Finding]]
    kinds: frozenset[str] = frozenset({CNP, CCNP})
    change: Version | None = None
    crossing: bool = False
    spans: Callable[[Version, Version], bool] | None = None

    def concerns(self, before: Version, after: Version) -> bool:
        """Whether the pass runs for an upgrade: whether a policy can have the anti-pattern there."""
        if self.spans is not None:
            return self.spans(before, after)
        if self.change is None:
            return True
        return self.change <= after and not (self.crossing and before >= self.change)

    @property
    def upgrades(self) -> str:
        """The upgrades that the pass concerns, in words."""
        if self.change is None:
            return "every upgrade"
        return f"upgrades across {self.change}" if self.crossing else f"upgrades to {self.change} or later"

    @property
    def documentation(self) -> str:
        """The pass's page: the docstring of the module that defines it (Markdown)."""
        import sys

        return sys.modules[self.find.__module__].__doc__ or ""
