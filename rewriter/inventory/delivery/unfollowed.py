"""What a kustomization does to manifests on their way that is not made here, and which policies it may touch.

Transformers other than those that are followed, replacements, variables, plugins and field specifications that point
into policies (Kustomize 5, api/types: FieldSpec, Replacement, Var). A policy that one of them may touch is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.delivery.patches import selects
from rewriter.inventory.texts.manifests import items, mapping, text_items
from rewriter.records import dataclass

_RULES = ("spec", "specs")
_REFERENCE = "$("
#: The keys of a source that are names, not patterns.
_NAMED = ("group", "version", "kind", "name", "namespace")
#: The keys of a target that select by metadata, with the member that each looks at.
_SELECTED = {"name": "name", "namespace": "namespace", "labelSelector": "labels", "annotationSelector": "annotations"}
#: Fields of workloads and Services that facts are read from, but for labels: a kustomization that writes these hides.
_OF_FACTS = re.compile(
    r"(?i)\bports?\b|^spec\.selector|hostNetwork|serviceAccount|clusterIP|external|metadata\.name|^spec$"
)
#: The transformers built into Kustomize that write only where their field specifications point.
_BY_FIELD = frozenset(
    {
        "AnnotationsTransformer",
        "ImageTagTransformer",
        "LabelTransformer",
        "NamespaceTransformer",
        "PrefixSuffixTransformer",
        "PrefixTransformer",
        "ReplicaCountTransformer",
        "SuffixTransformer",
    }
)

#: The text of a file that an entry names; None where it cannot be read.
TextAt = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """One such thing. `words` name it with its file, `target` is a kustomize target (empty: any manifest).

    `fields` are the paths that it writes (None: any), `marker` a text without which it leaves a manifest as it is. With
    `sets_values` it puts values there whatever stands there. `of_applier` says that it changes what applies a manifest.
    With `copies` it changes nothing there, and writes what stands at `fields` into other objects.
    """

    words: str
    target: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] | None = None
    marker: str = ""
    sets_values: bool = False
    of_applier: bool = False
    copies: bool = False

    def selects(self, value: Mapping[str, Any], original: Mapping[str, Any]) -> bool:
        """Whether it may be for a manifest."""
        return selects(self.target, value, original) and self.marker in str(value)

    def may_touch(self, value: Mapping[str, Any], original: Mapping[str, Any]) -> bool:
        """Whether it may change the rules of a policy. `original` is the policy before any step."""
        return not self.copies and self._meets_rules(value, original)

    def copies_from(self, value: Mapping[str, Any], original: Mapping[str, Any]) -> bool:
        """Whether it may write what a policy says into other objects, by the place where it stands."""
        return self.copies and self._meets_rules(value, original)

    def _meets_rules(self, value: Mapping[str, Any], original: Mapping[str, Any]) -> bool:
        if not selects(self.target, value, original):
            return False
        if self.fields is not None and not any(_in_rules(path) for path in self.fields):
            return False
        return self.marker in str([value.get(name) for name in _RULES])

    def decides(self, value: Mapping[str, Any], original: Mapping[str, Any]) -> frozenset[str]:
        """The keys of targets by which patches further out may select a manifest, or not, because of what it writes."""
        if self.copies or not selects(self.target, value, original) or self.marker not in str(value.get("metadata")):
            return frozenset()
        paths = ("",) if self.fields is None else self.fields
        return frozenset(key for path in paths for key, part in _SELECTED.items() if _covers(path, part))


class _Step(Protocol):
    @property
    def unfollowed(self) -> Sequence[Unfollowed]: ...


def overwritten(chain: Iterable[_Step], value: Mapping[str, Any], original: Mapping[str, Any]) -> str:
    """What writes ports, selectors or the like into a workload or a Service on its way, in words; empty for nothing."""
    for unfollowed in (unfollowed for step in chain for unfollowed in step.unfollowed if unfollowed.sets_values):
        read = unfollowed.fields is None or any(_OF_FACTS.search(path) for path in unfollowed.fields)
        if read and selects(unfollowed.target, value, original):
            return unfollowed.words
    return ""


def _in_rules(path: str) -> bool:
    return re.split(r"[/.\[]", path.strip("/"), maxsplit=1)[0] in (*_RULES, "*", "")


def _covers(path: str, part: str) -> bool:
    """Whether a field path leads to a member of the metadata, or to something around it or in it."""
    names = [name for name in re.split(r"[/.\[]", path.strip("/")) if name][:2]
    return all(name in ("*", wanted) for name, wanted in zip(names, ("metadata", part), strict=False))


def route_of(path: str) -> str:
    """The JSON pointer of a field path of Kustomize (`spec.ingress.0`), up to its first part that is no plain key."""
    parts = []
    for part in re.split(r"(?<!\\)\.", path):
        if "*" in part or "[" in part:
            break
        parts.append(part.replace("\\.", ".").replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{part}" for part in parts)


def of_fields(words: str, specs: Sequence[Mapping[str, Any]]) -> Iterator[Unfollowed]:
    """What writes where field specifications point: those that point into the rules of some kind."""
    for spec in specs:
        path = spec.get("path")
        if isinstance(path, str) and _in_rules(path):
            target = {key: spec[key] for key in ("group", "version", "kind") if isinstance(spec.get(key), str)}
            if target.get("kind") or spec.get("create") is True or _may_be_there(path):
                yield Unfollowed(words, target, (path,))


def _may_be_there(path: str) -> bool:
    """Whether policies have a field of a path: nothing is written where there is none, unless it is created."""
    second = re.split(r"[/.\[]", path.strip("/"))[1:2]
    return second not in (["template"], ["selector"], ["jobTemplate"], ["volumeClaimTemplates"], ["replicas"])


def of_replacements(words: str, replacements: Any, text_at: TextAt) -> Iterator[Unfollowed]:
    """The targets of a list of replacements; those in a file of their own are read."""
    for item in items(replacements):
        if isinstance(item.get("path"), str):
            text = text_at(item["path"])
            listed = None if text is None else _values(text)
            if listed is None:
                yield Unfollowed(f"{words} ({item['path']})")
            for value in listed or ():
                yield from of_replacements(
                    f"{words} ({item['path']})", value if isinstance(value, list) else [value], text_at
                )
            continue
        for target in items(item.get("targets")):
            paths = target.get("fieldPaths")
            known = text_items(paths)
            whole = isinstance(paths, list) and len(known) == len(paths)
            yield Unfollowed(words, mapping(target.get("select")), tuple(known) if whole else None, sets_values=True)


def of_sources(words: str, value: Mapping[str, Any], text_at: TextAt) -> Iterator[Unfollowed]:
    """What replacements, and variables, take their values from: a fix there changes where they write them, too."""
    for item in items(value.get("replacements")):
        listed = [item]
        if isinstance(item.get("path"), str):
            read = _values(text_at(item["path"]) or "") or []
            listed = [entry for one in read for entry in (items(one) if isinstance(one, list) else [mapping(one)])]
        for source in (mapping(entry.get("source")) for entry in listed):
            yield from _copying(f"`replacements` of {words}", source, source.get("fieldPath"))
    for variable in items(value.get("vars")):
        field_path = mapping(variable.get("fieldref")).get("fieldpath")
        yield from _copying(f"`vars` of {words}", mapping(variable.get("objref")), field_path)


def _copying(words: str, source: Mapping[str, Any], path: Any) -> Iterator[Unfollowed]:
    kind = source.get("kind")
    if isinstance(path, str) and _in_rules(path) and (kind is None or str(kind).endswith("Policy")):
        target = {key: re.escape(text) for key in _NAMED if isinstance(text := source.get(key), str)}
        yield Unfollowed(words, target, (path,), copies=True)


def of_transformer(words: str, value: Mapping[str, Any], text_at: TextAt) -> Iterator[Unfollowed]:
    """What a transformer that is not followed may do."""
    kind = str(value.get("kind"))
    if value.get("apiVersion") != "builtin":
        yield Unfollowed(words)
    elif kind in _BY_FIELD:
        yield from of_fields(words, items(value.get("fieldSpecs")))
    elif kind == "ReplacementTransformer":
        yield from of_replacements(words, value.get("replacements"), text_at)
        yield from of_sources(words, value, text_at)
    else:
        yield Unfollowed(words, mapping(value.get("target")))


def of_kustomization(value: Mapping[str, Any], source: str, text_at: TextAt) -> Iterator[Unfollowed]:
    """What the fields of a kustomization other than `transformers` and the patches may do."""
    yield from of_replacements(f"`replacements` of {source}", value.get("replacements"), text_at)
    if value.get("vars"):
        yield Unfollowed(f"`vars` of {source}", marker=_REFERENCE)
    for item in items(value.get("labels")):
        yield from of_fields(f"`labels` of {source}", items(item.get("fields")))
    for entry in text_items(value.get("configurations")):
        text = text_at(entry)
        values = None if text is None else _values(text)
        words = f"`configurations` of {source} ({entry})"
        if values is None:
            yield Unfollowed(words)
        for setting in values or ():
            yield from of_fields(words, list(_specs(setting)))


def _specs(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The field specifications of a transformer configuration, at any depth."""
    if depth > 6:
        return
    if isinstance(value, dict):
        if isinstance(value.get("path"), str):
            yield value
        for part in value.values():
            yield from _specs(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            yield from _specs(part, depth + 1)


def _values(text: str) -> list[Any] | None:
    try:
        return [document.value for document in yamltext.parse(text) if document.value is not None]
    except yamltext.YamlTextError:
        return None
