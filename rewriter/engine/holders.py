"""Policies inside manifests of other kinds: values of Helm releases, generators, compositions, Applications."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rewriter.cilium.policy import is_policy, read_policy
from rewriter.engine.documents import FoundPolicy, NamespaceOf, is_encrypted
from rewriter.inventory.manifests import mapping

_DEEPEST = 60
#: Kinds that change or describe policies and hold none.
NO_HOLDERS = frozenset({"Kustomization", "Component", "CustomResourceDefinition"})
#: Members below which a mapping with a policy's kind is a patch, an expectation or a schema, and no policy.
NOT_APPLIED = frozenset(
    {
        "annotations",
        "assert",
        "error",
        "expect",
        "healthChecks",
        "ignoreDifferences",
        "mutate",
        "openAPIV3Schema",
        "patch",
        "patches",
        "patchesJson6902",
        "patchesStrategicMerge",
        "postRenderers",
        "sops",
        "status",
        "validate",
    }
)
#: Where a mapping that names a policy's kind keeps the policy: Kyverno, and raw resources of charts.
_WRAPPED = ("data", "spec", "manifest")
_GENERATED = "Kyverno generates the policy from this rule, and what becomes of an edit is not proved"
_PATCHED = "patches of the composition change the policy before it is applied"


class Embedded(NamedTuple):
    """A policy inside another manifest. `route` is where its `spec` or `specs` stand; see `FoundPolicy`."""

    manifest: dict[str, Any]
    route: str
    whole: bool
    patched: bool


def held_policies(value: Any, namespace_of: NamespaceOf) -> list[FoundPolicy]:
    """The policies inside a document that is none itself, in document order; none where it is encrypted.

    A policy without a namespace of its own lands where its holder puts it: a HelmRelease in its target namespace, an
    Argo CD Application at its destination. Nobody says where others land.
    """
    if not isinstance(value, dict | list) or is_encrypted(value):
        return []
    holder = mapping(value)
    home = home_of(holder, namespace_of)
    return [_found(each, holder, home) for each in embedded(value)]


def embedded(value: Any) -> Iterator[Embedded]:
    """The policies inside a value, with the policies that only name one (references, patches, schemas) left out."""
    if mapping(value).get("kind") not in NO_HOLDERS:
        yield from _within(value, "", 0, patched=False)


def _within(value: Any, route: str, depth: int, *, patched: bool) -> Iterator[Embedded]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        found = _policy_at(value, route, patched=patched) if route else None
        if found is not None:
            yield found
            return
        inside = patched or _is_patched(value)
        for key, item in value.items():
            if key not in NOT_APPLIED and isinstance(item, dict | list):
                step = key.replace("~", "~0").replace("/", "~1")
                yield from _within(item, f"{route}/{step}", depth + 1, patched=inside)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _within(item, f"{route}/{index}", depth + 1, patched=patched)


def _policy_at(value: dict[str, Any], route: str, *, patched: bool) -> Embedded | None:
    if not is_policy(value) or "$patch" in value:
        return None
    for member in _WRAPPED:
        inner = value.get(member)
        if isinstance(inner, dict) and _has_rules(inner):
            return Embedded(_unwrapped(value, inner), f"{route}/{member}", whole=False, patched=patched)
    return Embedded(value, route, whole=True, patched=patched) if _has_rules(value) else None


def _has_rules(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("spec"), dict) or isinstance(value.get("specs"), list)


def _unwrapped(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """The policy as it is applied, of which the outer mapping gives kind and name, the inner one the rules."""
    named = {field: outer[field] for field in ("name", "namespace") if isinstance(outer.get(field), str)}
    metadata = {**named, **mapping(outer.get("metadata")), **mapping(inner.get("metadata"))}
    return {**inner, "apiVersion": outer["apiVersion"], "kind": outer["kind"], "metadata": metadata}


def _is_patched(value: Mapping[str, Any]) -> bool:
    """Whether a resource of a Crossplane composition is changed in more than its metadata."""
    patches = value.get("patches")
    if "base" not in value or not isinstance(patches, list):
        return False
    targets = [str(mapping(patch).get("toFieldPath", "")) for patch in patches]
    return any("metadata" not in target.split(".") for target in targets)


def _found(each: Embedded, holder: Mapping[str, Any], home: str | None) -> FoundPolicy:
    own = mapping(each.manifest.get("metadata")).get("namespace")
    namespace = home if own is None else _plain(own)
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


def home_of(holder: Mapping[str, Any], namespace_of: NamespaceOf) -> str | None:
    """The namespace into which a holder puts what it holds; None where nothing tells."""
    group = str(holder.get("apiVersion")).partition("/")[0]
    spec = mapping(holder.get("spec"))
    match group, holder.get("kind"):
        case "helm.toolkit.fluxcd.io", "HelmRelease":
            target = spec.get("targetNamespace")
            return namespace_of(dict(holder)) if target is None else _plain(target)
        case "helm.cattle.io", "HelmChart":
            return _plain(spec.get("targetNamespace"))
        case "argoproj.io", "Application":
            return _plain(mapping(spec.get("destination")).get("namespace"))
        case _:
            return None


def _plain(namespace: Any) -> str | None:
    """A namespace that is written out; None for one that somebody fills in."""
    known = isinstance(namespace, str) and namespace and not set(namespace) & set("{<$")
    return namespace if known else None
