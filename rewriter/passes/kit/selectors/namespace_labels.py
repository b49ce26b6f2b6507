"""Keys that were meant for labels of the namespace, and are on no pod.

Cilium gives the labels of a namespace to its pods under `io.cilium.k8s.namespace.labels.` (PodNamespaceMetaLabels).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rewriter.cilium.labels import ANY, K8S, NAMESPACE_LABELS_PREFIX, split_key
from rewriter.cilium.selector import Requirement
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import Site, selectors
from rewriter.text import join_names

#: What people write in the place of the prefix; the rest is the key of the namespace's label.
_WRONG = re.compile(
    r"(io\.kubernetes\.pod\.namespace\.labels?|io\.kubernetes\.namespace\.labels?|io\.cilium\.k8s\.namespace\.label"
    r"|io\.cilium\.k8s\.policy\.namespace\.labels?|io\.cilium\.namespace\.labels?)\.(?P<key>.+)"
)


def right_key(written: str) -> str:
    """The key that was meant for a label of the namespace, its source as written; empty where none was."""
    source, key = split_key(written)
    match = _WRONG.fullmatch(key)
    if match is None or source not in (ANY, K8S):
        return ""
    return written.removesuffix(key) + NAMESPACE_LABELS_PREFIX + match["key"]


def wrong_namespace_labels(context: Context) -> Iterator[Finding]:
    """Peer selectors with such a key: they match no pod, and the policy's own namespace is added to them besides."""
    for site in selectors(context, "fromEndpoints", "toEndpoints"):
        wrong = [r for r in site.selector.requirements if right_key(r.written_key)] if site.selector else []
        if wrong and not _on_pods(context, wrong):
            yield _finding(site, wrong)


def _on_pods(context: Context, wrong: list[Requirement]) -> bool:
    """Whether a known pod carries such a label itself."""
    keys = {requirement.key for requirement in wrong}
    return any(keys & set(workload.labels) for workload in context.inventory.all_workloads())


def _finding(site: Site, wrong: list[Requirement]) -> Finding:
    names = {requirement.written_key: right_key(requirement.written_key) for requirement in wrong}
    written, meant = (join_names([f"`{key}`" for key in keys]) for keys in (names, names.values()))
    change = site.becomes(
        _renamed(site.entry, names), f"pods of namespaces with {meant}", instead_of=f"pods with {written}"
    )
    if any(requirement.operator in ("In", "Exists") for requirement in wrong):
        why = "the selector matches no pod, and the traffic that was meant " + ("passes" if site.deny else "is dropped")
    else:
        why = "the condition holds for every pod: nothing is ruled out"
    return report(
        site.context,
        wrong[0].route,
        Applicability.UNSAFE,
        f"{written} is a label of no pod: the labels of a namespace are {meant}",
        why,
        change=change,
        rule=site.rule,
        severity=Severity.ERROR if site.deny else Severity.WARNING,
        at_key="/matchLabels/" in wrong[0].route,
    )


def _renamed(entry: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    labels, expressions = entry.get("matchLabels"), entry.get("matchExpressions")
    new = dict(entry)
    if isinstance(labels, dict):
        new["matchLabels"] = {names.get(key, key): value for key, value in labels.items()}
    if isinstance(expressions, list):
        new["matchExpressions"] = [
            {**item, "key": names.get(str(item.get("key")), item.get("key"))} if isinstance(item, dict) else item
            for item in expressions
        ]
    return new
