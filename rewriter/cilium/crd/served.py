"""In which versions of their API the kinds of policies are served: another one never reaches the agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.cilium.crd.facts import CIDR_GROUP
from rewriter.cilium.crd.tiers import CLUSTER_NETWORK_POLICY
from rewriter.cilium.policy import CCNP, CNP, KNP
from rewriter.cilium.version import CIDR_GROUP_V2, Version

#: Kubernetes 1.22 and later, of which each release of Cilium here needs a newer one.
_SERVED: Mapping[str, tuple[str, ...]] = {
    CNP: ("cilium.io/v2",),
    CCNP: ("cilium.io/v2",),
    KNP: ("networking.k8s.io/v1",),
    CIDR_GROUP: ("cilium.io/v2", "cilium.io/v2alpha1"),
}


def unserved(manifest: Mapping[str, Any], version: Version) -> str:
    """Why the API server of a release has no such kind, in its words; empty where it serves it."""
    kind, written = str(manifest.get("kind")), str(manifest.get("apiVersion"))
    missing = f'no matches for kind "{kind}" in version "{written}"'
    if kind == CIDR_GROUP and written == "cilium.io/v2" and version < CIDR_GROUP_V2:
        return f"{missing}: served from {CIDR_GROUP_V2} on"
    if kind == CLUSTER_NETWORK_POLICY and written.endswith("/v1alpha1"):
        return f"{missing}: served in {written.removesuffix('1')}2"
    served = _SERVED.get(kind)
    return "" if served is None or written in served else f"{missing}: served in {served[0]}"
