"""What an upgrade changes in a policy that no other finding of it declares or mends (pass `upgrade-change`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.cilium.alike import reads_alike
from rewriter.cilium.digits import is_number
from rewriter.cilium.policy import KNP, Policy, read_policy
from rewriter.cilium.rule_settings import mean_alike
from rewriter.cilium.settings import Settings
from rewriter.cilium.tiers import is_cluster_network_policy
from rewriter.cilium.version import CLUSTER_NETWORK_POLICIES
from rewriter.engine.documents.read import FoundPolicy
from rewriter.engine.effects.of_fixes import Effects
from rewriter.engine.results.result import Location, Reported
from rewriter.finding import Applicability, Finding, Flows, Severity
from rewriter.passes import PASSES
from rewriter.passes.kit.enforced.upgrade_reasons import Reason, reasons
from rewriter.text import join_flows

ID, CODE = "upgrade-change", "CNP032"
#: What a finding of these says covers the whole policy.
_WHOLE = frozenset({"rejected", "no-rules", "mixed-peers"})
#: Passes that speak of what a release changes in a rule.
_OF_RULES = frozenset(pass_.id for pass_ in PASSES if pass_.change is not None) | {
    "service-with-ports",
    "implicit-cluster",
}
_ITEM = re.compile(r"^/(?:spec|specs/\d+)/(?:ingress|egress)(?:Deny)?/\d+(?=/|$)")
_SHOWN = 6


def upgrade_changes(
    document: yamltext.Document,
    policies: Sequence[FoundPolicy],
    effects: Effects,
    path: str,
    findings: Sequence[Reported],
) -> Iterator[Reported]:
    """A finding for each policy of a document that the upgrade changes beyond what `findings` say of it."""
    if not effects.source.version.precedes(effects.target.version):
        return
    for found in policies:
        policy = found.policy
        mine = [item for item in findings if _is_of(item, policy)]
        change = _change(policy, effects, mine)
        if change is not None:
            flows, why = change
            yield Reported(
                _finding(policy, flows, why), _place(document, policy, path, why), flows=Flows(upgrade=flows)
            )


def _is_of(item: Reported, policy: Policy) -> bool:
    location = item.location
    return (location.kind, location.namespace, location.name) == (policy.kind, policy.namespace or "", policy.name)


def _change(policy: Policy, effects: Effects, mine: Sequence[Reported]) -> tuple[Flows, list[Reason]] | None:
    if is_cluster_network_policy(policy.raw):
        return _of_tiers(policy, effects)
    if effects.rejected_today(policy) or effects.rejected(policy):
        return None  # The pass `rejected` and those that mend what it finds speak of a policy that dies or wakes up.
    source, target = _compared(effects.source, effects.target)
    if reads_alike(policy) and mean_alike(source, target):
        return None
    spoken = [item.finding for item in mine if _speaks(item)]
    if any(finding.id in _WHOLE for finding in spoken):
        return None
    items = [_ITEM.match(finding.route.removeprefix(policy.route)) for finding in spoken]
    if not all(items):
        return None
    routes = {item[0] for item in items if item}
    if not routes <= {rule.route for rule in policy.rules()}:
        return None  # Of a rule that a fix added: it stands for one of those that were there.
    left = _without(policy, routes) if routes else policy
    flows = replace(effects, source=source, target=target, _worlds={}).upgrade_among_others(left, left)
    if not _changes(flows):
        return None
    why = [reason for reason in reasons(policy, effects.source, effects.target) if not _is_spoken(reason, routes)]
    return flows, why


@cache
def _compared(source: Settings, target: Settings) -> tuple[Settings, Settings]:
    """Both ends of an upgrade without what other passes report.

    A label that the target release leaves out of identities is a matter of filtered-label and unselected-subject. What
    a release does to pods of other clusters is a matter of implicit-cluster, which knows whether there are any.
    """
    before = replace(source, pod_labels=target.pod_labels, single_cluster=True)
    return before, replace(target, single_cluster=True)


def _of_tiers(policy: Policy, effects: Effects) -> tuple[Flows, list[Reason]] | None:
    """What a ClusterNetworkPolicy does that the target release reads and the source release does not."""
    if effects.rejected(policy) or not effects.rejected_today(policy):
        return None
    flows = effects.upgrade_among_others(policy, policy)
    words = f"the agents read {policy.kind}, since `k8sClusterNetworkPolicy.enabled` is set"
    return (flows, [Reason(CLUSTER_NETWORK_POLICIES, "/spec", words)]) if _changes(flows) else None


def _speaks(item: Reported) -> bool:
    """Whether a finding is about what a release changes, or has a fix, whose flows are declared and proved."""
    finding = item.finding
    fix = finding.fix or finding.candidate
    return finding.id in _OF_RULES or fix is not None or _changes(item.flows.upgrade)


def _changes(flows: Flows | None) -> bool:
    return flows is not None and bool(flows.opened or flows.closed)


def _is_spoken(reason: Reason, routes: Iterable[str]) -> bool:
    return any(reason.route == route or reason.route.startswith(f"{route}/") for route in routes)


def _places(route: str) -> list[int]:
    return [int(part) if is_number(part) else 0 for part in route.split("/")]


def _without(policy: Policy, routes: Iterable[str]) -> Policy:
    """The policy with rules taken out; what they deny by default stays."""
    raw = deepcopy(dict(policy.raw))
    for route in sorted(routes, key=_places, reverse=True):
        *above, name, index = route.split("/")[1:]
        spec = raw[above[0]] if len(above) == 1 else raw[above[0]][int(above[1])]
        if policy.kind == KNP:
            del spec[name][int(index)]
            spec["policyTypes"] = sorted({*(spec.get("policyTypes") or ()), name.capitalize()})
        else:
            spec[name][int(index)] = {}
    return read_policy(raw, namespace=policy.namespace)


def _finding(policy: Policy, flows: Flows, why: Sequence[Reason]) -> Finding:
    reason = why[0] if why else None
    parts = (("also", flows.opened), ("no longer", flows.closed))
    what = ", and ".join(f"{how} lets through {join_flows(part, most=_SHOWN)}" for how, part in parts if part)
    when = f"from Cilium {reason.release} on" if reason else "after the upgrade"
    return Finding(
        Severity.ERROR if flows.opened else Severity.WARNING,
        Applicability.MANUAL,
        policy.route + (reason.route if reason else "/spec"),
        f"{when}, this policy {what}",
        why="; ".join(dict.fromkeys(f"from {reason.release} on, {reason.words}" for reason in why)),
        advice="; ".join(dict.fromkeys(reason.advice for reason in why if reason.advice))
        or "write the rule so that both releases read it as it is meant",
        code=CODE,
        id=ID,
    )


def _place(document: yamltext.Document, policy: Policy, path: str, why: Sequence[Reason]) -> Location:
    route = policy.route + (why[0].route if why else "/spec")
    try:
        where = yamltext.locate(document, route)
    except (KeyError, yamltext.YamlTextError):
        where = yamltext.locate(document, policy.route)
    return Location(
        path,
        where.line,
        where.column,
        where.end_line,
        where.end_column,
        document.index,
        policy.kind,
        policy.namespace or "",
        policy.name,
    )
