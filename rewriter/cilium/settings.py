"""The agent settings on which the meaning of a policy depends, and the facts that a policy may point at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields, replace
from enum import StrEnum
from typing import NamedTuple

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.identity import NamedPort
from rewriter.cilium.identity_labels import LabelFilter
from rewriter.cilium.version import (
    AUTHENTICATION_OFF,
    CIDR_MATCHES_PODS,
    DEFAULT_LOCAL_CLUSTER_EXISTS,
    Version,
)
from rewriter.records import dataclass


class EnforcementMode(StrEnum):
    """The agent's policyEnforcementMode (Cilium documentation, Policy EnforcementMode Modes)."""

    DEFAULT = "default"
    ALWAYS = "always"
    NEVER = "never"


class AgentFlags(NamedTuple):
    """The agent's flags on which it depends whether a policy is accepted; both are off by default.

    `node_selector_labels` (enable-node-selector-labels): from/toNodes are accepted. `extended_ip_protocols`
    (enable-extended-ip-protocols, 1.19 and later): a port entry without a port is accepted and means every port.
    """

    node_selector_labels: bool = False
    extended_ip_protocols: bool = False


NO_FLAGS = AgentFlags()


@dataclass(frozen=True, slots=True)
class Settings:
    """How one cluster's agents read policies.

    `default_local_cluster` is policy-default-local-cluster (ignored before 1.18, where it does not exist);
    `single_cluster` says that there is no mesh, so that every pod and node has the local cluster's label.
    `cidr_match_nodes` and `cidr_match_pods` (1.20 and later) are the values of policy-cidr-match-mode;
    `mutual_authentication` None means the release's default. `audit` lets everything pass and logs it.
    `host_firewall` off takes pods with a label `host`, and the hosts, out of enforcement; None is off for those pods
    alone. `pod_labels` and `node_labels` filter the labels of identities; without one every label counts.
    `first_patch` is the release as it first came out, with the faults that its later patches mended, `patch` the number
    of its patch release where that is known.
    """

    version: Version
    local_cluster: str = "default"
    default_local_cluster: bool = False
    cidr_match_nodes: bool = False
    node_selector_labels: bool = False
    extended_ip_protocols: bool = False
    cluster_network_policies: bool = False
    dual_stack: bool = False
    mutual_authentication: bool | None = None
    single_cluster: bool = False
    cidr_match_pods: bool = False
    enforcement: EnforcementMode = EnforcementMode.DEFAULT
    audit: bool = False
    host_firewall: bool | None = True
    pod_labels: LabelFilter | None = None
    node_labels: LabelFilter | None = None
    first_patch: bool = False
    patch: int | None = None
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        # Worked out once: what is remembered of policies is found by the settings, again and again.
        if not self._hash:
            own = tuple([getattr(self, name) for name in _COMPARED])
            object.__setattr__(self, "_hash", hash(own) or 1)
        return self._hash

    @property
    def adds_local_cluster(self) -> bool:
        """Whether peer selectors without a cluster key are narrowed to the local cluster."""
        return self.default_local_cluster and self.version >= DEFAULT_LOCAL_CLUSTER_EXISTS

    @property
    def flags(self) -> AgentFlags:
        """The flags on which it depends whether a policy is accepted."""
        return AgentFlags(self.node_selector_labels, self.extended_ip_protocols)

    @property
    def enforces(self) -> bool:
        """Whether any policy decides on traffic."""
        return self.enforcement is not EnforcementMode.NEVER and not self.audit

    @property
    def as_enforced(self) -> Settings:
        """The same where policies decide on traffic, as they will once `never` or audit mode ends."""
        if self.enforces:
            return self
        mode = EnforcementMode.DEFAULT if self.enforcement is EnforcementMode.NEVER else self.enforcement
        return replace(self, enforcement=mode, audit=False)

    @property
    def denies_everybody(self) -> bool:
        """Whether every pod is in default deny, whether a policy selects it or not."""
        return self.enforces and self.enforcement is EnforcementMode.ALWAYS

    @property
    def matches_pods_by_address(self) -> bool:
        return self.cidr_match_pods and self.version >= CIDR_MATCHES_PODS

    @property
    def authenticates(self) -> bool:
        """Whether `authentication.mode: required` is enforced.

        Up to 1.18 the agents hold such traffic back even where they authenticate none (Helm `authentication.enabled`).
        """
        return bool(self.mutual_authentication) or self.version < AUTHENTICATION_OFF


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A Kubernetes Service as toServices sees it. `addresses` are those of its endpoints.

    `selector` is empty for a Service without one; `external` is one of type ExternalName, which has no backends.
    """

    namespace: str
    name: str
    selector: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    external: bool = False


@dataclass(frozen=True, slots=True)
class CidrGroupView:
    """A CiliumCIDRGroup: its name, labels and prefixes.

    With `by_label` it has, beside its prefixes, the identities that bear its name as a label of source `cidrgroup`.
    """

    name: str
    prefixes: tuple[Prefix, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    by_label: bool = False


def _never(_namespace: str | None) -> bool:
    return False


_COMPARED = tuple(setting.name for setting in fields(Settings) if setting.compare)


@dataclass(frozen=True, slots=True)
class Facts:
    """What policies refer to by name. What is not here is unknown, and verdicts that need it say so.

    `named_ports` are those of every pod of the mesh, where they are known, in any order and number.
    `closed` says of a namespace (None: of all) whether every Service of it is here.
    """

    services: tuple[ServiceView, ...] = ()
    cidr_groups: tuple[CidrGroupView, ...] = ()
    named_ports: tuple[NamedPort, ...] = ()
    closed: Callable[[str | None], bool] = _never


NO_FACTS = Facts()
