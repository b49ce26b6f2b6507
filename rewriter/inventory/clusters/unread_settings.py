"""Which of Cilium's settings stand where nothing reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from rewriter import patterns as re
from rewriter.inventory.cilium.agent_config import fields_under, set_with
from rewriter.inventory.cilium.cilium_values import DEFAULT_NAME, CiliumSettings
from rewriter.inventory.facts.model import AGENT_FIELDS, Cluster, Source
from rewriter.inventory.facts.unread_settings import UnreadSettings

#: A path into the values of the chart, as Terraform's `set` and Helm's `--set` name one.
_PATH = re.compile(r"[a-z][A-Za-z0-9]*(?:\.[A-Za-z0-9_-]+|\[\d+\])*")
#: What else stands among the sources of values that are not read.
_NO_PATHS = frozenset({"bases", "inherit", "set", "values"})
_FILES = (".yaml", ".yml", ".json", ".gotmpl", ".tpl")


def installs_of(
    installs: Iterable[CiliumSettings], cluster: Cluster | None, owners_of: Callable[[str], Iterable[Cluster]]
) -> list[CiliumSettings]:
    """The installations that are, or may be, those of a cluster; all where it is not known (None).

    One that names no cluster is that of the clusters that its file is applied to (`owners_of`); where these are not
    known either, it may be that of a cluster which has no other.
    """
    if cluster is None:
        return list(installs)
    own: list[CiliumSettings] = []
    of_any: list[CiliumSettings] = []
    for install in installs:
        if cluster.source == install.source or cluster.name == install.name:
            own.append(install)
        elif install.name in (None, DEFAULT_NAME):
            owners = [owner.name for owner in owners_of(install.source.path)]
            (own if cluster.name in owners else of_any if not owners else []).append(install)
    return own or of_any


def unread_settings(
    installs: Sequence[CiliumSettings],
    cluster: Cluster | None,
    broken: Iterable[Source],
    owners_of: Callable[[str], Iterable[Cluster]],
    lines_of: Callable[[str], Iterable[int]],
) -> Iterator[UnreadSettings]:
    """What may set the agents of a cluster and is not read. `broken` are files that may and cannot be read.

    `owners_of` gives the clusters that a file is applied to, `lines_of` the lines at which its manifests begin.
    """
    for install in installs_of(installs, cluster, owners_of):
        for field, text in install.open:
            if field in AGENT_FIELDS:
                yield UnreadSettings(install.source_of(field), fields=set_with(field), placeholder=text)
        if install.unread:
            fields = _fields(install.unread)
            stated = (field for field in AGENT_FIELDS if getattr(install, field) is not None)
            over = ((field, install.source_of(field)) for field in stated if fields is None or field in fields)
            overrides = tuple((field, place) for field, place in over if not _is_last(install, place, lines_of))
            yield UnreadSettings(install.source, install.unread, fields, overrides=overrides)
    yield from map(UnreadSettings, broken)


def _is_last(install: CiliumSettings, place: Source, lines_of: Callable[[str], Iterable[int]]) -> bool:
    """Whether a value goes before all that a release takes from elsewhere: it stands in the manifest of the release.

    Flux and Argo CD lay the values of the manifest over all others; Terraform's and k3s' go below them. Another
    manifest of the same file, such as a ConfigMap that the release takes values from, is elsewhere.
    """
    if place.path != install.source.path or not place.path.endswith((".yaml", ".yml", ".json")):
        return False
    first, line = install.source.line or 1, place.line or 1
    end = min((other for other in lines_of(place.path) if other > first), default=line + 1)
    return first <= line < end and "valuesSecrets" not in install.unread


def _fields(unread: str) -> tuple[str, ...] | None:
    """The fields that sources of values may set: only those of the paths where all are paths; None for any."""
    parts = unread.split(", ")
    if not all(_PATH.fullmatch(part) and part not in _NO_PATHS and not part.endswith(_FILES) for part in parts):
        return None
    return tuple(dict.fromkeys(field for part in parts for field in fields_under(part)))
