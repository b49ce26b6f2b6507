"""For each repository of the corpus: policies, namespaces, clusters and Services that the inventory resolves.

`make inventory-table` prints the table, with the reason for every miss: policies whose namespace is unknown
that they are applied to, those that nothing in the tree applies (`by nobody`; the share leaves them out), and Services
that no manifest defines.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rewriter import yamltext
from rewriter.cilium.policy import CCNP, is_policy
from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.workspace import Request, Workspace

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "gitops"


@dataclass(slots=True)
class Row:
    """What is known of one repository; `misses` are in words, with file and line."""

    repository: str
    policies: int = 0
    clusterwide: int = 0
    namespaced: int = 0
    unknown: int = 0
    unapplied: int = 0
    services: int = 0
    resolved_services: int = 0
    clusters: tuple[str, ...] = ()
    placed: int = 0
    resolved: dict[str, str] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The part of the policies that anything applies whose target is known."""
        applied = self.policies - self.unapplied
        return (self.clusterwide + self.namespaced) / applied if applied else 1.0


def policies_of(workspace: Workspace) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """File, `file:line` and manifest of every policy document of a workspace; templates and broken files left out."""
    for found, data in workspace.files:
        try:
            text = yamltext.decode(data)
            documents = yamltext.parse(text)
        except yamltext.YamlTextError:
            continue
        for document in documents:
            markup = yamltext.template_markup(text[document.span.start : document.span.end])
            if markup is None and is_policy(document.value):
                line = yamltext.locate(document, "").line
                yield found.display, f"{found.display}:{line}", document.value


def row_of(repository: Path) -> Row:
    """The row of a repository; run from within it, so that places are relative to it."""
    here = Path.cwd()
    os.chdir(repository)
    try:
        return _row(repository.name, open_workspace(Request(), lambda _count: None))
    finally:
        os.chdir(here)


def _row(name: str, workspace: Workspace) -> Row:
    row = Row(name)
    inventory = workspace.inventory
    for path, place, manifest in policies_of(workspace):
        row.policies += 1
        row.placed += inventory.cluster_of(path) is not None
        applied = inventory.namespace_of(path, manifest)
        if manifest["kind"] == CCNP:
            row.clusterwide += 1
        elif not applied.is_applied:
            row.unapplied += 1
            row.misses.append(f"{place}: not applied: {applied.source}")
        elif applied.namespace is None:
            row.unknown += 1
            row.misses.append(f"{place}: no namespace: {applied.source}")
        else:
            row.namespaced += 1
        if manifest["kind"] != CCNP and applied.namespace is not None:
            row.resolved[place] = applied.namespace
        for service in _services(manifest):
            row.services += 1
            named = service.get("k8sService")
            if isinstance(named, dict):
                found = inventory.services(str(named.get("serviceName")), named.get("namespace"))
            else:
                selector = service.get("k8sServiceSelector", {}).get("selector", {})
                found = inventory.services_by_labels(selector.get("matchLabels", {}))
            row.resolved_services += bool(found)
            if not found:
                row.misses.append(f"{place}: no Service for {service}: no manifest of the tree defines it")
    row.clusters = tuple(cluster.name for cluster in inventory.clusters)
    return row


def _services(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "toServices" and isinstance(item, list):
                yield from (each for each in item if isinstance(each, dict))
            else:
                yield from _services(item)
    elif isinstance(value, list):
        for item in value:
            yield from _services(item)


def rows() -> list[Row]:
    """A row for each repository of the corpus; none where the corpus is not there."""
    return [row_of(folder) for folder in sorted(CORPUS.glob("*/"))]


def render(table: list[Row]) -> str:
    """The rows as text, the misses below."""
    head = f"{'repository':<24} {'policies':>8} {'clusterwide':>11} {'namespaced':>10} {'by nobody':>11} {'told':>6}"
    lines = [f"{head} {'in a cluster':>12} {'toServices':>10}  clusters"]
    for row in table:
        services = f"{row.resolved_services}/{row.services}"
        lines.append(
            f"{row.repository:<24} {row.policies:>8} {row.clusterwide:>11} {row.namespaced:>10}"
            f" {row.unapplied:>11} {row.share:>6.1%} {row.placed:>12} {services:>10}"
            f"  {', '.join(row.clusters) or 'none'}"
        )
    for row in table:
        lines += [f"  {row.repository}/{miss}" for miss in row.misses]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render(rows()))
