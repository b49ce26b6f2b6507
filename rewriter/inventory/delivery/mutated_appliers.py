"""Whether what is written into an object of Flux or Argo CD at admission may change the policies that it applies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rewriter import patterns as re
from rewriter.inventory.delivery.appliers import DECIDING

#: Kinds that bring policies to a cluster, each with its group and resource.
APPLIER_RESOURCES = {
    "Kustomization": ("kustomize.toolkit.fluxcd.io", "kustomizations"),
    "HelmRelease": ("helm.toolkit.fluxcd.io", "helmreleases"),
    "FluxInstance": ("fluxcd.controlplane.io", "fluxinstances"),
    "Application": ("argoproj.io", "applications"),
    "ApplicationSet": ("argoproj.io", "applicationsets"),
}
#: Members that hold patches: they change a policy where they name one.
_SAID = frozenset({"patches", "patchesStrategicMerge", "patchesJson6902", "kustomize", "postRenderers"})
_IN_RULES = re.compile(r"/specs?(?:/\d+)?/(?:in|e)gress|NetworkPolicy\b|\b(?:cilium|networking\.k8s)\.io\b")
#: What stands for a value that is not known.
_OPEN = re.compile(r"\{\{|\b(?:params|variables|object|oldObject|request)\b[.\[?]|\bexternalData\b|\bfromMetadata\b")
_KIND = re.compile(r"""\bkind["']?\s*:\s*["']?([^\s"',}]*)""")
_PLAIN = re.compile(r"\w+")
_POINTED = re.compile(r"(?:/|\b)spec[/.]([^/.\s\"'\[]+)")
_KEYS = re.compile(r"\b([A-Za-z]\w*)\s*:")
_POINTERS = re.compile(r"\b(?:path|from)\s*:\s*[\"']/")


def may_change_applied(written: Any) -> bool:
    """Whether what is written, which touches the spec, may change the rules of policies that the object applies."""
    text = str(written)
    names = set(_members(written)) | set(_POINTED.findall(text))
    decisive = {name for name in names if name in DECIDING or not _PLAIN.fullmatch(name)}
    return not names or not decisive <= _SAID or (bool(decisive) and not _is_for_others(text))


def _is_for_others(text: str) -> bool:
    """Whether patches name other kinds than policies, each target its own."""
    kinds = _KIND.findall(text)
    return (
        _IN_RULES.search(text) is None
        and _OPEN.search(text) is None
        and all(map(_PLAIN.fullmatch, kinds))
        and text.count("target") <= len(kinds)
    )


def _members(written: Any, depth: int = 0) -> Iterator[str]:
    """The names under every `spec`, and those that an expression of CEL writes."""
    if isinstance(written, str) and "Object.spec" in written:
        yield from _KEYS.findall(_POINTERS.sub("", written) if "JSONPatch" in written else written)
    if depth > 20:
        return
    for key, part in written.items() if isinstance(written, dict) else ():
        if str(key).strip("+()") == "spec":
            yield from (str(name).strip("+()") for name in part) if isinstance(part, dict) else ("{{",)
        yield from _members(part, depth + 1)
    for part in written if isinstance(written, list) else ():
        yield from _members(part, depth + 1)
