"""Witnesses of what is neither a pod by its labels nor an address: nodes by label, DNS names, groups, Services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rewriter.cilium.fqdn import sample_names
from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, RESERVED, Label
from rewriter.cilium.services import API_SERVERS
from rewriter.cilium.terms import OPAQUE_SOURCES, SERVICE, FqdnTerm, LabelTerm, Term, opaque_name, opaque_term
from rewriter.reach.cells import OTHER


def odd_witnesses(terms: Iterable[Term], clusters: Sequence[str]) -> Iterator[Identity]:
    """Identities behind terms that are neither pod labels nor CIDRs: nodes by label, DNS names, groups, services.

    The first of the `clusters` is the local one.
    """
    made: set[frozenset[Label]] = set()
    names: dict[str, str] = {}
    for term in dict.fromkeys(terms):
        if isinstance(term, FqdnTerm):
            exact = "*" not in term.written
            for name in sample_names(term.written):
                names.setdefault(name, f"DNS name {name}" if exact else f"DNS names like {name}")
        elif isinstance(term, LabelTerm):
            for labels in _odd_labels(term, clusters):
                if labels not in made:
                    made.add(labels)
                    yield Identity(_odd_name(labels), labels)
    for name, text in names.items():
        yield Identity(text, frozenset({Label(RESERVED, "world")}), dns_names=(name,))


def _odd_labels(term: LabelTerm, clusters: Sequence[str]) -> Iterator[frozenset[Label]]:
    odd = [c for c in term.conditions if c.source not in (ANY, K8S)]
    if not odd or (len(term.conditions) == 1 and odd[0].source == RESERVED):
        return
    labels = {
        Label(K8S if c.source == ANY else c.source, c.key, c.values[0] if c.values else _some_value(c.key))
        for c in term.conditions
        if c.operator in ("In", "Exists")
    }
    source, key = odd[0].source, odd[0].key
    placed = any(c.key == CLUSTER_LABEL for c in term.conditions)
    if source == SERVICE and key == API_SERVERS:
        # Whether nodes or addresses outside, they are what the entity means, and are in no other cluster.
        yield frozenset(labels | {Label(RESERVED, "kube-apiserver")})
        return
    if source == SERVICE:
        namespace = key.partition("/")[0]
        labels.add(Label(K8S, NAMESPACE_LABEL, OTHER if namespace == "*" else namespace))
        places = [[]] if placed else [[Label(K8S, CLUSTER_LABEL, cluster)] for cluster in clusters]
        yield from (frozenset([*labels, *place]) for place in places)
        return
    if source in OPAQUE_SOURCES:
        yield frozenset(labels | {Label(RESERVED, "world")})
        return
    in_namespace = any(
        label.key == NAMESPACE_LABEL or label.key.startswith(NAMESPACE_LABELS_PREFIX) for label in labels
    )
    node = Label(RESERVED, "remote-node") in labels
    if placed or not (in_namespace or node):
        yield frozenset(labels)
    if not placed:
        # Whatever is in a namespace is in a cluster, and so is a node.
        for cluster in clusters if in_namespace or node else clusters[:1]:
            yield frozenset(labels | {Label(K8S, CLUSTER_LABEL, cluster)})


def _some_value(key: str) -> str:
    return OTHER if key == CLUSTER_LABEL else ""


def _odd_name(labels: frozenset[Label]) -> str:
    """A name for people: what stands behind a group or service, or the labels of a node."""
    cluster = next((label.value for label in labels if label.key == CLUSTER_LABEL), "")
    where = "" if not cluster else " in other clusters" if cluster == OTHER else f" in {cluster}"
    for label in labels:
        if label.source in OPAQUE_SOURCES:
            return f"what is behind {opaque_name(opaque_term(label.source, label.key))}{where}"
    node = Label(RESERVED, "remote-node")
    shown = sorted(str(label) for label in labels - {node} if label.key != CLUSTER_LABEL)
    if node in labels:
        own = ", ".join(text.removeprefix(f"{K8S}:") for text in shown)
        return f"nodes{f' with {own}' if own else ''}{where}"
    return f"identities with {', '.join(shown)}{where}"
