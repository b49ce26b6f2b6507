"""One flow through the policies of a workspace: who the endpoints are, and what decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rewriter.cilium.cidr import AddressError, parse_prefix_or_address
from rewriter.cilium.identity import RESERVED_IDENTITIES, Identity, outside_identity, reserved_identity
from rewriter.cilium.labels import K8S, NAMESPACE_LABEL, LabelSet, pod_labels
from rewriter.cilium.policy import EGRESS, INGRESS, KNP, Policy
from rewriter.cilium.policy_set import PolicySet, compile_policies
from rewriter.cilium.verdict import DirectionVerdict, Engine
from rewriter.engine.placed import PlacedPolicy
from rewriter.engine.workspace import Workspace
from rewriter.evidence.settings import DEFAULT_NAME, facts_of, settings_of, workload_identity
from rewriter.inventory.facts import Cluster

PROTOCOLS = ("TCP", "UDP", "SCTP")
#: Where a flow has an ICMP type instead of a port.
ICMP = {"ICMP": "ICMP", "ICMPV6": "ICMPv6"}


class FlowError(ValueError):
    """An endpoint or port that nobody knows: one line that says what was expected."""


class PlacedRule(NamedTuple):
    """A rule, or a whole policy, by the policy's `namespace/name` and its place in a file."""

    policy: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class JudgedDirection:
    """Egress or ingress, and what decides it.

    `rules` are the deciding ones, `depends_on` is what manifests cannot tell, and `rejected` are the policies that
    would select the endpoint had Cilium not rejected them, at the place of what is wrong.
    """

    name: str
    allowed: bool
    reason: str
    rules: tuple[PlacedRule, ...] = ()
    depends_on: tuple[str, ...] = ()
    rejected: tuple[PlacedRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A flow's verdict: it passes when both directions allow it."""

    source: str
    destination: str
    directions: tuple[JudgedDirection, JudgedDirection]

    @property
    def allowed(self) -> bool:
        return all(direction.allowed for direction in self.directions)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    identity: Identity
    cluster: Cluster | None


def read_port(text: str) -> tuple[int, str]:
    """Number and protocol of `3306/TCP`, or type and protocol of `8/ICMP`; TCP unless given. Raises FlowError."""
    number, _, written = text.partition("/")
    protocol = written.upper() or "TCP"
    value = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else -1
    if protocol in PROTOCOLS and 0 < value < 65536:
        return value, protocol
    if protocol in ICMP and 0 <= value < 256:
        return value, ICMP[protocol]
    raise FlowError(
        f"--port {text}: expected a port such as 3306/TCP ({', '.join(PROTOCOLS)}) or a type such as 8/ICMP"
    )


def judge(workspace: Workspace, source: str, destination: str, port: int, protocol: str) -> Judged:
    """The verdict on the version of `--to`. Egress is judged in the source's cluster, ingress in the destination's."""
    ends = [_endpoint(workspace, source), _endpoint(workspace, destination)]
    directions = []
    for name, end in ((EGRESS, ends[0]), (INGRESS, ends[1])):
        policies = workspace.policies_of_cluster(end.cluster)
        settings = settings_of(end.cluster, workspace.to_version)
        facts = facts_of(workspace.inventory.all_services(), workspace.inventory.cidr_groups(), workspace.inventory)
        compiled = compile_policies(
            (placed.policy.raw for placed in policies),
            settings,
            facts,
            namespaces=[placed.policy.namespace for placed in policies],
        )
        engine = Engine(compiled, _distinct(ends))
        verdict = engine.verdict(ends[0].identity.name, ends[1].identity.name, protocol, port)
        decided = verdict.egress if name == EGRESS else verdict.ingress
        rejected = _rejected(policies, compiled, name, end.identity)
        directions.append(_judged(name, decided, policies, rejected))
    return Judged(source, destination, (directions[0], directions[1]))


def _distinct(ends: Sequence[_Endpoint]) -> list[Identity]:
    return list({end.identity.name: end.identity for end in ends}.values())


def _judged(
    name: str, verdict: DirectionVerdict, policies: Sequence[PlacedPolicy], rejected: tuple[PlacedRule, ...]
) -> JudgedDirection:
    rules = tuple(_placed(policies[rule.policy], rule.route) for rule in verdict.rules)
    return JudgedDirection(name, verdict.allowed, verdict.reason, rules, verdict.depends_on, rejected)


def _rejected(
    policies: Sequence[PlacedPolicy], compiled: PolicySet, direction: str, end: Identity
) -> tuple[PlacedRule, ...]:
    labels = LabelSet(end.labels)
    return tuple(
        _placed(placed, why.route)
        for placed, why in zip(policies, compiled.rejections, strict=True)
        if why is not None and _would_enforce(placed.policy, direction) and _would_select(placed.policy, labels)
    )


def _would_enforce(policy: Policy, direction: str) -> bool:
    """Whether a rejected policy has anything to say about a direction."""
    if any(rule.direction == direction for rule in policy.rules()):
        return True
    written = [spec.raw.get("policyTypes") for spec in policy.specs]
    types = [each for several in written if isinstance(several, list) for each in several]
    return policy.kind == KNP and (direction.capitalize() in types or (direction == INGRESS and "Egress" not in types))


def _would_select(policy: Policy, labels: LabelSet) -> bool:
    """Whether a rejected policy means these pods; a subject that cannot be read may mean them."""
    if policy.namespace is not None and labels.values(K8S, NAMESPACE_LABEL) != (policy.namespace,):
        return False
    subjects = [spec.subject for spec in policy.specs if spec.node_subject is None]
    return any(subject is None or subject.selects(labels) for subject in subjects)


def _placed(placed: PlacedPolicy, route: str) -> PlacedRule:
    """A rule by its route in its manifest, which may be an item of a List."""
    file, _, line = placed.place(placed.policy.route + route).rpartition(":")
    return PlacedRule("/".join(filter(None, (placed.policy.namespace, placed.policy.name))), file, int(line))


def _endpoint(workspace: Workspace, text: str) -> _Endpoint:
    """An endpoint by entity, address, `[cluster/]namespace/workload` or `[cluster/]namespace/key=value,…`."""
    own = _own_cluster(workspace)
    if text in RESERVED_IDENTITIES:
        return _Endpoint(reserved_identity(text), own)
    try:
        return _Endpoint(outside_identity(parse_prefix_or_address(text)), own)
    except AddressError:
        pass
    *where, name = text.split("/", 2) if "=" not in text.split("/", 1)[0] else [text]
    if len(where) not in (1, 2):
        raise FlowError(f"{text}: expected namespace/workload, namespace/key=value, an entity or an address")
    clusters = {cluster.name: cluster for cluster in workspace.inventory.clusters}
    cluster = clusters.get(where[0]) if len(where) == 2 else own
    if len(where) == 2 and cluster is None:
        raise FlowError(f"{text}: no cluster {where[0]!r}; known: {', '.join(clusters) or 'none'}")
    if "=" in name:
        labels = dict(part.partition("=")[::2] for part in name.split(","))
        local = cluster.name if cluster else DEFAULT_NAME
        known = {k: v for n in workspace.inventory.namespaces(where[-1]) for k, v in n.labels.items()}
        identity = pod_labels(cluster=local, namespace=where[-1], labels=labels, namespace_labels=known)
        return _Endpoint(Identity(text, identity), cluster)
    return _workload(workspace, text, where[-1], name, cluster)


def _workload(workspace: Workspace, text: str, namespace: str, name: str, cluster: Cluster | None) -> _Endpoint:
    found = [
        workload
        for workload in workspace.inventory.all_workloads()
        if (workload.namespace, workload.name) == (namespace, name)
        and (cluster is None or workload.cluster in (None, cluster.name))
    ]
    if not found:
        raise FlowError(f"{text}: no such workload in the inventory; name its labels instead: {namespace}/key=value")
    clusters = {each.name: each for each in workspace.inventory.clusters}
    chosen = found[0]
    where = clusters.get(chosen.cluster or "") or cluster
    identity = workload_identity(chosen, workspace.inventory, where.name if where else DEFAULT_NAME)
    return _Endpoint(identity, where)


def _own_cluster(workspace: Workspace) -> Cluster | None:
    """The cluster of most policies, for endpoints that name none: the first that a policy is applied to."""
    for placed in workspace.policies():
        cluster = workspace.inventory.cluster_of(placed.path)
        if cluster is not None:
            return cluster
    return None
