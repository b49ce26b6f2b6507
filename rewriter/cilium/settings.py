"""The agent settings on which the meaning of a policy depends, and the facts that a policy may point at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.version import AUTHENTICATION_OFF, DEFAULT_LOCAL_CLUSTER_EXISTS, Version


@dataclass(frozen=True, slots=True)
class Settings:
    """How one cluster's agents read policies.

    `default_local_cluster` is policy-default-local-cluster (ignored before 1.18, where it does not exist);
    `cidr_match_nodes` is policy-cidr-match-mode nodes; `mutual_authentication` None means the release's default.
    """

    version: Version
    local_cluster: str = "default"
    default_local_cluster: bool = False
    cidr_match_nodes: bool = False
    node_selector_labels: bool = False
    dual_stack: bool = False
    mutual_authentication: bool | None = None

    @property
    def adds_local_cluster(self) -> bool:
        """Whether peer selectors without a cluster key are narrowed to the local cluster."""
        return self.default_local_cluster and self.version >= DEFAULT_LOCAL_CLUSTER_EXISTS

    @property
    def authenticates(self) -> bool:
        """Whether `authentication.mode: required` is enforced."""
        if self.mutual_authentication is None:
            return self.version < AUTHENTICATION_OFF
        return self.mutual_authentication


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A Kubernetes Service as toServices sees it. `addresses` are those of its endpoints.

    `selector` is empty for a Service without one.
    """

    namespace: str
    name: str
    selector: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CidrGroupView:
    """A CiliumCIDRGroup: its name, labels and prefixes."""

    name: str
    prefixes: tuple[Prefix, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What policies refer to by name. What is not here is unknown, and verdicts that need it say so."""

    services: tuple[ServiceView, ...] = ()
    cidr_groups: tuple[CidrGroupView, ...] = ()


NO_FACTS = Facts()
