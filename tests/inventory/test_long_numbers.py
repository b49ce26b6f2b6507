"""A number of more digits than Python reads is a text like any other, wherever a port or an index may stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.closed_world.hiding import BASE
from tests.closed_world.manifests import found

NINES = "9" * 5000
FILES = {
    "port of app-template": (
        "release.yaml",
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a, namespace: games}\nspec:\n"
        "  chart: {spec: {chart: app-template, version: 3.0.0, sourceRef: {kind: HelmRepository, name: b}}}\n"
        "  values:\n    controllers: {main: {containers: {main: {image: {repository: a, tag: b}}}}}\n"
        f"    service: {{main: {{controller: main, ports: {{http: {{port: '{NINES}', targetPort: '{NINES}'}}}}}}}}\n",
    ),
    "port of a redirect": (
        "redirect.yaml",
        "apiVersion: cilium.io/v2\nkind: CiliumLocalRedirectPolicy\nmetadata: {name: a, namespace: games}\nspec:\n"
        f"  redirectFrontend: {{addressMatcher: {{ip: 10.0.0.1, toPorts: [{{port: '{NINES}', protocol: TCP}}]}}}}\n"
        "  redirectBackend: {localEndpointSelector: {matchLabels: {a: b}}, toPorts: [{port: '80', protocol: TCP}]}\n",
    ),
    "index of a replacement": (
        "games/kustomization.yaml",
        "resources: [a.yaml]\nreplacements:\n- source: {kind: ConfigMap, name: a, fieldPath: metadata.name}\n"
        f"  targets: [{{select: {{kind: ConfigMap}}, fieldPaths: [data.list.{NINES}]}}]\n",
    ),
}
_CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: games}\ndata: {list: [a]}\n"


@pytest.mark.parametrize("name", FILES)
def test_a_number_that_is_too_long(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path, text = FILES[name]
    findings = found(tmp_path, {**BASE, "games/a.yaml": _CONFIG_MAP, path: text}, "missing-namespace")
    assert [each.fixed for each in findings] == [True]
