"""Snapshot files: the facts of one or more clusters as JSON, version 1.

```json
{"cnpfix_inventory": 1, "created": "2026-01-31T12:00:00Z",
 "clusters": [{"name": "cluster-b", "version": "1.18", "pod_cidrs": ["10.1.0.0/16"],
   "namespaces": [{"name": "shop", "labels": {"team": "retail"}}],
   "workloads": [{"kind": "Deployment", "name": "web", "namespace": "shop", "labels": {"app": "web"},
                  "service_account": "default", "ports": [{"name": "http", "number": 8080, "protocol": "TCP"}]}],
   "services": [{"name": "web", "namespace": "shop", "selector": {"app": "web"},
                 "ports": [{"name": "http", "port": 80, "protocol": "TCP", "target": 8080}]}],
   "endpoint_slices": [], "nodes": [], "cidr_groups": [],
   "identities": [{"id": 4711, "labels": ["k8s:app=web"], "endpoints": 3}],
   "policies": [{"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "web"}, "spec": {}}],
   "incomplete": {"services": "services: not allowed (403): it needs verb list on services"}}]}
```

`"partial": true` beside `created` says that the facts are those of a repository and not all of a cluster: what such a
snapshot holds is there, and what it does not hold may be there all the same. Its clusters name the `repository` that
they are from, and its facts the place in it, as `"found": "apps/web.yaml:3"`; `cited` has the places of a cluster's
settings that were found elsewhere, by their names.

`snapshot.schema.json` beside this module is the format. A list that `incomplete` names could not be read, and is not
there: of it nothing is known. Nor is anything known of a list that is not there for another reason; an empty one says
that there are none. Members that the reader does not know are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Protocol, TypeVar, get_args, get_origin, get_type_hints

from rewriter.discovery import read_bounded, why_unread
from rewriter.inventory.facts.model import (
    CIDRGroup,
    Cluster,
    EndpointIdentity,
    EndpointSlice,
    Namespace,
    Node,
    RunningPolicy,
    Service,
    Source,
    Workload,
)
from rewriter.records import dataclass

SCHEMA = 1
MAX_BYTES = 1 << 30


class IsDataclass(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Fact = TypeVar("Fact", bound=IsDataclass)

#: The lists of a cluster, and the class of their items.
LISTS: Mapping[str, type] = {
    "namespaces": Namespace,
    "workloads": Workload,
    "services": Service,
    "endpoint_slices": EndpointSlice,
    "nodes": Node,
    "cidr_groups": CIDRGroup,
    "identities": EndpointIdentity,
    "policies": RunningPolicy,
}
#: What the reader sets itself, so that no file can claim it.
_GIVEN = ("source", "cluster", "local_paths", "incomplete", "cited")

_NOWHERE = Source("")


class SnapshotError(ValueError):
    """A snapshot that cannot be read: one line with the file and what was expected."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The facts of a snapshot file. `created` is as written, RFC 3339; empty when absent.

    `listed` are the clusters with the lists that the file has of them, whole: of another list, and of any that is a
    repository's, nothing more is known.
    """

    created: str
    clusters: tuple[Cluster, ...]
    namespaces: tuple[Namespace, ...] = ()
    workloads: tuple[Workload, ...] = ()
    services: tuple[Service, ...] = ()
    endpoint_slices: tuple[EndpointSlice, ...] = ()
    nodes: tuple[Node, ...] = ()
    cidr_groups: tuple[CIDRGroup, ...] = ()
    identities: tuple[EndpointIdentity, ...] = ()
    policies: tuple[RunningPolicy, ...] = ()
    source: Source = _NOWHERE
    listed: frozenset[tuple[str, str]] = frozenset()

    @property
    def sources(self) -> frozenset[Source]:
        """Where its facts are from: the file, and the places in repositories that it names."""
        facts = (fact for name in ("clusters", *LISTS) for fact in getattr(self, name))
        return frozenset((self.source, *(fact.source for fact in facts)))

    def age(self, now: datetime) -> timedelta | None:
        """How long ago it was made; None where it does not say, and never less than zero."""
        try:
            created = datetime.fromisoformat(self.created)
        except ValueError:
            return None
        if created.tzinfo is None:
            created = created.replace(tzinfo=UTC)
        return max(now - created, timedelta())


def read_snapshot(path: Path, own: Callable[[str], bool] = lambda _repository: False) -> Snapshot:
    """The facts of a snapshot file, each with the file, or its place in a repository, as its source.

    What is from a repository that is the `own` one is left out: its files are at hand. Raises SnapshotError.
    """
    kept = KEPT.get(str(path))
    if kept is not None and kept[0] == _state_of(path):
        _, created, parts = kept
    else:
        created, parts = _read(path, own)
    return _joined(created, Source(str(path)), [part for part in parts if not (part[0] and own(part[0]))])


def keep_snapshot(path: Path) -> bool:
    """Reads a snapshot file for all later reads in this process and those that it forks, until the file changes.

    Whether it had to. Raises SnapshotError.
    """
    state = _state_of(path)
    kept = KEPT.get(str(path))
    if kept is not None and kept[0] == state:
        return False
    KEPT.pop(str(path), None)
    KEPT[str(path)] = (state, *_read(path, lambda _repository: False))
    return True


def kept_policies() -> Iterator[RunningPolicy]:
    """The policies of the snapshots that are kept."""
    return (policy for _, _, parts in KEPT.values() for _, part in parts for policy in part.policies)


#: A cluster's entry, and the repository that it is from, if it is from one.
_Part = tuple[str, Snapshot]
#: The files that are kept, with what shows that they did not change, and when they were made.
KEPT: dict[str, tuple[object, str, Sequence[_Part]]] = {}


def _state_of(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: Path, own: Callable[[str], bool]) -> tuple[str, Sequence[_Part]]:
    try:
        data = json.loads(read_bounded(path, MAX_BYTES))
    except OSError as error:
        raise SnapshotError(f"{path}: {why_unread(path, error)}") from None
    except (ValueError, RecursionError) as error:
        raise SnapshotError(f"{path}: is not JSON: {error}") from None
    return _parts_of(data, Source(str(path)), own)


def snapshot_of(data: Any, source: Source, own: Callable[[str], bool] = lambda _repository: False) -> Snapshot:
    """The facts of a snapshot's content, with the given source. Raises SnapshotError."""
    created, parts = _parts_of(data, source, own)
    return _joined(created, source, parts)


def _parts_of(data: Any, source: Source, own: Callable[[str], bool]) -> tuple[str, Sequence[_Part]]:
    if not isinstance(data, dict) or data.get("cnpfix_inventory") != SCHEMA:
        raise SnapshotError(f'{source}: expected a snapshot with "cnpfix_inventory": {SCHEMA}')
    created = data.get("created")
    reader = _Reader(source, partial=data.get("partial") is True)
    return created if isinstance(created, str) else "", list(reader.parts(data, own))


def _joined(created: str, source: Source, parts: Sequence[_Part]) -> Snapshot:
    lists = {name: tuple(chain.from_iterable(getattr(part, name) for _, part in parts)) for name in LISTS}
    clusters = tuple(cluster for _, part in parts for cluster in part.clusters)
    listed = frozenset().union(*(part.listed for _, part in parts))
    return Snapshot(created, clusters, **lists, source=source, listed=listed)


class _Reader:
    def __init__(self, source: Source, *, partial: bool) -> None:
        self._source = source
        self._partial = partial
        self._hints: dict[Any, dict[str, Any]] = {}

    def parts(self, data: Mapping[str, Any], own: Callable[[str], bool]) -> Iterator[_Part]:
        """Each cluster's entry by itself, but those of an own repository."""
        for index, raw in enumerate(self._list(data, "clusters", "")):
            repository = str(raw.get("repository", "")) if self._partial else ""
            if not (repository and own(repository)):
                yield repository, self._part(raw, repository, f"clusters[{index}]")

    def _part(self, raw: Mapping[str, Any], repository: str, where: str) -> Snapshot:
        settings = {key: value for key, value in raw.items() if key not in (*LISTS, "incomplete")}
        given = {
            "incomplete": self._incomplete(raw, where),
            "cited": self._cited(raw, repository, where),
            **self._place(raw, repository),
        }
        cluster = self._fact(Cluster, settings, where, given)
        lists: dict[str, tuple[Any, ...]] = {}
        listed: set[tuple[str, str]] = set()
        for name, kind in LISTS.items():
            if name in cluster.incomplete:
                continue
            items = self._list(raw, name, where)
            if name in raw and not self._partial:
                listed.add((cluster.name, name))
            if name == "policies":
                items = [self._policy(item, f"{where}.{name}[{n}]") for n, item in enumerate(items)]
            lists[name] = tuple(
                self._fact(
                    kind,
                    item,
                    f"{where}.{name}[{position}]",
                    {"cluster": cluster.name, **self._place(item, repository)},
                )
                for position, item in enumerate(items)
            )
        return Snapshot("", (cluster,), **lists, source=self._source, listed=frozenset(listed))

    def _place(self, raw: Mapping[str, Any], repository: str) -> dict[str, Any]:
        """The source of a fact of a repository: the place that it names."""
        place = raw.get("found")
        if not self._partial or not isinstance(place, str):
            return {}
        return {"source": _source(place, repository)}

    def _cited(self, raw: Mapping[str, Any], repository: str, where: str) -> tuple[tuple[str, Source], ...]:
        """Where single settings of a repository's cluster were found."""
        cited = raw.get("cited", {})
        if not isinstance(cited, dict) or not all(isinstance(place, str) for place in cited.values()):
            raise self._error(f"{where}.cited", "an object of texts")
        if self._partial:
            return tuple((name, _source(place, repository)) for name, place in cited.items())
        return (("meshed", self._source),) if raw.get("meshed") is False else ()

    def _incomplete(self, raw: Mapping[str, Any], where: str) -> tuple[str, ...]:
        incomplete = raw.get("incomplete", {})
        if not isinstance(incomplete, dict):
            raise self._error(f"{where}.incomplete", "an object of lists with reasons")
        return tuple(sorted(incomplete))

    def _policy(self, raw: Mapping[str, Any], where: str) -> dict[str, Any]:
        """A policy's entry is its manifest, with one member more."""
        if not isinstance(raw.get("kind"), str) or not isinstance(raw.get("metadata"), dict):
            raise self._error(where, "a manifest with kind and metadata")
        manifest = {key: value for key, value in raw.items() if key not in ("rejected", "found")}
        return {"manifest": manifest, "rejected": raw.get("rejected", ""), "found": raw.get("found")}

    def _list(self, data: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
        items = data.get(key, [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self._error(f"{where}.{key}".lstrip("."), "a list of objects")
        return items

    def _fact(self, kind: type[Fact], raw: Mapping[str, Any], where: str, given: Mapping[str, Any]) -> Fact:
        if kind not in self._hints:
            self._hints[kind] = get_type_hints(kind)  # slow, and asked for every fact
        hints = self._hints[kind]
        values: dict[str, Any] = {"source": self._source, **given}
        for field in fields(kind):
            if field.name in raw and field.name not in _GIVEN:
                values[field.name] = self._value(raw[field.name], hints[field.name], f"{where}.{field.name}")
            elif field.name == "labels":
                values["labels"] = {}
            elif field.name == "selector":
                values["selector"] = None
            elif field.default is MISSING and field.default_factory is MISSING and field.name not in values:
                values[field.name] = self._empty(hints[field.name], f"{where}.{field.name}")
        return kind(**{name: value for name, value in values.items() if name in hints})

    def _empty(self, hint: Any, where: str) -> Any:
        if get_origin(hint) is tuple:
            return ()
        raise self._error(where, "a value")

    def _value(self, value: Any, hint: Any, where: str) -> Any:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is UnionType:
            if value is None and type(None) in arguments:
                return None
            scalars = tuple(kind for kind in arguments if kind in (str, int, bool))
            if isinstance(value, scalars):
                return value
            return self._value(value, next(kind for kind in arguments if kind is not type(None)), where)
        if origin is tuple:
            if not isinstance(value, list):
                raise self._error(where, "a list")
            return tuple(self._value(item, arguments[0], f"{where}[{n}]") for n, item in enumerate(value))
        if origin is not None:
            if Any in arguments and isinstance(value, dict):
                return value
            if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
                raise self._error(where, "an object of texts")
            return dict(value)
        if hint in (str, int, bool):
            if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
                raise self._error(where, {str: "a text", int: "a whole number", bool: "true or false"}[hint])
            return value
        if not isinstance(value, dict):
            raise self._error(where, "an object")
        return self._fact(hint, value, where, {})

    def _error(self, where: str, expected: str) -> SnapshotError:
        return SnapshotError(f"{self._source}: {where}: expected {expected}")


def _source(place: str, repository: str) -> Source:
    return Source(f"{repository}, {place}" if repository else place)
