"""What a pass says of a policy, and what it would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from rewriter.cilium.policy import Policy
from rewriter.cilium.terms import Term
from rewriter.records import dataclass

Operation = Mapping[str, Any]
"""One RFC 6902 operation; its paths are routes in the manifest's document."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Applicability(StrEnum):
    """How far a fix may be trusted (DESIGN: safe and evident are written, unsafe on request, manual never)."""

    SAFE = "safe"
    EVIDENT = "evident"
    UNSAFE = "unsafe"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Fix:
    """Operations that are applied together or not at all."""

    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class FlowClaim:
    """Flows that a fix opens, or closes: in words, and so that the verdict engine recognises them.

    They are those of one direction (empty: of both) between the subject of the rule set at the route `spec` (empty: of
    any) and the peers of `rules`, on the ports of `rules`. These are written as in that rule set; each is read as the
    source and as the target release read it. `peers`, where given, stand in the place of their peers. Where no `rules`
    are given (None) every port is meant, and without `peers` either everybody. `rest` says of flows that close that
    what the policy allows once it is fixed is not meant ("all other ingress"), and of flows that open that what it
    denies is not meant. The rule set is one of `policy` (None: of the finding's own).
    """

    words: str
    direction: str = ""
    spec: str = ""
    rules: tuple[Mapping[str, Any], ...] | None = None
    peers: tuple[Term, ...] | None = None
    rest: bool = False
    policy: Policy | None = None

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Finding:
    """One anti-pattern at one place of one policy.

    `route` is the JSON pointer of the culprit in its document; `at_key` puts the position on the member's key.
    `message` is one sentence that says what is wrong, `why` what that does to traffic, `evidence` the facts with
    their sources, `advice` what to do where there is no fix, `candidate` a fix that is shown but
    never applied. `opens` and `closes` declare which flows a fix opens and closes: one that opens or closes any other
    flow is refused. Findings of one pass with the same `once` are reported as one, at the first place of a run. One
    that is `on_request` is reported only where its pass is selected by name: a note that neither a fix nor evidence of
    harm supports. One that `drops` harms in that what its fix opens is dropped: it is a note where another policy lets
    that through. One that `exposes` says that pods are not protected, or that everybody gets in: it comes before others
    of its severity. The pass puts its `code` and `id` in, and these two.
    """

    severity: Severity
    applicability: Applicability
    route: str
    message: str
    why: str = ""
    evidence: tuple[str, ...] = ()
    advice: str = ""
    fix: Fix | None = None
    candidate: Fix | None = None
    versions: str = ""
    opens: tuple[FlowClaim, ...] = ()
    closes: tuple[FlowClaim, ...] = ()
    at_key: bool = False
    on_request: bool = False
    once: str = ""
    drops: bool = False
    exposes: bool = False
    code: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Flows:
    """The flows that a fix opens and closes, one readable statement each.

    `upgrade` is what the upgrade would do to the same flows with no fix; None where they were not judged. `exact` says
    that every combination of the labels in question was tried, not only witnesses of each selection. `kept` are those
    that the upgrade alone would close and that stay open with the fix, `kept_closed` those that it alone would open.
    `possible` are those of pods that could exist and of which none is known, where that was looked at.
    """

    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    upgrade: Flows | None = None
    kept: tuple[str, ...] = ()
    kept_closed: tuple[str, ...] = ()
    exact: bool = True
    possible: frozenset[str] = frozenset()


def operations_as_json(operations: Sequence[Operation]) -> list[dict[str, Any]]:
    return [dict(operation) for operation in operations]
