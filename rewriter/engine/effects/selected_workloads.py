"""The known workloads that selectors of policies may select, one for each set of labels."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import field

from rewriter.cilium.identity import Identity
from rewriter.cilium.policy import Policy
from rewriter.engine.effects.asked import pod_selections
from rewriter.evidence.settings import workload_identity
from rewriter.inventory.questions.inventory import Inventory
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class KnownSelections:
    """The workloads of selections that were asked for before, and those selections that have none."""

    workloads: dict[str, list[Identity]] = field(default_factory=dict)
    unmatched: set[str] = field(default_factory=set)


def selected_workloads(
    policies: Iterable[Policy], inventory: Inventory, local_cluster: str, known: KnownSelections
) -> list[Identity]:
    """The workloads that a selector of the policies may select by its labels, one for each set of labels.

    `known` are those of selections that were asked for before, and grows.
    """
    made: dict[tuple[object, ...], Identity] = {}
    asked = frozenset[str]().union(*map(pod_selections, policies)) - known.unmatched
    for selection in sorted(asked):
        if selection not in known.workloads:
            workloads = inventory.workloads_with(json.loads(selection))
            known.workloads[selection] = [
                workload_identity(workload, inventory, local_cluster)
                for workload in workloads
                if not workload.host_network  # To Cilium it is its node, which is among the identities anyway.
            ]
            if not known.workloads[selection]:
                known.unmatched.add(selection)
        for identity in known.workloads[selection]:
            made.setdefault((identity.labels, identity.named_ports), identity)
    return list(made.values())
