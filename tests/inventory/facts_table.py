"""For each repository of the corpus: how many policies have a subject and peers that are known workloads.

`make facts` prints the table. A subject or a peer is resolved where it selects at least one known workload; what names
no pods (entities, CIDRs and groups of them, names, nodes) needs none, and a Service stands for the pods behind it. A
policy counts once, as everything that applies it leaves it: resolved where it is so in every way that it is applied.
Those that nothing in the tree applies (archives, templates of tasks) are left out, and counted on their own.
Beside it stands what most often is not resolved, by namespace.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rewriter.cilium.compile import compile_policy
from rewriter.cilium.labels import NAMESPACE_LABEL, NAMESPACE_NAME_LABEL, RESERVED
from rewriter.cilium.policy import read_policy
from rewriter.cilium.settings import Facts
from rewriter.cilium.terms import CIDR_GROUP, LabelTerm
from rewriter.cilium.universe import Universe
from rewriter.cilium.version import Version
from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.workspace import Request, Workspace
from rewriter.evidence.settings import facts_of, settings_of, workload_identities
from rewriter.inventory.facts.model import AppliedPolicy, Source
from rewriter.passes.kit.enforced.enforcement import has_wrong_types
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
    unapplied: int = 0
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
    # A peer of which only pods on the host network are known is resolved too: it is known to select none.
    workloads = [replace(each, host_network=False) for each in inventory.all_workloads()]
    row.workloads = len(workloads)
    names = [cluster.name for cluster in inventory.clusters] or ["default"]
    universe = Universe(workload_identities(workloads, inventory, names))
    facts = facts_of(inventory.all_services(), inventory.cidr_groups(), inventory)
    managed = any(inventory.placements_of(each.source.path) for each in inventory.policies)
    for applied in _applied(inventory.policies):
        if managed and not inventory.placements_of(applied[0].source.path):
            row.unapplied += 1
            continue
        terms = [term for each in applied for term in _terms(each, workspace, facts)]
        if not terms:
            continue
        row.policies += 1
        unresolved = [(kind, term) for kind, term in terms if not universe.select(term)]
        row.subjects += all(kind != "subject" for kind, _term in unresolved)
        row.resolved += not unresolved
        row.missing.update({f"{kind} in {_namespace(term)}" for kind, term in unresolved})
    return row


def _applied(policies: Iterable[AppliedPolicy]) -> Iterator[list[AppliedPolicy]]:
    """The ways in which each policy of the tree is applied."""
    found: dict[Source, list[AppliedPolicy]] = {}
    for each in policies:
        found.setdefault(each.source, []).append(each)
    yield from found.values()


def _terms(applied: AppliedPolicy, workspace: Workspace, facts: Facts) -> Iterator[tuple[str, LabelTerm]]:
    """The subjects and the peers of a policy that are pods."""
    settings = settings_of(workspace.inventory.cluster_of(applied.source.path), _VERSION)
    policy = read_policy(applied.manifest)
    if has_wrong_types(policy):
        return
    for entry in compile_policy(policy, settings, facts):
        if not entry.subject_is_node:
            yield "subject", entry.subject
        for peer in entry.peers:
            if isinstance(peer, LabelTerm) and _names_pods(peer):
                yield "peer", peer


def _names_pods(term: LabelTerm) -> bool:
    return bool(term.conditions) and not any(each.source in (RESERVED, CIDR_GROUP) for each in term.conditions)


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
        for name in (
            "releases",
            "known_releases",
            "workloads",
            "policies",
            "subjects",
            "resolved",
            "unapplied",
            "seconds",
        ):
            setattr(whole, name, getattr(whole, name) + getattr(row, name))
    return whole


def shown(table: Sequence[Row]) -> str:
    """The rows as text."""
    columns = f"{'workloads':>9} {'policies':>8} {'unapplied':>9} {'subjects':>8} {'resolved':>8}"
    lines = [f"{'repository':<24} {'releases':>9} {columns} {'share':>6} {'s':>6}  mostly not known"]
    for row in (*table, total(table)):
        missing = ", ".join(f"{name} ({count})" for name, count in row.missing.most_common(_MOST_SHOWN))
        lines.append(
            f"{row.repository:<24} {row.known_releases:>4}/{row.releases:<4} {row.workloads:>9} {row.policies:>8}"
            f" {row.unapplied:>9} {row.subjects:>8} {row.resolved:>8} {row.share:>6.1%} {row.seconds:>6.2f}  {missing}"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(shown(rows(os.environ.get("RENDER", "auto"))))
