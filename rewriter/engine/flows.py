"""One flow through the policies of a workspace: who the endpoints are, and what decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rewriter.cilium.cidr import AddressError, parse_prefix_or_address
from rewriter.cilium.identity import RESERVED_IDENTITIES, Identity, outside_identity, reserved_identity
from rewriter.cilium.labels import pod_labels
from rewriter.cilium.policy import EGRESS, INGRESS
from rewriter.cilium.policy_set import compile_policies
from rewriter.cilium.verdict import DirectionVerdict, Engine
from rewriter.engine.settings import DEFAULT_NAME, facts_of, settings_of, workload_identity
from rewriter.engine.workspace import PlacedPolicy, Workspace
from rewriter.inventory.facts import Cluster

PROTOCOLS = ("TCP", "UDP", "SCTP")


class FlowError(ValueError):
    """An endpoint or port that nobody knows: one line that says what was expected."""


@dataclass(frozen=True, slots=True)
class JudgedDirection:
    """Egress or ingress, and what decides it, one reason each."""

    name: str
    allowed: bool
    reasons: tuple[str, ...]


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
    """Number and protocol of `3306/TCP`; TCP where none is given. Raises FlowError."""
    number, _, protocol = text.partition("/")
    protocol = protocol.upper() or "TCP"
    if not number.isdigit() or not 0 < int(number) < 65536 or protocol not in PROTOCOLS:
        raise FlowError(f"--port {text}: expected a port such as 3306/TCP, with {', '.join(PROTOCOLS)}")
    return int(number), protocol


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
        directions.append(_judged(name, verdict.egress if name == EGRESS else verdict.ingress, policies))
    return Judged(ends[0].identity.name, ends[1].identity.name, (directions[0], directions[1]))


def _distinct(ends: Sequence[_Endpoint]) -> list[Identity]:
    return list({end.identity.name: end.identity for end in ends}.values())


def _judged(name: str, verdict: DirectionVerdict, policies: Sequence[PlacedPolicy]) -> JudgedDirection:
    reasons = [verdict.reason]
    for rule in verdict.rules:
        placed = policies[rule.policy]
        who = "/".join(filter(None, (placed.policy.namespace, placed.policy.name)))
        reasons.append(f"{who}, {placed.place(placed.policy.route + rule.route)}")
    reasons += [f"depends on {dependence}" for dependence in verdict.depends_on]
    return JudgedDirection(name, verdict.allowed, tuple(reasons))


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
