"""Flows that Hubble saw, added up: who, whom, on which port, with which verdict, how often and when last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from rewriter.cilium.labels import CLUSTER_LABEL, K8S, NAMESPACE_LABEL
from rewriter.records import dataclass

#: Verdicts: let through; dropped since no rule allows it; dropped by a deny rule.
FORWARDED, DROPPED, DENIED = "FORWARDED", "DROPPED", "DENIED"
INGRESS, EGRESS = "ingress", "egress"
_NAMES = ("app.kubernetes.io/name", "app", "k8s-app", "name", "component")


@dataclass(frozen=True, slots=True)
class ObservedEndpoint:
    """One end of flows: its labels written `source:key=value`, sorted; its address where it is no pod, else "".

    `names` are the DNS names that its address was looked up by.
    """

    labels: tuple[str, ...]
    address: str = ""
    names: tuple[str, ...] = ()

    def label(self, key: str) -> str | None:
        """The value of a pod's label; None where it has none."""
        start = f"{K8S}:{key}="
        return next((label[len(start) :] for label in self.labels if label.startswith(start)), None)

    @property
    def namespace(self) -> str | None:
        return self.label(NAMESPACE_LABEL)

    @property
    def cluster(self) -> str | None:
        return self.label(CLUSTER_LABEL)

    @property
    def is_pod(self) -> bool:
        return self.namespace is not None

    def __str__(self) -> str:
        """As people say it: `cluster/namespace/name`, the entity, or the address with its name."""
        if self.is_pod:
            name = next((value for key in _NAMES if (value := self.label(key))), None)
            return "/".join(filter(None, (self.cluster, self.namespace, name or "pods")))
        entity = next((label[9:] for label in self.labels if label.startswith("reserved:")), "unknown")
        if not self.address:
            return entity
        return f"{self.names[0] if self.names else entity} ({self.address})"


@dataclass(frozen=True, slots=True)
class ObservedFlow:
    """One kind of flow as one agent judged it, `direction` seen from the end that it guards.

    `port` is the destination port, or the type of an ICMP message; `count` counts events, `last` is RFC 3339.
    """

    source: ObservedEndpoint
    destination: ObservedEndpoint
    protocol: str
    port: int
    direction: str
    verdict: str
    count: int
    last: str

    @property
    def subject(self) -> ObservedEndpoint:
        """The end whose policies judged it."""
        return self.destination if self.direction == INGRESS else self.source

    @property
    def peer(self) -> ObservedEndpoint:
        return self.source if self.direction == INGRESS else self.destination

    @property
    def crosses_clusters(self) -> bool:
        """Whether it was dropped between pods of two clusters for want of a rule."""
        ends = (self.source.cluster, self.destination.cluster)
        return self.verdict == DROPPED and None not in ends and ends[0] != ends[1]

    @property
    def port_text(self) -> str:
        return (
            f"{self.protocol} type {self.port}" if self.protocol.startswith("ICMP") else f"{self.port}/{self.protocol}"
        )

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count} times"
        return f"{self.source} → {self.destination} {self.port_text} ({times}, last {self.last})"


@dataclass(frozen=True, slots=True)
class ObservedFlows:
    """The flows of Hubble exports. `first` and `last` bound what was seen, RFC 3339; "" where nothing was.

    `skipped` counts, by reason, the events that say nothing of policies or could not be used; `lost` the events that
    Hubble itself lost. Where `lost` or `left_out` is not zero, what was seen is not all there was.
    """

    flows: tuple[ObservedFlow, ...] = ()
    files: tuple[str, ...] = ()
    events: int = 0
    first: str = ""
    last: str = ""
    lost: int = 0
    left_out: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every event that was exported is in the flows."""
        return not self.lost and not self.left_out
