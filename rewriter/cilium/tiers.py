"""ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2) as Cilium reads it from 1.20 on, where that is enabled.

Rules of the tier Admin are judged before CiliumNetworkPolicies and NetworkPolicies, those of the tier Baseline after
them. Within a tier the lower priority counts first, then the order in the policy; of rules at one place Deny counts
before Accept before Pass. No rule puts a pod into default deny. Source: Cilium pkg/k8s ParseClusterNetworkPolicy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rewriter.cilium.cidr import parsed_prefixes
from rewriter.cilium.compile import Entry, PortGrant, TierPlace, pods_term
from rewriter.cilium.fqdn import fqdn_term
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, RESERVED
from rewriter.cilium.local_cluster import peer_takes_local_cluster
from rewriter.cilium.peers import network_policy_conditions
from rewriter.cilium.policy import EGRESS, INGRESS, Policy, objects_in
from rewriter.cilium.ports import ANY_PROTOCOL, EVERYTHING, PortMatch
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import ANYTHING, CidrTerm, Condition, LabelTerm, Term, filtered, label_term
from rewriter.cilium.validation import Rejection
from rewriter.cilium.version import CLUSTER_NETWORK_POLICIES

KIND, GROUP = "ClusterNetworkPolicy", "policy.networking.k8s.io/"
ADMIN, BASELINE = "Admin", "Baseline"
ACCEPT, DENY, PASS = "Accept", "Deny", "Pass"
#: As many rules stand between two priorities.
_RULES_A_PRIORITY = 100
_PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "sctp": "SCTP"}


def is_cluster_network_policy(manifest: Any) -> bool:
    """Whether a manifest is a ClusterNetworkPolicy of the Kubernetes network policy API."""
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        return False
    return str(manifest.get("apiVersion")).startswith(GROUP)


def cluster_network_policies(value: Any) -> Iterator[Policy]:
    """The ClusterNetworkPolicies of a document, itself or the items of a List.

    They are known by their names; none has a rule set of the kinds that other policies have.
    """
    return objects_in(value, is_cluster_network_policy)


def tier_rules(manifest: Mapping[str, Any], settings: Settings) -> tuple[Entry, ...]:
    """The rules of a ClusterNetworkPolicy in document order; none where the agents do not read or reject it."""
    spec = manifest.get("spec")
    if not isinstance(spec, dict) or tiers_rejection(manifest, settings) is not None:
        return ()
    subject = _subject(spec.get("subject"), settings)
    return () if subject is None else tuple(_tier_rules(spec, subject, settings))


def tiers_rejection(manifest: Mapping[str, Any], settings: Settings) -> Rejection | None:
    """Why the agents read nothing of a ClusterNetworkPolicy; None where they do."""
    if settings.version < CLUSTER_NETWORK_POLICIES:
        return Rejection(f"{KIND} is read from Cilium {CLUSTER_NETWORK_POLICIES} on", "")
    if not settings.cluster_network_policies:
        return Rejection(f"{KIND} is not read: k8sClusterNetworkPolicy.enabled is off, as by default", "")
    spec = manifest.get("spec")
    for direction, index, rule in _rules(spec) if isinstance(spec, dict) else ():
        for position, peer in enumerate(_peers(rule)):
            route = f"/spec/{direction}/{index}/{'from' if direction == INGRESS else 'to'}/{position}"
            if "nodes" in peer and not settings.node_selector_labels:
                message = "egress.to.nodes is not supported since node selector labels are disabled"
                return Rejection(message, f"{route}/nodes")
            if "domainNames" in peer and rule.get("action") != ACCEPT:
                message = "egress.to.domainNames is only supported for egress.action=Accept"
                return Rejection(message, f"{route}/domainNames")
    return None


def _rules(spec: Mapping[str, Any]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    for direction in (INGRESS, EGRESS):
        items = spec.get(direction)
        for index, rule in enumerate(items if isinstance(items, list) else ()):
            if isinstance(rule, dict):
                yield direction, index, rule


def _peers(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    written = rule.get("from", rule.get("to"))
    return [peer for peer in written if isinstance(peer, dict)] if isinstance(written, list) else []


def _tier_rules(spec: Mapping[str, Any], subject: LabelTerm, settings: Settings) -> Iterator[Entry]:
    priority = spec.get("priority")
    first = (priority if isinstance(priority, int) else 0) * _RULES_A_PRIORITY
    tier = BASELINE if spec.get("tier") == BASELINE else ADMIN
    for direction, index, rule in _rules(spec):
        action = rule.get("action")
        action = action if action in (DENY, PASS) else ACCEPT
        route, ports = f"/spec/{direction}/{index}", _ports(rule.get("protocols"))
        peers = _peers(rule)
        terms = [term for peer in peers for term in _terms(peer, settings)] if peers else [ANYTHING]

        def made(verdict: str, those: Iterable[Term], grants: tuple[PortGrant, ...]) -> Entry:
            place = TierPlace(tier, first + index, verdict)  # noqa: B023 - called in this round alone
            return Entry(route, direction, False, False, subject, False, tuple(those), grants, tier=place)  # noqa: B023

        yield made(action, terms, ports)
        if any("domainNames" in peer for peer in peers):
            yield made(ACCEPT, [_DNS_SERVERS], _DNS_PORTS)
        if action != ACCEPT and any(not _is_known(peer) for peer in peers):
            yield made(DENY, [ANYTHING], ports)  # A peer that this release does not know shuts everybody out.


_DNS_SERVERS = LabelTerm((Condition(ANY, "k8s-app", "In", ("kube-dns",)),))
_DNS_PORTS = tuple(PortGrant(PortMatch(ANY_PROTOCOL, name=name)) for name in ("dns", "dns-tcp"))
_PEER_FIELDS = frozenset({"pods", "namespaces", "nodes", "networks", "domainNames"})


def _is_known(peer: Mapping[str, Any]) -> bool:
    return not _PEER_FIELDS.isdisjoint(peer)


def _subject(written: Any, settings: Settings) -> LabelTerm | None:
    """Whom the policy selects; None where nothing says so, or a label is asked for that no pod has."""
    if not isinstance(written, dict):
        return None
    if "namespaces" in written:
        return pods_term(_of_namespaces(written["namespaces"]), settings)
    pods = written.get("pods")
    return pods_term(_of_pods(pods), settings) if isinstance(pods, dict) else None


def _terms(peer: Mapping[str, Any], settings: Settings) -> Iterator[Term]:
    pods = peer.get("pods")
    if isinstance(pods, dict):
        conditions = _of_pods(pods)
        if settings.adds_local_cluster and not settings.single_cluster and peer_takes_local_cluster(pods):
            conditions.append(Condition(K8S, CLUSTER_LABEL, "In", (settings.local_cluster,)))
        yield from filter(None, (pods_term(conditions, settings),))
    elif "namespaces" in peer:
        yield from filter(None, (pods_term(_of_namespaces(peer["namespaces"]), settings),))
    elif "nodes" in peer:
        kept = filtered(network_policy_conditions(peer["nodes"]), settings.node_labels)
        if kept is not None:
            yield label_term([*kept, Condition(RESERVED, "remote-node", "Exists")])
    elif "networks" in peer:
        yield from map(CidrTerm, parsed_prefixes(peer["networks"] or ()))
    else:
        for name in map(str, peer.get("domainNames") or ()):
            field = "matchPattern" if name.startswith("*") else "matchName"
            pattern = f"*{name}" if name.startswith("*") and not name.startswith("**") else name
            yield fqdn_term({field: pattern}, settings.version)


def _of_namespaces(selector: Any) -> list[Condition]:
    chosen = network_policy_conditions(selector, NAMESPACE_LABELS_PREFIX)
    return chosen or [Condition(K8S, NAMESPACE_LABEL, "Exists")]


def _of_pods(pods: Mapping[str, Any]) -> list[Condition]:
    return [*network_policy_conditions(pods.get("podSelector")), *_of_namespaces(pods.get("namespaceSelector"))]


def _ports(protocols: Any) -> tuple[PortGrant, ...]:
    if not isinstance(protocols, list) or not protocols:
        return (PortGrant(EVERYTHING),)
    found = [match for item in protocols if isinstance(item, dict) for match in _matches(item)]
    return tuple(PortGrant(match) for match in found)


def _matches(item: Mapping[str, Any]) -> Iterator[PortMatch]:
    name = item.get("destinationNamedPort")
    if isinstance(name, str):
        yield PortMatch(ANY_PROTOCOL, name=name.lower())
    for field, protocol in _PROTOCOLS.items():
        if field not in item:
            continue
        port = (item[field] or {}).get("destinationPort") or {}
        span, number = port.get("range"), port.get("number")
        if isinstance(span, dict):
            yield PortMatch(protocol, int(span.get("start") or 0), int(span.get("end") or 0))
        elif isinstance(number, int):
            yield PortMatch(protocol, number, number)
        else:
            yield PortMatch(protocol)
