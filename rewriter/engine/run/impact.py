"""What an upgrade does to traffic if nothing is done, and what of it is left after a rewrite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from rewriter import parallel, yamltext
from rewriter.cilium.cidr import Prefix
from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import CLUSTER_LABEL, K8S, LabelSet
from rewriter.cilium.policy import CNP, Policy, read_policy
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import LabelTerm
from rewriter.discovery import InputError
from rewriter.engine.effects.known_pods import KnownPods
from rewriter.engine.effects.of_fixes import Effects
from rewriter.engine.effects.settings import both_settings, mesh_addresses, node_labels_unsaid, reached
from rewriter.engine.effects.worlds import world_of
from rewriter.engine.pipeline.isolation import as_error, failure_of
from rewriter.engine.run.impact_result import (
    DEAD,
    DEAD_ON_BOTH,
    ENFORCED,
    GONE,
    NEW,
    WOKEN,
    Change,
    Impact,
    PolicyImpact,
    RewrittenPolicy,
)
from rewriter.engine.run.members_known import meshed_with_none, unenforced, unread_settings_of
from rewriter.engine.run.policy_changes import rewritten_policy
from rewriter.engine.run.rewrites import Rewrite
from rewriter.engine.run.workspace import Workspace
from rewriter.evidence.mesh import mesh_known
from rewriter.evidence.resting import Record, recording, same
from rewriter.evidence.settings import facts_of, settings_of, workload_identities
from rewriter.evidence.workloads import hidden_from
from rewriter.finding import Flows
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.questions.inventory import Inventory
from rewriter.passes.kit.sides.neighbours import Neighbours, ask_near
from rewriter.reach.pairs import Member, MeshDifference, changes_rules
from rewriter.records import dataclass

_LABELS_UNKNOWN = "it is unknown whether it is on: set `node_selector_labels` in [[clusters]]"
#: Stands for a policy that is not there: no release enforces it.
_ABSENT = read_policy({"apiVersion": "cilium.io/v2", "kind": CNP, "metadata": {"name": "absent"}})
_Answer = TypeVar("_Answer")
Placed = tuple[Cluster | None, Rewrite]
"""A policy, and the one cluster that it is applied to; None where it is not known, or several."""


class Judged(NamedTuple):
    """A `PolicyImpact` without its policy, whose document is much to send between processes."""

    line: int
    cluster: str
    undone: Change
    fixed: Change
    unseen: bool


def impact_of(
    workspace: Workspace,
    rewrites: Sequence[Rewrite],
    progress: Callable[[int], None] = lambda _count: None,
    jobs: int = 1,
    *,
    by_hand: bool = False,
    errors: Iterable[InputError] = (),
    kept: Callable[[Sequence[JudgedRewrite], Together], None] | None = None,
) -> Impact:
    """The impact on the policies of a workspace, whatever becomes of them; `errors` are those beside the workspace's.

    An error that both have is reported once.

    Each policy is judged by what its change does among the other policies of the same pods, by so many processes (0: as
    many as help), and all policies of a cluster together where workloads are known. `kept` gets what came of
    each.
    """
    yamltext.let_go_of_nodes()  # The texts are read, and what is compared takes room.
    mesh = mesh_known(workspace.inventory, workspace.config)
    placed = [(workspace.cluster_of(rewrite.located), rewrite) for rewrite in rewrites]
    members = members_of(workspace, (cluster for cluster, _ in placed))
    identities = identities_of(workspace, members)
    together = compared(workspace, members, placed, identities, mesh=mesh)
    applied = Applied(workspace, placed, identities, mesh=mesh)

    errors = list(errors)

    def judge(one: Placed) -> tuple[Judged | InputError | None, frozenset[str]]:
        return judged_in(applied, one, asks=kept is not None)

    all_judged: list[JudgedRewrite] = []
    for rewrite, (judged, asked) in zip(rewrites, parallel.each(placed, judge, jobs), strict=True):
        if isinstance(judged, InputError):
            errors.append(judged)
            judged = None
        all_judged.append(JudgedRewrite(rewrite, None if judged is None else impact_on(rewrite, judged), same(asked)))
        progress(1)
    if kept is not None:
        kept(all_judged, together)
    rewritten = tuple(_rewritten(rewrites, errors)) if by_hand else ()
    return Impact(
        clusters=tuple(cluster.name for cluster in members if cluster),
        total=len(rewrites),
        policies=tuple(one.impact for one in all_judged if one.impact is not None),
        undone=together.undone,
        fixed=together.fixed,
        workloads=len(identities),
        mesh=mesh,
        by_hand=by_hand,
        errors=tuple(dict.fromkeys((*workspace.errors, *errors))),
        left_out=tuple(dict.fromkeys(workspace.templates)),
        alone=meshed_with_none(members),
        not_enforced=unenforced(members),
        unread_settings=unread_settings_of(workspace, members),
        rewritten=rewritten,
    )


def _rewritten(rewrites: Iterable[Rewrite], errors: list[InputError]) -> Iterator[RewrittenPolicy]:
    """What a rewrite by hand changes in the policies themselves; what it fails on is added to the errors."""
    for rewrite in rewrites:
        changed = _isolated(rewrite, rewritten_policy)
        if isinstance(changed, InputError):
            errors.append(changed)
        elif changed is not None:
            yield changed


def impact_on(rewrite: Rewrite, judged: Judged) -> PolicyImpact:
    """What becomes of a policy, with it."""
    return PolicyImpact(rewrite.located, *judged, rewrite.fixes, rewritten=rewrite.new is not rewrite.old)


class JudgedRewrite(NamedTuple):
    """A rewrite, what it does if that is anything, and the policies on which that rests."""

    rewrite: Rewrite
    impact: PolicyImpact | None
    asked: frozenset[str]


class Together(NamedTuple):
    """What becomes of the flows between known workloads, and whether the rules of any let other flows through."""

    undone: MeshDifference
    fixed: MeshDifference
    changes: bool


def identities_of(workspace: Workspace, members: Sequence[Cluster | None]) -> list[Identity]:
    """The pods that are known; those of unknown clusters once for each of the members."""
    names = tuple(
        cluster.name if cluster else settings_of(None, workspace.to_version).local_cluster for cluster in members
    )
    return workload_identities(workspace.inventory.all_workloads(), workspace.inventory, names)


def compared(
    workspace: Workspace,
    members: Sequence[Cluster | None],
    placed: Sequence[Placed],
    identities: Sequence[Identity],
    *,
    mesh: bool,
) -> Together:
    """All policies of the clusters together, between the workloads that are known."""
    if not identities:
        return Together(MeshDifference(), MeshDifference(), changes=False)
    clusters = (*members, *refusing(workspace, members))
    undone, fixed = (
        changes_rules(
            [_member(workspace, cluster, placed, mesh=mesh, rewritten=rewritten) for cluster in clusters], identities
        )
        for rewritten in (False, True)
    )
    return Together(undone[0], fixed[0], undone[1] or fixed[1])


def judged_in(applied: Applied, one: Placed, *, asks: bool) -> tuple[Judged | InputError | None, frozenset[str]]:
    """What becomes of one policy, and where that `asks` on which others it rests."""
    cluster, rewrite = one
    if not asks:
        return _isolated(rewrite, lambda policy: _policy(applied.to(cluster), policy)), frozenset()
    with recording(Record(applied.look)) as record:
        found = _isolated(rewrite, lambda policy: _policy(applied.to(cluster), policy))
    return found, same(record.parts[None])


class Applied:
    """The rewrites of a run by the clusters that they are applied to, and the pods that are known there.

    `touched` are the namespaces of all policies that are rewritten, where these are not all. `look` is called with
    each question about policies before it is answered.
    """

    def __init__(
        self,
        workspace: Workspace,
        placed: Sequence[Placed],
        identities: Sequence[Identity],
        *,
        mesh: bool,
        touched: Callable[[Cluster | None], frozenset[str | None]] | None = None,
        look: Callable[[str], None] = lambda _question: None,
    ) -> None:
        self.look = look
        self._touched = touched
        self._workspace = workspace
        self._mesh = mesh
        self._identities = identities
        self._placed = placed
        self._known: dict[str, _Beside] = {}

    def to(self, cluster: Cluster | None) -> _Beside:
        """Those of a cluster, with those whose cluster is not known; all where the cluster is not known."""
        name = "" if cluster is None else cluster.name
        if name not in self._known:
            placed = [rewrite for where, rewrite in self._placed if cluster is None or where in (None, cluster)]
            changed = [rewrite.old or rewrite.new for rewrite in placed if rewrite.new is not rewrite.old]
            touched = frozenset(policy.namespace for policy in changed if policy)
            inventory = self._workspace.inventory
            meshed = tuple(cluster.name for cluster in inventory.clusters if cluster.meshed) if self._mesh else ()
            self._known[name] = _Beside(
                cluster,
                Neighbours(rewrite.old for rewrite in placed if rewrite.old),
                Neighbours(rewrite.new for rewrite in placed if rewrite.new),
                touched if self._touched is None else self._touched(cluster),
                self._pods(cluster),
                _settings(self._workspace, cluster, mesh=self._mesh),
                inventory,
                mesh_addresses(inventory, cluster),
                meshed if len(meshed) > 1 else (),
            )
        return self._known[name]

    def _pods(self, cluster: Cluster | None) -> KnownPods | None:
        """The pods that policies of a cluster concern; None where no workloads are known at all."""
        if not self._identities:
            return None
        clusters = self._workspace.inventory.clusters
        if cluster is None:
            return KnownPods(self._identities)
        names = {other.name for other in reached(cluster, clusters, mesh=self._mesh)}
        apart = {cluster.name for cluster in clusters if cluster.name not in names}
        return KnownPods(
            [
                identity
                for identity in self._identities
                if apart.isdisjoint(LabelSet(identity.labels).values(K8S, CLUSTER_LABEL))
            ]
        )


@dataclass(frozen=True, slots=True)
class _Beside:
    """The policies of a cluster as they are and as they will be, and the namespaces of those that are rewritten.

    `pods` are those that are known there, or in clusters that are meshed with it. `settings` are those of today and
    later, `inside` the addresses of the mesh, `meshed` its clusters where they count as all there are.
    """

    cluster: Cluster | None
    today: Neighbours
    rewritten: Neighbours
    touched: frozenset[str | None]
    pods: KnownPods | None
    settings: tuple[Settings, Settings]
    inventory: Inventory
    inside: tuple[Prefix, ...]
    meshed: tuple[str, ...]

    def may_meet(self, policy: Policy) -> bool:
        """Whether one that is rewritten may select the same pods, as far as the namespaces say."""
        ask_near([policy])
        return bool(self.touched) and (
            policy.namespace is None or not self.touched.isdisjoint((None, policy.namespace))
        )

    def effects(self) -> Effects:
        """What judges one of the policies."""
        source, target = self.settings
        others = lambda: self.today  # noqa: E731
        return Effects(source, target, self.inventory, self.inside, self.meshed, others=others, known=self.pods)


def _isolated(rewrite: Rewrite, answer: Callable[[Rewrite], _Answer]) -> _Answer | InputError:
    """An answer about a policy; an error where it cannot be worked out, beside which the others are judged."""
    try:
        return answer(rewrite)
    except Exception as error:
        located = rewrite.located
        name = "/".join(filter(None, (located.policy.namespace, located.policy.name)))
        line = located.document.line_of(located.policy.route)
        return as_error(failure_of(error, "the impact"), located.path, line, f"{located.policy.kind} {name}")


def _policy(together: _Beside, rewrite: Rewrite) -> Judged | None:
    located, cluster, clusters = rewrite.located, together.cluster, together.meshed
    effects = together.effects()
    target = effects.target
    undone = _change(effects, rewrite.old, rewrite.old, together.today) if rewrite.old else Change(Flows())
    unsaid = node_labels_unsaid(cluster, located.policy, target.version)
    if unsaid and undone.reason:
        undone = replace(undone, reason=f"{undone.reason}, and {_LABELS_UNKNOWN}")
    fixed = undone
    if rewrite.new is not rewrite.old or together.may_meet(located.policy):
        fixed = _change(effects, rewrite.old, rewrite.new, together.rewritten)
    if not (undone or fixed or unsaid):
        return None
    line = located.document.line_of(located.policy.route)
    possible = undone.flows.possible or fixed.flows.possible
    unseen = bool(possible) and _may_be_unseen(effects, rewrite, clusters)
    return Judged(line, cluster.name if cluster else "", undone, fixed, unseen)


def _may_be_unseen(effects: Effects, rewrite: Rewrite, clusters: Sequence[str]) -> bool:
    """Whether not all is read that may make pods which a policy selects or names as peers."""
    names = sorted({effects.target.local_cluster, *clusters}) if clusters else ()
    worlds = [
        world_of([policy], settings, effects.facts_of([policy]))
        for policy, settings in ((rewrite.old, effects.source), (rewrite.new, effects.target))
        if policy
    ]
    terms = {
        term
        for world in worlds
        for entry in world.entries()
        for term in (entry.subject, *entry.peers)
        if isinstance(term, LabelTerm)
    }
    return any(hidden_from(effects.inventory, term, names) for term in sorted(terms))


def _settings(workspace: Workspace, cluster: Cluster | None, *, mesh: bool) -> tuple[Settings, Settings]:
    return both_settings(cluster, (workspace.from_version, workspace.to_version), mesh=mesh)


def _change(effects: Effects, old: Policy | None, new: Policy | None, later: Sequence[Policy]) -> Change:
    """What becomes of a policy beside those that are there `later`."""
    before = effects.rejected_today(old) if old else None
    after = effects.rejected(new) if new else None
    if (before or not old) and (after or not new):
        why = after or before
        return Change(Flows(), DEAD_ON_BOTH, why.message if why else "")
    if not old or not new:
        flows = effects.upgrade_among_others(old or _ABSENT, new or _ABSENT, later)
        return Change(flows, GONE if old else NEW)
    state = DEAD if after else WOKEN if before else ENFORCED
    reason = after.message if after else before.message if before else ""
    return Change(effects.upgrade_among_others(old, new, later), state, reason)


def members_of(workspace: Workspace, clusters: Iterable[Cluster | None]) -> list[Cluster | None]:
    """Those of the clusters to which policies are applied; one unnamed cluster where none is known."""
    known = list({id(cluster): cluster for cluster in clusters}.values())
    found = [cluster for cluster in workspace.inventory.clusters if cluster in known]
    return list(found) or [None]


def refusing(workspace: Workspace, members: Sequence[Cluster | None]) -> list[Cluster]:
    """The clusters without a policy in which every pod is in default deny all the same."""
    if None in members:
        return []
    always = (cluster for cluster in workspace.inventory.clusters if cluster not in members)
    return [cluster for cluster in always if settings_of(cluster, workspace.to_version).denies_everybody]


def _member(
    workspace: Workspace, cluster: Cluster | None, placed: Sequence[Placed], *, mesh: bool, rewritten: bool
) -> Member:
    """The policies of a cluster as they are today and after the upgrade, rewritten or not."""
    source, target = _settings(workspace, cluster, mesh=mesh)
    inventory = workspace.inventory
    services = [
        service for service in inventory.all_services() if cluster is None or service.cluster in (None, cluster.name)
    ]
    facts = facts_of(services, inventory.cidr_groups(), inventory)
    applied = [rewrite for where, rewrite in placed if cluster is None or where in (None, cluster)]
    today = [rewrite.old for rewrite in applied if rewrite.old]
    after = [rewrite.new for rewrite in applied if rewrite.new] if rewritten else today
    within = None if cluster is None else tuple(other.name for other in reached(cluster, inventory.clusters, mesh=mesh))
    return Member(world_of(today, source, facts), world_of(after, target, facts), within)
