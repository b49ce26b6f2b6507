"""What the manifests of files gain on their way to a cluster, as far as it decides which files may hold a fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.delivery.transform import Added, added_by


def added(placements: Mapping[str, Sequence[Placement]], names: Mapping[str, str]) -> Mapping[str, Added]:
    """What files gain beside a namespace, by name; those that gain nothing left out. Both are by path from the root."""
    of_step: dict[int, Added] = {}
    found = {}
    for inner, those in placements.items():
        total = Added()
        for step in (step for placement in those for step in placement.chain):
            if id(step) not in of_step:
                of_step[id(step)] = added_by(step)
            total = total.with_(of_step[id(step)])
        if total != Added():
            found[names[inner]] = total
    return found


def given_namespaces(
    placements: Mapping[str, Sequence[Placement]], names: Mapping[str, str]
) -> Mapping[str, frozenset[str]]:
    """The namespaces, as written, that steps give to the manifests of files, by name; those without any left out."""
    found = {}
    for inner, those in placements.items():
        steps = (step for placement in those for step in placement.chain)
        given = {name for step in steps for name in (step.namespace, step.default_namespace) if name is not None}
        if given:
            found[names[inner]] = frozenset(given)
    return found
