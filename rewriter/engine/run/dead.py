"""Policies that a cluster does not enforce, as its agents or its operator say: evidence, and a note of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from rewriter import yamltext
from rewriter.cilium.policy import CCNP, CNP
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.pipeline.notes import CODE
from rewriter.engine.results.result import FileResult, Location, Reported
from rewriter.engine.run.workspace import Workspace
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.hubble.agent_log import DeadPolicy

ID = "not-enforced"


class DeadPolicies:
    """The dead policies of a workspace, found again in its files."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._by_name: dict[tuple[str, str], list[DeadPolicy]] = {}
        for dead in workspace.dead:
            self._by_name.setdefault((dead.namespace, dead.name), []).append(dead)
        self._located: dict[str, list[LocatedPolicy]] = {}
        for located in workspace.policies() if workspace.dead else ():
            self._located.setdefault(located.path, []).append(located)

    @property
    def elsewhere(self) -> list[DeadPolicy]:
        """Those that are in none of the files."""
        here = {
            id(dead) for policies in self._located.values() for located in policies for dead in self._of(_key(located))
        }
        return [dead for dead in self._workspace.dead if id(dead) not in here]

    def explained(self, result: FileResult) -> FileResult:
        """A result in which the findings of a dead policy have the reason as evidence.

        A policy that no finding of severity error explains gets a note.
        """
        policies = self._located.get(result.path, ())
        if not any(self._of(_key(located)) for located in policies):
            return result
        findings: list[Reported] = []
        explained = set()
        for item in result.findings:
            location = item.location
            key = _Key(location.file, location.document, location.kind, location.namespace, location.name)
            dead = self._of(key)
            if dead:
                evidence = (*item.finding.evidence, *(dead_policy.evidence for dead_policy in dead))
                item = replace(item, finding=replace(item.finding, evidence=evidence))
                if item.finding.severity is Severity.ERROR:
                    explained.add(key)
            findings.append(item)
        for located in policies:
            dead = self._of(_key(located))
            if dead and _key(located) not in explained:
                findings.append(_note(located, dead))
        findings.sort(key=lambda item: (item.location.line, item.finding.code, item.location.column))
        return replace(result, findings=tuple(findings))

    def _of(self, key: _Key) -> Sequence[DeadPolicy]:
        if key.kind not in (CNP, CCNP):
            return ()
        own = self._workspace.inventory.cluster_of(key.path)
        return [
            dead
            for dead in self._by_name.get(("" if key.kind == CCNP else key.namespace, key.name), ())
            if own is None or dead.cluster in (None, own.name)
        ]


class _Key(NamedTuple):
    path: str
    document: int
    kind: str
    namespace: str
    name: str


def _key(located: LocatedPolicy) -> _Key:
    policy = located.policy
    return _Key(located.path, located.document.index, policy.kind, policy.namespace or "", policy.name)


def _note(located: LocatedPolicy, dead: Sequence[DeadPolicy]) -> Reported:
    policy = located.policy
    route = f"{policy.route}/metadata"
    finding = Finding(
        Severity.NOTE,
        Applicability.MANUAL,
        route,
        "the cluster does not enforce this policy",
        why="its pods have none of its rules",
        evidence=tuple(dead_policy.evidence for dead_policy in dead),
        advice="correct what the agent rejects; if that is not in this file, compare the file with what runs",
        code=CODE,
        id=ID,
    )
    where = yamltext.locate_key(located.document, route)
    location = Location(
        located.path,
        where.line,
        where.column,
        where.end_line,
        where.end_column,
        located.document.index,
        policy.kind,
        policy.namespace or "",
        policy.name,
    )
    return Reported(finding, location)
