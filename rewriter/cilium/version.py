"""Cilium releases that cnpfix knows, and what changed in which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rewriter.cilium.digits import is_number


class _Minor(NamedTuple):
    major: int
    minor: int


class Version(_Minor):
    """A Cilium minor release, and the number of its `patch` release where that is meant.

    Releases of one minor are equal, and written without the patch: what it changes is `fault_of` and little else.
    """

    patch: int | None = None

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def in_full(self) -> str:
        """With the patch, where it is known."""
        return str(self) if self.patch is None else f"{self}.{self.patch}"

    def precedes(self, other: Version) -> bool:
        """Whether this is an older release; of one minor release, where both patches are known."""
        if self != other:
            return self < other
        return self.patch is not None and other.patch is not None and self.patch < other.patch

    def with_patch(self, patch: int | None) -> Version:
        made = Version(self.major, self.minor)
        made.patch = patch
        return made

    @property
    def previous(self) -> Version:
        return Version(self.major, self.minor - 1)


SUPPORTED = tuple(Version(1, minor) for minor in range(15, 21))
DEFAULT_TO = Version(1, 19)

#: First release in which each change to the meaning of a policy holds (Cilium upgrade notes and sources).
NAMESPACE_LABELS_PREFIX_COUNTS = Version(1, 16)
ENABLE_DEFAULT_DENY = Version(1, 16)
ICMP_TYPE_NAMES = Version(1, 16)
EGRESS_CIDR_GROUPS = Version(1, 16)
INIT_NEEDS_CLUSTERWIDE = Version(1, 16)
NODE_PEERS = Version(1, 16)
PORT_RANGES = Version(1, 16)
CIDR_GROUP_SELECTOR = Version(1, 17)
HOST_DNS_RULES = Version(1, 17)
LOWER_CASE_MESSAGES = Version(1, 17)
SERVICES_WITH_PORTS = Version(1, 17)
RULES_REQUIRED = Version(1, 17)
#: Not in the first patches of 1.16, but in its newest; peers of two kinds in one deny rule only since 1.17.
DENY_RULES_VALIDATED = Version(1, 16)
DENY_PEERS_EXCLUSIVE = Version(1, 17)
L7_RANGES_REJECTED = Version(1, 16)
LISTENER_PRIORITY = Version(1, 17)
EXTENDED_PROTOCOLS_PARSED = Version(1, 18)
EXTENDED_PROTOCOLS = Version(1, 19)
CIDR_GROUP_SELECTOR_IS_QUOTED = Version(1, 18)
POLICY_LOG = Version(1, 18)
CIDR_GROUP_V2 = Version(1, 18)
NODE_SELECTOR_IN_SPECS_REJECTED = Version(1, 18)
FQDN_LENGTH_CHECKED = Version(1, 18)
FQDN_PATTERN_LENGTH_CHECKED = Version(1, 19)
DEFAULT_LOCAL_CLUSTER_EXISTS = Version(1, 18)
DEFAULT_LOCAL_CLUSTER = Version(1, 19)
ADDS_PODS_TO_BLOCKS = Version(1, 19)
REQUIRES_REMOVED = Version(1, 19)
DOUBLE_STAR_SPANS_LABELS = Version(1, 19)
AUTHENTICATION_OFF = Version(1, 19)
UNPREFIXED_KEYS_CHECKED = Version(1, 19)
ZONED_ADDRESS_PANICS = Version(1, 19)
LOAD_BALANCED_IN_POD = Version(1, 19)
NODE_PORTS_BALANCED_IN_POD = Version(1, 20)
L7_GENERIC_DEPRECATED = Version(1, 19)
L7_GENERIC_REMOVED = Version(1, 20)
AUTHENTICATION_DEPRECATED = Version(1, 20)
BARE_ADDRESS_REJECTED = Version(1, 20)
TUNNEL_PROTOCOLS = Version(1, 20)
EXCEPT_INSIDE_CHECKED = Version(1, 20)
TOPOLOGY_LABELS_FILTERED = Version(1, 20)
ZERO_IS_EVERY_PORT = Version(1, 20)
NAMED_PORTS_PER_DESTINATION = Version(1, 20)
INIT_SHUTS_THE_HOST_OUT = Version(1, 20)
CIDR_MATCHES_PODS = Version(1, 20)
CLUSTER_MESH_ENTITY = Version(1, 20)
CLUSTER_NETWORK_POLICIES = Version(1, 20)
CIDR_GROUP_SELECTOR_MAY_BE_NULL = Version(1, 20)
LABEL_SOURCES_CHECKED = Version(1, 20)

#: First release whose CRDs make each demand (Cilium pkg/k8s/apis/cilium.io/client/crds).
CRD_COUNTS_AND_CHOICES = Version(1, 16)
SERVER_NAME_PATTERN = Version(1, 18)
CRD_PORTLESS_PROTOCOLS = Version(1, 19)
SERVER_NAME_STARS = Version(1, 20)
CRD_EMPTY_POLICY_REFUSED = Version(1, 20)


def parse_version(text: str) -> Version:
    """A supported release written `1.19`, `v1.19` or `1.19.3`, with its patch. Raises ValueError naming those known."""
    parts = text.strip().removeprefix("v").split(".")
    if len(parts) in (2, 3) and all(is_number(part) for part in parts):
        version = Version(int(parts[0]), int(parts[1]))
        if version in SUPPORTED:
            return version.with_patch(int(parts[2])) if len(parts) == 3 else version
    known = ", ".join(map(str, SUPPORTED))
    raise ValueError(f"Cilium version {text!r} is not known; use one of {known}")


class PatchFault(NamedTuple):
    """A fault of some patch releases of a minor one: from `first` on, mended in `mended`."""

    first: int
    mended: int
    issue: str


#: toServices finds no pods of a Service whose own selector has keys with dots.
DOTTED_SERVICES = {
    Version(1, 17): PatchFault(0, 15, "cilium/cilium#41151"),
    Version(1, 18): PatchFault(0, 9, "cilium/cilium#41151"),
    Version(1, 19): PatchFault(0, 3, "cilium/cilium#41151"),
}
#: k8sServiceSelector finds no Service by labels whose keys have dots.
DOTTED_SELECTORS = {Version(1, 19): PatchFault(5, 6, "cilium/cilium#46732")}


def fault_of(faults: Mapping[Version, PatchFault], version: Version, patch: int | None) -> PatchFault | None:
    """The fault that a patch release has; None where it has none, or is not known."""
    found = faults.get(version)
    return found if found is not None and patch is not None and found.first <= patch < found.mended else None
