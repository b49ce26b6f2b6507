"""What a pass sees: one policy, the inventory and the config."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

from rewriter.cilium.policy import Policy
from rewriter.cilium.settings import AgentFlags
from rewriter.cilium.version import DEFAULT_LOCAL_CLUSTER, DEFAULT_LOCAL_CLUSTER_EXISTS, Version
from rewriter.config.model import Config
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.questions.inventory import Inventory
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """One policy and all that may be known about it.

    `path` is the file as shown to people, `cluster` the cluster the policy is applied to (None: not known),
    `comments` gives the texts of the comments in its document, `comments_at` those that describe the node at a route
    (above it or at its line's end), `others` the other policies of the same cluster
    (read on demand). `namespace_known` is False where neither the manifest nor whatever applies it says in which
    namespace the policy lands; `policy.namespace` is then `default`, as kubectl would have it. `answers` remembers what
    is asked again and again of one run: all its contexts share it. `selected` are the passes of which findings on
    request are wanted; None: of all. `kept` remembers what several passes ask of this very policy
    (`rewriter.evidence.once`).
    """

    policy: Policy
    path: str
    cluster: Cluster | None
    inventory: Inventory
    config: Config
    from_version: Version
    to_version: Version
    comments: Callable[[], tuple[str, ...]] = tuple
    comments_at: Callable[[str], tuple[str, ...]] = lambda _route: ()
    others: Callable[[], Sequence[Policy]] = tuple
    as_clusterwide: bool = False
    namespace_known: bool = True
    answers: dict[tuple[object, ...], Any] = field(default_factory=dict, compare=False)
    selected: frozenset[str] | None = None
    kept: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def wants(self, pass_id: str) -> bool:
        """Whether the findings on request of a pass are wanted."""
        return self.selected is None or pass_id in self.selected

    @property
    def clusters(self) -> Sequence[Cluster]:
        """Every cluster known; the policy's own as it is taken here, which may be with a setting that is not read."""
        own, known = self.cluster, self.inventory.clusters
        return known if own is None else [own if cluster.name == own.name else cluster for cluster in known]

    @property
    def mesh(self) -> tuple[Cluster, ...]:
        """The meshed clusters; empty when there are fewer than two, since then nothing is meshed."""
        meshed = tuple(cluster for cluster in self.clusters if cluster.meshed)
        return meshed if len(meshed) > 1 else ()

    @property
    def remote_clusters(self) -> tuple[Cluster, ...]:
        """The meshed clusters other than the policy's own; empty when its own is not known."""
        if self.cluster is None:
            return ()
        return tuple(cluster for cluster in self.mesh if cluster.name != self.cluster.name)

    @property
    def node_selector_labels(self) -> bool | None:
        """Whether the agents accept rules that name nodes (enable-node-selector-labels); None where unknown.

        Cilium's default is off. Where it is unknown, only `rejected` speaks of it; the others look at what the policy
        means where it is on, and the engine makes no fix (`rewriter.passes.kit.enforcement.rests_on_node_labels`).
        """
        return self.cluster.node_selector_labels if self.cluster else None

    @property
    def flags(self) -> AgentFlags:
        """The agents' flags on which it depends whether they accept a policy, as passes judge: see above."""
        extended = self.cluster is not None and self.cluster.extended_ip_protocols is True
        return AgentFlags(self.node_selector_labels is not False, extended)

    def default_local_cluster(self, version: Version) -> bool:
        """Whether selectors get the local cluster added on a version (Helm clustermesh.policyDefaultLocalCluster).

        A value found for the cluster holds from the release that has the option; else that release's default.
        """
        if version < DEFAULT_LOCAL_CLUSTER_EXISTS:
            return False
        configured = self.cluster.default_local_cluster if self.cluster else None
        return version >= DEFAULT_LOCAL_CLUSTER if configured is None else configured


def is_here(context: Context, cluster: str | None) -> bool:
    """Whether a fact of a cluster (None: one that is not known) may be of the policy's own."""
    return context.cluster is None or cluster in (None, context.cluster.name)
