"""The policies that manifests of other kinds hold, and why some of them are not rewritten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter import patterns as re
from rewriter.cilium.policy import read_policy
from rewriter.engine.documents.read import FoundPolicy, NamespaceOf, is_encrypted
from rewriter.inventory.delivery.appliers import api_group
from rewriter.inventory.texts.embedded import Embedded, embedded, home_of, plain_namespace
from rewriter.inventory.texts.manifests import mapping

_GENERATED = "Kyverno generates the policy from this text, and what becomes of an edit is not proved"
#: Where rules of Kyverno keep what they generate: below one, or below an item of its `foreach`.
_DATA = re.compile(r"/generate(?:/foreach/\d+)?/data$")
_RELEASE_NAMESPACE = re.compile(r"\{\{-?\s*\$?\.Release\.Namespace\s*-?\}\}")
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
    return [_found(inner, holder, home) for inner in embedded(value)]


def _found(inner: Embedded, holder: Mapping[str, Any], home: str | None) -> FoundPolicy:
    manifest = _with_name(inner)
    own = mapping(manifest.get("metadata")).get("namespace")
    if home is not None and _is_of_release(own):
        own, manifest = home, {**manifest, "metadata": {**manifest["metadata"], "namespace": home}}
    namespace = home if own is None else plain_namespace(own)
    policy = read_policy(manifest, namespace=namespace, base=inner.route)
    return FoundPolicy(
        policy, namespace is not None, holder, inner.whole, _left(holder, inner) or (_PATCHED if inner.patched else "")
    )


def _is_of_release(namespace: Any) -> bool:
    """Whether a namespace is that of the release which applies the manifest, as charts fill it in."""
    return isinstance(namespace, str) and _RELEASE_NAMESPACE.fullmatch(namespace.strip()) is not None


def _left(holder: Mapping[str, Any], inner: Embedded) -> str:
    """Why one policy is not rewritten. What Kyverno generates has the rules that stand below `data`, as they stand."""
    if not left_by(holder) or (api_group(holder) == "kyverno.io" and _DATA.search(inner.route)):
        return ""
    return _GENERATED


def _with_name(inner: Embedded) -> dict[str, Any]:
    """The policy with a name. Charts name what they make of raw resources, by the key that they stand under."""
    metadata = mapping(inner.manifest.get("metadata"))
    if metadata.get("name") is not None:
        return inner.manifest
    steps = inner.route.split("/")
    key = steps[-1 if inner.whole else -2].lower()
    name = key if re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", key) and not key.isdigit() else "policy"
    return {**inner.manifest, "metadata": {**metadata, "name": name}}


def left_by(holder: Mapping[str, Any]) -> str:
    """Why texts that a manifest holds are not rewritten, whatever they are; empty for most."""
    return _GENERATED if api_group(holder) in ("kyverno.io", "policies.kyverno.io") else ""


def generator(found: FoundPolicy) -> Mapping[str, Any] | None:
    """The `generate` rule of Kyverno that makes a policy of its `data`; None for a policy that is not generated."""
    match = _DATA.search(found.policy.route)
    if match is None or found.holder is None or api_group(found.holder) != "kyverno.io":
        return None
    rule: Any = found.holder
    for step in f"{found.policy.route[: match.start()]}/generate".split("/")[1:]:
        rule = rule[int(step)] if isinstance(rule, list) else rule[step.replace("~1", "/").replace("~0", "~")]
    return mapping(rule)
