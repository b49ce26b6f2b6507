"""What a run did not check, and why: a clean report must not look like more than it is."""

from __future__ import annotations

from collections.abc import Iterable

from rewriter.cilium.local_cluster import selectors_changed_by_local_cluster
from rewriter.cilium.policy import Policy
from rewriter.cilium.version import Version
from rewriter.engine.results.result import NotChecked
from rewriter.evidence.settings import settings_of
from rewriter.inventory.facts.model import Cluster
from rewriter.passes import PASSES
from rewriter.passes.kit.enforced.enforcement import has_wrong_types

#: The passes that look at pods of other clusters.
CLUSTER_ENTITY = "cluster-entity"
IMPLICIT_CLUSTER = "implicit-cluster"
_WIDER = frozenset({"all", "cluster-mesh"})


def needs_mesh(policy: Policy, cluster: Cluster | None, versions: tuple[Version, Version]) -> frozenset[str]:
    """The passes that would look at a policy if the clusters of its mesh were known, by id.

    None of them where the policy's cluster is known to be in no mesh, and for policies that no pass can read.
    """
    if (cluster is not None and cluster.alone is not None) or has_wrong_types(policy):
        return frozenset()
    found = set()
    entries = [entry for rule in policy.rules() for field in rule.peers for entry in field.entries]
    if "cluster" in entries and not _WIDER.intersection(entry for entry in entries if isinstance(entry, str)):
        found.add(CLUSTER_ENTITY)
    before, after = (settings_of(cluster, version).default_local_cluster for version in versions)
    if after and not before and next(iter(selectors_changed_by_local_cluster(policy)), None) is not None:
        found.add(IMPLICIT_CLUSTER)
    return frozenset(found)


def beside_files(*, alone: bool) -> NotChecked | None:
    """That nothing but the files was read which are named; None where they are not `alone`."""
    return NotChecked("files beside these", "no git work tree", "name their folder") if alone else None


def no_mesh(passes: Iterable[str]) -> NotChecked | None:
    """What those passes did not check because no mesh is known; None for no passes."""
    codes_of = {pass_.id: pass_.code for pass_ in PASSES}
    codes = sorted({codes_of[name] for name in passes})
    if not codes:
        return None
    return NotChecked(", ".join(codes), "no mesh known", "cnpfix init")
