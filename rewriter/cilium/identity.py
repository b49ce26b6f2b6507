"""Identities: what policies select, and what a flow goes between (Cilium pkg/identity)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.labels import CIDR, K8S, NAMESPACE_LABEL, RESERVED, Label

#: Entities that are identities of their own.
RESERVED_IDENTITIES = (
    "host",
    "remote-node",
    "kube-apiserver",
    "health",
    "init",
    "ingress",
    "unmanaged",
    "world",
)


class NamedPort(NamedTuple):
    """A container port with a name; `protocol` is TCP, UDP or SCTP."""

    name: str
    port: int
    protocol: str = "TCP"


class Identity(NamedTuple):
    """Something that sends or receives: a pod's label set, a reserved identity, or addresses outside the mesh.

    `prefix` is set for addresses outside the mesh, `addresses` for nodes and pods: ranges that hold all that they have
    (they count only under policy-cidr-match-mode nodes and pods). `dns_names` are names that its addresses belong to.
    """

    name: str
    labels: frozenset[Label]
    prefix: Prefix | None = None
    named_ports: tuple[NamedPort, ...] = ()
    addresses: tuple[Prefix, ...] = ()
    dns_names: tuple[str, ...] = ()

    @property
    def is_pod(self) -> bool:
        return any(label.key == NAMESPACE_LABEL and label.source == K8S for label in self.labels)

    @property
    def reserved(self) -> frozenset[str]:
        return frozenset(label.key for label in self.labels if label.source == RESERVED)


def reserved_identity(name: str) -> Identity:
    """A reserved identity by its entity name; kube-apiserver is a remote node too."""
    names = (name, "remote-node") if name == "kube-apiserver" else (name,)
    return Identity(name, frozenset(Label(RESERVED, key) for key in names))


def outside_identity(
    prefix: Prefix,
    *,
    name: str = "",
    dual_stack: bool = False,
    extra: Iterable[Label] = (),
    dns_names: tuple[str, ...] = (),
) -> Identity:
    """Addresses outside the mesh: the prefix, and the world (in a dual-stack cluster, the world of its family).

    Source: Cilium pkg/labels AddWorldLabel.
    """
    family = "world-ipv4" if prefix.width == 32 else "world-ipv6"
    labels = {Label(RESERVED, family if dual_stack else "world"), Label(CIDR, str(prefix)), *extra}
    return Identity(name or str(prefix), frozenset(labels), prefix=prefix, dns_names=dns_names)
