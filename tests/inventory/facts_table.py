"""For each repository of the corpus: how many policies have a subject and peers that are known workloads.

`make facts` prints the table. A subject or a peer is resolved where it selects at least one known workload; what names
no pods (entities, CIDRs, names, nodes) needs none. Below stands what most often is not resolved, by namespace.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rewriter.cilium.compile import compile_policy
from rewriter.cilium.labels import NAMESPACE_LABEL, NAMESPACE_NAME_LABEL, RESERVED
from rewriter.cilium.policy import Policy
from rewriter.cilium.terms import LabelTerm
from rewriter.cilium.universe import Universe
from rewriter.cilium.version import Version
from rewriter.engine.opening import open_workspace
from rewriter.engine.workspace import Request, Workspace
from rewriter.evidence.settings import settings_of, workload_identities
from tests.inventory.table import CORPUS

_VERSION = Version(1, 18)
_MOST_SHOWN = 6


@dataclass(slots=True)
class Row:
    """What is known of one repository. `missing` counts unresolved subjects and peers by namespace."""

    repository: str
    releases: int = 0
    known_releases: int = 0
    workloads: int = 0
    policies: int = 0
    subjects: int = 0
    resolved: int = 0
    seconds: float = 0.0
    missing: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """The part of the policies whose subject and peers are all known."""
        return self.resolved / self.policies if self.policies else 1.0


def row_of(repository: Path, render: str) -> Row:
    """The row of a repository, read from within it."""
    here = Path.cwd()
    os.chdir(repository)
    try:
        start = time.monotonic()
        workspace = open_workspace(Request(render=render), lambda _count: None)
        row = _row(repository.name, workspace)
        row.seconds = time.monotonic() - start
        return row
    finally:
        os.chdir(here)


def _row(name: str, workspace: Workspace) -> Row:
    inventory = workspace.inventory
    releases = inventory.releases
    row = Row(name, len(releases), sum(bool(each.manifests) for each in releases))
    workloads = [each for each in inventory.all_workloads() if not each.host_network]
    row.workloads = len(workloads)
    names = [cluster.name for cluster in inventory.clusters] or ["default"]
    universe = Universe(workload_identities(workloads, inventory, names))
    for placed in workspace.policies():
        terms = list(_terms(placed.policy, workspace, placed.path))
        if not terms:
            continue
        row.policies += 1
        unresolved = [(kind, term) for kind, term in terms if not universe.select(term)]
        row.subjects += all(kind != "subject" for kind, _term in unresolved)
        row.resolved += not unresolved
        row.missing.update({f"{kind} in {_namespace(term)}" for kind, term in unresolved})
    return row


def _terms(policy: Policy, workspace: Workspace, path: str) -> Iterator[tuple[str, LabelTerm]]:
    """The subjects and the peers of a policy that are pods."""
    settings = settings_of(workspace.inventory.cluster_of(path), _VERSION)
    for entry in compile_policy(policy, settings):
        if not entry.subject_is_node:
            yield "subject", entry.subject
        for peer in entry.peers:
            if isinstance(peer, LabelTerm) and _names_pods(peer):
                yield "peer", peer


def _names_pods(term: LabelTerm) -> bool:
    return bool(term.conditions) and not any(each.source == RESERVED for each in term.conditions)


def _namespace(term: LabelTerm) -> str:
    for condition in term.conditions:
        if condition.key in (NAMESPACE_LABEL, NAMESPACE_NAME_LABEL) and condition.values:
            return ", ".join(condition.values)
    return "any namespace"


def rows(render: str) -> list[Row]:
    """A row for each repository of the corpus; none where the corpus is not there."""
    return [row_of(folder, render) for folder in sorted(CORPUS.glob("*/"))]


def total(table: Sequence[Row]) -> Row:
    """All rows together."""
    whole = Row("all")
    for row in table:
        for name in ("releases", "known_releases", "workloads", "policies", "subjects", "resolved", "seconds"):
            setattr(whole, name, getattr(whole, name) + getattr(row, name))
    return whole


def shown(table: Sequence[Row]) -> str:
    """The rows as text."""
    head = f"{'repository':<24} {'releases':>9} {'workloads':>9} {'policies':>8} {'subjects':>8} {'resolved':>8}"
    lines = [f"{head} {'share':>6} {'s':>6}  mostly not known"]
    for row in (*table, total(table)):
        missing = ", ".join(f"{name} ({count})" for name, count in row.missing.most_common(_MOST_SHOWN))
        lines.append(
            f"{row.repository:<24} {row.known_releases:>4}/{row.releases:<4} {row.workloads:>9} {row.policies:>8}"
            f" {row.subjects:>8} {row.resolved:>8} {row.share:>6.1%} {row.seconds:>6.2f}  {missing}"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(shown(rows(os.environ.get("RENDER", "auto"))))
