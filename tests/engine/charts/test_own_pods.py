"""Policies in the templates of a chart that nothing installs, held against the pods that the chart itself makes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.engine.charts.support import CHART, Repository

POLICY = "chart/templates/policy.yaml"
VALUES = """\
service: {port: 80}
metrics: {enabled: false}
networkPolicy: {enabled: false}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  template:
    metadata:
      labels: {app.kubernetes.io/name: web, app.kubernetes.io/instance: {{ .Release.Name }}}
    spec:
      serviceAccountName: web
      containers:
      - name: web
        args: [--server, relay.tools.svc.cluster.local]
        ports:
        - {name: http, containerPort: 8080}
        - {name: metrics, containerPort: 9464}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}, labels: {app.kubernetes.io/name: web}}
spec:
  selector: {app.kubernetes.io/name: web, app.kubernetes.io/instance: {{ .Release.Name }}}
  ports:
  - {name: http, port: {{ .Values.service.port }}, targetPort: http}
  - {name: metrics, port: 9464, targetPort: metrics}
"""
MONITOR = """\
{{- if .Values.metrics.enabled }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: web}}
  endpoints: [{port: metrics}]
{{- end }}
"""
HEAD = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: {{ .Release.Name }}
spec:
  endpointSelector:
    matchLabels:
      app.kubernetes.io/name: web
      app.kubernetes.io/instance: {{ .Release.Name }}
"""
INGRESS = """\
  ingress:
  - fromEntities: [cluster]
    toPorts:
    - ports:
      - {port: "8080", protocol: TCP}
"""
EGRESS = """\
  egress:
  - toEndpoints:
    - matchLabels: {k8s:io.kubernetes.pod.namespace: tools, app: relay}
"""
DNS = """\
  - toEndpoints:
    - matchLabels: {k8s:io.kubernetes.pod.namespace: kube-system, k8s-app: kube-dns}
"""


def found(repository: Repository, policy: str, more: Mapping[str, str] | None = None) -> list[str]:
    files = {
        **CHART,
        "chart/values.yaml": VALUES,
        "chart/templates/deployment.yaml": DEPLOYMENT,
        "chart/templates/service.yaml": SERVICE,
        "chart/templates/monitor.yaml": MONITOR,
        POLICY: policy,
        **(more or {}),
    }
    treated = repository.treat(files)
    assert not treated.errors
    assert treated.after[POLICY] == policy
    assert not any("release-name" in str(finding) for finding in treated.findings)
    return [finding["id"] for finding in treated.findings]


RIGHTS = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}
subjects: [{kind: ServiceAccount, name: web, namespace: {{ .Release.Namespace }}}]
"""

#: A policy of the chart, and what is wrong with it.
WRONG = {
    "the port of the metrics is shut": (HEAD + INGRESS, "unscraped-pods"),
    "no rule for DNS": (HEAD + EGRESS, "dns-refused"),
    "the port of the Service": (HEAD + INGRESS.replace("8080", "{{ .Values.service.port }}"), "service-port"),
    "a port that nothing in the chart has": (HEAD + INGRESS.replace('"8080"', '"8443"'), "unlistened-port"),
    "a label that the pods have not": (
        (HEAD + INGRESS).replace("instance: {{ .Release.Name }}", "instance: {{ .Release.Name }}-web"),
        "unselected-subject",
    ),
}


def test_pods_with_rights_need_the_api_server(repository: Repository) -> None:
    rights = {"chart/templates/rights.yaml": RIGHTS}
    assert found(repository, HEAD + EGRESS + DNS, rights) == ["unreached-service"]
    server = "  - toEntities: [kube-apiserver]\n"
    assert found(repository, HEAD + EGRESS + DNS + server, rights) == []


@pytest.mark.parametrize("name", WRONG)
def test_the_pods_of_the_chart_are_facts(repository: Repository, name: str) -> None:
    policy, wrong = WRONG[name]
    assert wrong in found(repository, policy)


def test_a_policy_that_the_values_leave_out_is_held_against_them_too(repository: Repository) -> None:
    policy = "{{- if .Values.networkPolicy.enabled }}\n" + HEAD + INGRESS + "{{- end }}\n"
    assert found(repository, policy) == ["unscraped-pods"]


METRICS = INGRESS.replace('"8080", protocol: TCP}\n', '"8080", protocol: TCP}\n      - {port: "9464", protocol: TCP}\n')
#: What looks like it, with other files of the chart where that matters.
RIGHT: dict[str, tuple[str, dict[str, str]]] = {
    "the metrics are let in": (HEAD + METRICS, {}),
    "the metrics are let in where there are any": (
        HEAD
        + INGRESS
        + '      {{- if .Values.metrics.enabled }}\n      - {port: "9464", protocol: TCP}\n      {{- end }}\n',
        {},
    ),
    "values may add rules": (
        HEAD + INGRESS + "  {{- with .Values.more }}\n  {{- toYaml . | nindent 2 }}\n  {{- end }}\n",
        {},
    ),
    "DNS is let out": (HEAD + EGRESS + DNS, {}),
    "values may let DNS out": (HEAD + EGRESS + "  {{- if .Values.dns }}\n" + DNS + "  {{- end }}\n", {}),
    "another policy of the chart lets DNS out": (
        HEAD + EGRESS,
        {"chart/templates/dns.yaml": HEAD.replace("name: {{ .Release.Name }}", "name: dns", 1) + "  egress:\n" + DNS},
    ),
    "a port of a container that other values add": (
        HEAD + METRICS.replace('"8080"', '"8443"'),
        {"chart/templates/sidecar.yaml": "{{- if .Values.sidecar }}\n# {containerPort: 8443}\n{{- end }}\n"},
    ),
    "pods of a dependency that is not in the repository": (
        (HEAD + METRICS).replace("name: web", "name: cache"),
        {"chart/Chart.yaml": CHART["chart/Chart.yaml"] + "dependencies: [{name: cache, version: 1.0.0}]\n"},
    ),
    "pods of another application": ((HEAD + METRICS).replace("  name: web", "  name: valkey"), {}),
    "pods that run only in `helm test`": (
        HEAD + METRICS,
        {
            "chart/templates/test.yaml": (
                DEPLOYMENT.replace("metadata: {name", "metadata: {annotations: {helm.sh/hook: test}, name", 1).replace(
                    "8080", "1"
                )
            )
        },
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_other_values_or_charts_may_make_is_not_missing(repository: Repository, name: str) -> None:
    policy, more = RIGHT[name]
    assert found(repository, policy, more) == []
