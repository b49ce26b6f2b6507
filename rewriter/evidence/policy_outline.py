"""What shows of a policy before it is compiled: where its subjects are, and in which namespaces its peers may be.

A cluster may have thousands of policies, and a question is about the pods of one namespace: only the policies that may
select these, or name them, need be compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rewriter.cilium.labels import NAMESPACE_LABEL, NAMESPACE_NAME_KEY, NAMESPACE_NAME_LABEL
from rewriter.cilium.policy import CNP, KNP
from rewriter.records import dataclass

_SUBJECTS = ("endpointSelector", "nodeSelector", "podSelector")
#: Keys that hold the name of a namespace: of a selector, and of an entry of toServices.
_NAMES = frozenset(
    {NAMESPACE_LABEL, f"k8s:{NAMESPACE_LABEL}", f"any:{NAMESPACE_LABEL}", NAMESPACE_NAME_KEY, "namespace"}
)


@dataclass(frozen=True, slots=True)
class Outline:
    """`home` is the namespace of all subjects; None where only the compiled policy shows that, and all that follows.

    `named` are the namespaces beside `home` in which peers may be (None: any). `points` says that a rule names a
    Service or a CIDR group.
    """

    home: str | None
    named: frozenset[str] | None = None
    points: bool = True


_COMPILED_FIRST = Outline(None)
#: By the very manifest, of those that are kept for many runs.
_KEPT: dict[int, tuple[Mapping[str, Any], Outline]] = {}


def keep_outlines(manifests: Iterable[Mapping[str, Any]]) -> None:
    """Works out the outlines of manifests that stay as they are, in place of those that are kept so far."""
    _KEPT.clear()
    for manifest in manifests:
        _KEPT[id(manifest)] = manifest, _outline(manifest)


def outline_of(manifest: Mapping[str, Any]) -> Outline:
    """The outline of a policy's manifest."""
    kept = _KEPT.get(id(manifest))
    return kept[1] if kept is not None else _outline(manifest)


def _outline(manifest: Mapping[str, Any]) -> Outline:
    metadata = manifest.get("metadata")
    home = metadata.get("namespace") if isinstance(metadata, dict) else None
    # A look at the text costs a tenth of one at every value.
    if manifest.get("kind") not in (CNP, KNP) or not isinstance(home, str) or not home or "${" in str(manifest):
        return _COMPILED_FIRST
    specs = manifest.get("specs")
    found = _Peers()
    for spec in (manifest.get("spec"), *(specs if isinstance(specs, list) else ())):
        if not isinstance(spec, dict):
            continue
        subjects = str([spec[name] for name in _SUBJECTS if name in spec])
        if "nodeSelector" in spec or "namespace" in subjects or "reserved" in subjects:
            return _COMPILED_FIRST
        text = str(spec)
        if "namespace" in text or "Services" in text or "CIDRSet" in text:
            found.read({key: value for key, value in spec.items() if key not in _SUBJECTS})
    return Outline(home, None if found.anywhere else frozenset(found.named), found.points)


class _Peers:
    """What the rules of a rule set name; every mention of a namespace counts, whatever it is for."""

    def __init__(self) -> None:
        self.named: set[str] = set()
        self.anywhere = False
        self.points = False

    def read(self, value: Any) -> None:
        if isinstance(value, str):
            self.anywhere |= "namespace" in value
        elif isinstance(value, list):
            for item in value:
                self.read(item)
        elif isinstance(value, Mapping) and not self._is_requirement(value):
            for key, item in value.items():
                self._member(key, item)

    def _is_requirement(self, value: Mapping[Any, Any]) -> bool:
        """Takes note of an entry of matchExpressions that names namespaces."""
        key, values = value.get("key"), value.get("values")
        if not (isinstance(key, str) and key in _NAMES and value.get("operator") == "In" and isinstance(values, list)):
            return False
        if not all(isinstance(item, str) for item in values):
            return False
        self.named.update(values)
        return True

    def _member(self, key: Any, item: Any) -> None:
        if not isinstance(key, str):
            self.anywhere = True
        elif key == "namespaceSelector" and (name := _only_name(item)) is not None:
            self.named.add(name)
        elif key in _NAMES and isinstance(item, str):
            self.named.add(item)
        elif "namespace" in key:
            self.anywhere = True
        else:
            self.points |= key.endswith("Services") or (key.endswith("CIDRSet") and not _are_addresses(item))
            self.read(item)


def _are_addresses(entries: Any) -> bool:
    return isinstance(entries, list) and all(isinstance(entry, dict) and "cidr" in entry for entry in entries)


def _only_name(selector: Any) -> str | None:
    """The namespace that a selector of namespaces asks for by its name alone."""
    labels = selector.get("matchLabels") if isinstance(selector, dict) and len(selector) == 1 else None
    name = labels.get(NAMESPACE_NAME_LABEL) if isinstance(labels, dict) and len(labels) == 1 else None
    return name if isinstance(name, str) else None
