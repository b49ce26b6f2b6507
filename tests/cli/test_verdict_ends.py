"""`cnpfix verdict`: Services and names as ends of flows, the setting that decides, and what is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix

REPOSITORY = """apiVersion: v1
kind: Namespace
metadata: {name: prod}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: prod}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db, app.kubernetes.io/name: db}}
    spec: {containers: [{name: c, image: i, ports: [{name: sql, containerPort: 13306}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Service
metadata: {name: db-service, namespace: prod}
spec:
  clusterIP: 10.96.0.20
  selector: {app: db}
  ports: [{port: 3306, targetPort: sql}]
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: prod}
spec:
  selector: {app: db}
  ports: [{port: 3306, targetPort: 13306}]
---
apiVersion: v1
kind: Service
metadata: {name: mail, namespace: prod}
spec: {type: ExternalName, externalName: mail.example.com}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db, namespace: prod}
spec:
  endpointSelector: {matchLabels: {app: db}}
  ingress:
    - fromEndpoints: [{matchLabels: {app: web, k8s:io.kubernetes.pod.namespace: shop}}]
      toPorts: [{ports: [{port: "3306"}]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {}
  egress:
    - toEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: prod}}]
    - toFQDNs: [{matchName: api.example.com}]
"""

SERVICE_FOR_CLIENTS = """apiVersion: v1
kind: Service
metadata: {name: db-outside, namespace: prod}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Cluster
  selector: {app: db}
  ports: [{port: 3306, targetPort: sql}]
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A client, a database behind Services of two names, and the policies of both."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all.yaml").write_text(REPOSITORY)
    return tmp_path


def flow(destination: str, port: str = "3306", source: str = "shop/web", *more: str) -> dict[str, Any]:
    ran = cnpfix("verdict", "--source", source, "--destination", destination, "--port", port, "--format", "json", *more)
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "name", ["prod/db-service", "db-service", "svc/prod/db-service", "prod/service/db-service", "10.96.0.20"]
)
def test_a_service_is_its_backends_on_their_ports(shop: Path, name: str) -> None:
    found = flow(name)
    assert (found["allowed"], found["destination"], found["port"], found["service"]) == (
        False,
        name,
        3306,
        "prod/db-service",
    )
    [backend] = found["backends"]
    assert (backend["destination"], backend["port"], backend["ingress"]["reason"]) == ("prod/db", 13306, "default deny")
    assert found["ingress"] == backend["ingress"]


def test_a_client_may_come_in_by_a_node_that_is_let_in(shop: Path) -> None:
    policy = """---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db-for-nodes, namespace: prod}
spec:
  endpointSelector: {matchLabels: {app: db}}
  ingress: [{fromEntities: [cluster]}, {fromCIDR: [203.0.113.17/32]}]
"""
    outside = "---\n" + SERVICE_FOR_CLIENTS
    (shop / "outside.yaml").write_text(policy + outside)
    hint = "sends clients of other nodes on as `remote-node`, which is allowed"
    assert [hint in line for line in flow("statefulset/prod/db", "13306", "8.8.8.8")["missing"]] == [True]
    assert flow("statefulset/prod/db", "13306", "203.0.113.17")["missing"] == []
    (shop / "outside.yaml").write_text(policy + outside.replace("Cluster", "Local"))
    assert flow("statefulset/prod/db", "13306", "8.8.8.8")["missing"] == []


def test_a_headless_service_is_its_pods_on_the_port_that_is_asked_for(shop: Path) -> None:
    headless = """---
apiVersion: v1
kind: Service
metadata: {name: peers, namespace: prod}
spec:
  clusterIP: None
  selector: {app: db}
  ports: [{port: 80, targetPort: 13306}]
"""
    (shop / "headless.yaml").write_text(headless)
    for port in (80, 3306):
        [backend] = flow("prod/peers", str(port))["backends"]
        assert (backend["destination"], backend["port"]) == ("prod/db", port)
    ran = cnpfix("verdict", "--source", "shop/web", "--destination", "prod/peers", "--port", "80")
    assert "is headless" in ran.out
    assert "load balancing" not in ran.out


def test_a_name_of_the_cluster_s_dns_is_a_service(shop: Path) -> None:
    for name in ("db-service.prod", "db-service.prod.svc", "db-service.prod.svc.cluster.local."):
        assert flow(name)["service"] == "prod/db-service"


def test_the_port_decides_between_a_workload_and_its_service(shop: Path) -> None:
    assert flow("prod/db", "3306")["service"] == "prod/db"
    assert "service" not in flow("prod/db", "13306")
    assert "service" not in flow("statefulset/prod/db", "13306")


def test_a_port_that_no_container_has_is_said(shop: Path) -> None:
    found = flow("statefulset/prod/db", "3306")
    assert found["allowed"] is True
    assert found["missing"] == [
        "whether anything listens on 3306/TCP: the containers of StatefulSet prod/db, all.yaml:5 name 13306/TCP"
    ]


def test_text_names_the_backend(shop: Path) -> None:
    ran = cnpfix("verdict", "--source", "shop/web", "--destination", "db-service", "--port", "3306")
    assert ran.out.splitlines()[:3] == [
        "shop/web → db-service 3306/TCP on Cilium 1.19: denied",
        "  Service prod/db-service, all.yaml:23: load balancing comes before policy",
        "  backend prod/db 13306/TCP: denied",
    ]


@pytest.mark.parametrize(
    "name",
    ["web", "shop/web", "deploy/shop/web", "shop/deployment/web", "app=web", "shop/app=web", "k8s:app=web"],
)
def test_names_in_any_detail_mean_the_same(shop: Path, name: str) -> None:
    assert flow("db", "13306", name)["egress"]["allowed"] is True
    assert flow("api.example.org", "443", name)["egress"]["allowed"] is False


def test_the_key_of_a_label_may_have_a_prefix(shop: Path) -> None:
    found = flow("prod/app.kubernetes.io/name=db,app=db", "80")
    assert found["ingress"]["reason"] == "default deny"
    assert found["missing"] == ["other labels, port names and service account of prod/app.kubernetes.io/name=db,app=db"]


def test_a_dns_name_is_outside_and_its_addresses_are_not_known(shop: Path) -> None:
    found = flow("api.example.com", "443")
    assert (found["allowed"], found["egress"]["rules"][0]["line"]) == (True, 59)
    addresses, learned = found["missing"]
    assert addresses == "the addresses of api.example.com: rules by address may mean them"
    assert learned.startswith("how Cilium learns the addresses of api.example.com")
    assert flow("prod/mail", "25")["backends"][0]["destination"] == "mail.example.com"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("prod/gone", "prod/gone: no such workload in the inventory, and no such Service"),
        ("gone.prod.svc", "gone.prod.svc: no Service prod/gone is known"),
        ("cluster", "cluster: is an entity of several identities; name one, such as host"),
        ("app=none", "app=none: expected the namespace before the labels, as in shop/app=none"),
        ("a/b/c/app=db", "a/b/c/app=db: expected namespace/workload, namespace/service, namespace/key=value,"),
        ("=db", "=db: expected namespace/workload, namespace/service, namespace/key=value,"),
        ("prod/db-service", "Service prod/db-service, all.yaml:23: has no port 80/TCP; its ports are 3306/TCP → sql"),
    ],
)
def test_what_is_not_known_is_one_line(shop: Path, name: str, message: str) -> None:
    ran = cnpfix("verdict", "--source", "shop/web", "--destination", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"cnpfix: {message}")


@pytest.mark.parametrize(
    ("replaces", "version", "through"), [("false", "1.18", False), ("true", "1.18", True), ("false", "1.19", True)]
)
def test_an_external_address_leads_to_pods_where_cilium_balances(
    shop: Path, replaces: str, version: str, through: bool
) -> None:
    Path("more.yaml").write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: outside, namespace: prod}\n"
        "spec:\n  type: LoadBalancer\n  externalIPs: [198.51.100.10]\n  selector: {app: db}\n"
        "  ports: [{port: 3306, targetPort: 13306}]\n---\n"
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
        "metadata: {name: cilium, namespace: kube-system}\n"
        "spec:\n  chart: {spec: {chart: cilium, version: 1.18.0}}\n"
        f"  values: {{cluster: {{name: a}}, kubeProxyReplacement: {replaces}}}\n"
    )
    found = flow("198.51.100.10", "3306", "shop/web", "--to", version)
    assert ("backends" in found) is through


def test_a_name_in_two_namespaces_is_refused(shop: Path) -> None:
    """No flow is judged for one of two workloads without saying so."""
    text = REPOSITORY.partition("kind: Deployment")[2].partition("---")[0].replace("namespace: shop", "namespace: prod")
    Path("more.yaml").write_text(f"apiVersion: apps/v1\nkind: Deployment{text}")
    ran = cnpfix("verdict", "--source", "shop/web", "--destination", "web")
    assert (ran.code, ran.err) == (2, "cnpfix: web: is in prod and shop; say which, as in prod/web\n")


def test_a_service_sends_nothing(shop: Path) -> None:
    ran = cnpfix("verdict", "--source", "prod/db-service", "--destination", "shop/web")
    assert ran.code == 2 and "is a Service, which sends nothing" in ran.err


@pytest.mark.parametrize(("port", "code"), [("13306", 1), ("3306", 0), ("8/ICMP", 1)])
def test_the_exit_code_is_asked_for(shop: Path, port: str, code: int) -> None:
    arguments = ("verdict", "--source", "shop/web", "--destination", "statefulset/prod/db", "--port", port)
    assert cnpfix(*arguments).code == 0
    assert cnpfix(*arguments, "--exit-code").code == code
    assert cnpfix("verdict", "--source", "shop/web", "--destination", "shop/web", "--exit-code").code == 1
    assert cnpfix("verdict", "--source", "prod/db", "--destination", "shop/web", "--exit-code").code == 0


VALUES = {
    "helm": (
        "cilium.yaml",
        """apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: kube-system}
spec:
  chart: {spec: {chart: cilium, version: 1.19.4, sourceRef: {kind: HelmRepository, name: cilium}}}
  values: {policyEnforcementMode: never}
""",
    ),
    "config map": (
        "cilium-config.yaml",
        """apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: {cluster-name: default, enable-policy: never}
""",
    ),
    "config": (
        "cnpfix.toml",
        '[[clusters]]\nname = "a"\nlocal = ["**"]\npolicy_enforcement_mode = "never"\n',
    ),
}


@pytest.mark.parametrize("where", VALUES)
def test_the_setting_that_decides_is_cited(shop: Path, where: str) -> None:
    file, text = VALUES[where]
    (shop / file).write_text(text)
    found = flow("prod/db", "13306")
    assert found["allowed"] is True
    [setting] = found["ingress"]["settings"]
    assert setting.startswith(f"policyEnforcementMode: never, {file}")
    assert found["egress"]["settings"] == []


def test_a_pod_on_the_host_network_is_a_node(shop: Path) -> None:
    (shop / "edge.yaml").write_text(
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: edge, namespace: shop}\n"
        "spec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n"
        "    spec: {hostNetwork: true, containers: [{name: c, image: i}]}\n"
    )
    found = flow("prod/db", "3306", "shop/edge")
    assert found["egress"] | {"rules": []} == {
        "allowed": True,
        "reason": "pods on the host network are the node: only host policies apply to them",
        "rules": [],
        "dependsOn": [],
        "rejected": [],
        "settings": [],
    }
    assert found["ingress"]["allowed"] is False
    assert found["missing"] == ["on which node shop/edge runs: to the pods of its own node it is the local host"]
    assert flow("shop/edge", "80", "world")["allowed"] is True


def pod(name: str, labels: str = "") -> str:
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}{labels}}}}}\n"
        "spec: {containers: [{name: c, image: i}]}\n"
    )


SHUT = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: shut, namespace: shop}
spec: {endpointSelector: {}, ingress: [{}]}
"""
ONLY_B = """apiVersion: v1
kind: Service
metadata: {name: only, namespace: shop}
spec: {selector: {app: only}, ports: [{port: 80}]}
"""
MESH = {
    "cnpfix.toml": '[[clusters]]\nname = "a"\nlocal = ["a/**"]\n[[clusters]]\nname = "b"\nlocal = ["b/**"]\n'
    '[[clusters]]\nname = "c"\nlocal = ["c/**"]\n',
    "a/all.yaml": f"{pod('web')}---\n{pod('api')}",
    "b/all.yaml": f"{pod('web')}---\n{SHUT}---\n{pod('only')}---\n{ONLY_B}",
    "c/all.yaml": pod("twice"),
    "a/more.yaml": pod("once"),
    "b/more.yaml": pod("twice"),
}


@pytest.mark.parametrize(
    ("source", "destination", "allowed"),
    [
        ("a/shop/api", "shop/web", True),
        ("a/shop/api", "web", True),
        ("b/shop/only", "shop/web", False),
        ("b/only", "web", False),
        ("a/shop/api", "b/shop/web", False),
        ("b/shop/only", "a/shop/web", True),
        ("a/shop/api", "shop/only", False),
        ("a/shop/api", "svc/shop/only", False),
        ("api", "a/pod/shop/web", True),
    ],
)
def test_a_name_without_a_cluster_is_in_that_of_the_source_or_in_the_only_one(
    source: str, destination: str, allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in MESH.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert flow(destination, "80", source)["allowed"] is allowed


def test_a_name_in_several_other_clusters_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in MESH.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    ran = cnpfix("verdict", "--source", "a/shop/api", "--destination", "shop/twice", "--port", "80", ".")
    assert ran.code == 2
    assert ran.err == "cnpfix: shop/twice: is in the clusters b and c; say which, as in b/shop/twice\n"


def test_a_namespace_elsewhere_named_like_a_cluster_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workload = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {0}, namespace: {1}}}\n"
        "spec: {{selector: {{matchLabels: {{app: {0}}}}}, template: {{metadata: {{labels: {{app: {0}}}}}}}}}\n"
    )
    clusters = (f'[[clusters]]\nname = "{name}"\nlocal = ["{name}/**"]\n' for name in ("prod", "dev"))
    (tmp_path / "cnpfix.toml").write_text("".join(clusters))
    for cluster, namespace in (("prod", "data"), ("dev", "prod")):
        (tmp_path / cluster).mkdir()
        texts = (workload.format("web", "shop"), workload.format("db", namespace))
        (tmp_path / cluster / "all.yaml").write_text("---\n".join(texts))
    monkeypatch.chdir(tmp_path)
    ran = cnpfix("verdict", "--source", "prod/web", "--destination", "prod/db", "--port", "80", ".")
    assert ran.code == 2
    assert ran.err == (
        "cnpfix: prod/db: is in namespace prod of dev, and in cluster prod; say cluster and namespace, "
        "as in dev/prod/db\n"
    )


def test_names_as_impact_writes_them_are_taken(shop: Path) -> None:
    """Where no cluster is known, its name is `default`."""
    assert flow("default/prod/db", "13306", "default/shop/web") | {"source": "", "destination": ""} == flow(
        "prod/db", "13306"
    ) | {"source": "", "destination": ""}


def test_values_that_are_not_read_are_missing(shop: Path) -> None:
    release = VALUES["helm"][1].replace(
        "values: {policyEnforcementMode: never}", "valuesFrom: [{kind: Secret, name: s}]"
    )
    (shop / "cilium.yaml").write_text(release)
    missing = "what the installation of Cilium at cilium.yaml:1 takes from Secret s"
    assert [text.partition(":")[0] for text in flow("prod/db", "13306")["missing"]][:1] == [missing.partition(":")[0]]
    (shop / "cilium.yaml").write_text(VALUES["helm"][1])
    assert not any("takes from" in text for text in flow("prod/db", "13306")["missing"])


CONTROL_PLANE = """apiVersion: v1
kind: Node
metadata: {{name: {0}, labels: {{node-role.kubernetes.io/control-plane: ""}}}}
status: {{addresses: [{{type: InternalIP, address: {1}}}]}}
---
"""
TO_NODES = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db-out, namespace: prod}
spec:
  endpointSelector: {matchLabels: {app: db}}
  egress: [{toCIDR: [192.168.7.0/30]}]
"""


@pytest.mark.parametrize(
    ("mode", "nodes", "allowed", "judged_at"),
    [
        ("nodes", ["192.168.7.1"], True, []),
        ("nodes", ["192.168.7.9"], False, []),
        ("nodes", ["192.168.7.1", "192.168.7.9"], True, ["192.168.7.1"]),
        ("", ["192.168.7.1"], False, []),
    ],
)
def test_the_api_server_is_judged_at_its_address_where_addresses_mean_nodes(
    shop: Path, mode: str, nodes: list[str], allowed: bool, judged_at: list[str]
) -> None:
    (shop / "cilium.yaml").write_text(
        VALUES["helm"][1].replace("policyEnforcementMode: never", f'policyCIDRMatchMode: "{mode}"')
    )
    (shop / "nodes.yaml").write_text("".join(CONTROL_PLANE.format(f"n{i}", one) for i, one in enumerate(nodes)))
    (shop / "out.yaml").write_text(TO_NODES)
    found = flow("kube-apiserver", "6443", "prod/db")
    assert found["egress"]["allowed"] is allowed
    texts = [text for text in found["missing"] if "address" in text]
    assert len(texts) == len(judged_at)
    assert all(f"judged at {one}," in text for one, text in zip(judged_at, texts, strict=True))


@pytest.mark.parametrize(("mode", "names_it"), [("nodes", True), ("", False)])
def test_which_node_is_missing_where_addresses_mean_nodes(shop: Path, mode: str, names_it: bool) -> None:
    (shop / "cilium.yaml").write_text(
        VALUES["helm"][1].replace("policyEnforcementMode: never", f'policyCIDRMatchMode: "{mode}"')
    )
    missing = flow("prod/db", "13306", "remote-node")["missing"]
    assert any("the address of remote-node" in text for text in missing) is names_it


PLACEHOLDERS: dict[str, tuple[str, str, str]] = {
    "helm": (
        VALUES["helm"][1].replace("{policyEnforcementMode: never}", '{policyEnforcementMode: "${MODE}"}'),
        "policyEnforcementMode is: ${MODE}",
        "cilium.yaml:6",
    ),
    "a template": (
        VALUES["helm"][1].replace("{policyEnforcementMode: never}", "{policyEnforcementMode: '{{ .mode }}'}"),
        "policyEnforcementMode is: {{ .mode }}",
        "cilium.yaml:6",
    ),
    "audit mode": (
        VALUES["helm"][1].replace("{policyEnforcementMode: never}", '{policyAuditMode: "${AUDIT:=false}"}'),
        "policyAuditMode is: ${AUDIT:=false}",
        "cilium.yaml:6",
    ),
    "labels": (
        VALUES["helm"][1].replace("{policyEnforcementMode: never}", '{labels: "${LABELS}"}'),
        "labels is: ${LABELS}",
        "cilium.yaml:6",
    ),
    "config map": (
        VALUES["config map"][1].replace("never", '"${MODE}"'),
        "policyEnforcementMode is: ${MODE}",
        "cilium.yaml:4",
    ),
    "a config map that is a template": (
        VALUES["config map"][1].replace("never", '"{{ mode }}"'),
        "of Cilium's settings: it cannot be read",
        "cilium.yaml:1",
    ),
    "the cluster's name": (
        VALUES["helm"][1].replace("{policyEnforcementMode: never}", '{cluster: {name: "${NAME}"}}'),
        "cluster.name: ${NAME}",
        "cilium.yaml:6",
    ),
}


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_a_setting_that_is_a_placeholder_is_missing(shop: Path, name: str) -> None:
    text, words, place = PLACEHOLDERS[name]
    (shop / "cilium.yaml").write_text(text)
    found = [missing for missing in flow("prod/db", "13306")["missing"] if words in missing]
    assert len(found) == 1
    assert place in found[0]


@pytest.mark.parametrize(
    "values", ['{nodeSelectorLabels: "${X}"}', '{policyCIDRMatchMode: "${X}"}', "{policyEnforcementMode: default}"]
)
def test_a_placeholder_that_cannot_turn_the_verdict_is_not_missing(shop: Path, values: str) -> None:
    (shop / "cilium.yaml").write_text(VALUES["helm"][1].replace("{policyEnforcementMode: never}", values))
    assert not any("judged as if" in missing for missing in flow("prod/db", "13306")["missing"])


def test_what_the_config_says_goes_before_a_placeholder(shop: Path) -> None:
    text = VALUES["helm"][1].replace("{policyEnforcementMode: never}", '{policyEnforcementMode: "${MODE}"}')
    (shop / "cilium.yaml").write_text(text)
    (shop / "cnpfix.toml").write_text(VALUES["config"][1].replace('"a"', '"default"'))
    assert not any("${MODE}" in missing for missing in flow("prod/db", "13306")["missing"])


HOST_POLICY = """apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: nodes}
spec:
  nodeSelector: {}
  ingress: [{fromEntities: [cluster]}]
"""
TIER = """apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: shut}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
"""


def test_the_host_firewall_decides_of_a_node(shop: Path) -> None:
    (shop / "nodes.yaml").write_text(HOST_POLICY)
    assert flow("host", "22", "world")["ingress"]["allowed"] is False
    (shop / "cilium.yaml").write_text(VALUES["helm"][1].replace("policyEnforcementMode: never", "debug: {}"))
    found = flow("host", "22", "world")["ingress"]
    words = "hostFirewall.enabled, off by default: the node, with every pod on the host network, is out of enforcement"
    assert (found["allowed"], found["settings"]) == (True, [words])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("", "hostFirewall.enabled, off by default: a pod with a label `host` is out of enforcement"),
        ("host_firewall = false", "hostFirewall.enabled: false, cnpfix.toml:4"),
        ("host_firewall = true", "hostFirewall.enabled: true, cnpfix.toml:4"),
    ],
)
def test_the_host_firewall_decides_of_a_pod_with_a_label_host(shop: Path, config: str, words: str) -> None:
    (shop / "edge.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: edge, namespace: prod, labels: {app: db, host: a}}\n"
        "spec: {containers: [{name: c, image: i}]}\n"
    )
    (shop / "cnpfix.toml").write_text(f'[[clusters]]\nname = "a"\nlocal = ["**"]\n{config}\n')
    found = flow("prod/edge", "80")["ingress"]
    assert (found["allowed"], found["settings"]) == (not config.endswith("true"), [words])


def test_a_tier_that_is_not_read_by_default_is_cited(shop: Path) -> None:
    (shop / "tier.yaml").write_text(TIER)
    found = flow("shop/web", "3306", "prod/db", "--to", "1.20")["ingress"]
    assert (found["allowed"], found["settings"]) == (
        True,
        ["k8sClusterNetworkPolicy.enabled, off by default: no ClusterNetworkPolicy is read"],
    )
    assert flow("prod/db", "80", "shop/web", "--to", "1.20")["ingress"]["settings"] == []


def test_which_pod_has_an_address_of_the_pods_is_missing(shop: Path) -> None:
    (shop / "cnpfix.toml").write_text('[[clusters]]\nname = "a"\nlocal = ["**"]\npod_cidrs = ["10.1.0.0/16"]\n')
    assert [text.partition(":")[0] for text in flow("10.1.2.3", "443")["missing"]] == ["which pod has 10.1.2.3"]
    assert not any("which pod" in text for text in flow("10.2.2.3", "443")["missing"])


@pytest.mark.parametrize(
    ("configured", "cited"),
    [
        ("", "clustermesh.policyDefaultLocalCluster, on by default from 1.19"),
        ("policy_default_local_cluster = true\n", "clustermesh.policyDefaultLocalCluster: true, cnpfix.toml:4"),
    ],
)
def test_the_local_cluster_by_default_is_cited_as_what_it_is(
    configured: str, cited: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in MESH.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    config = tmp_path / "cnpfix.toml"
    config.write_text(config.read_text().replace('local = ["a/**"]\n', f'local = ["a/**"]\n{configured}'))
    (tmp_path / "a" / "out.yaml").write_text(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: out, namespace: shop}\n"
        "spec: {endpointSelector: {}, egress: [{toEndpoints: [{matchLabels: {app: only}}]}]}\n"
    )
    monkeypatch.chdir(tmp_path)
    found = flow("b/shop/only", "80", "a/shop/web", "--to", "1.19")
    assert (found["egress"]["allowed"], found["egress"]["settings"]) == (False, [cited])
