"""Common charts as data: what they make for certain, with the values that change it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from rewriter.inventory.charts import common
from rewriter.inventory.charts.common import common_objects, entries, knows
from rewriter.inventory.charts.make import make, make_all, no_render
from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.readers import READERS
from rewriter.inventory.releases.model import Chart, Release
from tests.inventory.support import inventory


def release(chart: str, values: str = "{}", name: str = "") -> Release:
    published = Chart(chart, url=f"https://{entries()[chart]['from'][0]}")
    return Release(name or chart, "infra", published, yaml.safe_load(values), Source("r.yaml", 1))


def made(chart: str, values: str = "{}", name: str = "") -> dict[str, Any]:
    return {f"{each['kind']} {each['metadata']['name']}": each for each in common_objects(release(chart, values, name))}


#: What a chart needs in its values before it makes any part that its entry follows.
NEEDED = {
    "opentelemetry-collector": "{mode: deployment}",
    "vector": "{role: Agent}",
    "descheduler": "{kind: Deployment}",
    "rook-ceph-cluster": "{toolbox: {enabled: true}}",
}


@pytest.mark.parametrize("chart", sorted(entries()))
def test_every_entry_cites_its_version_and_makes_objects_that_facts_read(chart: str) -> None:
    assert entries()[chart]["version"] and entries()[chart]["source"]
    result = make(release(chart, NEEDED.get(chart, "{}")))
    assert result.manifests and not result.complete and "known in part" in result.reason
    for manifest in result.manifests:
        compared, version = entries()[chart].get("compared"), entries()[chart]["version"]
        words, estimated = f"as its version {compared} makes it", False
        if not compared:
            estimated = "read" not in entries()[chart]
            words = f"as its version {version} most likely makes it"
            words = words if estimated else f"by its templates of about version {version}"
        assert manifest.source.via == f"chart {chart}, {words}"
        assert manifest.source.unchecked == estimated
        assert "{" not in str(manifest.metadata["name"])
    workloads = [each for each in result.manifests if each.kind in READERS["workloads"][0]]
    facts = [fact for each in workloads for fact in READERS["workloads"][1](each, None)]
    assert len(facts) == len(workloads)
    assert all("{" not in value for fact in facts for value in fact.labels.values())
    selectors = [each.value["spec"]["selector"] for each in result.manifests if each.kind == "Service"]
    made_by_operator = chart == "kube-prometheus-stack"  # Prometheus and Alertmanager
    for selector in selectors:
        assert made_by_operator or any(selector.items() <= dict(fact.labels).items() for fact in facts), selector


def test_a_name_that_several_publishers_use_is_known_by_its_address() -> None:
    def known(chart: str, url: str | None) -> bool:
        return knows(Release("r", "infra", Chart(chart, url=url), {}, Source("r.yaml", 1)))

    assert known("redis", "oci://registry-1.docker.io/bitnamicharts/redis") and not known("redis", None)
    assert not known("redis", "https://charts.example.org/redis") and known("grafana", None)
    assert known("minio", "https://charts.min.io") and not known(
        "minio", "oci://registry-1.docker.io/bitnamicharts/minio"
    )


def test_names_follow_the_release_and_its_overrides() -> None:
    assert "Deployment edge-ingress-nginx-controller" in made("ingress-nginx", name="edge")
    assert "Deployment ingress-nginx-edge-controller" in made("ingress-nginx", name="ingress-nginx-edge")
    assert "Deployment x-controller" in made("ingress-nginx", "{fullnameOverride: x}")
    pod = made("grafana", "{nameOverride: charts, podLabels: {team: a}}")["Deployment grafana-charts"]
    labels = pod["spec"]["template"]["metadata"]["labels"]
    assert (labels["app.kubernetes.io/name"], labels["team"]) == ("charts", "a")


def test_values_turn_parts_on_and_off() -> None:
    assert "Deployment cert-manager-cainjector" not in made("cert-manager", "{cainjector: {enabled: false}}")
    assert "Deployment hubble-ui" not in made("cilium")
    assert "Deployment hubble-ui" in made("cilium", "{hubble: {ui: {enabled: true}}}")
    dns = made("coredns", "{k8sAppLabelOverride: kube-dns, service: {name: kube-dns}}")
    assert dns["Service kube-dns"]["spec"]["selector"]["k8s-app"] == "kube-dns"
    ports = made("traefik", "{ports: {web: {port: 80}}}")
    assert ports["Deployment traefik"]["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] == 80


def _traefik(values: str) -> tuple[list[tuple[str, int]], list[tuple[str, int, str]] | None]:
    """The ports of Traefik's container, and those of its Service; None where the Service is not known."""
    found = made("traefik", values)
    container = found["Deployment traefik"]["spec"]["template"]["spec"]["containers"][0]
    service = found.get("Service traefik")
    shown = None if service is None else [(p["name"], p["port"], p["targetPort"]) for p in service["spec"]["ports"]]
    return [(port["name"], port["containerPort"]) for port in container["ports"]], shown


@pytest.mark.parametrize(
    ("values", "listens", "shown"),
    [
        (
            "{ports: {ssh: {port: 2222, exposedPort: 22, expose: {default: true}}}}",
            [("web", 8000), ("websecure", 8443), ("metrics", 9100), ("ssh", 2222)],
            [("web", 80, "web"), ("websecure", 443, "websecure"), ("ssh", 22, "ssh")],
        ),
        (
            "{ports: {web: null, websecure: {port: 443, expose: false}, dns: {port: 53, protocol: UDP, expose: true}}}",
            [("websecure", 443), ("metrics", 9100), ("dns", 53)],
            [],
        ),
        (
            "{ports: {websecure: {exposedPort: 8443, targetPort: 9443}, own: {port: 70}}}",
            [("web", 8000), ("websecure", 8443), ("metrics", 9100), ("own", 70)],
            [("web", 80, "web"), ("websecure", 8443, 9443)],
        ),
        (
            "{ports: {metrics: {expose: {default: true}}}}",
            [("web", 8000), ("websecure", 8443), ("metrics", 9100)],
            None,
        ),
    ],
)
def test_ports_that_values_name_one_by_one(
    values: str, listens: list[tuple[str, int]], shown: list[tuple[str, int, str]] | None
) -> None:
    assert _traefik(values) == (listens, shown)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ("{service: {spec: {type: ClusterIP}}}", "ClusterIP"),
        ("{service: {type: NodePort, spec: {type: LoadBalancer}}}", "LoadBalancer"),
        ("{service: {type: NodePort, spec: {externalTrafficPolicy: Local}}}", "NodePort"),
        ("{service: {spec: {}}}", "LoadBalancer"),
    ],
)
def test_the_service_of_traefik_has_the_type_of_its_spec_before_that_of_the_service(values: str, kind: str) -> None:
    spec = made("traefik", values)["Service traefik"]["spec"]
    assert spec["type"] == kind
    assert [port["targetPort"] for port in spec["ports"]] == ["web", "websecure"]


@pytest.mark.parametrize("values", ["{service: {port: 3000}}", "{service: {portName: http}}", "{ports: {web: {}}}"])
def test_services_whose_ports_the_values_change_are_not_told(values: str) -> None:
    assert not [name for name in made("grafana", values) if name.startswith("Service")]
    assert [name for name in made("grafana", "{service: {type: LoadBalancer}}") if name.startswith("Service")]


def test_a_release_known_in_part_is_a_fact_and_still_hides() -> None:
    found = inventory(
        {
            "r.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
            "metadata: {name: grafana, namespace: web}\n"
            "spec: {chart: {spec: {chart: grafana, version: 8.6.0}}}\n"
        }
    )
    assert found.workloads_with({"app.kubernetes.io/name": "grafana"})
    assert found.completeness("web").reasons == (
        "HelmRelease grafana (its chart grafana 8.6.0 is not rendered, and known in part), r.yaml:1",
    )
    assert "--render-fetch" in found.completeness("web").lifts[0]


def test_what_was_held_against_no_chart_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _doubts("forgejo") and not _doubts("reloader") and not _doubts("metrics-server")
    unread = {name: {key: value for key, value in entry.items() if key != "read"} for name, entry in entries().items()}
    monkeypatch.setattr("rewriter.inventory.charts.common.entries", lambda: unread)
    assert _doubts("forgejo") == (
        "Deployment web/edge-forgejo, r.yaml:1 (chart forgejo, as its version 11.0.1 most likely makes it), "
        "was never compared with what the chart renders"
    )


def _doubts(chart: str) -> str:
    found = inventory(
        {
            "r.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
            f"metadata: {{name: edge, namespace: web}}\nspec: {{chart: {{spec: {{chart: {chart}}}}}}}\n"
        }
    )
    workload = next(workload for workload in found.all_workloads() if workload.namespace == "web")
    return "; ".join(found.doubts(workload))


@pytest.mark.parametrize(
    ("chart", "values", "reason"),
    [
        ("metrics-server", "{namespaceOverride: other}", "the value namespaceOverride"),
        ("traefik", "{deployment: {kind: Rollout}}", "the kind 'Rollout'"),
        ("grafana", "{podLabels: {app.kubernetes.io/name: x}}", "the label app.kubernetes.io/name of podLabels"),
        ("grafana", "{service: {targetPort: http}}", "the port 'http'"),
        ("grafana", "{podLabels: {team: '{{ .Values.team }}'}}", "the template"),
    ],
)
def test_what_the_data_cannot_follow_is_no_fact(chart: str, values: str, reason: str) -> None:
    result = make(release(chart, values))
    assert not result.manifests and reason in result.reason and result.reason.endswith("is not followed")


def test_the_number_of_pods_stands_beside_the_account() -> None:
    found = made("cert-manager", "{replicaCount: 2, webhook: {replicaCount: 0}}")
    assert {name: each["spec"].get("replicas") for name, each in found.items() if "Deployment" in name} == {
        "Deployment cert-manager": 2,
        "Deployment cert-manager-webhook": 0,
        "Deployment cert-manager-cainjector": None,
    }


#: Values of every type, and of shapes that charts do not have.
_ODD: tuple[Any, ...] = (
    None,
    True,
    5,
    -1.5,
    "",
    "text",
    [],
    ["text"],
    [[]],
    {},
    {"a": [1]},
    [{"name": 5, "port": "x"}],
)


def _texts(entry: Any) -> set[str]:
    """Every text of an entry, those that name a value among them."""
    if isinstance(entry, str):
        return {entry}
    parts = [*entry, *entry.values()] if isinstance(entry, dict) else entry if isinstance(entry, list) else []
    return set[str]().union(*map(_texts, parts))


@pytest.mark.parametrize("chart", sorted(entries()))
def test_values_of_a_wrong_type_are_no_failure(chart: str) -> None:
    for path in sorted(text for text in _texts(dict(entries()[chart])) if re.fullmatch(r"\w[\w.-]*", text)):
        for odd in _ODD:
            parts, values = path.split("."), odd
            for part in reversed(parts):
                values = {part: values}
            make(replace(release(chart), values={**yaml.safe_load(NEEDED.get(chart, "{}")), **values}))


def test_a_release_that_no_reader_expects_is_not_known_and_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(one: Release) -> Iterator[dict[str, Any]]:
        if one.name == "odd":
            raise TypeError("unhashable type: 'dict'")
        return common_objects(one)

    monkeypatch.setattr(common, "common_objects", failing)
    odd, plain = make_all([release("coredns", "{}", "odd"), release("coredns", "{}", "plain")], no_render)
    assert not odd.manifests and not odd.complete
    assert odd.reason == "reading its values failed: TypeError: unhashable type: 'dict'"
    assert plain.manifests
