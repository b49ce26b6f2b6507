"""How one file's documents are fixed: what `fix_document` asks of the run, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from rewriter.cilium.policy import Policy
from rewriter.engine.documents.read import FoundPolicy
from rewriter.engine.effects.of_fixes import Effects
from rewriter.engine.pipeline.isolation import Failure
from rewriter.engine.proofs.budget import MOST_WORK
from rewriter.engine.results.observed import Observed
from rewriter.engine.results.result import Location, Reported
from rewriter.evidence.context import Context
from rewriter.finding import Finding
from rewriter.passes.kit.registry import Pass
from rewriter.records import dataclass

Observe = Callable[[int, Policy, Policy], Observed | None]


@dataclass(frozen=True, slots=True)
class FileHooks:
    """How a file's documents are fixed: its passes, what may be applied, and how policies get their context.

    `skip_reason` is why a policy must not be rewritten, `left_out` why the fix of a finding must not be applied; empty
    for others. `overwritten` are the routes whose values something else sets on the way to a cluster: nothing is
    reported there.
    `previews` asks for the effect of fixes that are not applied, too. `observe` says what traffic that was seen has to
    do with a step of a policy in the document at a position; None where nothing was looked at. `selected` are the
    passes that are selected by name, which report what others report only on request. `most_work` bounds the proofs of
    one policy. `explains` asks for all flows of a fix that readers of its finding look at, not for its proof alone.
    `idle` are passes of which no finding is fixed, where nothing but fixes counts. `possible` are the settings of
    Cilium that may hold here and are not read.
    """

    path: str
    passes: tuple[Pass, ...]
    policies: Callable[[object], Sequence[FoundPolicy]]
    context: Callable[[FoundPolicy, Callable[[], tuple[str, ...]], Callable[[str], tuple[str, ...]]], Context]
    configured: Callable[[Finding], Finding]
    allowed: Callable[[Finding], bool]
    silenced: Callable[[Finding, Location], bool]
    known: Callable[[Sequence[tuple[Finding, Location]]], Sequence[bool]]
    effects: Effects
    skip_reason: Callable[[FoundPolicy], str] = lambda _policy: ""
    overwritten: Callable[[FoundPolicy], Sequence[str]] = lambda _policy: ()
    left_out: Callable[[Reported], str] = lambda _reported: ""
    previews: bool = True
    observe: Observe | None = None
    selected: frozenset[str] = frozenset()
    most_work: int = MOST_WORK
    explains: bool = True
    idle: frozenset[str] = frozenset()
    possible: Callable[[], Sequence[Possible]] = tuple


@dataclass(frozen=True, slots=True)
class Possible:
    """A setting of Cilium that may hold, the places that say so, and how to treat documents with and without it.

    `without` is None where the hooks themselves are without it.
    """

    setting: str
    places: Sequence[str]
    under: Callable[[FileHooks], FileHooks]
    without: Callable[[FileHooks], FileHooks] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the passes found in a document, by their ids: the positions of the policies, and the findings.

    They find the same in any document of the same text and policies, in the same file: they see nothing else of it.
    """

    text: str
    policies: Sequence[FoundPolicy]
    found: Mapping[str, Sequence[tuple[int, Finding]]]

    def holds_for(self, other: Seen | None) -> bool:
        """Whether another document is the same."""
        return other is not None and replace(other, found=self.found) == self


@dataclass(slots=True)
class Outcome:
    """What became of one document: its new text (None: unchanged), its findings, the proof that failed.

    `value` is what the new text says, and `seen` what the passes find in it. `failures` are passes and proofs that
    could not be carried out on a policy.
    """

    text: str | None = None
    value: Any = None
    seen: Seen | None = None
    findings: list[Reported] = field(default_factory=list)
    failure: str = ""
    failures: list[Failure] = field(default_factory=list)
