"""What a run gives: findings with their places, files with their changes, errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, NamedTuple

from rewriter.discovery import InputError
from rewriter.engine.results.observed import Observed, TrafficSummary
from rewriter.finding import Applicability, Finding, Flows
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """Where a finding stands: 1-based lines and columns in the file as it was read, and its policy."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    document: int = 0
    kind: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class LineChange:
    """Lines that give way to others. `offset` counts from the line of the finding to the first of them."""

    offset: int
    removed: tuple[str, ...]
    added: tuple[str, ...]


class PolicyName(NamedTuple):
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class AmongOthers:
    """The flows that a fix changes beside the `others` of the same pods, as these are today."""

    flows: Flows
    others: frozenset[PolicyName]


@dataclass(frozen=True, slots=True)
class Reported:
    """A finding at its place. `fixed`: the result of this run, written or previewed, holds its fix.

    `not_fixed` says why a fix that the finding has is not in the result. `observed` is what Hubble saw of it, None
    where nothing was looked at. `change` has the lines that its own fix changes. `flows` are those of the policy alone;
    `among_others` is set where other policies of the same pods decide on some of them.
    """

    finding: Finding
    location: Location
    fixed: bool = False
    not_fixed: str = ""
    flows: Flows = field(default_factory=Flows)
    observed: Observed | None = None
    change: tuple[LineChange, ...] = ()
    among_others: AmongOthers | None = None

    @property
    def policy(self) -> PolicyName:
        return PolicyName(self.location.kind, self.location.namespace, self.location.name)


@dataclass(frozen=True, slots=True)
class Change:
    """A document's new text in place of the characters `start` to `end` of its file."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class FileResult:
    """A file that holds a policy: its text before, the changes in document order, and what was found in it.

    `errors` holds what could not be parsed, and documents whose proofs failed: these are not among the changes.
    `known` counts the findings that a baseline hides, `meshless` has the ids of passes that did not look at a policy
    because no mesh is known.
    """

    path: str
    before: str
    changes: tuple[Change, ...] = ()
    findings: tuple[Reported, ...] = ()
    policies: int = 0
    errors: tuple[InputError, ...] = ()
    known: int = 0
    meshless: frozenset[str] = frozenset()

    @property
    def changed(self) -> bool:
        return bool(self.changes)

    @property
    def after(self) -> str:
        """The file's text with the changes made."""
        pieces: list[str] = []
        position = 0
        for change in self.changes:
            pieces += [self.before[position : change.start], change.text]
            position = change.end
        return "".join([*pieces, self.before[position:]])


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over a run. `files` and `policies` are those read, `fixed` counts findings, `known` hidden ones."""

    files: int = 0
    policies: int = 0
    findings: int = 0
    fixed: int = 0
    errors: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True)
class NotChecked:
    """What was not checked (codes of passes, a namespace), why, and what lifts it."""

    what: str
    why: str
    remedy: str = ""

    def __str__(self) -> str:
        reason = "; ".join(filter(None, (self.why, self.remedy)))
        return f"{self.what} ({reason})"


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run. `files` holds the changed files only; `tool` names versions for the reports.

    `written` says whether the fixes are in the files, or only would be, and `apply_with` which option makes them.
    `under` names the paths that were looked through, `holders` counts the files that hold policies, `texts` has the old
    texts of files with findings, by path.
    """

    summary: Summary
    findings: tuple[Reported, ...] = ()
    files: tuple[FileResult, ...] = ()
    errors: tuple[InputError, ...] = ()
    tool: Mapping[str, Any] = field(default_factory=dict)
    traffic: TrafficSummary | None = None
    written: bool = False
    apply_with: str = "--write"
    under: str = ""
    holders: int = 0
    not_checked: tuple[NotChecked, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def unfixed_errors(self) -> bool:
        """Whether a finding of severity error is not fixed (`--check` fails on it)."""
        return any(r.finding.severity == "error" and not r.fixed for r in self.findings)


def may_apply(applicability: Applicability, *, unsafe_fixes: bool) -> bool:
    """Whether a fix of this applicability is applied in a run."""
    if applicability is Applicability.UNSAFE:
        return unsafe_fixes
    return applicability is not Applicability.MANUAL


def by_config(finding: Finding, override: Applicability | None) -> Finding:
    """A finding as the config wants it: promoted (a candidate becomes the fix) or demoted (a fix becomes one).

    No config makes a fix safe that changes flows: such a one is evident, on the evidence of the config.
    """
    if override is None or override is finding.applicability:
        return finding
    if override is Applicability.MANUAL:
        return replace(finding, applicability=override, fix=None, candidate=finding.fix or finding.candidate)
    if finding.fix is not None:
        changes = bool(finding.opens or finding.closes)
        trust = Applicability.EVIDENT if override is Applicability.SAFE and changes else override
        return replace(finding, applicability=trust, candidate=None)
    if finding.candidate is None:
        return finding
    trust = Applicability.EVIDENT if override is Applicability.SAFE else override
    return replace(finding, applicability=trust, fix=finding.candidate, candidate=None)
