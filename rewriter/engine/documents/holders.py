"""The policies that manifests of other kinds hold, and why some of them are not rewritten."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rewriter.cilium.policy import read_policy
from rewriter.engine.documents.read import FoundPolicy, NamespaceOf, is_encrypted
from rewriter.inventory.texts.embedded import Embedded, embedded, home_of, plain_namespace
from rewriter.inventory.texts.manifests import mapping

_GENERATED = "Kyverno generates the policy from this rule, and what becomes of an edit is not proved"
_PATCHED = "patches of the composition change the policy before it is applied"


def held_policies(value: Any, namespace_of: NamespaceOf, home: str | None = None) -> list[FoundPolicy]:
    """The policies inside a document that is none itself, in document order; none where it is encrypted.

    A policy without a namespace of its own lands where its holder puts it: a HelmRelease in its target namespace, an
    Argo CD Application at its destination, others in `home`, where that is known.
    """
    if not isinstance(value, dict | list) or is_encrypted(value):
        return []
    holder = mapping(value)
    home = home or home_of(holder, namespace_of)
    return [_found(each, holder, home) for each in embedded(value)]


def _found(each: Embedded, holder: Mapping[str, Any], home: str | None) -> FoundPolicy:
    own = mapping(each.manifest.get("metadata")).get("namespace")
    namespace = home if own is None else plain_namespace(own)
    policy = read_policy(_with_name(each), namespace=namespace, base=each.route)
    return FoundPolicy(
        policy, namespace is not None, holder, each.whole, left_by(holder) or (_PATCHED if each.patched else "")
    )


def _with_name(each: Embedded) -> dict[str, Any]:
    """The policy with a name. Charts name what they make of raw resources, by the key that they stand under."""
    metadata = mapping(each.manifest.get("metadata"))
    if metadata.get("name") is not None:
        return each.manifest
    steps = each.route.split("/")
    key = steps[-1 if each.whole else -2].lower()
    name = key if re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", key) and not key.isdigit() else "policy"
    return {**each.manifest, "metadata": {**metadata, "name": name}}


def left_by(holder: Mapping[str, Any]) -> str:
    """Why what a manifest holds is not rewritten, whatever it is; empty for most."""
    return _GENERATED if str(holder.get("apiVersion")).startswith(("kyverno.io/", "policies.kyverno.io/")) else ""
