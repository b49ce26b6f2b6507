"""What each release makes: as it is rendered, else as a chart that is known makes it of its values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from rewriter.inventory.charts import app_template, common
from rewriter.inventory.charts.naming import NotKnownError
from rewriter.inventory.delivery.kustomize import read_patches
from rewriter.inventory.delivery.transform import Transform, transformed
from rewriter.inventory.releases.model import Made, Release
from rewriter.inventory.texts.manifests import Manifest, mapping

Render = Callable[[Release], Made | None]
"""Renders a release; None where that is not possible, so that its chart may be read instead."""

#: What a post-renderer may hold without making or renaming anything.
_FOLLOWED = frozenset({"patches", "images"})
_AT_ONCE = 4


def no_render(_release: Release) -> Made | None:
    """Renders nothing."""
    return None


def make_all(releases: Iterable[Release], render: Render) -> list[Made]:
    """What releases and their parts make, in their order; several are rendered at once."""
    if render is no_render:
        return [made for release in releases for made in _with_parts(release, render)]
    from concurrent.futures import ThreadPoolExecutor  # Few runs render anything.

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [made for each in pool.map(lambda release: _with_parts(release, render), releases) for made in each]


def _with_parts(release: Release, render: Render) -> list[Made]:
    """What a release makes, and what those dependencies of its chart make that it is rendered without."""
    made = make(release, render)
    if not release.parts:
        return [made]
    rendered = made.complete
    if release.bare and not rendered:  # There is nothing in the chart but its dependencies.
        made = Made(release, complete=True)
    left = [part.release for part in release.parts if not rendered or part.name in made.left_out]
    return [made, *(found for part in left for found in _with_parts(part, render))]


def make(release: Release, render: Render = no_render) -> Made:
    """The manifests of a release, or why they are not known."""
    rendered = render(release)
    made = rendered if rendered is not None and rendered.complete else _read_or_hidden(release) or rendered
    if made is None:
        return Made(release, reason=f"its chart {release.chart} is not rendered")
    return _post_rendered(made) if release.post_renderers and made.manifests else made


def _read_or_hidden(release: Release) -> Made | None:
    """As `_read`: a release whose values no reader expects is one that is not known, and the others are read."""
    try:
        return _read(release)
    except Exception as error:
        return Made(release, reason=f"reading its values failed: {type(error).__name__}: {error}")


def _read(release: Release) -> Made | None:
    """What a chart makes that is read without rendering; None for other charts."""
    if common.knows(release):
        return _in_part(release)
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
    return Made(release, manifests, complete=True)


def _in_part(release: Release) -> Made:
    """What a common chart makes for certain."""
    if release.namespace is None:
        return Made(release, reason="its namespace is not known")
    try:
        found = list(common.common_objects(release))
    except NotKnownError as error:
        return Made(release, reason=f"{error} is not followed")
    chart = release.chart.name
    unchecked = bool(release.unread) or not common.checked(chart)
    source = replace(release.source, via=common.cited(chart), partial=True, unchecked=unchecked)
    manifests = tuple(Manifest(source, value) for value in found)
    return Made(release, manifests, reason=f"its chart {release.chart} is not rendered, and known in part")


def _post_rendered(made: Made) -> Made:
    """The manifests after the patches of Flux's post-renderers, which are Kustomize's."""
    steps: list[Transform] = []
    followed = True
    for post_renderer in made.release.post_renderers:
        kustomize = mapping(post_renderer.get("kustomize"))
        patches = tuple(read_patches(kustomize, made.release.source))
        followed &= post_renderer.keys() <= {"kustomize"} and kustomize.keys() <= _FOLLOWED
        followed &= not any(patch.unread for patch in patches)
        steps.append(Transform(made.release.source, patches=patches))
    manifests = _transformed(made.manifests, steps)
    if followed:
        return replace(made, manifests=manifests)
    reason = made.reason or "its postRenderers are not followed"
    return replace(made, manifests=manifests, complete=False, reason=reason)


def _transformed(manifests: Sequence[Manifest], steps: Sequence[Transform]) -> tuple[Manifest, ...]:
    return tuple(Manifest(manifest.source, transformed(manifest.value, tuple(steps))) for manifest in manifests)
