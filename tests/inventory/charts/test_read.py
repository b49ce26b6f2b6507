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
    (
        "argo-workflows",
        "wf",
        "{server: {podLabels: {a: b}}}",
        "Deployment wf-argo-workflows-server",
        {NAME: "argo-workflows-server", INSTANCE: "wf", COMPONENT: "server", PART: "argo-workflows", "a": "b"},
        "wf-argo-workflows-server",
    ),
    (
        "argo-workflows",
        "argo-workflows",
        "{controller: {name: ctl, serviceAccount: {name: s}}}",
        "Deployment argo-workflows-ctl",
        {NAME: "argo-workflows-ctl", COMPONENT: "ctl"},
        "s",
    ),
    (
        "opentelemetry-collector",
        "otel",
        "{mode: daemonset, hostNetwork: false, podLabels: {a: b}}",
        "DaemonSet otel-opentelemetry-collector-agent",
        {NAME: "opentelemetry-collector", INSTANCE: "otel", "component": "agent-collector", "a": "b"},
        "otel-opentelemetry-collector",
    ),
    (
        "opentelemetry-collector",
        "otel",
        "{mode: statefulset, fullnameOverride: gateway, serviceAccount: {create: false}}",
        "StatefulSet gateway",
        {"component": "statefulset-collector"},
        "default",
    ),
    (
        "opentelemetry-operator",
        "example",
        "{}",
        "Deployment example-opentelemetry-operator",
        {NAME: "opentelemetry-operator", INSTANCE: "example", COMPONENT: "controller-manager"},
        "opentelemetry-operator",
    ),
    (
        "silence-operator",
        "s",
        "{}",
        "Deployment silence-operator",
        {"app": "silence-operator", NAME: "silence-operator", INSTANCE: "s"},
        "silence-operator",
    ),
    ("tempo", "t", "{podLabels: {a: b}}", "StatefulSet t-tempo", {NAME: "tempo", INSTANCE: "t", "a": "b"}, "t-tempo"),
    (
        "eck-operator",
        "elastic-operator",
        "{nameOverride: elastic-operator}",
        "StatefulSet elastic-operator",
        {NAME: "elastic-operator", INSTANCE: "elastic-operator"},
        "elastic-operator",
    ),
    ("kromgo", "kromgo", "{}", "Deployment kromgo", {NAME: "kromgo", INSTANCE: "kromgo"}, "kromgo"),
    ("konflate", "k", "{serviceAccount: {name: z}}", "Deployment k-konflate", {NAME: "konflate", INSTANCE: "k"}, "z"),
    (
        "oauth2-proxy",
        "auth",
        "{serviceAccount: {enabled: false}, customLabels: {a: b}, podLabels: {c: d}}",
        "Deployment auth-oauth2-proxy",
        {"app": "oauth2-proxy", NAME: "oauth2-proxy", INSTANCE: "auth", COMPONENT: "authentication-proxy", "a": "b"},
        "default",
    ),
    ("redis-operator", "r", "{}", "Deployment redis-operator", {"name": "redis-operator"}, "redis-operator"),
    (
        "redis-operator",
        "r",
        "{redisOperator: {name: op, podLabels: {a: b}}, serviceAccountName: s}",
        "Deployment op",
        {"name": "op", "a": "b"},
        "s",
    ),
    ("coredns", "coredns", "{}", "Deployment coredns", {"k8s-app": "coredns", NAME: "coredns"}, "default"),
    (
        "flux-instance",
        "flux-instance",
        "{}",
        "Deployment helm-controller",
        {"app": "helm-controller", COMPONENT: "helm-controller", PART: "flux"},
        "helm-controller",
    ),
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
    (
        "prometheus-adapter",
        "pa",
        "{customLabels: {a: b}, hostNetwork: {enabled: false}}",
        "Deployment pa-prometheus-adapter",
        {NAME: "prometheus-adapter", INSTANCE: "pa", COMPONENT: "metrics", PART: "prometheus-adapter", "a": "b"},
        "pa-prometheus-adapter",
    ),
    (
        "tuppr",
        "tuppr",
        "{podLabels: {a: b}}",
        "Deployment tuppr",
        {NAME: "tuppr", INSTANCE: "tuppr", "a": "b"},
        "tuppr",
    ),
    (
        "gatekeeper",
        "g",
        "{podLabels: {a: b}}",
        "Deployment gatekeeper-controller-manager",
        {"app": "gatekeeper", "control-plane": "controller-manager", "release": "g", "heritage": "Helm", "a": "b"},
        "gatekeeper-admin",
    ),
    (
        "gatekeeper",
        "g",
        "{audit: {hostNetwork: false}}",
        "Deployment gatekeeper-audit",
        {"chart": "gatekeeper", "gatekeeper.sh/operation": "audit", "gatekeeper.sh/system": "yes"},
        "gatekeeper-admin",
    ),
    (
        "plugin-barman-cloud",
        "b",
        "{namespaceOverride: cnpg, podLabels: {a: b}}",
        "Deployment b-plugin-barman-cloud",
        {NAME: "plugin-barman-cloud", INSTANCE: "b", "a": "b"},
        "b-plugin-barman-cloud",
    ),
    (
        "alloy",
        "logs",
        "{controller: {type: statefulset, podLabels: {a: b}}}",
        "StatefulSet logs-alloy",
        {NAME: "alloy", INSTANCE: "logs", "a": "b"},
        "logs-alloy",
    ),
    (
        "vector",
        "v",
        "{role: Agent}",
        "DaemonSet v-vector",
        {NAME: "vector", INSTANCE: "v", COMPONENT: "Agent"},
        "v-vector",
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
    (
        "democratic-csi",
        "zfs",
        "{controller: {podLabels: {a: b}}}",
        "Deployment zfs-democratic-csi-controller",
        {NAME: "democratic-csi", INSTANCE: "zfs", COMPONENT: "controller-linux", "a": "b"},
        "zfs-democratic-csi-controller-sa",
    ),
    (
        "democratic-csi",
        "zfs",
        "{node: {rbac: {enabled: false}}}",
        "DaemonSet zfs-democratic-csi-node",
        {COMPONENT: "node-linux", "app.kubernetes.io/csi-role": "node"},
        "default",
    ),
    (
        "redis",
        "cache",
        "{master: {podLabels: {a: b}}}",
        "StatefulSet cache-redis-master",
        {NAME: "redis", INSTANCE: "cache", COMPONENT: "master", "a": "b"},
        "cache-redis-master",
    ),
    (
        "redis",
        "redis",
        "{replica: {kind: Deployment}}",
        "Deployment redis-replicas",
        {COMPONENT: "replica"},
        "redis-replica",
    ),
    (
        "postgresql",
        "db",
        "{commonLabels: {a: b}}",
        "StatefulSet db-postgresql",
        {NAME: "postgresql", INSTANCE: "db", COMPONENT: "primary", "a": "b"},
        "db-postgresql",
    ),
    (
        "postgresql",
        "db",
        "{architecture: replication, serviceAccount: {create: false}}",
        "StatefulSet db-postgresql-primary",
        {COMPONENT: "primary"},
        "default",
    ),
    ("minio", "s3", "{}", "StatefulSet s3-minio", {"app": "minio", "release": "s3"}, "minio-sa"),
    (
        "minio",
        "s3",
        "{mode: standalone, serviceAccount: {create: false}}",
        "Deployment s3-minio",
        {"app": "minio"},
        "default",
    ),
    (
        "harbor",
        "h",
        "{core: {podLabels: {a: b}}}",
        "Deployment h-harbor-core",
        {"component": "core", "a": "b"},
        "default",
    ),
    ("harbor", "h", "{registry: {serviceAccountName: r}}", "Deployment h-harbor-registry", {"release": "h"}, "r"),
    ("descheduler", "d", "{kind: Deployment}", "Deployment d-descheduler", {NAME: "descheduler"}, "d-descheduler"),
    ("sealed-secrets", "s", "{namespace: web}", "Deployment s-sealed-secrets", {INSTANCE: "s"}, "s-sealed-secrets"),
    (
        "trivy-operator",
        "t",
        "{operator: {podLabels: {a: b}}}",
        "Deployment t-trivy-operator",
        {NAME: "trivy-operator", "a": "b"},
        "t-trivy-operator",
    ),
    (
        "strimzi-kafka-operator",
        "s",
        "{labels: {a: b}}",
        "Deployment strimzi-cluster-operator",
        {"name": "strimzi-cluster-operator", "strimzi.io/kind": "cluster-operator", "a": "b"},
        "strimzi-cluster-operator",
    ),
    (
        "nvidia-device-plugin",
        "n",
        "{}",
        "DaemonSet n-nvidia-device-plugin",
        {NAME: "nvidia-device-plugin"},
        "n-nvidia-device-plugin-service-account",
    ),
    (
        "intel-device-plugins-operator",
        "i",
        "{}",
        "Deployment inteldeviceplugins-controller-manager",
        {"control-plane": "controller-manager"},
        "default",
    ),
    ("keycloakx", "k", "{podLabels: {a: b}}", "StatefulSet k-keycloakx", {NAME: "keycloakx", "a": "b"}, "k-keycloakx"),
    (
        "kubernetes-dashboard",
        "kd",
        "{}",
        "Deployment kd-kubernetes-dashboard-web",
        {NAME: "kubernetes-dashboard-web", COMPONENT: "web", PART: "kubernetes-dashboard"},
        "kd-kubernetes-dashboard-web",
    ),
    ("falco", "f", "{controller: {kind: deployment}}", "Deployment f-falco", {NAME: "falco"}, "f-falco"),
    ("emqx", "e", "{}", "StatefulSet e-emqx", {"app": "emqx", INSTANCE: "e"}, "e-emqx"),
    ("home-assistant", "ha", "{}", "StatefulSet ha-home-assistant", {NAME: "home-assistant"}, "ha-home-assistant"),
    ("goldilocks", "g", "{}", "Deployment g-goldilocks-dashboard", {COMPONENT: "dashboard"}, "g-goldilocks-dashboard"),
    ("cloudflare-tunnel", "c", "{}", "Deployment c-cloudflare-tunnel", {INSTANCE: "c"}, "c-cloudflare-tunnel"),
    (
        "victoria-logs-collector",
        "v",
        "{podLabels: {a: b}}",
        "DaemonSet v-victoria-logs-collector",
        {NAME: "victoria-logs-collector", "a": "b"},
        "v-victoria-logs-collector",
    ),
    ("forgejo", "f", "{deployment: {labels: {a: b}}}", "Deployment f-forgejo", {"app": "forgejo", "a": "b"}, "default"),
    ("forgejo", "f", "{serviceAccount: {create: true}}", "Deployment f-forgejo", {}, "f-forgejo"),
    (
        "velero",
        "v",
        "{deployNodeAgent: true, nodeAgent: {labels: {c: d}, podLabels: {a: b}}}",
        "DaemonSet node-agent",
        {"name": "node-agent", "role": "node-agent", "a": "b"},
        "v-velero-server",
    ),
    (
        "cilium",
        "cilium",
        "{clustermesh: {useAPIServer: true, apiserver: {podLabels: {a: b}}}}",
        "Deployment clustermesh-apiserver",
        {"k8s-app": "clustermesh-apiserver", PART: "cilium", "a": "b"},
        "clustermesh-apiserver",
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
        ("kube-prometheus-stack", "{commonLabels: {a: b}}", "Deployment kube-prometheus-stack-grafana", "a"),
        ("velero", "{deployNodeAgent: true, podLabels: {a: b}}", "DaemonSet node-agent", "a"),
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
        ("coredns", "{servers: [{port: '5353'}]}", "Deployment coredns", "Service coredns"),
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
        ("cilium", "{clustermesh: {useAPIServer: true}}", "Service clustermesh-apiserver", "Service hubble-relay"),
        (
            "cilium",
            "{clustermesh: {useAPIServer: true, apiserver: {kvstoremesh: {kvstoreMode: external}}}}",
            "Deployment clustermesh-apiserver",
            "Service clustermesh-apiserver",
        ),
        ("redis", "{architecture: standalone}", "StatefulSet redis-master", "StatefulSet redis-replicas"),
        (
            "redis",
            "{master: {serviceAccount: {create: false}}}",
            "StatefulSet redis-replicas",
            "StatefulSet redis-master",
        ),
        ("postgresql", "{}", "Service postgresql", "Service postgresql-primary"),
        ("minio", "{}", "Service minio", "Deployment minio"),
        ("harbor", "{internalTLS: {enabled: true}}", "Deployment harbor-core", "Service harbor-core"),
        (
            "democratic-csi",
            "{controller: {strategy: node}}",
            "DaemonSet democratic-csi-node",
            "Deployment democratic-csi-controller",
        ),
        (
            "goldilocks",
            "{controller: {enabled: false}}",
            "Service goldilocks-dashboard",
            "Deployment goldilocks-controller",
        ),
        ("loki", "{enterprise: {enabled: true}}", "StatefulSet loki-write", "Service loki-gateway"),
        (
            "mimir-distributed",
            "{query_frontend: {enabled: false}}",
            "Deployment mimir-distributed-querier",
            "Deployment mimir-distributed-query-frontend",
        ),
        ("victoria-logs-single", "{}", "StatefulSet victoria-logs-single-server", "Deployment victoria-logs-single"),
        (
            "argo-workflows",
            "{server: {enabled: false}}",
            "Deployment argo-workflows-workflow-controller",
            "Deployment argo-workflows-server",
        ),
        (
            "opentelemetry-collector",
            "{mode: daemonset}",
            "DaemonSet opentelemetry-collector-agent",
            "Service opentelemetry-collector",
        ),
        (
            "opentelemetry-collector",
            "{mode: deployment, ports: {zipkin: {enabled: false}}}",
            "Deployment opentelemetry-collector",
            "Service opentelemetry-collector",
        ),
        ("kromgo", "{service: {metricsEnabled: false}}", "Deployment kromgo", "Service kromgo"),
        ("oauth2-proxy", "{httpScheme: https}", "Deployment oauth2-proxy", "Service oauth2-proxy"),
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
        ("rook-ceph-cluster", "{toolbox: {enabled: true}}", "Deployment rook-ceph-tools", False),
        (
            "rook-ceph-cluster",
            "{toolbox: {enabled: true}, cephClusterSpec: {network: {provider: host}}}",
            "Deployment rook-ceph-tools",
            True,
        ),
        ("democratic-csi", "{}", "DaemonSet democratic-csi-node", True),
        ("democratic-csi", "{node: {hostNetwork: false}}", "DaemonSet democratic-csi-node", False),
        ("home-assistant", "{hostNetwork: true}", "StatefulSet home-assistant", True),
        ("secrets-store-csi-driver", "{linux: {hostNetwork: true}}", "DaemonSet secrets-store-csi-driver", False),
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
        ("redis", "{}", "redis-master", "ClusterIP", {COMPONENT: "master"}, [(6379, "redis")]),
        ("postgresql", "{}", "postgresql", "ClusterIP", {COMPONENT: "primary"}, [(5432, "tcp-postgresql")]),
        ("minio", "{service: {type: NodePort}}", "minio", "NodePort", {"app": "minio"}, [(9000, 9000)]),
        ("harbor", "{}", "harbor-core", "ClusterIP", {"component": "core"}, [(80, 8080)]),
        ("sealed-secrets", "{}", "sealed-secrets", "ClusterIP", {NAME: "sealed-secrets"}, [(8080, "http")]),
        ("kyverno", "{}", "kyverno-svc", "ClusterIP", {COMPONENT: "admission-controller"}, [(443, "https")]),
        ("loki", "{}", "loki-gateway", "ClusterIP", {COMPONENT: "gateway"}, [(80, "http-metrics")]),
        ("longhorn", "{}", "longhorn-backend", "ClusterIP", {"app": "longhorn-manager"}, [(9500, "manager")]),
        (
            "cilium",
            "{clustermesh: {useAPIServer: true}}",
            "clustermesh-apiserver",
            "NodePort",
            {"k8s-app": "clustermesh-apiserver"},
            [(2379, 2379)],
        ),
        ("argo-workflows", "{}", "argo-workflows-server", "ClusterIP", {NAME: "argo-workflows-server"}, [(2746, 2746)]),
        ("kromgo", "{}", "kromgo", "ClusterIP", {NAME: "kromgo"}, [(8080, "http"), (8081, "metrics")]),
        (
            "oauth2-proxy",
            "{service: {type: NodePort}}",
            "oauth2-proxy",
            "NodePort",
            {NAME: "oauth2-proxy"},
            [(80, "http"), (44180, "metrics")],
        ),
        ("oauth2-proxy", "{metrics: {enabled: false}}", "oauth2-proxy", "ClusterIP", {}, [(80, "http")]),
        (
            "prometheus-blackbox-exporter",
            "{}",
            "prometheus-blackbox-exporter",
            "ClusterIP",
            {NAME: "prometheus-blackbox-exporter"},
            [(9115, "http")],
        ),
    ],
)
def test_services(
    chart: str, values: str, service: str, kind: str, selector: dict[str, str], ports: list[tuple[int, int | str]]
) -> None:
    spec = made(chart, values)[f"Service {service}"]["spec"]
    assert spec["type"] == kind and selector.items() <= spec["selector"].items()
    assert [(port["port"], port["targetPort"]) for port in spec["ports"]] == ports


def test_a_service_without_an_address_is_headless() -> None:
    assert made("forgejo")["Service forgejo-http"]["spec"]["clusterIP"] == "None"
    addressed = made("forgejo", "{service: {http: {clusterIP: 10.0.0.9}}}")
    assert addressed["Service forgejo-http"]["spec"]["clusterIP"] == "10.0.0.9"
    assert "clusterIP" not in made("minio")["Service minio"]["spec"]


def test_ports_without_a_name_have_none() -> None:
    pod = made("harbor")["Deployment harbor-registry"]["spec"]["template"]["spec"]
    assert [port.get("name", "-") for port in pod["containers"][0]["ports"]] == ["-", "-"]


def test_ports_that_values_change_are_not_known() -> None:
    pod = made("coredns", "{servers: [{port: '5353'}]}")["Deployment coredns"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["ports"] == []
    pod = made("spegel", "{service: {registry: {port: 6000}}}")["DaemonSet spegel"]["spec"]["template"]["spec"]
    assert [port["containerPort"] for port in pod["containers"][0]["ports"]] == [6000, 5001, 9090]


@pytest.mark.parametrize(
    ("block", "pods", "service"),
    [
        ("{port: 5353}", {"udp-5353", "tcp-5353"}, {"udp-5353": 5353}),
        ("{port: 53, zones: [{zone: ., scheme: 'dns://', use_tcp: true}]}", {"udp-53", "tcp-53"}, None),
        ("{port: 53, zones: [{zone: ., scheme: 'dns://'}]}", {"udp-53"}, {"udp-53": 53}),
        ("{port: 1053, servicePort: 53, zones: [{scheme: 'tls://'}]}", {"tcp-1053"}, {"tcp-1053": 53}),
        (
            "{port: 53, plugins: [{name: prometheus, parameters: '0.0.0.0:9153'}]}",
            {"udp-53", "tcp-53", "tcp-9153"},
            {"udp-53": 53},
        ),
    ],
)
def test_ports_of_coredns_follow_its_servers(block: str, pods: set[str], service: dict[str, int] | None) -> None:
    found = made("coredns", f"{{servers: [{block}]}}")
    spec = found["Deployment coredns"]["spec"]["template"]["spec"]
    assert {port["name"] for port in spec["containers"][0]["ports"]} == pods
    made_ports = {port["name"]: port["port"] for port in found["Service coredns"]["spec"]["ports"]}
    assert made_ports == (service or {"udp-53": 53, "tcp-53": 53})


@pytest.mark.parametrize("block", ["{port: 53, plugins: [{name: prometheus}]}", "{port: 53, servicePort: '1'}", "x"])
def test_servers_of_coredns_that_are_not_followed(block: str) -> None:
    found = made("coredns", f"{{servers: [{block}]}}")
    assert "Service coredns" not in found
    assert found["Deployment coredns"]["spec"]["template"]["spec"]["containers"][0]["ports"] == []


def test_the_address_of_the_service_of_coredns() -> None:
    assert made("coredns", "{service: {clusterIP: 10.43.0.10}}")["Service coredns"]["spec"]["clusterIP"] == "10.43.0.10"
    assert "clusterIP" not in made("coredns")["Service coredns"]["spec"]


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
