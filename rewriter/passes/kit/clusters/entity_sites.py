"""Rules with the entity cluster, and the members of the mesh that it was meant to include."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.policy import INGRESS, PeerField, Rule, Spec
from rewriter.cilium.version import REQUIRES_REMOVED
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import mesh_pods, pods_of
from rewriter.evidence.observed import dropped_from_remote_pods
from rewriter.finding import Applicability, Finding, FlowClaim
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.hubble.flows import ObservedFlow
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import rule_flows
from rewriter.passes.kit.changes.forms import Form
from rewriter.passes.kit.changes.report import report
from rewriter.records import dataclass
from rewriter.text import join_names

#: Entities that already cover the pods of the whole mesh.
_WIDER = frozenset({"all", "cluster-mesh"})


_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class RemoteClusters:
    """The other clusters that `cluster` should include: names, or None for all without knowing them.

    `configured`: the config says so; `drops` are flows from or to their pods that Hubble saw dropped.
    """

    names: tuple[str, ...] | None
    configured: bool
    drops: tuple[ObservedFlow, ...] = ()

    @property
    def words(self) -> str:
        return "the other clusters" if self.names is None else join_names(self.names)


@dataclass(frozen=True, slots=True)
class EntitySite:
    """A rule with the entity in it."""

    context: Context
    spec: Spec
    rule: Rule
    field: PeerField
    index: int
    remote: RemoteClusters


def remote_clusters(context: Context) -> RemoteClusters | None:
    """Which clusters are meant; None where there is no mesh, or the config says that none is."""
    configured = context.config.cluster_entity.remote
    own = context.cluster
    if own is not None and not own.meshed:
        return None
    if not context.mesh and configured is None:
        return None
    if configured is None or isinstance(configured, str):
        known = tuple(cluster.name for cluster in context.remote_clusters)
        return RemoteClusters(known or None, configured is not None)
    names = tuple(name for name in configured if own is None or name != own.name)
    return RemoteClusters(names, configured=True) if names else None


def observed_remotes(context: Context, rule: Rule, remote: RemoteClusters) -> RemoteClusters:
    """The clusters whose pods were seen dropped by the rule, where the config does not say which are meant."""
    drops = () if remote.configured or rule.deny else dropped_from_remote_pods(context, rule)
    if not drops:
        return remote
    seen = {flow.peer.cluster for flow in drops}
    return RemoteClusters(
        tuple(remote_cluster.name for remote_cluster in context.remote_clusters if remote_cluster.name in seen),
        configured=False,
        drops=drops,
    )


def means_local_cluster(rule: Rule, field: PeerField) -> bool:
    """Whether the entity is there and counts: a rule with other kinds of peer is rejected as a whole."""
    texts = [entry for entry in field.entries if isinstance(entry, str)]
    others = [other for other in rule.peers if other.entries and other is not field]
    return "cluster" in texts and not _WIDER.intersection(texts) and not others and not rule.selects_nobody


def required_scopes(site: EntitySite) -> str:
    """The field of requirements that would narrow a selector beside the entity; empty where there is none."""
    rule, name = site.rule, "fromRequires" if site.rule.direction == INGRESS else "toRequires"
    fields = [other.peer(name) for other in site.context.policy.rules() if other.deny == rule.deny]
    narrowing = site.context.from_version < REQUIRES_REMOVED and any(field and field.entries for field in fields)
    return f"`{name}`" if narrowing else ""


def remote_doubts(site: EntitySite) -> tuple[str, ...]:
    """Why the clusters of the mesh are not certain, where their names are taken from the facts."""
    configured = site.context.config.cluster_entity.remote
    if site.remote.names is None or not (configured is None or isinstance(configured, str)):
        return ()
    known = site.context.remote_clusters
    return tuple(dict.fromkeys(age for cluster in known if (age := site.context.inventory.stale(cluster))))


def trust_in(site: EntitySite) -> Applicability:
    return Applicability.EVIDENT if site.remote.configured or site.remote.drops else Applicability.UNSAFE


def remote_peers(site: EntitySite) -> Form:
    return {remote_selectors(site): [mesh_pods(site.context, site.remote.names)]}


def remote_selectors(site: EntitySite) -> str:
    return "fromEndpoints" if site.rule.direction == INGRESS else "toEndpoints"


def without_entity(site: EntitySite) -> str:
    end = "from" if site.rule.direction == INGRESS else "to"
    return f"traffic {end} pods of {site.remote.words} is dropped unless another rule allows it"


def flows_opened(site: EntitySite) -> FlowClaim:
    pods = [pods_of(site.remote.names)]
    return rule_flows(site.context, site.spec, site.rule, f"pods of {site.remote.words}", terms=pods)


def entity_evidence(site: EntitySite) -> Iterator[str]:
    context = site.context
    if context.cluster is not None:
        yield f"the policy is applied to {context.cluster.name}, {context.cluster.source}"
    others = context.remote_clusters
    if others:
        yield f"meshed with {_cited(others)}"
    elif context.cluster is None and context.mesh:
        yield f"meshed: {_cited(context.mesh)}; to which of them the policy is applied is not known"
    yield from (f"Hubble saw dropped: {flow}" for flow in site.remote.drops[:_MOST_SHOWN])
    if len(site.remote.drops) > _MOST_SHOWN:
        yield f"and {len(site.remote.drops) - _MOST_SHOWN} kinds of flow more"
    if site.remote.configured:
        configured = context.config.cluster_entity.remote
        names = configured if isinstance(configured, str) else ", ".join(configured or ())
        yield f"[passes.cluster-entity] remote = {names}"


def _cited(clusters: Sequence[Cluster]) -> str:
    return join_names(f"{cluster.name} ({cluster.source})" for cluster in clusters)


def entity_finding(
    site: EntitySite,
    applicability: Applicability,
    why: str,
    change: Change | None = None,
    *,
    advice: str = "",
) -> Finding:
    if applicability is Applicability.UNSAFE and not (site.remote.configured or site.remote.drops):
        advice = "say which clusters were meant with `[passes.cluster-entity] remote`, or `remote = []` for none"
    verb = "denies" if site.rule.deny else "allows"
    return report(
        site.context,
        site.field.entry_route(site.index),
        applicability,
        f"`{site.field.name}: cluster` {verb} no pods of {site.remote.words}",
        why,
        change=change,
        rule=site.rule,
        evidence=entity_evidence(site),
        advice=advice,
    )
