"""## What it does

Finds peer selectors that mean pods of another namespace and do not name it.

## Why it matters

Cilium adds the policy's own namespace to every entry of from/toEndpoints that names none. A selector such as `app:
monitoring-agent` in a policy of `shop` means pods of `shop`, whatever runs in `monitoring`; in an allow rule the
traffic that was meant is dropped, in a deny rule it passes. A misspelt key (`k8s:io.kubernetes.podNamespace`,
`namespace`, `kubernetes.io/metadata.name` as a label of pods) names no namespace either: no pod has such a label. The
labels of a namespace are `io.cilium.k8s.namespace.labels.<key>` on its pods; no pod has
`io.kubernetes.pod.namespace.labels.<key>`. The pass reports these keys in clusterwide policies too, all but
`namespace`. A namespace has its name under `kubernetes.io/metadata.name` alone, not under `name`, unless its manifest
says so.

A selector that names a namespace, and labels that no pod there has, matches no pod either: `app: ledger`, where the
pods carry `app.kubernetes.io/name: ledger`; a service account or a namespace with a letter too few.

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
- None matches anywhere: the nearest label that known pods of the namespace have is offered, which is unsafe: they may
  not be the ones that were meant. It is a note where others of the namespace may be hidden, and where no label is
  near. A selector that names its namespace is judged alike, but without a label that is near there is no finding.

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

from collections.abc import Iterator, Sequence

from rewriter.cilium.policy import CNP, KNP
from rewriter.cilium.selector import Selector
from rewriter.evidence.context import Context
from rewriter.evidence.doubts import REMEDY, doubts_about
from rewriter.evidence.identity_labels import filtered
from rewriter.evidence.mesh import namespace_key
from rewriter.evidence.namespaces import (
    Gap,
    configured_namespaces,
    knowledge_gap,
    matches_of,
    namespaces_of,
    own_evidence,
)
from rewriter.evidence.near_labels import slips_of
from rewriter.evidence.strangers import near_namespace
from rewriter.evidence.workloads import workloads_evidence
from rewriter.finding import Finding, Severity
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.applicability import EVIDENT, MANUAL, OTHERWISE, UNSAFE, decided
from rewriter.passes.kit.changes.site import Site
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.selectors.clusterwide import clusterwide_form
from rewriter.passes.kit.selectors.empty_peers import empty_peers
from rewriter.passes.kit.selectors.namespace_findings import (
    in_other_clusters,
    matches_nowhere,
    means_its_subject,
    means_nodes,
    misspelt_label,
    misspelt_value,
    moves,
    option,
    picks_pods,
    say,
)
from rewriter.passes.kit.selectors.namespace_labels import wrong_namespace_labels
from rewriter.passes.kit.selectors.namespace_names import unlabelled_namespaces
from rewriter.passes.kit.selectors.pod_selectors import in_namespaces, namespace_scope, own_pods
from rewriter.passes.kit.selectors.scope_keys import misspelt
from rewriter.passes.kit.selectors.split_peers import halves
from rewriter.passes.kit.selectors.stranger_peers import stranger_finding, stranger_peers
from rewriter.text import join_names


@antipattern(
    code="CNP005",
    id="missing-namespace",
    title="a peer selector that means another namespace",
    kinds=EVERY_KIND,
    drops=True,
)
def find(context: Context) -> Iterator[Finding]:
    yield from wrong_namespace_labels(context)
    yield from unlabelled_namespaces(context)
    split = halves(context)
    yield from stranger_peers(context, split)
    if context.policy.kind not in (CNP, KNP):
        return
    yield from empty_peers(context)
    sites = [(site, selector) for site, selector in own_pods(context) if picks_pods(selector)]
    sites = [site for site in sites if site[0].route not in split and not means_its_subject(*site)]
    sites = [site for site in sites if not means_nodes(context, site[1])]
    found = [finding for site, selector in sites if (finding := _finding(site, selector)) is not None]
    yield from found
    if context.as_clusterwide and context.policy.kind == CNP:
        offer = clusterwide_form(context, pending=any(finding.fix for finding in found))
        yield from () if offer is None else (offer,)


def _finding(site: Site, selector: Selector) -> Finding | None:
    context = site.context
    matches = matches_of(context, selector)
    if matches is None or matches.here:
        return None
    there = matches.elsewhere
    if (wrong := misspelt(selector)) and not there:
        return misspelt_label(site, selector, wrong)
    if any(
        True for version in (context.from_version, context.to_version) for _ in filtered(context, selector, version)
    ):
        return None  # No identity has the label, in any namespace: filtered-label says so.
    if stated := configured_namespaces(context, selector):
        return _by_config(site, selector, there, stated)
    own = context.policy.namespace or ""
    if not context.namespace_known or near_namespace(context, own):
        return None  # The policy's own namespace may be the mistake: unselected-subject reports that.
    namespaces = namespaces_of(there)
    gap = knowledge_gap(context, selector, namespaces)
    if len(namespaces) == 1:
        return _one(site, selector, namespaces[0], there, gap=gap)
    if not namespaces:
        meant = stranger_finding(site, selector, own, elsewhere=False)
        if meant is not None:
            return meant
    if gap:
        slips = () if namespaces else slips_of(context, selector, own)
        return misspelt_value(site, selector, slips, gap) if slips else None
    if namespaces:
        return _in_several_namespaces(site, selector, namespaces, there)
    return in_other_clusters(site, selector, matches.beyond) if matches.beyond else matches_nowhere(site, selector)


def _by_config(site: Site, selector: Selector, there: Sequence[Workload], stated: dict[str, str]) -> Finding | None:
    """The finding where the config, or the label itself, says in which namespace pods live."""
    if site.context.namespace_known and site.context.policy.namespace in stated:
        return None
    known = namespaces_of(there)
    if len(stated) == 1 and (not known or next(iter(stated)) in known):
        namespace, source = next(iter(stated.items()))
        there = tuple(workload for workload in there if workload.namespace == namespace)
        return _one(site, selector, namespace, there, source)
    return _in_several_namespaces(site, selector, list(dict.fromkeys((*stated, *known))), there, tuple(stated.values()))


def _one(
    site: Site, selector: Selector, namespace: str, there: Sequence[Workload], stated: str = "", gap: Gap | None = None
) -> Finding | None:
    """The finding whose fix names the namespace; None where another peer of the rules has it already."""
    new = namespace_scope(site, namespace)
    if site.is_covered(new):
        return None
    doubts = () if stated else doubts_about(site.context.inventory, there)
    none = " (none is known)" if site.context.namespace_known and not doubts else ""
    how = f"say where the pods are, with {option(selector, namespace)}"
    advice = f"{gap.words}: {gap.lift}, or {how}" if gap else ""
    live = f"seem to live in {namespace}, but {join_names(doubts)}" if doubts else f"live in {namespace}"
    return say(
        site,
        selector,
        decided((doubts, MANUAL), (gap or site.deny, UNSAFE), (OTHERWISE, EVIDENT)),
        f"pods that match {live}",
        change=moves(site, selector, f"in {namespace}", new, none),
        severity=Severity.NOTE if gap and not doubts else None,
        evidence=(*((stated,) if stated else ()), *workloads_evidence(there), *own_evidence(site.context)),
        advice=f"{REMEDY}; or {how}" if doubts else advice,
    )


def _in_several_namespaces(
    site: Site, selector: Selector, names: Sequence[str], there: Sequence[Workload], stated: tuple[str, ...] = ()
) -> Finding:
    where = f"in {join_names(names)}"
    none = None if site.context.policy.namespace in names else ""
    key = "namespaceSelector" if site.context.policy.kind == KNP else namespace_key(site.context.policy)
    return say(
        site,
        selector,
        MANUAL,
        f"pods that match live {where}",
        change=moves(site, selector, where, in_namespaces(site, names), none),
        evidence=(*stated, *workloads_evidence(there), *own_evidence(site.context)),
        advice=f"add `{key}` with the namespace that is meant, or with all of them",
    )
