"""Keys that were meant for the namespace or its labels, and are on no pod.

Cilium gives the labels of a namespace to its pods under `io.cilium.k8s.namespace.labels.` (PodNamespaceMetaLabels).
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.cilium.labels import ANY, K8S, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, split_key
from rewriter.cilium.selector import Requirement, Selector
from rewriter.evidence.context import Context
from rewriter.evidence.identity_labels import filtered
from rewriter.evidence.mesh import namespace_key
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.forms import Form
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import Site, selectors
from rewriter.passes.kit.selectors.scope_keys import misspelt
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
        if wrong and not on_pods(context, wrong):
            yield _finding(site, {r.written_key: right_key(r.written_key) for r in wrong}, wrong)
        elif site.selector and (found := _misspelt(context, site.selector)) and not on_pods(context, found):
            yield _finding(site, {r.written_key: namespace_key(context.policy) for r in found}, found)


def _misspelt(context: Context, selector: Selector) -> list[Requirement]:
    """The namespace under a key that no identity has, where a clusterwide policy names it in no other way."""
    named = any(r.key == NAMESPACE_LABEL for r in selector.requirements)
    if named or not context.policy.clusterwide:
        return []
    hidden = {
        r.key for version in (context.from_version, context.to_version) for r in filtered(context, selector, version)
    }
    found = [r for r in misspelt(selector) if r.key in hidden]
    return found if len(found) == 1 else []


def on_pods(context: Context, wrong: list[Requirement]) -> bool:
    """Whether a known pod carries such a label itself."""
    keys = {requirement.key for requirement in wrong}
    return any(keys & set(workload.labels) for workload in context.inventory.all_workloads())


def _finding(site: Site, names: dict[str, str], wrong: list[Requirement]) -> Finding:
    """`names` has the right key for each of the wrong ones."""
    written, meant = (join_names([f"`{key}`" for key in keys]) for keys in (names, names.values()))
    # A label of no identity, once asked for, matches nothing that the fix could close.
    unseen = not all(map(right_key, names)) and any(r.operator in ("In", "Exists") for r in wrong)
    old = "" if unseen else f"pods with {written}"
    change = site.becomes(_renamed(site.members, names), f"pods of namespaces with {meant}", instead_of=old)
    what = "the labels of a namespace are" if all(map(right_key, names)) else "the namespace is"
    if any(requirement.operator in ("In", "Exists") for requirement in wrong):
        why = "the selector matches no pod, and the traffic that was meant " + ("passes" if site.deny else "is dropped")
    else:
        why = "the condition holds for every pod: nothing is ruled out"
    return report(
        site.context,
        wrong[0].route,
        Applicability.UNSAFE,
        f"no pod has the label {written}: {what} {meant}",
        why,
        change=change,
        rule=site.rule,
        severity=Severity.ERROR if site.deny else Severity.WARNING,
        at_key="/matchLabels/" in wrong[0].route,
    )


def _renamed(entry: Form, names: dict[str, str]) -> Form:
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
