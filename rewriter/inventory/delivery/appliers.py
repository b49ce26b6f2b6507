"""What brings manifests to clusters, in the words that Flux and Argo CD share: units of a repository."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from rewriter.inventory.delivery.patches import TextAt
from rewriter.inventory.delivery.transform import Transform
from rewriter.inventory.texts.manifests import Manifest, mapping
from rewriter.records import dataclass

Key = tuple[str, int, str]
"""An applier's file and line, and where a chart makes it, the chart and its name; else empty."""

#: The members of the spec of an applier that say what it applies, where to, and what it does to it.
DECIDING = frozenset(
    {
        *("patches", "patchesStrategicMerge", "patchesJson6902", "components", "path", "sourceRef", "targetNamespace"),
        *("namePrefix", "nameSuffix", "commonMetadata", "postBuild", "kubeConfig"),
        *("source", "sources", "sourceHydrator", "destination"),
        *("generators", "template", "templatePatch", "sync", "kustomize"),
        *("chart", "chartRef", "values", "valuesFrom", "postRenderers", "storageNamespace"),
    }
)


@dataclass(frozen=True, slots=True)
class Applier:
    """A manifest that applies others, and its file."""

    inner: str
    manifest: Manifest

    @property
    def key(self) -> Key:
        source = self.manifest.source  # A chart makes several at the line of its release.
        return self.inner, source.line or 0, f"{source.via} {self.manifest.name}" if source.via else ""


@dataclass(frozen=True, slots=True)
class Repository:
    """Where a folder comes from: the URL where known, and the name under which the applier knows it."""

    url: str | None
    name: str

    def __str__(self) -> str:
        return self.url or self.name


@dataclass(frozen=True, slots=True)
class Unit:
    """A folder of a repository that is applied, and how.

    `folder` is as written; `recurse` is for folders without a kustomization. `components` are kustomize
    components put beside it. `destination` names the cluster: None for the applier's own, else as Argo CD or
    Flux know it.
    """

    folder: str
    repository: Repository
    transform: Transform
    recurse: bool = True
    components: tuple[str, ...] = ()
    destination: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What an applier's manifest says: its units, and in words what could not be followed.

    `applications` are the Argo CD Applications that it is or makes, `unfilled` those of which a value is not known.
    """

    units: tuple[Unit, ...] = ()
    unknown: tuple[str, ...] = ()
    applications: tuple[Mapping[str, Any], ...] = ()
    unfilled: tuple[Mapping[str, Any], ...] = ()


def api_group(value: Mapping[str, Any]) -> str:
    """The group of a manifest's apiVersion; empty for the core group."""
    return str(value.get("apiVersion", "")).rpartition("/")[0]


def folder_of(written: str) -> str | None:
    """The inner path of a folder as appliers write it; None outside of the repository."""
    folder = posixpath.normpath(written.lstrip("/") or ".")
    return None if folder.startswith("..") else folder


def same_repository(first: str, second: str) -> bool:
    """Whether two URLs name the same repository, whatever the protocol and the user."""
    return _place(first) == _place(second)


def _place(url: str) -> tuple[str, ...]:
    text = url.strip().lower().removesuffix("/").removesuffix(".git")
    text = text.partition("://")[2] or text
    text = text.rpartition("@")[2].replace(":", "/")
    return tuple(part for part in text.split("/") if part)[-2:]


def texts_of(value: Any) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def joined(folder: str, entry: str) -> str:
    """The inner path of an entry of a folder's kustomization."""
    return posixpath.normpath(posixpath.join(folder, entry))


def text_at(applier: Applier, value: Mapping[str, Any], fields: Sequence[str]) -> TextAt | None:
    """Where an applier stands; None where these fields of its spec are not applied as they stand there."""
    manifest = applier.manifest
    written, applied = mapping(manifest.value.get("spec")), mapping(value.get("spec"))
    same = all(written.get(name) == applied.get(name) for name in fields)
    if manifest.place is None or not same:
        return None
    return TextAt(manifest.source.path, *manifest.place)
