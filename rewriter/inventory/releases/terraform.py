"""The releases that Terraform installs (hashicorp/helm, `helm_release`), as far as they are plain literals.

Read are `name`, `namespace`, `chart`, `repository`, `version`, `values` (texts, heredocs, `file("${path.module}/x")`,
`yamlencode({…})`), `set`, `set_list`. An expression is not computed: what it gives is unread. A resource with `count`
or `for_each`, or whose name or chart is an expression, is no release here and hides what it may make. The data source
`helm_template` counts for Cilium alone, which machines are given as manifests.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rewriter.inventory.delivery.appliers import joined
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.terraform_resources import HELM_RELEASE, HELM_TEMPLATE, release_body
from rewriter.inventory.releases.helmfile import LocalChart
from rewriter.inventory.releases.model import Chart, Release, chart_name
from rewriter.inventory.releases.set_values import typed
from rewriter.inventory.releases.values import ValuesFiles, over, values_of, with_set
from rewriter.inventory.texts.hcl import Call, NotLiteral
from rewriter.inventory.texts.manifests import items

#: What changes the values, or what the chart makes, and is not followed.
_BLOCKS = ("set_sensitive", "postrender", "dynamic")
#: The chart that is followed where it is only rendered.
_CILIUM = "cilium"


def terraform_releases(path: str, inner: str, text: str, values: ValuesFiles, local: LocalChart) -> Iterator[Release]:
    """The releases of a file that are known by name and chart, in its order."""
    for match in HELM_RELEASE.finditer(text):
        release = _release(path, inner, text, match, values, local)
        if release is not None:
            yield release
    for match in HELM_TEMPLATE.finditer(text):
        release = _release(path, inner, text, match, values, local)
        if release is not None and release.chart.name == _CILIUM:
            yield replace(release, kind="helm_template")


def _release(
    path: str, inner: str, text: str, match: re.Match[str], values: ValuesFiles, local: LocalChart
) -> Release | None:
    body = release_body(text, match)
    if body is None:
        return None
    folder = posixpath.dirname(inner) or "."
    parts, unread = _values(body, folder, values)
    entries = [*items(body.get("set")), *items(body.get("set_list"))]
    settings = [entry for entry in entries if isinstance(entry.get("name"), str)]
    laid, left = with_set(
        over(parts), ((setting["name"], _typed(setting)) for setting in settings if _is_plain(setting.get("value")))
    )
    unread += [setting["name"] for setting in settings if not _is_plain(setting.get("value"))]
    unread += [key for key in ("set", "set_list", "set_sensitive") if isinstance(body.get(key), NotLiteral)]
    unread += [key for key in _BLOCKS if isinstance(body.get(key), list | dict)]
    source = Source(path, text.count("\n", 0, match.start()) + 1)
    place = str(body.get("namespace", "default"))
    kind = "helm_release"
    all_unread = ", ".join([*unread, *([left] if left else [])])
    return Release(str(body["name"]), place, _chart(body, folder, local), laid, source, unread=all_unread, kind=kind)


def _chart(body: Mapping[str, Any], folder: str, local: LocalChart) -> Chart:
    written, version, url = str(body["chart"]), body.get("version"), body.get("repository")
    known = version if isinstance(version, str) else None
    for start in ("${path.module}/", "./", "../"):
        if written.startswith(start):
            return local(joined(folder, written.removeprefix("${path.module}/")), known)
    where = written if written.startswith("oci://") else url if isinstance(url, str) else None
    return Chart(chart_name(written), known, url=where)


def _values(body: Mapping[str, Any], folder: str, values: ValuesFiles) -> tuple[list[Mapping[str, Any]], list[str]]:
    parts: list[Mapping[str, Any]] = []
    written = body.get("values", [])
    if not isinstance(written, list):
        return parts, ["values"]
    unread = []
    for text in written:
        found: Mapping[str, Any] | None = None
        if isinstance(text, str):
            found = values_of(text)
        elif isinstance(text, Call) and text.name == "yamlencode" and isinstance(text.argument, dict):
            found = text.argument if _is_plain(text.argument) else None
        elif isinstance(text, Call) and text.name == "file" and isinstance(text.argument, str):
            found = values.file(joined(folder, text.argument.removeprefix("${path.module}/")))
        if found is None:
            unread.append("values")
        else:
            parts.append(found)
    return parts, list(dict.fromkeys(unread))


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return not isinstance(value, NotLiteral | Call) and not (isinstance(value, str) and "${" in value)


def _typed(setting: Mapping[str, Any]) -> Any:
    value = setting.get("value")
    if isinstance(value, list):
        return [typed(item) for item in value]
    return str(value) if setting.get("type") == "string" else typed(value)
