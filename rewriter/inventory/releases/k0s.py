"""The charts that k0s installs (`spec.extensions.helm.charts` of its ClusterConfig, alone or within that of k0sctl)."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.inventory.delivery.appliers import api_group
from rewriter.inventory.facts.model import Source
from rewriter.inventory.releases.model import Chart, Release, chart_name
from rewriter.inventory.releases.values import values_of
from rewriter.inventory.texts.manifests import Manifest, items, known_text, mapping

_GROUP = "k0s.k0sproject.io"
_CONTROL = "k0sctl.k0sproject.io"


def k0s_releases(manifest: Manifest) -> Iterator[Release]:
    """The releases of a ClusterConfig, or of the one that a Cluster of k0sctl holds; none of another manifest."""
    spec = mapping(manifest.value.get("spec"))
    group = api_group(manifest.value)
    if group == _CONTROL:
        spec = mapping(mapping(mapping(spec.get("k0s")).get("config")).get("spec"))
    if group not in (_GROUP, _CONTROL):
        return
    helm = mapping(mapping(spec.get("extensions")).get("helm"))
    urls = {str(item.get("name")): item.get("url") for item in items(helm.get("repositories"))}
    for entry in items(helm.get("charts")):
        name, written = known_text(entry.get("name")), known_text(entry.get("chartname"))
        if name is None or written is None:
            continue
        text = entry.get("values")
        values = values_of(text) if isinstance(text, str) else {}
        url = written if written.startswith("oci://") else known_text(urls.get(written.partition("/")[0]))
        yield Release(
            name,
            known_text(entry.get("namespace")),
            Chart(chart_name(written), known_text(entry.get("version")), url=url),
            values or {},
            Source(manifest.source.path, manifest.source.line),
            unread="values" if values is None else "",
            kind="chart of k0s",
        )
