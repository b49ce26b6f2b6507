"""Nodes with the labels that host policies select, each as the host that a cluster's agents enforce policy on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import ANY, K8S, RESERVED, Label
from rewriter.cilium.terms import LabelTerm

_HOST = "host"
_LABELLED = f"{_HOST} with "


def host_witnesses(subjects: Iterable[LabelTerm]) -> Iterator[Identity]:
    """A node for each `nodeSelector` that asks for labels; the host without any meets the others."""
    made: set[frozenset[Label]] = set()
    for subject in dict.fromkeys(subjects):
        own = _own_labels(subject)
        if own and own not in made:
            made.add(own)
            shown = ", ".join(sorted(f"{label.key}={label.value}" if label.value else label.key for label in own))
            yield Identity(_LABELLED + shown, own | {Label(RESERVED, _HOST)})


def _own_labels(subject: LabelTerm) -> frozenset[Label]:
    return frozenset(
        Label(K8S, condition.key, condition.values[0] if condition.values else "")
        for condition in subject.conditions
        if condition.operator in ("In", "Exists") and condition.source in (ANY, K8S)
    )


def without_labelled_hosts(names: set[str]) -> set[str]:
    """The names of identities, of which the host stands for nodes of it with labels."""
    return {name for name in names if not name.startswith(_LABELLED)} if _HOST in names else names
