"""With which values a chart is rendered: those of its releases; of a chart that nothing installs, those it ships."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rewriter import yamltext
from rewriter.discovery import MAX_BYTES, read_bounded
from rewriter.inventory.releases.model import Release
from rewriter.inventory.releases.values import over, values_of
from rewriter.records import dataclass

#: What stands for the release and its namespace where nothing in the tree installs a chart.
ANY_RELEASE, ANY_NAMESPACE = "release-name", "release-namespace"
_CI_VALUES = "ci/*values.yaml"


@dataclass(frozen=True, slots=True)
class ValueSet:
    """One way to render a chart. `words` name the release, or the files of values.

    `release` is the one that installs the chart; None where nothing in the tree does. `left` says why nothing that it
    renders is rewritten. `made_up` says that some values are none that the repository has, or are missing in it;
    `stand_ins` are the placeholders among them, with what they stand for.
    """

    words: str
    name: str
    namespace: str
    values: Mapping[str, Any]
    release: Release | None = None
    left: str = ""
    made_up: bool = False
    stand_ins: tuple[tuple[str, str], ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """The names that it renders with and that no cluster has."""
        return () if self.release else (self.name, self.namespace, *(name for name, _ in self.stand_ins))

    def for_chart(self, chart: str) -> ValueSet:
        """The same with names that charts take which ask for their own name at the beginning of these."""
        return replace(self, name=f"{chart}-release", namespace=f"{chart}-namespace")


def value_sets(chart: Path, releases: Iterable[Release], more: Sequence[Mapping[str, Any]] = ()) -> list[ValueSet]:
    """The value sets of a chart's folder. `releases` are those that install it, `more` has values by words.

    Releases whose values are not all known are left out; see `unread_release`.
    """
    found: list[ValueSet] = []
    for release in releases:
        if release.unread or (release.namespace is None and not release.transformed):
            continue
        namespace = release.namespace or "default"
        own = ValueSet(str(release), release.name, namespace, release.values, release, _left(release))
        if not any(
            (value_set.name, value_set.namespace, value_set.values) == (own.name, own.namespace, own.values)
            for value_set in found
        ):
            found.append(own)
    return found or list(_alone(chart, more))


def unread_release(releases: Iterable[Release]) -> str:
    """The first release whose values are not all known, in words with what is not; empty where there is none."""
    for release in releases:
        if release.unread:
            return f"the values of {release} from {release.unread} are not read"
        if release.namespace is None and not release.transformed:
            return f"the namespace of {release} is not known"
    return ""


def _left(release: Release) -> str:
    if release.post_renderers:
        return f"postRenderers of {release} may change what the chart renders"
    if release.changed:
        return f"{release.changed} may change what the chart renders"
    return ""


def _alone(chart: Path, more: Sequence[Mapping[str, Any]]) -> Iterable[ValueSet]:
    there = (chart / "values.yaml").is_file()
    yield ValueSet("values.yaml" if there else "no values", ANY_RELEASE, ANY_NAMESPACE, {}, made_up=not there)
    for file in sorted(chart.glob(_CI_VALUES)):
        values = _read(file)
        if values is not None:
            yield ValueSet(f"ci/{file.name}", ANY_RELEASE, ANY_NAMESPACE, values, made_up=not there)
    for given in more:
        yield ValueSet(str(given["words"]), ANY_RELEASE, ANY_NAMESPACE, over([given["values"]]))


def _read(file: Path) -> Mapping[str, Any] | None:
    try:
        return values_of(yamltext.decode(read_bounded(file, MAX_BYTES)))
    except (OSError, yamltext.YamlTextError):
        return None
