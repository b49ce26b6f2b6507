"""The data of common charts against the charts themselves, as the real helm renders those of the corpus."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.inventory.charts.common import common_objects, entries
from rewriter.inventory.facts.model import Source
from rewriter.inventory.releases.model import Chart, Release
from tests.programs import program

CHARTS = Path(__file__).parents[4] / "shared" / "corpus" / "charts"
#: A release of the chart's own name, and one of another.
NAMES = ("{chart}", "edge")
STANDARD = [
    "{}",
    "{fullnameOverride: x, podLabels: {team: a}}",
    "{nameOverride: other-name, serviceAccount: {create: false}}",
    "{serviceAccount: {name: z}, commonLabels: {team: b}}",
]
VALUES = {
    "cert-manager": [
        *STANDARD,
        "{webhook: {hostNetwork: true, securePort: 10260}, global: {commonLabels: {team: b}}}",
        "{cainjector: {enabled: false}, webhook: {serviceAccount: {create: false}, podLabels: {a: b}}, namespace: ns}",
        "{prometheus: {enabled: false}, webhook: {serviceType: NodePort}}",
    ],
    "ingress-nginx": [
        *STANDARD,
        "{controller: {hostNetwork: true, kind: DaemonSet, podLabels: {a: b}, service: {type: NodePort}}}",
        "{namespaceOverride: other, controller: {admissionWebhooks: {enabled: false}}}",
    ],
    "kube-state-metrics": [*STANDARD, "{hostNetwork: true}", "{customLabels: {a: b}, namespaceOverride: other}"],
    "prometheus-node-exporter": [*STANDARD, "{hostNetwork: false, service: {port: 9101}}", "{namespaceOverride: o}"],
    "openbao": [
        "{}",
        "{fullnameOverride: x, nameOverride: other}",
        "{server: {serviceAccount: {name: z}, extraLabels: {a: b}, service: {type: NodePort}}}",
        "{server: {serviceAccount: {create: false}, hostNetwork: true}, global: {namespace: other}}",
        "{injector: {enabled: false}}",
        "{injector: {externalVaultAddr: 'https://v', extraLabels: {a: b}, hostNetwork: true}}",
        "{server: {enabled: false}, injector: {port: 8081}}",
        "{global: {tlsDisable: false}}",
    ],
    "promtail": [*STANDARD, "{podLabels: {a: b}, config: {serverPort: 3201}}", "{namespace: other}"],
    "loki-distributed": [*STANDARD, "{gateway: {enabled: false}}", "{queryFrontend: {podLabels: {a: b}}}"],
    "reloader": [
        "{}",
        "{fullnameOverride: x, reloader: {deployment: {labels: {a: b}}}}",
        "{nameOverride: other, reloader: {serviceAccount: {name: z}}}",
        "{reloader: {serviceAccount: {create: false}}}",
    ],
    "snapshot-controller": [
        *STANDARD,
        "{controller: {fullnameOverride: x, hostNetwork: true, podLabels: {a: b}, serviceAccount: {create: false}}}",
    ],
}


def charts() -> Iterator[tuple[str, Path]]:
    for file in sorted(CHARTS.glob("**/Chart.yaml")):
        if file.parent.name in VALUES and (file.parent / "templates").is_dir():
            yield file.parent.name, file.parent


CASES = [
    pytest.param(folder, name.format(chart=chart), values, id=f"{chart}-{name}-{number}")
    for chart, folder in charts()
    for name in NAMES
    for number, values in enumerate(VALUES[chart])
]


def test_every_chart_of_the_corpus_with_an_entry_is_rendered() -> None:
    if not CHARTS.is_dir():
        pytest.skip("no corpus of charts in ../shared/corpus")
    there = {chart for chart, _folder in charts()}
    assert there == set(VALUES) & set(entries()) and len(there) >= 8


def test_an_entry_says_with_which_version_it_is_compared() -> None:
    if not CHARTS.is_dir():
        pytest.skip("no corpus of charts in ../shared/corpus")
    rendered = {
        chart: str(yaml.safe_load((folder / "Chart.yaml").read_text())["version"]).removeprefix("v")
        for chart, folder in charts()
    }
    assert {chart: entry["compared"] for chart, entry in entries().items() if "compared" in entry} == rendered


def test_what_is_compared_with_no_chart_is_what_the_corpus_cannot_render() -> None:
    """Few entries are held against a rendered chart: the corpus has no chart, or one without values, of the others."""
    if not CHARTS.is_dir():
        pytest.skip("no corpus of charts in ../shared/corpus")
    whole = {
        file.parent.name
        for file in CHARTS.glob("**/Chart.yaml")
        if (file.parent / "templates").is_dir() and (file.parent / "values.yaml").exists()
    }
    read_only = {chart for chart, entry in entries().items() if "compared" not in entry}
    assert (len(read_only), len(entries()) - len(read_only)) == (86, 9)
    assert not {chart for chart in read_only if "read" not in entries()[chart]}
    # The folder of that name is a package around the chart, which lies in it without its values.
    assert whole & read_only == {"cilium"}


@pytest.mark.parametrize(("folder", "name", "values"), CASES)
def test_the_data_say_what_the_chart_makes(folder: Path, name: str, values: str, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(values)
    command = [program("helm"), "template", name, str(folder), "--namespace", "infra", "--values", str(file)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rendered = {f"{each['kind']} {each['metadata']['name']}": each for each in yaml.safe_load_all(text) if each}
    release = Release(name, "infra", Chart(folder.name), yaml.safe_load(values), Source("r.yaml", 1))
    told = {f"{each['kind']} {each['metadata']['name']}": each for each in common_objects(release)}
    assert told and told.keys() <= rendered.keys()
    for key, value in told.items():
        if "webhooks" in value:
            assert _called(value) <= _called(rendered[key])
            continue
        assert value["metadata"]["namespace"] == rendered[key]["metadata"].get("namespace", "infra")
        if value["kind"] == "Service":
            _check_service(value["spec"], rendered[key]["spec"])
        else:
            _check_pods(value["spec"]["template"], rendered[key]["spec"]["template"])


def _called(webhooks: dict[str, Any]) -> set[tuple[str, str, int]]:
    """The Services that the API server calls, each with its port."""
    services = [webhook["clientConfig"]["service"] for webhook in webhooks["webhooks"]]
    return {(service["name"], service["namespace"], service.get("port", 443)) for service in services}


def _check_pods(told: dict[str, Any], rendered: dict[str, Any]) -> None:
    assert told["metadata"]["labels"].items() <= rendered["metadata"]["labels"].items()
    assert told["spec"]["hostNetwork"] == (rendered["spec"].get("hostNetwork") is True)
    assert told["spec"]["serviceAccountName"] == rendered["spec"].get("serviceAccountName", "default")
    containers = rendered["spec"]["containers"]
    declared = {
        (port.get("name"), port["containerPort"], port.get("protocol", "TCP"))
        for container in containers
        for port in container.get("ports", ())
    }
    probed = {
        container[probe]["httpGet"]["port"]
        for container in containers
        for probe in ("livenessProbe", "readinessProbe", "startupProbe")
        if "httpGet" in container.get(probe, ())
    }
    for port in told["spec"]["containers"][0]["ports"]:
        known = (port["name"], port["containerPort"], port["protocol"])
        assert known in declared or port["containerPort"] in probed, known


def _check_service(told: dict[str, Any], rendered: dict[str, Any]) -> None:
    assert told["selector"].items() <= rendered["selector"].items()
    assert told["type"] == rendered.get("type", "ClusterIP")
    listed = {
        (port.get("name"), port["port"], port.get("targetPort", port["port"]), port.get("protocol", "TCP"))
        for port in rendered["ports"]
    }
    assert {(port["name"], port["port"], port["targetPort"], port["protocol"]) for port in told["ports"]} <= listed
