"""CiliumCIDRGroup as the API server serves it and the agents read it (Cilium pkg/k8s/apis/cilium.io/v2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.cilium.cidr import AddressError, parse_prefix
from rewriter.cilium.crd.facts import CIDR_GROUP
from rewriter.cilium.validation import Rejection

_JSON_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (str, "string"),
    (int, "number"),
    (float, "number"),
    (list, "array"),
)


def is_cidr_group(manifest: Any) -> bool:
    """Whether a manifest is a CiliumCIDRGroup, of whatever version of its API."""
    if not isinstance(manifest, dict) or manifest.get("kind") != CIDR_GROUP:
        return False
    return str(manifest.get("apiVersion")).startswith("cilium.io/")


def cidr_group_rejection(manifest: Mapping[str, Any]) -> Rejection | None:
    """What the agents cannot parse, an entry that they leave out at least; None where they read the whole group."""
    spec = manifest.get("spec")
    entries = spec.get("externalCIDRs") if isinstance(spec, dict) else None
    if spec is not None and not isinstance(spec, dict):
        return _mistyped(spec, "spec", "v2.CiliumCIDRGroupSpec", "/spec")
    if entries is not None and not isinstance(entries, list):
        return _mistyped(entries, "spec.externalCIDRs", "[]api.ExternalCIDR", "/spec/externalCIDRs")
    for index, entry in enumerate(entries or ()):
        if not isinstance(entry, str):
            return _mistyped(entry, "spec.externalCIDRs", "api.ExternalCIDR", f"/spec/externalCIDRs/{index}")
        try:
            parse_prefix(entry)
        except AddressError as error:
            return Rejection(f"{CIDR_GROUP}: {error}", f"/spec/externalCIDRs/{index}")
    return None


def _mistyped(value: Any, field: str, wanted: str, route: str) -> Rejection:
    """As Go's decoder says it."""
    found = next((name for kind, name in _JSON_TYPES if isinstance(value, kind)), "object")
    return Rejection(
        f"json: cannot unmarshal {found} into Go struct field {CIDR_GROUP}.{field} of type {wanted}", route
    )
