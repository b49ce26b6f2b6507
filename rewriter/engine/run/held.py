"""Why a policy is not rewritten, whatever is found in it."""

from __future__ import annotations

from rewriter.cilium.version import Version
from rewriter.engine.documents.read import FoundPolicy
from rewriter.engine.effects.settings import node_labels_unsaid
from rewriter.inventory.delivery.landing import COPIED
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.questions.inventory import Inventory
from rewriter.passes.kit.enforced.enforcement import unknown_part


def skip_reason(inventory: Inventory, path: str, cluster: Cluster | None, version: Version, found: FoundPolicy) -> str:
    """Why a policy is not rewritten: its text is not all that is applied, or it is unknown if it is enforced."""
    policy = found.policy
    applied, route = (policy.raw, "") if found.holder is None else (found.holder, found.text_route or policy.route)
    if why := inventory.changed_on_the_way(path, applied, route):
        return why if why.endswith(COPIED) else f"{why}, so that the text here is not what the cluster gets"
    if placeholder := unknown_part(policy, version):
        return f"{placeholder} stands for a part of the policy, and what it holds is unknown"
    return unknown_acceptance(cluster, version, found)


def unknown_acceptance(cluster: Cluster | None, version: Version, found: FoundPolicy) -> str:
    """Why it is not known whether the agents accept a policy."""
    if node_labels_unsaid(cluster, found.policy, version):
        return "it names nodes, and it is unknown whether the agents run with enable-node-selector-labels"
    return ""
