"""The observed traffic of a run: judged under its policies as they are, and summed up for what a fix makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rewriter.cilium.policy import read_policy
from rewriter.cilium.tiers import cluster_network_policies
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.results.observed import TrafficSummary
from rewriter.engine.results.result import FileResult
from rewriter.engine.run.rewrites import fixed_file, rewritten_by_fixes
from rewriter.engine.run.workspace import Workspace
from rewriter.engine.traffic.judged import Traffic
from rewriter.engine.traffic.replay import ClusterReplay, Manifest, decided
from rewriter.evidence.settings import DEFAULT_NAME, facts_of, mesh_port_names, settings_of
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.hubble.flows import FORWARDED, ObservedFlow, ObservedFlows


def open_traffic(workspace: Workspace, observed: ObservedFlows) -> Traffic:
    """Judges every flow under the workspace's policies, as they are, on both versions."""
    clusters = {cluster.name: cluster for cluster in workspace.inventory.clusters}
    by_cluster: dict[str, list[ObservedFlow]] = {}
    for flow in observed.flows:
        name = flow.subject.cluster or flow.peer.cluster or DEFAULT_NAME
        by_cluster.setdefault(name, []).append(flow)
    workloads: dict[str, list[Workload]] = {}
    for workload in workspace.inventory.all_workloads():
        workloads.setdefault(workload.namespace, []).append(workload)
    inventory = workspace.inventory
    facts = facts_of(inventory.all_services(), inventory.cidr_groups(), inventory)
    facts = replace(facts, named_ports=mesh_port_names(inventory))
    replays = {}
    for name, flows in sorted(by_cluster.items()):
        settings = [
            replace(
                settings_of(clusters.get(name), version, target=version > workspace.from_version), local_cluster=name
            )
            for version in (workspace.from_version, workspace.to_version)
        ]
        policies = _applied_to(workspace, name)
        running = _only_running(workspace, name, policies)
        replays[name] = ClusterReplay(flows, policies, (settings[0], settings[1]), facts, workloads, running)
    return Traffic(observed, replays)


def _applied_to(workspace: Workspace, cluster: str) -> list[LocatedPolicy]:
    """The policies of a cluster; one whose clusters are unknown counts for every one."""
    found = []
    for located in (*workspace.applied_policies(everywhere=True), *workspace.cluster_network_policies(None)):
        own = workspace.cluster_of(located)
        if own is None or own.name == cluster:
            found.append(located)
    return found


def _only_running(workspace: Workspace, cluster: str, located: Sequence[LocatedPolicy]) -> list[Manifest]:
    """The policies that a snapshot has of the cluster and no file holds."""
    manifests = (running_policy.manifest for running_policy in workspace.running if running_policy.cluster == cluster)
    policies = [next(cluster_network_policies(manifest), None) or read_policy(manifest) for manifest in manifests]
    known = {(other.policy.kind, other.policy.namespace, other.policy.name) for other in located}
    return [
        (policy.raw, policy.namespace)
        for policy in policies
        if (policy.kind, policy.namespace, policy.name) not in known
    ]


def summarised(traffic: Traffic, workspace: Workspace, results: Iterable[FileResult]) -> TrafficSummary:
    """The run as a whole, with the fixes of its results made; what comes from stdin is no file of it."""
    found: dict[str, list[ObservedFlow]] = {}
    judged = 0
    files = {file.display for file, _ in workspace.files}
    fixed = (fixed_file(workspace, result) for result in results if result.path in files)
    rewrites = rewritten_by_fixes(workspace, fixed)
    for name, replay in traffic.replays.items():
        applied = [
            rewrite.new
            for rewrite in rewrites
            if rewrite.new and ((own := workspace.cluster_of(rewrite.located)) is None or own.name == name)
        ]
        after = replay.afterwards([(policy.raw, policy.namespace) for policy in applied])
        for flow, today, upgraded, new in zip(replay.flows, replay.today, replay.upgraded, after, strict=True):
            judged += 1
            for kind in _kinds(flow, decided(today), decided(upgraded), decided(new)):
                found.setdefault(kind, []).append(flow)
    return TrafficSummary(traffic.observed, judged, **{kind: tuple(flows) for kind, flows in found.items()})


def _kinds(flow: ObservedFlow, today: bool | None, upgraded: bool | None, fixed: bool | None) -> Iterator[str]:
    if flow.verdict != FORWARDED:
        if today:
            yield "unexplained"
        elif today is False and fixed is not None:
            yield "restored" if fixed else "still_dropped"
    elif today is False:
        yield "contradicted"
    elif today and upgraded is False and fixed is not None:
        yield "kept" if fixed else "lost"
    elif today and upgraded and fixed is False:
        yield "dropped"
