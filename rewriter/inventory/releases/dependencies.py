"""The charts that a chart of the tree depends on (Helm, "Chart Dependencies"), each as a release of its own.

People keep a chart of their own that has nothing but dependencies and their values, most of all for Argo CD. The
archives of such dependencies are seldom in the repository, so that helm cannot render the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from rewriter.inventory.delivery.appliers import joined, texts_of
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.releases.model import Chart, Part, Release
from rewriter.inventory.releases.values import ValuesFiles, over
from rewriter.inventory.texts.manifests import items, mapping

LocalChart = Callable[[str, str | None], Chart]
_LOCAL = "file://"
#: How deep charts depend on charts of the tree.
_DEEPEST = 4


def with_parts(release: Release, files: TreeFiles, values: ValuesFiles, local: LocalChart, deep: int = 0) -> Release:
    """A release with what the dependencies of its chart are, where that is a chart of the tree."""
    folder = release.chart.folder
    if folder is None or deep > _DEEPEST:
        return release
    found = Dependencies(folder, values, release.values)
    parts = [
        Part(name, with_parts(part, files, values, local, deep + 1)) for name, part in found.releases(release, local)
    ]
    if not parts:
        return release
    own = tuple(f"{folder}/{inner}/".removeprefix("./") for inner in ("templates", "charts"))
    bare = not any(name.startswith(own) for name in files.names)
    return replace(release, parts=tuple(parts), bare=bare)


class Dependencies:
    """The dependencies of the chart in a folder, under the values that are laid over its own."""

    def __init__(self, folder: str, values: ValuesFiles, laid: Mapping[str, Any]) -> None:
        self._folder = folder
        described = mapping(values.file(joined(folder, "Chart.yaml")))
        listed = described if "dependencies" in described else mapping(values.file(joined(folder, "requirements.yaml")))
        self._listed = items(listed.get("dependencies"))
        locked = mapping(values.file(joined(folder, "Chart.lock"))) if self._listed else {}
        self._locked = {str(item.get("name")): item.get("version") for item in items(locked.get("dependencies"))}
        self._values = over([values.file(joined(folder, "values.yaml")) or {}, laid]) if self._listed else {}

    def releases(self, release: Release, local: LocalChart) -> Iterator[tuple[str, Release]]:
        """Each dependency that is not switched off, by its name, as a release of its own."""
        shared = self._values.get("global")
        for entry in self._listed:
            name, alias = str(entry.get("name")), str(entry.get("alias") or entry.get("name"))
            if not self._is_on(entry):
                continue
            own = over([mapping(self._values.get(alias)), {"global": shared} if isinstance(shared, dict) else {}])
            yield name, replace(release, chart=self._chart(entry, name, alias, local), values=own)

    def _chart(self, entry: Mapping[str, Any], name: str, alias: str, local: LocalChart) -> Chart:
        locked, written = self._locked.get(name), entry.get("version")
        version = locked if isinstance(locked, str) else str(written) if written else None
        if alias != name:  # Charts name what they make after the alias, each in its own way.
            return Chart(f"{name} as {alias}", version)
        address = str(entry.get("repository") or "")
        if address.startswith(_LOCAL):
            return local(joined(self._folder, address.removeprefix(_LOCAL)), version)
        return Chart(name, version, url=address if "://" in address else None)

    def _is_on(self, entry: Mapping[str, Any]) -> bool:
        """Whether `condition`, else `tags`, leave a dependency on; the first path that has a value decides."""
        for path in str(entry.get("condition") or "").split(","):
            value: Any = self._values
            for step in path.strip().split("."):
                value = mapping(value).get(step)
            if isinstance(value, bool):
                return value
        tags = mapping(self._values.get("tags"))
        found = [tags[tag] for tag in texts_of(entry.get("tags")) if isinstance(tags.get(tag), bool)]
        return not found or any(found)
