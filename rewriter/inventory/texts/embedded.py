"""Policies inside manifests of other kinds: values of Helm releases, generators, compositions, Applications."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from rewriter.cilium.policy import is_policy
from rewriter.inventory.texts.manifests import mapping

#: How the namespace of a manifest without one is found: the namespace, or None where it is unknown.
NamespaceOf = Callable[[dict[str, Any]], str | None]
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


class Embedded(NamedTuple):
    """A policy inside another manifest. `route` is where its `spec` or `specs` stand; see `FoundPolicy`."""

    manifest: dict[str, Any]
    route: str
    whole: bool
    patched: bool


def embedded(value: Any) -> Iterator[Embedded]:
    """The policies inside a value, with the policies that only name one (references, patches, schemas) left out."""
    if str(mapping(value).get("kind")) not in NO_HOLDERS and _may_hold(value, 0):
        yield from _within(value, "", 0, patched=False)


def _may_hold(value: Any, depth: int) -> bool:
    """Whether something in a value has the kind of a policy: most documents need no closer look."""
    if depth < _DEEPEST:
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            if isinstance(item, dict | list) and (is_policy(item) or _may_hold(item, depth + 1)):
                return True
    return False


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


def home_of(holder: Mapping[str, Any], namespace_of: NamespaceOf) -> str | None:
    """The namespace into which a holder puts what it holds; None where it is unknown."""
    group = str(holder.get("apiVersion")).partition("/")[0]
    spec = mapping(holder.get("spec"))
    match group, holder.get("kind"):
        case "helm.toolkit.fluxcd.io", "HelmRelease":
            target = spec.get("targetNamespace")
            return namespace_of(dict(holder)) if target is None else plain_namespace(target)
        case "helm.cattle.io", "HelmChart":
            target = spec.get("targetNamespace")
            return namespace_of(dict(holder)) if target is None else plain_namespace(target)
        case "argoproj.io", "Application":
            return plain_namespace(mapping(spec.get("destination")).get("namespace"))
        case "argoproj.io", "ApplicationSet":
            made = mapping(mapping(spec.get("template")).get("spec"))
            return plain_namespace(mapping(made.get("destination")).get("namespace"))
        case _:
            return None


def plain_namespace(namespace: Any) -> str | None:
    """A namespace that is written out; None for one that is filled in later."""
    known = isinstance(namespace, str) and namespace and not set(namespace) & set("{<$")
    return namespace if known else None
