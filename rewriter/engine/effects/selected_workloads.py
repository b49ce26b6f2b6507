"""The known workloads that selectors of policies may select, one for each set of labels."""

from __future__ import annotations

import json
from collections.abc import Iterable

from rewriter.cilium.identity import Identity
from rewriter.cilium.policy import Policy
from rewriter.engine.effects.asked import pod_selections
from rewriter.evidence.settings import workload_identity
from rewriter.inventory.questions.inventory import Inventory


def selected_workloads(
    policies: Iterable[Policy], inventory: Inventory, local_cluster: str, known: dict[str, list[Identity]]
) -> list[Identity]:
    """The workloads that a selector of the policies may select by its labels, one for each set of labels.

    `known` are those of selections that were asked for before, and grows.
    """
    made: dict[tuple[object, ...], Identity] = {}
    for selection in sorted({found for policy in policies for found in pod_selections(policy)}):
        if selection not in known:
            workloads = inventory.workloads_with(json.loads(selection))
            known[selection] = [
                workload_identity(workload, inventory, local_cluster)
                for workload in workloads
                if not workload.host_network  # To Cilium it is its node, which is among the identities anyway.
            ]
        for identity in known[selection]:
            made.setdefault((identity.labels, identity.named_ports), identity)
    return list(made.values())
