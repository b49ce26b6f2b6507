"""What an upgrade does to traffic if nothing is done, and what of it is left after the fixes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from rewriter import yamltext
from rewriter.cilium.policy import Policy
from rewriter.cilium.settings import Settings
from rewriter.discovery import InputError
from rewriter.engine import parallel
from rewriter.engine.documents import policies_in
from rewriter.engine.effects import Effects
from rewriter.engine.result import FileResult
from rewriter.engine.settings import (
    compared_settings,
    facts_of,
    mesh_addresses,
    node_labels_unsaid,
    settings_of,
    workload_identities,
)
from rewriter.engine.workspace import PlacedPolicy, Workspace
from rewriter.engine.worlds import world_of
from rewriter.finding import Flows
from rewriter.inventory.facts import Cluster
from rewriter.passes.mesh import mesh_known
from rewriter.reach.pairs import Member, MeshDifference, PairChange, compare_mesh

_UNSAID = "nobody says whether it is; say so with `node_selector_labels` in [[clusters]]"
DEAD, WOKEN, DEAD_ON_BOTH, ENFORCED = "stops being enforced", "starts being enforced", "is not enforced", ""


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one policy, judged alone: its flows, and how its state changes (`""`: it is in force throughout).

    `reason` is why a release rejects it, in Cilium's words.
    """

    flows: Flows
    state: str = ENFORCED
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.flows.opened or self.flows.closed or self.state in (DEAD, WOKEN))


@dataclass(frozen=True, slots=True)
class PolicyImpact:
    """One policy that the upgrade changes, or that fixes change: with nothing done, and after the fixes.

    `fixes` are the passes that rewrote it; `line` is where it begins in its file.
    """

    policy: PlacedPolicy
    line: int
    cluster: str
    undone: Change
    fixed: Change
    fixes: tuple[str, ...] = ()


class _Judged(NamedTuple):
    """A `PolicyImpact` without its policy, whose document is much to send between processes."""

    line: int
    cluster: str
    undone: Change
    fixed: Change
    fixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """The impact of an upgrade on a tree. Pairs and released workloads are those known to the inventory."""

    clusters: tuple[str, ...]
    total: int
    policies: tuple[PolicyImpact, ...]
    undone: MeshDifference
    fixed: MeshDifference
    workloads: int = 0
    mesh: bool = False
    errors: tuple[InputError, ...] = field(default=())

    @property
    def left(self) -> frozenset[PairChange]:
        return frozenset(self.fixed.pairs)


def impact_of(
    workspace: Workspace,
    results: Iterable[FileResult],
    progress: Callable[[int], None] = lambda _count: None,
    jobs: int = 1,
) -> Impact:
    """The impact on the policies of a workspace; `results` are those of the fixer for its files.

    Each policy is judged alone, by so many processes (0: as many as help), and all policies of a cluster together where
    workloads are known.
    """
    mesh = mesh_known(workspace.inventory, workspace.config)
    by_path = {result.path: result for result in results}
    rewritten = _rewritten(workspace, by_path)
    found = []
    policies = workspace.policies()

    def judge(placed: PlacedPolicy) -> _Judged | None:
        return _policy(workspace, placed, rewritten.get(id(placed), placed.policy), by_path, mesh=mesh)

    for placed, judged in zip(policies, parallel.each(policies, judge, jobs), strict=True):
        if judged is not None:
            found.append(PolicyImpact(placed, *judged))
        progress(1)
    members = _members(workspace)
    names = tuple(
        cluster.name if cluster else settings_of(None, workspace.to_version).local_cluster for cluster in members
    )
    identities = workload_identities(workspace.inventory.all_workloads(), workspace.inventory, names)
    undone, fixed = (
        compare_mesh([_member(workspace, cluster, chosen, mesh=mesh) for cluster in members], identities)
        if identities
        else MeshDifference()
        for chosen in ({}, rewritten)
    )
    return Impact(
        clusters=tuple(cluster.name for cluster in members if cluster),
        total=len(policies),
        policies=tuple(found),
        undone=undone,
        fixed=fixed,
        workloads=len(identities),
        mesh=mesh,
        errors=(*workspace.errors, *(error for result in by_path.values() for error in result.errors)),
    )


def _rewritten(workspace: Workspace, results: Mapping[str, FileResult]) -> dict[int, Policy]:
    """The policies of changed files as the fixes make them, by the identity of their originals."""
    by_file: dict[str, list[PlacedPolicy]] = {}
    for placed in workspace.policies():
        by_file.setdefault(placed.path, []).append(placed)
    found: dict[int, Policy] = {}
    for path, result in results.items():
        if result.changed and path in by_file:
            for placed, policy in zip(by_file[path], _policies(workspace, path, result.after), strict=True):
                if policy.raw != placed.policy.raw:
                    found[id(placed)] = policy
    return found


def _policies(workspace: Workspace, path: str, text: str) -> Iterator[Policy]:
    for document in yamltext.parse(text):
        if yamltext.template_markup(text[document.span.start : document.span.end]) is None:
            for found in policies_in(document.value, lambda manifest: workspace.namespace_of(path, manifest)):
                yield found.policy


def _policy(
    workspace: Workspace, placed: PlacedPolicy, new: Policy, results: Mapping[str, FileResult], *, mesh: bool
) -> _Judged | None:
    cluster = workspace.inventory.cluster_of(placed.path)
    source, target = _settings(workspace, cluster, mesh=mesh)
    inventory = workspace.inventory
    known = tuple(each.name for each in inventory.clusters if each.meshed) if mesh else ()
    clusters = known if len(known) > 1 else ()
    effects = Effects(source, target, inventory, mesh_addresses(inventory), clusters)
    undone = _change(effects, placed.policy, placed.policy)
    unsaid = node_labels_unsaid(cluster, placed.policy, target.version)
    if unsaid:
        undone = replace(undone, reason=f"{undone.reason}, and {_UNSAID}")
    fixed = undone if new is placed.policy else _change(effects, placed.policy, new)
    result = results.get(placed.path)
    mine = [
        item
        for item in (result.findings if result else ())
        if item.fixed
        and (item.place.document, item.place.name) == (placed.document.index, placed.policy.name)
        and item.place.namespace == (placed.policy.namespace or "")
    ]
    if not (undone or fixed or unsaid):
        return None
    line = yamltext.locate(placed.document, placed.policy.route).line
    fixes = tuple(dict.fromkeys(item.finding.id for item in mine))
    return _Judged(line, cluster.name if cluster else "", undone, fixed, fixes)


def _settings(workspace: Workspace, cluster: Cluster | None, *, mesh: bool) -> tuple[Settings, Settings]:
    source, target = (
        compared_settings(cluster, version, mesh=mesh) for version in (workspace.from_version, workspace.to_version)
    )
    return source, target


def _change(effects: Effects, old: Policy, new: Policy) -> Change:
    before, after = effects.rejected_today(old), effects.rejected(new)
    if before and after:
        return Change(Flows(), DEAD_ON_BOTH, after.message)
    state = DEAD if after else WOKEN if before else ENFORCED
    reason = after.message if after else before.message if before else ""
    return Change(effects.upgrade(old, new), state, reason)


def _members(workspace: Workspace) -> list[Cluster | None]:
    """The clusters that a policy is applied to; one unknown one where nobody says of any."""
    known = [workspace.inventory.cluster_of(placed.path) for placed in workspace.policies()]
    found = [cluster for cluster in workspace.inventory.clusters if cluster in known]
    return list(found) or [None]


def _member(workspace: Workspace, cluster: Cluster | None, rewritten: Mapping[int, Policy], *, mesh: bool) -> Member:
    source, target = _settings(workspace, cluster, mesh=mesh)
    inventory = workspace.inventory
    services = [
        service for service in inventory.all_services() if cluster is None or service.cluster in (None, cluster.name)
    ]
    facts = facts_of(services, inventory.cidr_groups(), inventory)
    placed = workspace.policies_of_cluster(cluster)
    return Member(
        world_of([each.policy for each in placed], source, facts),
        world_of([rewritten.get(id(each), each.policy) for each in placed], target, facts),
    )
