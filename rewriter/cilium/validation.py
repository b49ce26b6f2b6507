"""Whether a release of Cilium accepts a manifest, and if not, in its own words why not.

Rules: what the agent's parser does with default settings (Cilium pkg/k8s/apis/cilium.io/v2, CiliumNetworkPolicy.Parse,
and pkg/policy/api). A rejected policy is not enforced at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.cilium.decode import check_decodes
from rewriter.cilium.network_policy_validation import check_network_policy
from rewriter.cilium.policy import CNP, KNP, is_policy
from rewriter.cilium.rejected import NIL_POINTER, RejectedError
from rewriter.cilium.rule_validation import AcceptedRules, check_rule_set
from rewriter.cilium.settings import NO_FLAGS, AgentFlags
from rewriter.cilium.version import NODE_SELECTOR_IN_SPECS_REJECTED, Version
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a manifest is rejected: the engine's wording, and the JSON pointer of the culprit."""

    message: str
    route: str


def rejection(
    manifest: Any,
    version: Version,
    *,
    base: str = "",
    flags: AgentFlags = NO_FLAGS,
    accepted: AcceptedRules | None = None,
) -> Rejection | None:
    """The first reason for which `version` rejects a manifest; None when it is accepted.

    Any shape of input gives an answer. `base` is put before the route, for a policy that is an item of a List. Rules
    that are known as `accepted` are not judged again: only for manifests that do not change.
    """
    if not is_policy(manifest):
        return Rejection("not a CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy or NetworkPolicy", base)
    try:
        check_decodes(manifest, manifest["kind"], version, base, accepted)
        if manifest["kind"] == KNP:
            check_network_policy(manifest.get("spec") or {}, f"{base}/spec")
        else:
            _check_cilium_policy(manifest, version, base, flags, accepted)
    except RejectedError as error:
        return Rejection(error.message, error.route or "")
    return None


def decoding_rejection(manifest: Mapping[str, Any], version: Version, *, base: str = "") -> Rejection | None:
    """The first value of a policy manifest that `version` cannot decode, as a value of the wrong type; None without."""
    try:
        check_decodes(manifest, manifest["kind"], version, base)
    except RejectedError as error:
        return Rejection(error.message, error.route or "")
    return None


def _check_cilium_policy(
    manifest: Mapping[str, Any], version: Version, base: str, flags: AgentFlags, accepted: AcceptedRules | None
) -> None:
    kind = manifest["kind"]
    metadata = manifest.get("metadata") or {}
    if not metadata.get("name") and not metadata.get("generateName"):
        raise RejectedError(f"{kind} must have name", f"{base}/metadata")
    spec, specs = manifest.get("spec"), manifest.get("specs")
    if spec is None and specs is None:
        raise RejectedError(f"Invalid {kind} spec(s): empty policy", base)
    sets = [] if spec is None else [("spec", spec, f"{base}/spec")]
    sets += [("specs", item, f"{base}/specs/{index}") for index, item in enumerate(specs or [])]
    for field, raw, route in sets:
        if raw is None:
            raise RejectedError(f"panic: {NIL_POINTER}", route)
        try:
            check_rule_set(raw, route, version, flags, accepted)
        except RejectedError as error:
            crash = error.message.startswith("panic:")
            message = error.message if crash else f"Invalid {kind} {field}: {error.message}"
            raise RejectedError(message, error.route) from None
        checked = field == "spec" or version >= NODE_SELECTOR_IN_SPECS_REJECTED
        if kind == CNP and "nodeSelector" in raw and checked:
            raise RejectedError(f"Invalid {kind} spec: rule cannot have NodeSelector", f"{route}/nodeSelector")
