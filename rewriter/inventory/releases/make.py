"""What each release makes: as it is rendered, else as a chart that is known makes it of its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rewriter.inventory.charts import app_template
from rewriter.inventory.charts.naming import NotKnownError
from rewriter.inventory.manifests import Manifest
from rewriter.inventory.releases.model import Made, Release

Render = Callable[[Release], Made | None]
"""Renders a release; None where that is not possible, so that its chart may be read instead."""


def make(release: Release, render: Render = lambda _release: None) -> Made:
    """The manifests of a release, or why they are not known."""
    rendered = render(release)
    if rendered is not None and rendered.complete:
        return rendered
    read = _read(release)
    if read is None:
        return rendered or Made(release, reason="its chart is not rendered")
    return read


def _read(release: Release) -> Made | None:
    """What a chart makes that is read without rendering; None for other charts."""
    if release.chart.name != app_template.NAME or not app_template.readable(release.values):
        return None
    try:
        found = list(app_template.objects(release))
    except NotKnownError as error:
        return Made(release, reason=f"{error} is not followed")
    source = replace(release.source, via=f"chart {release.chart}")
    manifests = tuple(Manifest(source, value) for value in found)
    if release.unread:
        return Made(release, manifests, reason=f"its values from {release.unread} are not read")
    if release.post_renderers:
        return Made(release, manifests, reason="its postRenderers are not followed")
    return Made(release, manifests, complete=True)
