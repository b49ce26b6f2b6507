"""## What it does

Finds peer selectors that mean pods of another namespace and do not name it.

## Why it matters

Cilium adds the policy's own namespace to every entry of from/toEndpoints that names none. A selector such as
`app: monitoring-agent` in a policy of `shop` means pods of `shop`, whatever runs in `monitoring`; in an allow rule the
traffic that was meant is dropped, in a deny rule it passes. A misspelt key (`k8s:io.kubernetes.podNamespace`,
`namespace`, `kubernetes.io/metadata.name` as a label of pods) names no namespace either: no pod has such a label. The
labels of a namespace are `io.cilium.k8s.namespace.labels.<key>` on its pods; `io.kubernetes.pod.namespace.labels.<key>`
is on none, in a clusterwide policy neither.

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
  the namespace that nobody sees: then nobody can tell that none matches. The same holds of a snapshot that is stale or
  not whole. Where the workloads themselves are in doubt (told twice, stale, applied by nobody), it is left to a person.
- Those of several match: left to a person, with the list.
- None matches anywhere: a note.

`[passes.missing-namespace]` says where pods with a label live (`"app=monitoring-agent" = "monitoring"`), and that
counts as evidence. Of `k8s-app: kube-dns` and `k8s-app: coredns` it is known: `kube-system`. In a deny rule a fix is
unsafe, since it starts to deny. The right key for a misspelt one is unsafe too.

`--as-clusterwide` offers the clusterwide form of policies whose subject lives in other namespaces as well: another
kind, no namespace, and every peer selector with the namespace that it means today. It is left to a person unless
`[passes.missing-namespace] applicability` says otherwise.

## References

- Cilium documentation, "Using Kubernetes Constructs In Policy", section "Namespaces"
- Cilium source, `pkg/k8s/apis/cilium.io/utils`, `getEndpointSelector`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL
from rewriter.cilium.peers import names_init
from rewriter.cilium.policy import CNP, PeerField, Rule, Spec
from rewriter.cilium.selector import Requirement, Selector
from rewriter.cilium.terms import conditions_of, label_term
from rewriter.evidence.context import Context
from rewriter.evidence.doubts import REMEDY, doubts_about
from rewriter.evidence.identity_labels import filtered
from rewriter.evidence.mesh import cluster_requirement, namespace_key
from rewriter.evidence.namespaces import Gap, Matches, knowledge_gap, matches_of, namespaces_of, own_evidence, told
from rewriter.evidence.workloads import on_host_network, workloads_evidence
from rewriter.finding import Applicability, Declared, Finding, Fix, Severity
from rewriter.inventory.facts import Workload
from rewriter.passes.kit.claims import rule_flows
from rewriter.passes.kit.clusterwide import clusterwide_form
from rewriter.passes.kit.coverage import missing, sibling
from rewriter.passes.kit.namespace_labels import right_key, wrong_namespace_labels
from rewriter.passes.kit.registry import antipattern
from rewriter.passes.kit.scope_keys import misspelt, renamed, with_expressions, with_label
from rewriter.passes.kit.split_peers import is_half
from rewriter.text import listed, selector_text

_FIELDS = ("fromEndpoints", "toEndpoints")


@dataclass(frozen=True, slots=True)
class _Place:
    """A peer selector that names no namespace."""

    context: Context
    spec: Spec
    rule: Rule
    field: PeerField
    index: int
    selector: Selector

    @property
    def route(self) -> str:
        return self.field.entry_route(self.index)

    @property
    def entry(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.field.entries[self.index]
        return entry

    @property
    def own(self) -> str:
        return self.context.policy.namespace or ""


@antipattern(code="CNP005", id="missing-namespace", title="a peer selector that means another namespace")
def find(context: Context) -> Iterator[Finding]:
    yield from wrong_namespace_labels(context)
    if context.policy.kind != CNP:
        return
    places = [each for each in _places(context) if not is_half(context, each.route) and not _means_nodes(each)]
    found = [finding for place in places if (finding := _finding(place)) is not None]
    yield from found
    if context.as_clusterwide:
        offer = clusterwide_form(context, pending=any(finding.fix for finding in found))
        yield from () if offer is None else (offer,)


def _means_nodes(place: _Place) -> bool:
    """Whether pods on the host network have the labels, so that no namespace would help (host-network-peer)."""
    return bool(on_host_network(place.context, label_term(conditions_of(place.selector.requirements))))


def _places(context: Context) -> Iterator[_Place]:
    for spec in context.policy.specs:
        for rule in spec.rules:
            fields = [field for field in rule.peers if field.entries]
            # Beside another kind of peer every release rejects the rule: it means nothing yet.
            if rule.selects_nobody or len(fields) != 1 or fields[0].name not in _FIELDS or names_init(spec.subject):
                continue
            for index, selector in enumerate(fields[0].selectors):
                if selector is not None and _picks_pods(selector):
                    yield _Place(context, spec, rule, fields[0], index, selector)


def _picks_pods(selector: Selector) -> bool:
    """Whether a selector picks pods by their labels, and nothing in it says of which namespace.

    `{}` and conditions that only rule out mean the whole of the policy's namespace, and are taken at their word.
    """
    if any(right_key(r.written_key) for r in selector.requirements):
        return False
    if selector.names_namespace or any(r.source not in (ANY, K8S) for r in selector.requirements):
        return False
    return any(r.operator in ("In", "Exists") and r.key != CLUSTER_LABEL for r in selector.requirements)


def _finding(place: _Place) -> Finding | None:
    matches = matches_of(place.context, place.selector)
    if matches is None or matches.here:
        return None
    wrong = misspelt(place.selector)
    if wrong and not matches.elsewhere:
        return _misspelt(place, wrong)
    said = told(place.context, place.selector)
    if said:
        return _told(place, matches, said)
    if not place.context.namespace_known:
        return None
    namespaces = namespaces_of(matches.elsewhere)
    gap = knowledge_gap(place.context, place.selector, namespaces)
    if len(namespaces) == 1:
        return _added(place, namespaces[0], matches.elsewhere, gap=gap)
    if gap:
        return None
    if namespaces:
        return _several(place, namespaces, matches.elsewhere)
    return _beyond(place, matches.beyond) if matches.beyond else _nothing(place)


def _told(place: _Place, matches: Matches, said: Mapping[str, str]) -> Finding | None:
    """The finding where the config, or the label itself, says in which namespace pods live."""
    if place.context.namespace_known and place.own in said:
        return None
    known = namespaces_of(matches.elsewhere)
    if len(said) == 1 and (not known or next(iter(said)) in known):
        namespace, source = next(iter(said.items()))
        there = tuple(workload for workload in matches.elsewhere if workload.namespace == namespace)
        return _added(place, namespace, there, said=source)
    return _several(place, list(dict.fromkeys((*said, *known))), matches.elsewhere, tuple(said.values()))


def _added(
    place: _Place, namespace: str, there: Sequence[Workload], *, said: str = "", gap: Gap | None = None
) -> Finding | None:
    """The finding whose fix names the namespace; None where another peer of the rules has it already."""
    key = namespace_key(place.context.policy)
    labels = place.entry.get("matchLabels")
    new = {**place.entry, "matchLabels": {**(labels if isinstance(labels, dict) else {}), key: namespace}}
    if not _is_missing(place, new):
        return None
    fix = Fix((with_label(place.entry, place.route, key, namespace),))
    doubts = () if said else doubts_about(place.context.inventory, there)
    if doubts:
        return _doubtful(place, namespace, there, doubts, fix, new)
    applicability = Applicability.UNSAFE if gap or place.rule.deny else Applicability.EVIDENT
    none = "none is known" if place.context.namespace_known else ""
    return _make(
        place,
        applicability,
        f"pods that match live in {namespace}",
        severity=Severity.NOTE if gap else None,
        evidence=(*((said,) if said else ()), *workloads_evidence(there), *own_evidence(place.context)),
        advice=f"{gap.words}: {gap.lift}, or say where the pods are, with {_option(place, namespace)}" if gap else "",
        fix=fix,
        opens=(_flow(place, f"in {namespace}", new),),
        closes=(_flow(place, f"in {place.own}" + (f" ({none})" if none else ""), place.entry),),
    )


def _doubtful(
    place: _Place,
    namespace: str,
    there: Sequence[Workload],
    doubts: Sequence[str],
    candidate: Fix,
    new: Mapping[str, Any],
) -> Finding:
    return _make(
        place,
        Applicability.MANUAL,
        f"pods that match seem to live in {namespace}, but {listed(doubts)}",
        evidence=(*workloads_evidence(there), *own_evidence(place.context)),
        advice=f"{REMEDY} Or say where the pods are, with {_option(place, namespace)}",
        candidate=candidate,
        opens=(_flow(place, f"in {namespace}", new),),
        closes=(_flow(place, f"in {place.own}", place.entry),),
    )


def _is_missing(place: _Place, new: Mapping[str, Any]) -> bool:
    rest = [entry for index, entry in enumerate(place.field.entries) if index != place.index]
    besides = [{**place.rule.raw, place.field.name: rest}] if rest else []
    return bool(missing(place.context, place.rule, [sibling(place.rule, {place.field.name: [new]})], besides=besides))


def _several(
    place: _Place, namespaces: Sequence[str], there: Sequence[Workload], said: tuple[str, ...] = ()
) -> Finding:
    key = namespace_key(place.context.policy)
    requirement = {"key": key, "operator": "In", "values": list(namespaces)}
    opens, closes = _moved(place, f"in {listed(namespaces)}", [requirement], leaves=place.own not in namespaces)
    return _make(
        place,
        Applicability.MANUAL,
        f"pods that match live in {listed(namespaces)}",
        evidence=(*said, *workloads_evidence(there), *own_evidence(place.context)),
        advice=f"add `{key}` with the namespace that is meant, or with all of them",
        candidate=Fix(tuple(with_expressions(place.entry, place.route, [requirement]))),
        opens=opens,
        closes=closes,
    )


def _beyond(place: _Place, there: Sequence[Workload]) -> Finding:
    """Pods that match live in other clusters only, which the selector does not reach."""
    context = place.context
    clusters = tuple(cluster.name for cluster in context.mesh if any(w.cluster == cluster.name for w in there))
    namespaces = namespaces_of(there)
    requirements = [
        {"key": namespace_key(context.policy), "operator": "In", "values": namespaces},
        cluster_requirement(context, clusters),
    ]
    opens, closes = _moved(place, f"in {listed(namespaces)} of {listed(clusters)}", requirements)
    return _make(
        place,
        Applicability.MANUAL,
        f"pods that match live in {listed(namespaces)} of {listed(clusters)}",
        evidence=(*workloads_evidence(there), *own_evidence(place.context)),
        advice="name the namespace and the cluster if these pods are meant",
        candidate=Fix(tuple(with_expressions(place.entry, place.route, requirements))),
        opens=opens,
        closes=closes,
    )


def _nothing(place: _Place) -> Finding:
    return _make(
        place,
        Applicability.MANUAL,
        "no workload that is known matches, in any namespace",
        severity=Severity.NOTE,
        evidence=own_evidence(place.context),
        advice="check the labels, or give the facts of the cluster with --inventory",
    )


def _misspelt(place: _Place, wrong: Sequence[Requirement]) -> Finding:
    context = place.context
    key = namespace_key(context.policy)
    rest = [r for r in place.selector.requirements if r not in wrong]
    conditions = selector_text(Selector("", tuple(rest)))
    pods = f"pods {conditions}" if conditions else "every pod"
    meant = listed(value for r in wrong for value in r.values) or "any namespace"
    one = len(wrong) == 1
    right = [r._replace(source=K8S, key=NAMESPACE_LABEL) for r in wrong]
    there = label_term(conditions_of([*rest, *right]))
    return _make(
        place,
        Applicability.UNSAFE if one else Applicability.MANUAL,
        f"{listed(f'`{r.written_key}`' for r in wrong)} is a label of pods there, not their namespace",
        route=wrong[0].route,
        advice=f"the key is `{key}`",
        fix=Fix(tuple(renamed(wrong[0], key))) if one else None,
        opens=(rule_flows(context, place.spec, place.rule, f"{pods} in {meant}", terms=[there]),) if one else (),
        closes=(_not_kept(place),) if one and not any(filtered(context, place.selector, context.from_version)) else (),
    )


def _not_kept(place: _Place) -> Declared:
    """The flows of pods that have the wrong key as a label, but for those that the right key means as well."""
    return replace(_flow(place, f"in {place.own}", place.entry), rest=True)


def _option(place: _Place, namespace: str) -> str:
    label = next(
        (f"{r.key}={r.values[0]}" for r in place.selector.requirements if r.operator == "In" and len(r.values) == 1),
        "key=value",
    )
    return f'`"{label}" = "{namespace}"` in [passes.missing-namespace]'


def _moved(
    place: _Place, where: str, requirements: Sequence[Mapping[str, Any]], *, leaves: bool = True
) -> tuple[tuple[Declared, ...], tuple[Declared, ...]]:
    """What a selector opens and closes by more conditions; it may keep the pods of the policy's own namespace."""
    there = place.entry.get("matchExpressions")
    new = {**place.entry, "matchExpressions": [*(there if isinstance(there, list) else ()), *requirements]}
    return (_flow(place, where, new),), (_flow(place, f"in {place.own}", place.entry),) if leaves else ()


def _flow(place: _Place, where: str, entry: Mapping[str, Any]) -> Declared:
    """The flows of the rule with one selector as its peer."""
    peers = f"pods {selector_text(place.selector)} {where}"
    only = sibling(place.rule, {place.field.name: [entry]})
    return rule_flows(place.context, place.spec, place.rule, peers, only)


def _make(
    place: _Place,
    applicability: Applicability,
    what: str,
    *,
    severity: Severity | None = None,
    route: str = "",
    evidence: tuple[str, ...] = (),
    advice: str = "",
    fix: Fix | None = None,
    candidate: Fix | None = None,
    opens: tuple[Declared, ...] = (),
    closes: tuple[Declared, ...] = (),
) -> Finding:
    deny = place.rule.deny
    where = f"pods of {place.own}" if place.context.namespace_known else "pods of the policy's own namespace"
    verb = "denies" if deny else "means"
    why = "a selector that names no namespace means the policy's own, so the traffic that was meant "
    return Finding(
        severity=severity or (Severity.ERROR if deny else Severity.WARNING),
        applicability=applicability,
        route=route or place.route,
        message=f"`{place.field.name}` `{selector_text(place.selector)}` {verb} {where}: {what}",
        why=why + ("passes" if deny else "is dropped"),
        evidence=evidence,
        advice=advice,
        fix=fix,
        candidate=candidate,
        opens=closes if deny else opens,
        closes=opens if deny else closes,
    )
