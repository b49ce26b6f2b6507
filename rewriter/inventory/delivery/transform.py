"""What kustomizations, Flux and Argo CD make of a manifest on its way to a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter.inventory.delivery.patches import Patch, meant, patched, selects
from rewriter.inventory.delivery.replacements import Replacement
from rewriter.inventory.delivery.substitution import is_disabled, substituted
from rewriter.inventory.delivery.unfollowed import Unfollowed
from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.manifests import mapping
from rewriter.records import dataclass

#: Kinds whose names kustomize never prefixes (its prefix transformer).
_NOT_PREFIXED = frozenset({"Namespace", "CustomResourceDefinition", "APIService"})
_RULES = ("spec", "specs")
_TEMPLATES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "CronJob": (("spec", "jobTemplate"), ("spec", "jobTemplate", "spec", "template")),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"),
        (("spec", "template"),),
    ),
}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """Mappings that labels go into, of the kinds that it names (all, where it names none); see kustomize's FieldSpec.

    `create` makes one where it is not there. A name of `path` may end in `[]`.
    """

    path: tuple[str, ...]
    group: str = ""
    version: str = ""
    kind: str = ""
    create: bool = False

    def is_for(self, value: Mapping[str, Any]) -> bool:
        """Whether it names the kind of a manifest."""
        group, _, version = str(value.get("apiVersion", "")).rpartition("/")
        own = (group, version, str(value.get("kind")))
        wanted = (self.group, self.version, self.kind)
        return all(not name or name == there for name, there in zip(wanted, own, strict=True))


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels to add; to selectors and pod templates too (`selectors`), or to pod templates (`templates`).

    `fields` are further places; with `alone` there are no others. Annotations are labels in places of their own.
    """

    pairs: Mapping[str, str]
    selectors: bool = False
    templates: bool = False
    fields: tuple[FieldSpec, ...] = ()
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Transform:
    """One step on the way: a kustomization, a Flux Kustomization or an Argo CD Application.

    `namespace` overrides every namespace below, `default_namespace` is for manifests without one (Argo CD's
    destination). `variables` (None: nothing is substituted) are those known from the tree, all of them when `complete`.
    `unfollowed` is what of the step may change manifests in a way that is not made here, `replacements` are those whose
    values are known; they come after all else that the step makes. `applies` says that the step
    is that of an applier, which comes after kustomizations; `inserted` is what the applier writes into the
    kustomization that it applies before it is built, `components` are the inner folders of components that it puts
    there.
    """

    source: Source
    namespace: str | None = None
    default_namespace: str | None = None
    prefix: str = ""
    suffix: str = ""
    labels: tuple[Labels, ...] = ()
    patches: tuple[Patch, ...] = ()
    late_patches: tuple[Patch, ...] = ()
    variables: Mapping[str, str] | None = None
    complete: bool = True
    unfollowed: tuple[Unfollowed, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    applies: bool = False
    components: tuple[str, ...] = ()
    inserted: Transform | None = None

    @property
    def changes_nothing(self) -> bool:
        return self == Transform(self.source, applies=self.applies)

    @property
    def or_none(self) -> Transform | None:
        """The step; None where it changes nothing."""
        return None if self.changes_nothing else self

    @property
    def overriding_namespace(self) -> str | None:
        """The namespace that an applier puts everything into."""
        return self.namespace if self.inserted is None else self.inserted.namespace


@dataclass(frozen=True, slots=True)
class Added:
    """The texts that steps can bring into a manifest: of labels and patches, by new names, or for variables."""

    words: bytes = b""
    renames: bool = False
    substitutes: bool = False

    def with_(self, other: Added) -> Added:
        if other == Added() or other == self:
            return self
        words = self.words if other.words in self.words else self.words + other.words
        return Added(words, self.renames or other.renames, self.substitutes or other.substitutes)

    def may_hold(self, data: bytes, needles: Sequence[bytes]) -> bool:
        """Whether a file's manifests may hold every needle once they are applied."""
        if self.renames or (self.substitutes and b"${" in data):
            return True
        return all(needle in data or needle in self.words for needle in needles)


def added_by(step: Transform) -> Added:
    """What one step can add to any manifest."""
    texts = [f"{key} {value}" for labels in step.labels for key, value in labels.pairs.items()]
    texts += [f"{patch.merge} {patch.operations}" for patch in (*step.patches, *step.late_patches)]
    texts += [f"{replacement.paths} {replacement.value}" for replacement in step.replacements]
    # A part of a text makes a word that stands nowhere.
    renames = bool(step.prefix or step.suffix) or any(
        replacement.options.delimiter for replacement in step.replacements
    )
    return Added("\n".join(texts).encode(), renames, step.variables is not None)


def transformed(
    value: Mapping[str, Any], chain: Sequence[Transform], made: list[Patch] | None = None
) -> Mapping[str, Any]:
    """A manifest as it is applied at the end of a chain, innermost step first. The given one stays as it is.

    `made` takes the patches that are for it, in order.
    """
    made = [] if made is None else made
    name = mapping(value.get("metadata")).get("name")
    original = name if isinstance(name, str) else ""
    for step in chain:
        value = _step(value, step, original, made)
    return value


def selected_unseen(chain: Sequence[Transform], manifest: Mapping[str, Any]) -> str:
    """The patch that may select a manifest by metadata which a step before it writes and which is not made here."""
    writers: dict[str, str] = {}
    value = manifest
    for step in chain:
        for patch in (*step.patches, *step.late_patches) if writers else ():
            left = {key: wanted for key, wanted in patch.target.items() if key not in writers}
            open_keys = [key for key in patch.target if key in writers]
            if open_keys and patch.changes_rules and selects(left, value, manifest):
                return f"{patch.words}, which may select it by what {writers[open_keys[0]]} writes,"
        value = transformed(value, [replace(step, variables=None)])
        for unfollowed in step.unfollowed:
            writers |= dict.fromkeys(unfollowed.decides(value, manifest), unfollowed.words)
    return ""


def _step(value: Mapping[str, Any], step: Transform, original: str, made: list[Patch]) -> Mapping[str, Any]:
    for patch in step.patches:
        if meant(patch, value, original):
            made.append(patch)
            value = patched(value, patch)
    kind = value.get("kind")
    metadata = dict(mapping(value.get("metadata")))
    if step.namespace is not None:
        metadata["name" if kind == "Namespace" else "namespace"] = step.namespace
    elif step.default_namespace is not None and not metadata.get("namespace") and kind != "Namespace":
        metadata["namespace"] = step.default_namespace
    if (step.prefix or step.suffix) and kind not in _NOT_PREFIXED and isinstance(metadata.get("name"), str):
        metadata["name"] = step.prefix + metadata["name"] + step.suffix
    result: dict[str, Any] = {**value, "metadata": metadata}
    for labels in step.labels:
        _label(result, labels)
    value = result
    for patch in step.late_patches:
        if meant(patch, value, original):
            made.append(patch)
            value = patched(value, patch)
    for replacement in step.replacements:
        if replacement.is_for(value, original):
            value = replacement.made(value)
    if step.variables is not None and not is_disabled(mapping(value.get("metadata"))):
        value = substituted(value, step.variables, step.complete)
    return value


def _label(value: dict[str, Any], labels: Labels) -> None:
    routes: list[tuple[str, ...]] = [] if labels.alone else [("metadata", "labels")]
    kind = str(value.get("kind"))
    if labels.selectors or labels.templates:
        routes += [(*route, "metadata", "labels") for route in _TEMPLATES.get(kind, ())]
    if labels.selectors:
        routes += _selectors(kind)
    for field in labels.fields:
        # What goes into the rules of a policy holds the policy (`unfollowed`).
        if kind.endswith("NetworkPolicy") and field.path[0] in _RULES:
            continue
        if field.is_for(value):
            value.update(mapping(_labelled(value, field.path, labels.pairs, create=field.create)))
    for route in routes:
        _add(value, route, labels.pairs)
    if labels.selectors and kind == "NetworkPolicy" and isinstance(value.get("spec"), dict):
        value["spec"] = _narrowed(value["spec"], labels.pairs)


def _narrowed(spec: Mapping[str, Any], pairs: Mapping[str, str]) -> dict[str, Any]:
    """The spec of a NetworkPolicy with labels in every podSelector that has matchLabels (kustomize's field specs)."""
    result = _selecting(spec, pairs)
    for direction, field in (("ingress", "from"), ("egress", "to")):
        rules = result.get(direction)
        if isinstance(rules, list):
            result[direction] = [_peers_selecting(rule, field, pairs) for rule in rules]
    return result


def _peers_selecting(rule: Any, field: str, pairs: Mapping[str, str]) -> Any:
    peers = rule.get(field) if isinstance(rule, dict) else None
    if not isinstance(peers, list):
        return rule
    return {**rule, field: [_selecting(peer, pairs) if isinstance(peer, dict) else peer for peer in peers]}


def _selecting(holder: Mapping[str, Any], pairs: Mapping[str, str]) -> dict[str, Any]:
    selector = holder.get("podSelector")
    labels = selector.get("matchLabels") if isinstance(selector, dict) else None
    if not isinstance(labels, dict):
        return dict(holder)
    return {**holder, "podSelector": {**mapping(selector), "matchLabels": {**labels, **pairs}}}


def _selectors(kind: str) -> Iterable[tuple[str, ...]]:
    """Where kustomize adds labels to selectors, even to absent ones (its commonLabels field specs)."""
    if kind in ("Service", "ReplicationController"):
        return [("spec", "selector")]
    if kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        return [("spec", "selector", "matchLabels")]
    return []


def _labelled(value: Any, route: Sequence[str], pairs: Mapping[str, str], *, create: bool) -> Any:
    """A value with labels in the mappings at a route, in every item of the lists on it; a list is never created."""
    if isinstance(value, list):
        return [_labelled(item, route, pairs, create=create) for item in value]
    if not isinstance(value, dict):
        return value
    if not route:
        return {**value, **pairs}
    name = route[0].removesuffix("[]")
    inner = value.get(name)
    if inner is None and (not create or name != route[0]):
        return value
    return {**value, name: _labelled({} if inner is None else inner, route[1:], pairs, create=create)}


def _add(value: dict[str, Any], route: tuple[str, ...], pairs: Mapping[str, str]) -> None:
    for name in route:
        inner = value.get(name)
        value[name] = dict(inner) if isinstance(inner, dict) else {}
        value = value[name]
    value.update(pairs)
