"""## What it does

Finds peer selectors that mean pods of another namespace and do not name it.

## Why it matters

Cilium adds the policy's own namespace to every entry of from/toEndpoints that names none. A selector such as
`app: monitoring-agent` in a policy of `shop` means pods of `shop`, whatever runs in `monitoring`; in an allow rule the
traffic that was meant is dropped, in a deny rule it passes. A misspelt key (`k8s:io.kubernetes.podNamespace`,
`namespace`, `kubernetes.io/metadata.name` as a label of pods) names no namespace either: no pod has such a label. The
labels of a namespace are `io.cilium.k8s.namespace.labels.<key>` on its pods; `io.kubernetes.pod.namespace.labels.<key>`
is on none, in a clusterwide policy neither.

A NetworkPolicy's `podSelector` without a `namespaceSelector` means pods of its own namespace in the same way. So does
an empty selector (`{}`, `matchLabels: {}`) in a CiliumNetworkPolicy, whatever the comment above it says of "all pods
of the cluster".

## Example

```diff
   ingress:
   - fromEndpoints:
     - matchLabels:
         app: monitoring-agent
+        k8s:io.kubernetes.pod.namespace: monitoring
```

## Fix safety

The evidence is in the workloads that are known. Where some of the policy's own namespace match, there is nothing to
find. Else:

- Those of exactly one other namespace match: it is added, which is evident. It is unsafe as long as no workload of the
  policy's own namespace is known, those of a meshed cluster are not, or a Helm release or an operator may make pods of
  the namespace that are not known: then it is unknown whether one matches. The same holds of a snapshot that is stale
  or not whole. Where the workloads themselves are in doubt (stated twice, stale, not applied), the finding is manual.
- Those of several match: manual, with the list.
- None matches anywhere: a note.

`[passes.missing-namespace]` says where pods with a label live (`"app=monitoring-agent" = "monitoring"`), and that
counts as evidence. Of `k8s-app: kube-dns` and `k8s-app: coredns` it is known: `kube-system`. In a deny rule a fix is
unsafe, since it starts to deny. The right key for a misspelt one is unsafe too. For an empty selector that a comment, a
description or the policy's name calls more than its own namespace, the pods of every namespace are offered, which is
unsafe: the words may be what is wrong.

`--as-clusterwide` offers the clusterwide form of policies whose subject lives in other namespaces as well: another
kind, no namespace, and every peer selector with the namespace that it means today. It is manual unless
`[passes.missing-namespace] applicability` says otherwise.

## References

- Cilium documentation, "Using Kubernetes Constructs In Policy", section "Namespaces"
- Cilium source, `pkg/k8s/apis/cilium.io/utils`, `getEndpointSelector`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL
from rewriter.cilium.policy import CNP, KNP
from rewriter.cilium.selector import Requirement, Selector
from rewriter.cilium.terms import conditions_of, label_term
from rewriter.evidence.context import Context
from rewriter.evidence.doubts import REMEDY, doubts_about
from rewriter.evidence.identity_labels import filtered
from rewriter.evidence.mesh import cluster_requirement, namespace_key
from rewriter.evidence.namespaces import Gap, knowledge_gap, matches_of, namespaces_of, own_evidence, told
from rewriter.evidence.workloads import on_host_network, workloads_evidence
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts import Workload
from rewriter.passes.kit.change import Change
from rewriter.passes.kit.clusterwide import clusterwide_form
from rewriter.passes.kit.empty_peers import empty_peers
from rewriter.passes.kit.namespace_labels import right_key, wrong_namespace_labels
from rewriter.passes.kit.pod_selectors import in_namespaces, namespace_scope, own_pods, renamed_key
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.report import report
from rewriter.passes.kit.scope_keys import misspelt
from rewriter.passes.kit.site import Site
from rewriter.passes.kit.split_peers import halves
from rewriter.text import join_names, selector_text

_MANUAL = Applicability.MANUAL


@antipattern(
    code="CNP005",
    id="missing-namespace",
    title="a peer selector that means another namespace",
    kinds=EVERY_KIND,
    drops=True,
)
def find(context: Context) -> Iterator[Finding]:
    yield from wrong_namespace_labels(context)
    if context.policy.kind not in (CNP, KNP):
        return
    yield from empty_peers(context)
    sites = [(site, selector) for site, selector in own_pods(context) if _picks_pods(selector)]
    split = halves(context) if sites else frozenset()
    sites = [each for each in sites if each[0].route not in split and not _means_nodes(context, each[1])]
    found = [finding for site, selector in sites if (finding := _finding(site, selector)) is not None]
    yield from found
    if context.as_clusterwide and context.policy.kind == CNP:
        offer = clusterwide_form(context, pending=any(finding.fix for finding in found))
        yield from () if offer is None else (offer,)


def _means_nodes(context: Context, selector: Selector) -> bool:
    """Whether pods on the host network have the labels, so that no namespace would help (host-network-peer)."""
    return bool(on_host_network(context, label_term(conditions_of(selector.requirements))))


def _picks_pods(selector: Selector) -> bool:
    """Whether a selector picks pods by their labels, and nothing in it says of which namespace.

    `{}` and conditions that only rule out mean the whole of the policy's namespace, and are taken at their word.
    """
    if any(right_key(r.written_key) for r in selector.requirements):
        return False
    if selector.names_namespace or any(r.source not in (ANY, K8S) for r in selector.requirements):
        return False
    return any(r.operator in ("In", "Exists") and r.key != CLUSTER_LABEL for r in selector.requirements)


def _finding(site: Site, selector: Selector) -> Finding | None:
    context = site.context
    matches = matches_of(context, selector)
    if matches is None or matches.here:
        return None
    there = matches.elsewhere
    if (wrong := misspelt(selector)) and not there:
        return _misspelt(site, selector, wrong)
    if any(
        True for version in (context.from_version, context.to_version) for _ in filtered(context, selector, version)
    ):
        return None  # No identity has the label, in any namespace: filtered-label says so.
    if said := told(context, selector):
        return _told(site, selector, there, said)
    if not context.namespace_known:
        return None
    namespaces = namespaces_of(there)
    gap = knowledge_gap(context, selector, namespaces)
    if len(namespaces) == 1:
        return _one(site, selector, namespaces[0], there, gap=gap)
    if gap:
        return None
    if namespaces:
        return _in_several_namespaces(site, selector, namespaces, there)
    return _in_other_clusters(site, selector, matches.beyond) if matches.beyond else _nowhere(site, selector)


def _told(site: Site, selector: Selector, there: Sequence[Workload], said: Mapping[str, str]) -> Finding | None:
    """The finding where the config, or the label itself, says in which namespace pods live."""
    if site.context.namespace_known and site.context.policy.namespace in said:
        return None
    known = namespaces_of(there)
    if len(said) == 1 and (not known or next(iter(said)) in known):
        namespace, source = next(iter(said.items()))
        there = tuple(workload for workload in there if workload.namespace == namespace)
        return _one(site, selector, namespace, there, said=source)
    return _in_several_namespaces(site, selector, list(dict.fromkeys((*said, *known))), there, tuple(said.values()))


def _one(
    site: Site,
    selector: Selector,
    namespace: str,
    there: Sequence[Workload],
    *,
    said: str = "",
    gap: Gap | None = None,
) -> Finding | None:
    """The finding whose fix names the namespace; None where another peer of the rules has it already."""
    new = namespace_scope(site, namespace)
    if site.is_covered(new):
        return None
    doubts = () if said else doubts_about(site.context.inventory, there)
    none = " (none is known)" if site.context.namespace_known and not doubts else ""
    how = f"say where the pods are, with {_option(selector, namespace)}"
    applicability = Applicability.UNSAFE if gap or site.deny else Applicability.EVIDENT
    advice = f"{gap.words}: {gap.lift}, or {how}" if gap else ""
    return _say(
        site,
        selector,
        _MANUAL if doubts else applicability,
        f"pods that match seem to live in {namespace}, but {join_names(doubts)}"
        if doubts
        else f"pods that match live in {namespace}",
        change=_moves(site, selector, f"in {namespace}", new, none),
        severity=Severity.NOTE if gap and not doubts else None,
        evidence=(*((said,) if said else ()), *workloads_evidence(there), *own_evidence(site.context)),
        advice=f"{REMEDY} Or {how}" if doubts else advice,
    )


def _in_several_namespaces(
    site: Site, selector: Selector, names: Sequence[str], there: Sequence[Workload], said: tuple[str, ...] = ()
) -> Finding:
    where = f"in {join_names(names)}"
    none = None if site.context.policy.namespace in names else ""
    key = "namespaceSelector" if site.context.policy.kind == KNP else namespace_key(site.context.policy)
    return _say(
        site,
        selector,
        _MANUAL,
        f"pods that match live {where}",
        change=_moves(site, selector, where, in_namespaces(site, names), none),
        evidence=(*said, *workloads_evidence(there), *own_evidence(site.context)),
        advice=f"add `{key}` with the namespace that is meant, or with all of them",
    )


def _in_other_clusters(site: Site, selector: Selector, there: Sequence[Workload]) -> Finding:
    """Pods that match live in other clusters only, which the selector does not reach."""
    context = site.context
    clusters = tuple(cluster.name for cluster in context.mesh if any(w.cluster == cluster.name for w in there))
    names = namespaces_of(there)
    where = f"in {join_names(names)} of {join_names(clusters)}"
    new = in_namespaces(site, names, cluster_requirement(context, clusters))
    return _say(
        site,
        selector,
        _MANUAL,
        f"pods that match live {where}",
        change=_moves(site, selector, where, new),
        evidence=(*workloads_evidence(there), *own_evidence(context)),
        advice="name the namespace and the cluster if these pods are meant",
    )


def _nowhere(site: Site, selector: Selector) -> Finding:
    return _say(
        site,
        selector,
        _MANUAL,
        "no workload that is known matches, in any namespace",
        severity=Severity.NOTE,
        evidence=own_evidence(site.context),
        advice="check the labels, or give the facts of the cluster with --inventory",
    )


def _misspelt(site: Site, selector: Selector, wrong: Sequence[Requirement]) -> Finding:
    key = "namespaceSelector" if site.context.policy.kind == KNP else namespace_key(site.context.policy)
    rest = [r for r in selector.requirements if r not in wrong]
    pods = f"pods {text}" if (text := selector_text(Selector("", tuple(rest)))) else "every pod"
    meant = join_names(value for r in wrong for value in r.values) or "any namespace"
    change = None
    operations = renamed_key(site, wrong[0]) if len(wrong) == 1 else ()
    if operations:
        right = label_term(conditions_of([*rest, wrong[0]._replace(source=K8S, key=NAMESPACE_LABEL)]))
        opens = site.flows(f"{pods} in {meant}", site.entry, [right])
        own = f"pods {selector_text(selector)} in {site.context.policy.namespace or ''}"
        # What identities never have as a label closes nothing, and what the right key means as well stays.
        unseen = any(filtered(site.context, selector, site.context.from_version))
        change = Change(operations, (opens,), () if unseen else (site.flows(own, site.entry, rest=True),))
    return _say(
        site,
        selector,
        Applicability.UNSAFE if change else _MANUAL,
        f"{join_names(f'`{r.written_key}`' for r in wrong)} is a label of pods there, not their namespace",
        route=wrong[0].route,
        advice=f"the key is `{key}`" if site.context.policy.kind == CNP else f"name the namespace in a `{key}`",
        change=change,
    )


def _moves(site: Site, selector: Selector, where: str, new: Mapping[str, Any], none: str | None = "") -> Change:
    """From the pods of the policy's own namespace to those `where`; with `none` None it keeps the former too."""
    pods = f"pods {selector_text(selector)}"
    own = "" if none is None else f"{pods} in {site.context.policy.namespace or ''}{none}"
    return site.becomes(new, f"{pods} {where}", instead_of=own)


def _option(selector: Selector, namespace: str) -> str:
    single = (r for r in selector.requirements if r.operator == "In" and len(r.values) == 1)
    label = next((f"{r.key}={r.values[0]}" for r in single), "key=value")
    return f'`"{label}" = "{namespace}"` in [passes.missing-namespace]'


def _say(
    site: Site,
    selector: Selector,
    applicability: Applicability,
    what: str,
    *,
    severity: Severity | None = None,
    route: str = "",
    **more: Any,
) -> Finding:
    context, deny = site.context, site.deny
    own = (
        f"pods of {context.policy.namespace or ''}" if context.namespace_known else "pods of the policy's own namespace"
    )
    verb = "denies" if deny else "means"
    why = "a selector that names no namespace means the policy's own, so the traffic that was meant "
    return report(
        context,
        route or site,
        applicability,
        f"`{site.field.name}` `{selector_text(selector)}` {verb} {own}: {what}",
        why + ("passes" if deny else "is dropped"),
        rule=site.rule,
        severity=severity or (Severity.ERROR if deny else Severity.WARNING),
        **more,
    )
