"""Labels as Cilium keeps them: a source, a key and a value (Cilium pkg/labels)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

NAMESPACE_LABEL = "io.kubernetes.pod.namespace"
CLUSTER_LABEL = "io.cilium.k8s.policy.cluster"
SERVICE_ACCOUNT_LABEL = "io.cilium.k8s.policy.serviceaccount"
NAMESPACE_LABELS_PREFIX = "io.cilium.k8s.namespace.labels."
NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
#: The namespace once more: its own label of its name, as pods get it.
NAMESPACE_NAME_KEY = NAMESPACE_LABELS_PREFIX + NAMESPACE_NAME_LABEL

ANY = "any"
K8S = "k8s"
RESERVED = "reserved"
CIDR = "cidr"


class Label(NamedTuple):
    """One label of an identity, for example source `k8s`, key `app`, value `web`."""

    source: str
    key: str
    value: str = ""

    def __str__(self) -> str:
        text = f"{self.source}:{self.key}"
        return f"{text}={self.value}" if self.value else text


def split_key(key: str) -> tuple[str, str]:
    """Source and key of a label key written in a policy: `app` → (`any`, `app`), `k8s:app` → (`k8s`, `app`).

    Rule: Cilium pkg/labels ParseSelectLabel; a `:` separates the source unless nothing stands before it.
    """
    if key.startswith("$"):
        return RESERVED, key[1:]
    source, separator, rest = key.partition(":")
    if not separator:
        return ANY, key
    return (source or ANY), rest


def parse_label(text: str) -> Label:
    """A label written `source:key=value`, as in an identity's label list."""
    head, _, value = text.partition("=")
    source, key = split_key(head)
    return Label(source, key, value)


def pod_labels(
    *,
    cluster: str,
    namespace: str,
    labels: Mapping[str, str],
    namespace_labels: Mapping[str, str] | None = None,
    service_account: str = "default",
) -> frozenset[Label]:
    """The identity labels of a pod, with those that Cilium adds (Cilium pkg/k8s GetPodMetadata).

    A namespace's own `kubernetes.io/metadata.name` label is always there, as the API server sets it.
    """
    added = {
        NAMESPACE_LABEL: namespace,
        CLUSTER_LABEL: cluster,
        SERVICE_ACCOUNT_LABEL: service_account,
        NAMESPACE_NAME_KEY: namespace,
    }
    for key, value in (namespace_labels or {}).items():
        added[NAMESPACE_LABELS_PREFIX + key] = value
    return frozenset(Label(K8S, key, value) for key, value in {**labels, **added}.items())


class LabelSet:
    """Labels indexed for selection: by key in any source, and by source and key."""

    __slots__ = ("_by_key", "labels")

    def __init__(self, labels: Iterable[Label]) -> None:
        self.labels = frozenset(labels)
        self._by_key: dict[str, dict[str, str]] = {}
        for label in self.labels:
            self._by_key.setdefault(label.key, {})[label.source] = label.value

    def values(self, source: str, key: str) -> tuple[str, ...]:
        """The values of `key` in `source` (in every source for `any`); empty when the key is absent."""
        sources = self._by_key.get(key)
        if sources is None:
            return ()
        if source == ANY:
            return tuple(sources.values())
        return (sources[source],) if source in sources else ()
