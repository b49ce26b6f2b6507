"""Entries that mean pods of every cluster and are to name clusters, and what naming them does to traffic."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.labels import CLUSTER_LABEL, K8S
from rewriter.cilium.peers import endpoint_term, knp_peer_terms
from rewriter.cilium.policy import CNP, KNP, PeerField, Rule, Spec
from rewriter.cilium.selector import read_selector
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import Condition, LabelTerm, Term, label_term
from rewriter.cilium.version import AUTHENTICATION_OFF, L7_GENERIC_REMOVED
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, FlowClaim
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.applicability import EVIDENT, OTHERWISE, SAFE, UNSAFE, decided
from rewriter.passes.kit.changes.claims import rule_flows
from rewriter.passes.kit.changes.coverage import sibling
from rewriter.passes.kit.changes.forms import Form
from rewriter.passes.kit.enforced.enforcement import rejected_today
from rewriter.passes.kit.enforced.upgrade_semantics import of_other_clusters
from rewriter.records import dataclass
from rewriter.text import join_names, selector_text


@dataclass(frozen=True, slots=True)
class Scope:
    """The clusters that a selector is to name: names, or None for every cluster of the mesh.

    `doubts` say why workloads are known and not rested on.
    """

    names: tuple[str, ...] | None
    workloads: tuple[Workload, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScopedField:
    """The entries of one peer field that change, each with its scope, in document order."""

    context: Context
    spec: Spec
    rule: Rule
    field: PeerField
    scopes: dict[int, Scope]


@dataclass(frozen=True, slots=True)
class Effect:
    """The flows that naming the clusters opens and closes, what happens without it, and how far to trust it."""

    opens: tuple[FlowClaim, ...]
    closes: tuple[FlowClaim, ...]
    why: str
    trust: Applicability


def effect(site: ScopedField) -> Effect:
    """What naming the clusters of each entry does to traffic, beside what happens without it."""
    rule = site.rule
    lost, kept = tuple(_lost(site)), tuple(_kept_alive(site))
    why = _without(site)
    for index, scope in site.scopes.items():
        if scope.names is None and _means_more_than_pods(site, index):
            why += f"; `{entry_words(site, index)}` also means what is not a pod, and no selector keeps that"
    more: tuple[FlowClaim, ...] = ()
    if kept:
        words, reason = _read_as_more(site)
        only = sibling(rule, {site.field.name: [site.field.entries[index] for index in site.scopes]})
        more = (rule_flows(site.context, site.spec, rule, f"pods of other clusters, {words}", only, terms=kept),)
        why += f"; {reason}"
    opens, closes = (lost, more) if rule.deny else (more, lost)
    begins = rule.deny and more and rejected_today(site.context) is not None
    trust = decided((opens or begins, UNSAFE), (closes, EVIDENT), (OTHERWISE, SAFE))
    return Effect(opens, closes, why, trust)


def _without(site: ScopedField) -> str:
    """What happens without the fix."""
    dead = rejected_today(site.context) is not None
    when = "the policy is not enforced today; once the upgrade switches it on" if dead else "after the upgrade"
    if not site.rule.deny:
        return f"{when}, traffic of other clusters that only this rule allows is dropped"
    if dead:
        return f"{when}, this rule denies no traffic of other clusters"
    return f"{when}, traffic of other clusters that this rule denies is no longer denied"


def _lost(site: ScopedField) -> Iterator[FlowClaim]:
    """What entries mean today and no longer do once they name clusters.

    Where the policy is not enforced today, that is only what the upgrade would begin to allow.
    """
    own = site.context.cluster
    dead = rejected_today(site.context) is not None
    for index, scope in site.scopes.items():
        names_own = scope.names is None or (own is not None and own.name in scope.names)
        if dead and (site.rule.deny or names_own):
            continue
        if scope.names is not None:
            others = f"pods with {entry_words(site, index)} outside {join_names(scope.names)}"
            others += " (none is known)" if scope.workloads else ""
            yield _left_out(site, index, others, "NotIn", scope.names)
        elif _means_more_than_pods(site, index):
            others = "nodes, addresses outside the mesh and all else that is not a pod"
            yield _left_out(site, index, others, "DoesNotExist")


def _kept_alive(site: ScopedField) -> Iterator[Term]:
    """The pods of other clusters for whom an entry would mean more than today."""
    for index, scope in site.scopes.items():
        only = sibling(site.rule, {site.field.name: [site.field.entries[index]]})
        yield from of_other_clusters(site.context, site.spec, site.rule, only, scope.names)


def _read_as_more(site: ScopedField) -> tuple[str, str]:
    """How a rule means more than today, and why."""
    context = site.context
    before, after = context.from_version, context.to_version
    kept = "and the fix would keep that for other clusters too"
    if rejected_today(context) is not None:
        if site.rule.deny:
            return "which nothing denies today", "the fix would make it deny that"
        return "which others deny by default today", "others deny it by default today, which the fix would open"
    if _loses_l7_rules(site):
        return "without the L7 rules", f"{after} drops the L7 rules of this rule, {kept}"
    kept_on = context.cluster is not None and context.cluster.mutual_authentication
    if "authentication" in site.rule.raw and before < AUTHENTICATION_OFF <= after and not kept_on:
        return "without mutual authentication", f"{after} does not enforce mutual authentication by default, {kept}"
    return f"as Cilium {after} reads the rule", f"{after} reads the rule as more than {before} does, {kept}"


def _left_out(site: ScopedField, index: int, words: str, operator: str, clusters: tuple[str, ...] = ()) -> FlowClaim:
    """The flows of one entry that a condition on the cluster takes from it; this is the opposite condition."""
    context, spec, rule, field = site.context, site.spec, site.rule, site.field
    term = term_today(context, spec, field, index)
    only = sibling(rule, {field.name: [field.entries[index]]})
    if term is None:
        return rule_flows(context, spec, rule, words, only)
    lost = label_term([*term.conditions, Condition(K8S, CLUSTER_LABEL, operator, tuple(sorted(clusters)))])
    return rule_flows(context, spec, rule, words, only, terms=[lost])


def _means_more_than_pods(site: ScopedField, index: int) -> bool:
    """Whether an entry only says what its peers are not: that is true of everything that has no labels."""
    term = term_today(site.context, site.spec, site.field, index)
    return term is not None and all(condition.operator in ("NotIn", "DoesNotExist") for condition in term.conditions)


def _loses_l7_rules(site: ScopedField) -> bool:
    """Whether the upgrade makes a plain L4 rule of this one."""
    if not site.context.from_version < L7_GENERIC_REMOVED <= site.context.to_version:
        return False
    demands = [item.get("rules") for item in site.rule.to_ports if isinstance(item, dict)]
    return any(isinstance(kinds, dict) and kinds.keys() & {"kafka", "l7", "l7proto"} for kinds in demands)


def term_today(context: Context, spec: Spec, field: PeerField, index: int) -> LabelTerm | None:
    """The pods that an entry selects on the source release; None where that depends on unknown facts."""
    policy = context.policy
    settings = Settings(context.from_version)
    if policy.kind == KNP:
        peer = field.entries[index]
        if not context.namespace_known and peer.get("namespaceSelector") is None:
            return None
        terms = [term for term in knp_peer_terms(peer, policy.namespace or "", settings) if isinstance(term, LabelTerm)]
        return terms[0] if len(terms) == 1 else None
    selector = field.selectors[index]
    if selector is None or field.name not in ("fromEndpoints", "toEndpoints"):
        return None
    if not context.namespace_known and policy.kind == CNP and not selector.names_namespace:
        return None
    return endpoint_term(selector, policy, spec.subject, settings)


def entry_words(site: ScopedField, index: int) -> str:
    if site.context.policy.kind != KNP:
        selector = site.field.selectors[index]
        return selector_text(selector) or "{}"
    return _peer_words(site.field.entries[index])


def _peer_words(peer: Form) -> str:
    parts = []
    for name in ("namespaceSelector", "podSelector"):
        if peer.get(name) is not None:
            selector = read_selector(peer[name], "")
            parts.append(f"{name} {selector_text(selector) or '{}'}")
    return ", ".join(parts)
