"""The releases of a helmfile that is plain YAML (helmfile, "Configuration"): `helmfile.yaml`, `helmfile.d/*.yaml`.

What is a template is not read, and neither is what another file gives (`bases`, `inherit`): such values are unread.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rewriter import yamltext
from rewriter.inventory.delivery.appliers import joined
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.releases.model import Chart, Release, chart_name
from rewriter.inventory.releases.set_values import typed
from rewriter.inventory.releases.values import ValuesFiles, over, with_set
from rewriter.inventory.texts.manifests import items, mapping

_NAMES = frozenset(f"helmfile.{ending}" for ending in ("yaml", "yml", "yaml.gotmpl", "yml.gotmpl"))
#: What gives a release values that stand elsewhere, or says elsewhere whether it is installed.
_ELSEWHERE = (
    "inherit",
    "secrets",
    "valuesTemplate",
    "setTemplate",
    "jsonPatches",
    "strategicMergePatches",
    "condition",
)

LocalChart = Callable[[str, str | None], Chart]
"""The chart in a folder of the tree, with the version that is asked for."""


def helmfile_releases(files: TreeFiles, values: ValuesFiles, local: LocalChart) -> Iterator[Release]:
    """The releases that are installed, in the order of files and entries; `local` reads a chart in the tree."""
    for inner, path in files.names.items():
        if "helmfile" not in inner:
            continue
        if posixpath.basename(inner) in _NAMES or posixpath.basename(posixpath.dirname(inner)) == "helmfile.d":
            for document in _documents(files.bytes_of(inner) or b""):
                reader = _Reader(posixpath.dirname(inner) or ".", values, local, mapping(document.value))
                for index, entry in enumerate(items(mapping(document.value).get("releases"))):
                    if entry.get("installed") is not False and entry.get("name"):
                        line = yamltext.locate(document, f"/releases/{index}").line
                        yield reader.release(entry, Source(path, line))


def _documents(data: bytes) -> list[yamltext.Document]:
    try:
        text = yamltext.decode(data)
        return [] if yamltext.template_markup(text) is not None else yamltext.parse(text)
    except yamltext.YamlTextError:
        return []


class _Reader:
    def __init__(self, folder: str, values: ValuesFiles, local: LocalChart, document: Mapping[str, Any]) -> None:
        self._folder = folder
        self._values = values
        self._local = local
        self._layered = "bases" in document
        self._urls = {str(item.get("name")): _url(item) for item in items(document.get("repositories"))}

    def release(self, entry: Mapping[str, Any], source: Source) -> Release:
        values, unread = self._read(entry)
        namespace = entry.get("namespace")
        return Release(
            str(entry["name"]),
            namespace if isinstance(namespace, str) else None,
            self._chart(entry),
            values,
            source,
            unread=unread,
            kind="helmfile release",
        )

    def _chart(self, entry: Mapping[str, Any]) -> Chart:
        written, version = str(entry.get("chart") or ""), entry.get("version")
        known = version if isinstance(version, str) else None
        if written.startswith("."):
            return self._local(joined(self._folder, written), known)
        repository = written.partition("/")[0]
        url = written if written.startswith("oci://") else self._urls.get(repository)
        return Chart(chart_name(written), known, url=url if isinstance(url, str) else None)

    def _read(self, entry: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        parts: list[Mapping[str, Any]] = []
        unread = [key for key in _ELSEWHERE if entry.get(key)] + (["bases"] if self._layered else [])
        listed = entry.get("values")
        for setting in listed if isinstance(listed, list) else ():
            found = setting if isinstance(setting, dict) else self._file(str(setting))
            parts.append(found or {})
            unread += [str(setting)] if found is None else []
        settings = ((str(item.get("name")), _set(item)) for item in items(entry.get("set")))
        laid, left = with_set(over(parts), settings)
        return laid, ", ".join([*unread, *([left] if left else [])])

    def _file(self, path: str) -> Mapping[str, Any] | None:
        """The values of a file; None where helmfile fills it in as a template first (`.gotmpl`)."""
        found = self._values.file(joined(self._folder, path))
        return None if path.endswith(".gotmpl") and "{{" in str(found) else found


def _url(repository: Mapping[str, Any]) -> Any:
    """The address of a repository; that of an OCI registry is written without its scheme."""
    url = repository.get("url")
    return f"oci://{url}" if repository.get("oci") is True and "://" not in str(url) else url


def _set(entry: Mapping[str, Any]) -> Any:
    """The value of an entry of `set`: one, or the list that `values` gives."""
    listed = entry.get("values")
    return [typed(setting) for setting in listed] if isinstance(listed, list) else typed(entry.get("value"))
