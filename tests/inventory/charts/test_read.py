"""What the data say of charts whose templates were read: names, labels, ports and accounts for given values."""

from __future__ import annotations

import pytest

from tests.inventory.charts.test_common import made

NAME, INSTANCE = "app.kubernetes.io/name", "app.kubernetes.io/instance"
COMPONENT, PART = "app.kubernetes.io/component", "app.kubernetes.io/part-of"

#: Chart, release, values; the object, its pods' labels, account and ports, and whether it is on the host network.
PODS = [
    ("traefik", "edge", "{}", "Deployment edge-traefik", {NAME: "traefik", INSTANCE: "edge-infra"}, "edge-traefik"),
    (
        "traefik",
        "edge",
        "{namespaceOverride: web, deployment: {kind: DaemonSet, podLabels: {a: b}}, serviceAccount: {name: z}}",
        "DaemonSet edge-traefik",
        {NAME: "traefik", INSTANCE: "edge-web", "a": "b"},
        "z",
    ),
    (
        "traefik",
        "t",
        "{instanceLabelOverride: i}",
        "Deployment t-traefik",
        {NAME: "traefik", INSTANCE: "i"},
        "t-traefik",
    ),
    (
        "external-dns",
        "dns",
        "{serviceAccount: {create: false}, commonLabels: {a: b}}",
        "Deployment dns-external-dns",
        {NAME: "external-dns", INSTANCE: "dns"},
        "default",
    ),
    (
        "coredns",
        "coredns",
        "{serviceAccount: {create: true}, isClusterService: false, customLabels: {a: b}, deployment: {name: d}}",
        "Deployment d",
        {NAME: "coredns", INSTANCE: "coredns", "a": "b"},
        "coredns",
    ),
    ("coredns", "coredns", "{}", "Deployment coredns", {"k8s-app": "coredns", NAME: "coredns"}, "default"),
    (
        "external-secrets",
        "es",
        "{webhook: {podLabels: {a: b}}}",
        "Deployment es-external-secrets-webhook",
        {NAME: "external-secrets-webhook", INSTANCE: "es", "a": "b"},
        "external-secrets-webhook",
    ),
    (
        "kube-prometheus-stack",
        "kps",
        "{grafana: {nameOverride: g, podLabels: {a: b}}}",
        "Deployment kps-g",
        {NAME: "g", INSTANCE: "kps", "a": "b"},
        "kps-g",
    ),
    (
        "kube-prometheus-stack",
        "kps",
        "{kube-state-metrics: {fullnameOverride: ksm, customLabels: {a: b}}, commonLabels: {c: d}}",
        "Deployment ksm",
        {NAME: "kube-state-metrics", INSTANCE: "kps", COMPONENT: "metrics", "a": "b"},
        "ksm",
    ),
    (
        "kube-prometheus-stack",
        "a-name-that-is-very-long-for-it",
        "{}",
        "Deployment a-name-that-is-very-long-f-operator",
        {NAME: "kube-prometheus-stack-prometheus-operator", "release": "a-name-that-is-very-long-for-it"},
        "a-name-that-is-very-long-f-operator",
    ),
    (
        "argo-cd",
        "cd",
        "{global: {podLabels: {a: b}}}",
        "Deployment cd-argocd-repo-server",
        {NAME: "argocd-repo-server", INSTANCE: "cd", COMPONENT: "repo-server", PART: "argocd", "a": "b"},
        "cd-argocd-repo-server",
    ),
    (
        "argo-cd",
        "argocd",
        "{server: {serviceAccount: {create: false}}}",
        "Deployment argocd-server",
        {NAME: "argocd-server"},
        "default",
    ),
    (
        "kyverno",
        "ky",
        "{fullnameOverride: full, admissionController: {podLabels: {a: b}}}",
        "Deployment full-admission-controller",
        {COMPONENT: "admission-controller", INSTANCE: "ky", PART: "full", "a": "b"},
        "kyverno-admission-controller",
    ),
    (
        "authentik",
        "auth",
        "{}",
        "Deployment auth-authentik-server",
        {NAME: "authentik", INSTANCE: "auth", COMPONENT: "server"},
        "default",
    ),
    ("authentik", "auth", "{}", "Deployment auth-authentik-worker", {COMPONENT: "worker"}, "authentik"),
    (
        "authentik",
        "auth",
        "{serviceAccount: {create: false}}",
        "Deployment auth-authentik-worker",
        {COMPONENT: "worker"},
        "default",
    ),
    ("loki", "logs", "{}", "StatefulSet loki-write", {NAME: "loki", INSTANCE: "logs", COMPONENT: "write"}, "loki"),
    (
        "loki",
        "logs",
        "{deploymentMode: SingleBinary, singleBinary: {replicas: 1}}",
        "StatefulSet logs-loki",
        {NAME: "loki", COMPONENT: "single-binary"},
        "loki",
    ),
    (
        "mimir-distributed",
        "m",
        "{}",
        "StatefulSet m-mimir-ingester-zone-b",
        {NAME: "mimir", COMPONENT: "ingester", PART: "memberlist"},
        "m-mimir",
    ),
    (
        "mimir-distributed",
        "m",
        "{ingester: {zoneAwareReplication: {enabled: false}}}",
        "StatefulSet m-mimir-ingester",
        {COMPONENT: "ingester"},
        "m-mimir",
    ),
    (
        "keda",
        "keda",
        "{podLabels: {keda: {a: b}}, serviceAccount: {name: all}}",
        "Deployment keda-operator",
        {"app": "keda-operator", "a": "b", COMPONENT: "operator"},
        "all",
    ),
    ("pgo", "p", "{}", "Deployment pgo", {"postgres-operator.crunchydata.com/control-plane": "pgo"}, "pgo"),
    ("haproxy", "h", "{kind: DaemonSet}", "DaemonSet h-haproxy", {NAME: "haproxy", INSTANCE: "h"}, "h-haproxy"),
    (
        "kubechecks",
        "checks",
        "{serviceAccount: {name: '{{ include \"kubechecks.fullname\" . }}'}, commonLabels: {a: b}}",
        "Deployment checks-kubechecks",
        {NAME: "kubechecks", INSTANCE: "checks", "a": "b"},
        "checks-kubechecks",
    ),
    ("nextcloud", "n", "{}", "Deployment n-nextcloud", {COMPONENT: "app"}, "default"),
    ("nextcloud", "n", "{rbac: {enabled: true}}", "Deployment n-nextcloud", {}, "nextcloud-serviceaccount"),
    (
        "victoria-logs-single",
        "vl",
        "{server: {podLabels: {a: b}}}",
        "StatefulSet vl-victoria-logs-single-server",
        {"app": "server", NAME: "victoria-logs-single", INSTANCE: "vl", "a": "b"},
        "vl-victoria-logs-single-server",
    ),
    (
        "gateway-helm",
        "eg",
        "{deployment: {pod: {labels: {a: b}}}}",
        "Deployment envoy-gateway",
        {"control-plane": "envoy-gateway", NAME: "gateway-helm", INSTANCE: "eg", "a": "b"},
        "envoy-gateway",
    ),
    ("rook-ceph", "rook", "{}", "Deployment rook-ceph-operator", {"app": "rook-ceph-operator"}, "rook-ceph-system"),
    ("trust-manager", "tm", "{app: {podLabels: {a: b}}}", "Deployment trust-manager", {"a": "b"}, "trust-manager"),
    ("reflector", "r", "{}", "Deployment r-reflector", {NAME: "reflector", INSTANCE: "r"}, "r-reflector"),
    (
        "renovate-operator",
        "renovate-operator",
        "{}",
        "Deployment renovate-operator-renovate-operator",
        {"app": "renovate-operator-renovate-operator"},
        "renovate-operator-renovate-operator",
    ),
    ("headlamp", "headlamp", "{}", "Deployment headlamp", {NAME: "headlamp", INSTANCE: "headlamp"}, "headlamp"),
    ("vault", "vault", "{}", "StatefulSet vault", {NAME: "vault", "component": "server"}, "vault"),
    (
        "vault",
        "v",
        "{injector: {extraLabels: {a: b}}}",
        "Deployment v-vault-agent-injector",
        {NAME: "vault-agent-injector", "component": "webhook", "a": "b"},
        "v-vault-agent-injector",
    ),
]


@pytest.mark.parametrize(("chart", "name", "values", "pods", "labels", "account"), PODS)
def test_pods(chart: str, name: str, values: str, pods: str, labels: dict[str, str], account: str) -> None:
    found = made(chart, values, name)
    template = found[pods]["spec"]["template"]
    assert labels.items() <= template["metadata"]["labels"].items()
    assert template["spec"]["serviceAccountName"] == account


@pytest.mark.parametrize(
    ("chart", "values", "pods", "label"),
    [
        ("external-dns", "{commonLabels: {a: b}}", "Deployment external-dns", "a"),
        ("coredns", "{isClusterService: false}", "Deployment coredns", "k8s-app"),
        ("kyverno", "{}", "Deployment kyverno-admission-controller", NAME),
        ("flux-instance", "{}", "Deployment source-controller", COMPONENT),
        ("kube-prometheus-stack", "{commonLabels: {a: b}}", "Deployment kube-prometheus-stack-grafana", "a"),
    ],
)
def test_labels_that_pods_do_not_have(chart: str, values: str, pods: str, label: str) -> None:
    assert label not in made(chart, values)[pods]["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize(
    ("chart", "values", "there", "gone"),
    [
        (
            "argo-cd",
            "{redis-ha: {enabled: true}}",
            "Deployment argo-cd-argocd-server",
            "Deployment argo-cd-argocd-redis",
        ),
        ("authentik", "{server: {enabled: false}}", "Deployment authentik-worker", "Service authentik-server"),
        ("cilium", "{hubble: {enabled: false, relay: {enabled: true}}}", "DaemonSet cilium", "Deployment hubble-relay"),
        ("grafana", "{useStatefulSet: true}", "StatefulSet grafana", "Deployment grafana"),
        ("grafana", "{service: {enabled: false}}", "Deployment grafana", "Service grafana"),
        ("grafana", "{extraExposePorts: [{port: 1}]}", "Deployment grafana", "Service grafana"),
        ("coredns", "{servers: [{port: 5353}]}", "Deployment coredns", "Service coredns"),
        ("external-dns", "{provider: {name: webhook}}", "Deployment external-dns", "Service external-dns"),
        ("traefik", "{deployment: {enabled: false}}", "Service traefik", "Deployment traefik"),
        ("reflector", "{}", "Deployment reflector", "CronJob reflector"),
        (
            "kube-prometheus-stack",
            "{grafana: {namespaceOverride: web}, prometheus: {service: {enabled: false}}}",
            "DaemonSet kube-prometheus-stack-prometheus-node-exporter",
            "Deployment kube-prometheus-stack-grafana",
        ),
        (
            "vault",
            "{injector: {externalVaultAddr: 'https://v'}}",
            "Deployment vault-agent-injector",
            "StatefulSet vault",
        ),
        ("longhorn", "{}", "Service longhorn-frontend", "Service longhorn-ui"),
        ("victoria-logs-single", "{}", "StatefulSet victoria-logs-single-server", "Deployment victoria-logs-single"),
    ],
)
def test_parts(chart: str, values: str, there: str, gone: str) -> None:
    found = made(chart, values)
    assert there in found and gone not in found


@pytest.mark.parametrize(
    ("chart", "values", "pods", "on_host"),
    [
        ("cilium", "{}", "Deployment cilium-operator", True),
        ("cilium", "{operator: {hostNetwork: false}}", "Deployment cilium-operator", False),
        ("csi-driver-nfs", "{}", "Deployment csi-nfs-controller", True),
        ("prometheus-smartctl-exporter", "{}", "DaemonSet prometheus-smartctl-exporter-0", True),
        ("kube-prometheus-stack", "{}", "DaemonSet kube-prometheus-stack-prometheus-node-exporter", True),
        ("rook-ceph", "{useOperatorHostNetwork: true}", "Deployment rook-ceph-operator", True),
    ],
)
def test_host_network(chart: str, values: str, pods: str, on_host: bool) -> None:
    assert made(chart, values)[pods]["spec"]["template"]["spec"]["hostNetwork"] is on_host


@pytest.mark.parametrize(
    ("chart", "values", "service", "kind", "selector", "ports"),
    [
        ("grafana", "{service: {type: NodePort}}", "grafana", "NodePort", {NAME: "grafana"}, [(80, 3000)]),
        ("coredns", "{serviceType: LoadBalancer}", "coredns", "LoadBalancer", {}, [(53, "udp-53"), (53, "tcp-53")]),
        (
            "kube-prometheus-stack",
            "{cleanPrometheusOperatorObjectNames: true}",
            "kube-prometheus-stack-prometheus",
            "ClusterIP",
            {NAME: "prometheus", "operator.prometheus.io/name": "kube-prometheus-stack"},
            [(9090, 9090), (8080, "reloader-web")],
        ),
        (
            "kube-prometheus-stack",
            "{}",
            "kube-prometheus-stack-alertmanager",
            "ClusterIP",
            {"alertmanager": "kube-prometheus-stack-alertmanager"},
            [(9093, 9093), (8080, "reloader-web")],
        ),
        (
            "argo-cd",
            "{server: {name: web, service: {type: LoadBalancer}}}",
            "argo-cd-argocd-web",
            "LoadBalancer",
            {NAME: "argocd-web"},
            [(80, 8080), (443, 8080)],
        ),
        ("cilium", "{hubble: {relay: {enabled: true}}}", "hubble-relay", "ClusterIP", {}, [(80, 4245)]),
        ("longhorn", "{service: {ui: {type: Rancher-Proxy}}}", "longhorn-frontend", "ClusterIP", {}, [(80, "http")]),
        ("vault", "{}", "vault", "ClusterIP", {"component": "server"}, [(8200, 8200), (8201, 8201)]),
    ],
)
def test_services(
    chart: str, values: str, service: str, kind: str, selector: dict[str, str], ports: list[tuple[int, int | str]]
) -> None:
    spec = made(chart, values)[f"Service {service}"]["spec"]
    assert spec["type"] == kind and selector.items() <= spec["selector"].items()
    assert [(port["port"], port["targetPort"]) for port in spec["ports"]] == ports


def test_ports_that_values_change_are_not_told() -> None:
    pod = made("coredns", "{servers: [{port: 5353}]}")["Deployment coredns"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["ports"] == []
    pod = made("spegel", "{service: {registry: {port: 6000}}}")["DaemonSet spegel"]["spec"]["template"]["spec"]
    assert [port["containerPort"] for port in pod["containers"][0]["ports"]] == [6000, 5001, 9090]


def test_what_values_give_the_container() -> None:
    values = "{env: [{name: A, value: b}], extraArgs: [--x=y], envFrom: [{configMapRef: {name: m}}]}"
    pod = made("external-dns", values)["Deployment external-dns"]["spec"]["template"]["spec"]
    given = {key: pod["containers"][0][key] for key in ("env", "args", "envFrom")}
    assert given == {
        "env": [{"name": "A", "value": "b"}],
        "args": ["--x=y"],
        "envFrom": [{"configMapRef": {"name": "m"}}],
    }
    pod = made("grafana", "{env: {GF_DATABASE_HOST: db.shop.svc}}")["Deployment grafana"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["env"] == [{"name": "GF_DATABASE_HOST", "value": "db.shop.svc"}]
