"""The lists that a snapshot is made of. Requests and the documented ClusterRole both come from this table."""

from __future__ import annotations

from rewriter.records import dataclass

CONFIG_MAP = "cilium-config"
DEFAULT_NAMESPACE = "kube-system"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the API: the snapshot's list that it serves, its group, versions (first found) and kind.

    `optional`: a cluster may lack it (a CRD, or a resource of newer releases), and then the list is known to be empty.
    """

    serves: str
    group: str
    versions: tuple[str, ...]
    name: str
    kind: str
    optional: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """Where the whole list is, in every version of the group, newest first."""
        return tuple(
            f"/apis/{self.group}/{version}/{self.name}" if self.group else f"/api/{version}/{self.name}"
            for version in self.versions
        )

    def api_version(self, path: str) -> str:
        version = self.versions[self.paths.index(path)]
        return f"{self.group}/{version}" if self.group else version

    @property
    def right(self) -> str:
        """The right that the list needs, in words."""
        return f"verb list on {self.name}" + (f" of {self.group}" if self.group else "")


RESOURCES = (
    Resource("namespaces", "", ("v1",), "namespaces", "Namespace"),
    Resource("nodes", "", ("v1",), "nodes", "Node"),
    Resource("workloads", "", ("v1",), "pods", "Pod"),
    Resource("services", "", ("v1",), "services", "Service"),
    Resource("endpoint_slices", "discovery.k8s.io", ("v1",), "endpointslices", "EndpointSlice"),
    Resource("service_cidrs", "networking.k8s.io", ("v1", "v1beta1"), "servicecidrs", "ServiceCIDR", optional=True),
    Resource("policies", "networking.k8s.io", ("v1",), "networkpolicies", "NetworkPolicy"),
    Resource("policies", "cilium.io", ("v2",), "ciliumnetworkpolicies", "CiliumNetworkPolicy", optional=True),
    Resource(
        "policies",
        "cilium.io",
        ("v2",),
        "ciliumclusterwidenetworkpolicies",
        "CiliumClusterwideNetworkPolicy",
        optional=True,
    ),
    Resource(
        "policies",
        "policy.networking.k8s.io",
        ("v1alpha2",),
        "clusternetworkpolicies",
        "ClusterNetworkPolicy",
        optional=True,
    ),
    Resource("nodes", "cilium.io", ("v2",), "ciliumnodes", "CiliumNode", optional=True),
    Resource("cidr_groups", "cilium.io", ("v2", "v2alpha1"), "ciliumcidrgroups", "CiliumCIDRGroup", optional=True),
    Resource("identities", "cilium.io", ("v2",), "ciliumidentities", "CiliumIdentity", optional=True),
    Resource("identities", "cilium.io", ("v2",), "ciliumendpoints", "CiliumEndpoint", optional=True),
)
