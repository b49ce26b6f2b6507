"""The releases of a helmfile."""

from __future__ import annotations

import pytest

from rewriter.inventory.releases.model import Release
from tests.inventory.support import inventory

_WEB = "releases:\n  - name: web\n    namespace: shop\n    chart: bjw-s/app-template\n    version: 3.5.1\n"


def releases(text: str, name: str = "helmfile.yaml", **more: str) -> list[Release]:
    return [made.release for made in inventory({name: text, **more}).releases]


def test_a_release_with_its_repository_and_values() -> None:
    head = "repositories: [{name: bjw-s, url: https://bjw-s.example/charts}]\n"
    text = head + _WEB + "    values: [web.yaml, {b: 2}]\n    set: [{name: c.d, value: 'true'}]\n"
    (release,) = releases(text, **{"web.yaml": "a: 1\nb: 1\n"})
    assert (release.name, release.namespace, str(release.chart)) == ("web", "shop", "app-template 3.5.1")
    assert release.chart.url == "https://bjw-s.example/charts"
    assert release.values == {"a": 1, "b": 2, "c": {"d": True}}
    assert (release.unread, release.source.line) == ("", 3)


def test_a_chart_in_the_tree() -> None:
    chart = {"charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.2.3\n"}
    (release,) = releases("releases: [{name: web, chart: ../charts/web}]\n", "helmfile.d/web.yaml", **chart)
    assert (release.chart.folder, release.chart.version) == ("charts/web", "1.2.3")


@pytest.mark.parametrize(
    ("more", "unread"),
    [
        ("    values: [missing.yaml]\n", "missing.yaml"),
        ("    secrets: [web.sops.yaml]\n", "secrets"),
        ("    inherit: [{template: base}]\n", "inherit"),
    ],
)
def test_what_is_not_read_is_named(more: str, unread: str) -> None:
    assert [release.unread for release in releases(_WEB + more)] == [unread]


@pytest.mark.parametrize(
    "text", [_WEB + "    installed: false\n", _WEB.replace("web", "{{ .Values.name }}"), "releases: web\n", "- a\n"]
)
def test_nothing_of_what_is_not_installed_or_no_plain_text(text: str) -> None:
    assert releases(text) == []


def test_other_files_are_no_helmfiles() -> None:
    assert releases(_WEB, "releases.yaml") == []


def test_a_release_that_flux_goes_on_with_is_one_release() -> None:
    flux = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\n"
        "spec: {chartRef: {kind: OCIRepository, name: app-template}}\n"
    )
    assert [release.kind for release in releases(_WEB, **{"web.yaml": flux})] == ["HelmRelease"]
    other = flux.replace("name: web", "name: api")
    assert len(releases(_WEB, **{"web.yaml": other})) == 2
