"""What app-template makes of its values: names, labels, ports, accounts, per version."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from rewriter.inventory.charts.app_template import objects
from rewriter.inventory.charts.naming import NotKnownError
from rewriter.inventory.facts.model import Source
from rewriter.inventory.releases.model import Chart, Release
from tests.inventory.support import inventory


def made(values: str, version: str | None = "4.6.2", name: str = "shop") -> dict[str, Any]:
    """The objects of a release by kind and name."""
    release = Release(name, "web", Chart("app-template", version), yaml.safe_load(values) or {}, Source("r.yaml", 1))
    return {f"{each['kind']} {each['metadata']['name']}": each for each in objects(release)}


def labels(manifest: Any) -> dict[str, str]:
    spec = manifest["spec"]
    template = spec["jobTemplate"]["spec"]["template"] if "jobTemplate" in spec else spec["template"]
    return dict(template["metadata"]["labels"])


ONE = """
controllers:
  shop:
    pod: {labels: {tier: front}}
    containers:
      app: {image: {repository: shop, tag: "1"}, env: {URL: http://db, TZ: {value: UTC}}, args: [--x],
            ports: [{name: http, containerPort: 8080}]}
service:
  app: {controller: shop, ports: {http: {port: 80, targetPort: 8080}, off: {enabled: false, port: 1}}}
"""
OWN = {"app.kubernetes.io/name": "shop", "app.kubernetes.io/instance": "shop"}


@pytest.mark.parametrize(
    ("version", "key"),
    [("3.7.1", "component"), ("2.0.0", "component"), ("4.6.2", "controller"), ("5.1.0", "controller")],
)
def test_pods_carry_the_label_of_their_version(version: str, key: str) -> None:
    found = made(ONE, version)
    deployment = found["Deployment shop" if version[0] != "2" else "Deployment shop-shop"]
    assert labels(deployment) == {**OWN, f"app.kubernetes.io/{key}": "shop", "tier": "front"}
    [service] = [each for each in found.values() if each["kind"] == "Service"]
    assert service["spec"]["selector"] == {**OWN, f"app.kubernetes.io/{key}": "shop"}
    assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "URL", "value": "http://db"}, {"name": "TZ", "value": "UTC"}]
    assert container["ports"] == [{"name": "http", "containerPort": 8080}]


def test_without_a_version_pods_have_the_labels_of_all() -> None:
    assert labels(made(ONE, None)["Deployment shop"]).keys() >= {
        "app.kubernetes.io/component",
        "app.kubernetes.io/controller",
    }


def test_version_one_has_one_controller_that_listens_on_its_services() -> None:
    found = made(
        "image: {repository: shop, tag: '1'}\nhostNetwork: true\npodLabels: {a: b}\n"
        "service: {main: {ports: {http: {port: 8080}}}, udp: {ports: {dns: {port: 53, protocol: UDP}}}}\n",
        "1.5.1",
    )
    assert labels(found["Deployment shop"]) == {**OWN, "a": "b"}
    pod = found["Deployment shop"]["spec"]["template"]["spec"]
    assert pod["hostNetwork"] is True
    assert [port["containerPort"] for port in pod["containers"][0]["ports"]] == [8080, 53]
    assert found["Service shop"]["spec"]["selector"] == found["Service shop-udp"]["spec"]["selector"] == OWN


def test_the_number_of_pods_of_kinds_that_have_one() -> None:
    found = made(
        "controllers: {shop: {replicas: 0}, tasks: {type: statefulset, replicas: 2}, "
        "agent: {type: daemonset, replicas: 1}, web: {}}\n"
    )
    assert {name: each["spec"].get("replicas") for name, each in found.items()} == {
        "Deployment shop-shop": 0,
        "StatefulSet shop-tasks": 2,
        "DaemonSet shop-agent": None,
        "Deployment shop-web": None,
    }


def test_several_controllers_and_services_have_suffixes() -> None:
    values = """
controllers:
  app: {type: statefulset, containers: {app: {image: a}}}
  tidy: {type: cronjob, containers: {app: {image: a}}, pod: {hostNetwork: true}}
  gone: {enabled: false}
service:
  app: {controller: app, ports: {http: {port: 80}}}
  metrics: {controller: tidy, forceRename: "{{ .Release.Name }}-m", ports: {http: {port: 81}}}
defaultPodOptions: {labels: {all: "yes"}}
"""
    found = made(values)
    assert set(found) == {"StatefulSet shop-app", "CronJob shop-tidy", "Service shop-app", "Service shop-m"}
    assert labels(found["CronJob shop-tidy"])["all"] == "yes"
    assert found["CronJob shop-tidy"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["hostNetwork"] is True
    assert found["Service shop-m"]["spec"]["selector"]["app.kubernetes.io/controller"] == "tidy"


@pytest.mark.parametrize(
    ("values", "version", "account"),
    [
        ("{}", "4.0.0", "default"),
        ("{}", "5.0.0", "shop"),
        ("{global: {createDefaultServiceAccount: false}}", "5.0.0", "default"),
        ("{serviceAccount: {create: true, name: own}}", "3.0.0", "own"),
        ("{serviceAccount: {create: true}}", "3.0.0", "shop"),
        ("{serviceAccount: {reader: {}}}", "4.0.0", "shop"),
    ],
)
def test_the_account_of_pods(values: str, version: str, account: str) -> None:
    found = made(yaml.safe_dump(yaml.safe_load(ONE) | yaml.safe_load(values)), version)
    assert found["Deployment shop"]["spec"]["template"]["spec"]["serviceAccountName"] == account


def test_network_policies_and_raw_resources_are_objects() -> None:
    values = f"""{ONE}
networkpolicies:
  shop: {{controller: shop, policyTypes: [Ingress], rules: {{ingress: [{{}}]}}}}
rawResources:
  job: {{apiVersion: v1, kind: Service, spec: {{spec: {{ports: [{{port: 1}}]}}}}}}
"""
    found = made(values)
    assert found["NetworkPolicy shop"]["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/controller"] == "shop"
    assert found["Service shop"]["spec"]["ports"]


TWO = """
controllers:
  web: {containers: {app: {image: {repository: x}}}}
  db: {containers: {app: {image: {repository: x}}}}
"""


def test_policies_of_a_type_and_those_of_cilium() -> None:
    found = made(
        f"""{TWO}
networkpolicies:
  web:
    type: cilium
    controller: web
    ingress: [{{fromController: db, toPorts: [{{ports: [{{port: "80"}}]}}]}}]
    egress: [{{toEntities: [kube-apiserver]}}]
  all:
    type: ciliumClusterwide
    endpointSelector: {{}}
    egressDeny: [{{toEntities: [world]}}]
  both:
    controllers: [web, db]
    policyTypes: [Ingress]
    rules: {{ingress: [{{from: [{{controller: web}}, {{ipBlock: {{cidr: 192.0.2.0/24}}}}]}}]}}
ciliumNetworkPolicies:
  old:
    controller: db
    extraSelectorLabels: {{tier: "{{{{ .Release.Name }}}}"}}
    enableDefaultDeny: {{egress: false}}
    egress: [{{}}]
""",
        "5.0.0",
    )
    assert {key.split()[0] for key in found} >= {
        "CiliumNetworkPolicy",
        "CiliumClusterwideNetworkPolicy",
        "NetworkPolicy",
    }
    labels = {"app.kubernetes.io/name": "shop", "app.kubernetes.io/instance": "shop"}
    web, db = ({"matchLabels": {**labels, "app.kubernetes.io/controller": name}} for name in ("web", "db"))
    assert found["CiliumNetworkPolicy shop-web"]["spec"] == {
        "endpointSelector": web,
        "ingress": [{"toPorts": [{"ports": [{"port": "80"}]}], "fromEndpoints": [db]}],
        "egress": [{"toEntities": ["kube-apiserver"]}],
    }
    everywhere = found["CiliumClusterwideNetworkPolicy shop-all"]
    assert everywhere["spec"] == {"endpointSelector": {}, "egressDeny": [{"toEntities": ["world"]}]}
    assert "namespace" not in everywhere["metadata"]
    among = {"key": "app.kubernetes.io/controller", "operator": "In", "values": ["db", "web"]}
    assert found["NetworkPolicy shop-both"]["spec"] == {
        "podSelector": {"matchLabels": labels, "matchExpressions": [among]},
        "ingress": [{"from": [{"podSelector": web}, {"ipBlock": {"cidr": "192.0.2.0/24"}}]}],
        "policyTypes": ["Ingress"],
    }
    assert found["CiliumNetworkPolicy shop"]["spec"] == {
        "endpointSelector": {"matchLabels": db["matchLabels"] | {"tier": "shop"}},
        "enableDefaultDeny": {"egress": False},
        "egress": [{}],
    }


@pytest.mark.parametrize(
    "policy",
    [
        "{type: calico}",
        "{controllers: ['w.*']}",
        "{podSelector: {}, rules: {ingress: [{from: [{controllers: ['.*']}]}]}}",
    ],
)
def test_a_policy_that_is_not_understood_hides(policy: str) -> None:
    with pytest.raises(NotKnownError):
        made(f"{TWO}networkpolicies: {{web: {policy}}}\n", "5.0.0")


MAPS = """
controllers:
  web: {containers: {app: {envFrom: [{configMapRef: {identifier: env}}, {configMapRef: {name: other}}, {secret: s}]}}}
  job: {containers: {app: {}}}
configMaps:
  env: {data: {API: https://api.example.com}}
  files: {data: {a.yaml: "x: 1"}}
  off: {enabled: false, data: {}}
persistence:
  files: {type: configMap, identifier: files, advancedMounts: {web: {app: [{path: /etc/web}]}}}
  shared: {type: configMap, name: shared-by-all}
  data: {type: emptyDir}
"""


def test_config_maps_and_the_pods_that_read_them() -> None:
    found = made(MAPS)
    assert found["ConfigMap shop-env"]["data"] == {"API": "https://api.example.com"}
    assert "ConfigMap shop-off" not in found
    pods = {name: found[f"Deployment shop-{name}"]["spec"]["template"]["spec"] for name in ("web", "job")}
    [container] = pods["web"]["containers"]
    assert [each["configMapRef"]["name"] for each in container["envFrom"]] == ["shop-env", "other"]
    assert [each["name"] for each in pods["web"]["volumes"]] == ["shop-files", "shared-by-all"]
    assert [each["name"] for each in pods["job"]["volumes"]] == ["shared-by-all"]


INGRESS = """
ingress:
  app:
    className: cilium
    annotations: {external-dns.alpha.kubernetes.io/target: "{{ .Release.Name }}.example.com"}
    hosts:
    - {host: "{{ .Release.Name }}.example.com", paths: [{path: /, service: {identifier: app, port: http}}]}
    - {host: "{{ .Values.other }}.example.com", paths: [{path: /, service: {identifier: app, port: http}}]}
"""


def test_hosts_of_ingresses_lead_to_the_services_of_the_release() -> None:
    ingress = made(ONE + INGRESS)["Ingress shop"]
    assert ingress["metadata"]["annotations"] == {"external-dns.alpha.kubernetes.io/target": "shop.example.com"}
    assert ingress["spec"]["ingressClassName"] == "cilium"
    [rule] = ingress["spec"]["rules"]
    assert rule["host"] == "shop.example.com"
    assert rule["http"]["paths"] == [{"backend": {"service": {"name": "shop", "port": {"name": "http"}}}}]


@pytest.mark.parametrize(
    ("version", "rules", "backends"),
    [
        ("4.6.2", "", [{"name": "shop", "port": 80}]),
        ("4.6.2", "rules: [{backendRefs: [{identifier: app, port: 80}]}]", [{"name": "shop", "port": 80}]),
        ("4.6.2", "rules: [{backendRefs: [{name: other, port: 81}]}]", [{"name": "other", "port": 81}]),
        ("2.6.0", "rules: [{backendRefs: [{name: app}]}]", [{"name": "shop-app", "port": 80}]),
        ("4.6.2", "rules: [{backendRefs: [{identifier: missing}]}]", []),
    ],
)
def test_routes_lead_to_the_services_of_the_release(version: str, rules: str, backends: list[Any]) -> None:
    parents = "parentRefs: [{name: gateway, namespace: network}]\n    hostnames: [shop.example.com]\n"
    values = f"{ONE}route:\n  app:\n    {parents}    {rules}\n"
    [route] = [each for each in made(values, version).values() if each["kind"] == "HTTPRoute"]
    assert route["spec"]["parentRefs"] == [{"name": "gateway", "namespace": "network"}]
    assert route["spec"]["hostnames"] == ["shop.example.com"]
    assert route["spec"]["rules"][0]["backendRefs"] == backends


RBAC = """
serviceAccount: {shop: {}}
rbac:
  roles: {shop: {type: ClusterRole, rules: []}}
  bindings:
    shop:
      type: ClusterRoleBinding
      roleRef: {identifier: shop}
      subjects: [{identifier: shop}, {kind: ServiceAccount, name: other, namespace: "{{ .Release.Namespace }}"}]
    off: {enabled: false, type: RoleBinding, subjects: [{identifier: shop}]}
    unknown: {type: RoleBinding, subjects: [{kind: ServiceAccount, name: "{{ .Values.account }}"}]}
"""


def test_bindings_give_rights_to_the_accounts_of_the_release() -> None:
    found = made(ONE + RBAC)
    [(name, binding)] = [(name, each) for name, each in found.items() if each["kind"].endswith("RoleBinding")]
    assert name == "ClusterRoleBinding shop-shop"
    assert binding["roleRef"] == {"kind": "ClusterRole", "name": "shop"}
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "shop", "namespace": "web"},
        {"kind": "ServiceAccount", "name": "other", "namespace": "web"},
    ]


def test_a_template_that_is_not_followed_is_not_guessed() -> None:
    with pytest.raises(NotKnownError, match="the template"):
        made('controllers: {a: {pod: {labels: {x: "{{ .Values.x }}"}}, containers: {a: {image: a}}}}')


RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: shop, namespace: web}
spec:
  chartRef: {kind: OCIRepository, name: app-template, namespace: flux-system}
%s  values:
    controllers: {shop: {containers: {app: {image: {repository: a, tag: "1"}, ports: [{containerPort: 8080}]}}}}
    service: {shop: {controller: shop, ports: {http: {port: 80, targetPort: 8080}}}}
"""


def test_a_release_is_a_fact_with_its_place_and_hides_nothing() -> None:
    found = inventory({"a/r.yaml": RELEASE % ""})
    [workload] = found.workloads_with({"app.kubernetes.io/name": "shop"})
    assert (workload.kind, workload.namespace, workload.ports[0].number) == ("Deployment", "web", 8080)
    assert str(workload.source) == "a/r.yaml:1 (chart app-template)"
    [service] = found.services("shop", "web")
    assert service.ports[0].target == 8080
    assert found.completeness("web").complete


@pytest.mark.parametrize(
    "more",
    [
        "  valuesFrom: [{kind: Secret, name: s}]\n",
        "  postRenderers: [{kustomize: {replacements: [{source: {kind: ConfigMap}}]}}]\n",
    ],
)
def test_what_is_not_all_read_still_hides(more: str) -> None:
    found = inventory({"a/r.yaml": RELEASE % more})
    assert found.workloads_with({"app.kubernetes.io/name": "shop"})
    assert not found.completeness("web").complete


def test_values_of_a_config_map_are_laid_below() -> None:
    config = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s, namespace: web}\n"
        "data:\n  values.yaml: |\n    defaultPodOptions: {labels: {from: map}}\n"
    )
    found = inventory({"a/r.yaml": RELEASE % "  valuesFrom: [{kind: ConfigMap, name: s}]\n", "a/c.yaml": config})
    assert found.workloads_with({"from": "map"})
    assert found.completeness("web").complete


def test_other_charts_hide() -> None:
    found = inventory({"a/r.yaml": (RELEASE % "").replace("app-template", "redis")})
    assert not found.all_workloads()
    assert not found.completeness("web").complete


def test_its_network_policies_are_among_those_of_the_cluster() -> None:
    policies = "networkpolicies: {all: {controller: shop, policyTypes: [Egress], rules: {egress: [{}]}}}"
    text = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: shop, namespace: web}\nspec:\n"
        "  chart: {spec: {chart: app-template, version: 4.6.2, sourceRef: {kind: HelmRepository, name: bjw-s}}}\n"
        f"  values: {{{policies}, controllers: {{shop: {{containers: {{app: {{image: {{repository: x}}}}}}}}}}}}\n"
    )
    (applied,) = inventory({"release.yaml": text}).policies
    assert applied.manifest["kind"] == "NetworkPolicy"
    assert applied.manifest["metadata"]["namespace"] == "web"
    assert not applied.doubt
