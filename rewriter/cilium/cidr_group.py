"""CiliumCIDRGroup as the API server serves it and the agents read it (Cilium pkg/k8s/apis/cilium.io/v2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.cilium.cidr import AddressError, parse_prefix
from rewriter.cilium.crd.facts import CIDR_GROUP
from rewriter.cilium.validation import Rejection
from rewriter.cilium.version import CIDR_GROUP_V2, Version


def is_cidr_group(manifest: Any) -> bool:
    """Whether a manifest is a CiliumCIDRGroup, of whatever version of its API."""
    if not isinstance(manifest, dict) or manifest.get("kind") != CIDR_GROUP:
        return False
    return str(manifest.get("apiVersion")).startswith("cilium.io/")


def cidr_group_rejection(manifest: Mapping[str, Any]) -> Rejection | None:
    """The first entry that the agents leave out, since they cannot parse it; None where they read the whole group."""
    spec = manifest.get("spec")
    entries = spec.get("externalCIDRs") if isinstance(spec, dict) else None
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        try:
            parse_prefix(str(entry))
        except AddressError as error:
            return Rejection(f"{CIDR_GROUP}: {error}", f"/spec/externalCIDRs/{index}")
    return None


def unserved(manifest: Mapping[str, Any], version: Version) -> str:
    """Why the API server of a release has no such kind, in its words; empty where it serves it."""
    if manifest.get("apiVersion") == "cilium.io/v2" and version < CIDR_GROUP_V2:
        return f'no matches for kind "{CIDR_GROUP}" in version "cilium.io/v2": served from {CIDR_GROUP_V2} on'
    return ""
