"""`cnpfix snapshot` against an API server on the loopback: what is read, and a part never taken for the whole."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from rewriter.inventory.live import listing
from rewriter.inventory.live.resources import RESOURCES
from rewriter.inventory.snapshots.form import read_snapshot
from tests.cli.support import Ran, cnpfix
from tests.live import objects
from tests.live.server import CONFIG, TOKEN, Cluster, Seen, serving

pytest.importorskip("kubernetes")
ROLE = Path(__file__).parent.parent.parent / "examples" / "snapshot-role.yaml"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Retries do not wait here; what they would have waited is noted."""
    waited: list[float] = []
    monkeypatch.setattr(listing, "wait", waited.append)
    return waited


def small(name: str = "cluster-a", **more: Any) -> Cluster:
    """A cluster with one of everything."""
    return Cluster(
        objects.config(name),
        {
            "namespaces": [{"metadata": objects.metadata("shop", labels={"team": "retail"})}],
            "nodes": [
                {
                    "metadata": objects.metadata("n1", labels={"zone": "a"}),
                    "spec": {"podCIDRs": ["10.244.0.0/24"]},
                    "status": {
                        "addresses": [
                            {"type": "InternalIP", "address": "172.16.0.1"},
                            {"type": "Hostname", "address": "n1"},
                        ]
                    },
                }
            ],
            "pods": [
                objects.deployment_pod("web", "shop", 1),
                objects.deployment_pod("web", "shop", 2),
                objects.deployment_pod("web", "shop", 3, revision="def34"),
                objects.agent_pod(1, "1.18.4"),
                objects.pod(
                    "report-29012345-x",
                    "shop",
                    {"app": "report", "job-name": "report-29012345"},
                    ("Job", "report-29012345"),
                ),
            ],
            "services": [objects.service("web", "shop", **{"service.cilium.io/global": "true"})],
            "endpointslices": [objects.endpoint_slice("web", "shop", "10.1.0.9", "10.1.0.10")],
            "servicecidrs": [{"metadata": objects.metadata("kubernetes"), "spec": {"cidrs": ["10.96.0.0/12"]}}],
            "networkpolicies": [objects.policy("np", "shop", {"podSelector": {}})],
            "ciliumnetworkpolicies": [objects.policy("cnp", "shop", {"endpointSelector": {}}, rejected="mixed peers")],
            "ciliumclusterwidenetworkpolicies": [],
            "ciliumnodes": [
                {
                    "metadata": objects.metadata("n1"),
                    "spec": {
                        "addresses": [
                            {"type": "InternalIP", "ip": "172.16.0.1"},
                            {"type": "CiliumInternalIP", "ip": "10.1.3.77"},
                        ],
                        "ipam": {"podCIDRs": ["10.1.3.0/24"]},
                    },
                }
            ],
            "ciliumcidrgroups": [{"metadata": objects.metadata("vpn"), "spec": {"externalCIDRs": ["198.51.100.0/24"]}}],
            "ciliumidentities": [
                {"metadata": objects.metadata("4711"), "security-labels": {"k8s:app": "web", "reserved:x": ""}}
            ],
            "ciliumendpoints": [
                {
                    "metadata": objects.metadata("web-1", "shop"),
                    "status": {
                        "identity": {"id": 4711, "labels": ["k8s:app=web"]},
                        "named-ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
                        "log": [{"message": objects.SECRET}],
                    },
                }
            ],
        },
        **more,
    )


def take(folder: Path, clusters: dict[str, Cluster], *more: str) -> tuple[Ran, Path]:
    """Runs `cnpfix snapshot` over every context."""
    output = folder / "mesh.json"
    with serving(clusters, folder) as kubeconfig:
        contexts = [part for name in clusters for part in ("--context", name)]
        ran = cnpfix("snapshot", *contexts, "--kubeconfig", str(kubeconfig), "-o", str(output), *more)
    return ran, output


def schema() -> Any:
    return json.loads(files("rewriter.inventory").joinpath("snapshot.schema.json").read_text())


def valid(path: Path) -> Any:
    content = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(content, schema(), cls=jsonschema.Draft202012Validator)
    return content


def test_everything_of_a_cluster(tmp_path: Path) -> None:
    ran, output = take(tmp_path, {"prod": small()})
    assert ran.code == 0, ran.err
    cluster = valid(output)["clusters"][0]
    assert {key: cluster[key] for key in list(cluster)[:7]} == {
        "name": "cluster-a",
        "version": "1.18.4",
        "pod_cidrs": ["10.1.0.0/16"],
        "cidr_match_nodes": False,
        "service_cidrs": ["10.96.0.0/12"],
        "namespaces": [{"name": "shop", "labels": {"team": "retail"}}],
        "workloads": [
            {
                "kind": "DaemonSet",
                "name": "cilium",
                "namespace": "kube-system",
                "labels": {"k8s-app": "cilium"},
                "service_account": "runner",
                "ports": [{"name": "http", "number": 8080}],
            },
            {
                "kind": "CronJob",
                "name": "report",
                "namespace": "shop",
                "labels": {"app": "report"},
                "service_account": "runner",
                "ports": [{"name": "http", "number": 8080}],
            },
            {
                "kind": "Deployment",
                "name": "web",
                "namespace": "shop",
                "labels": {"app": "web"},
                "service_account": "runner",
                "ports": [{"name": "http", "number": 8080}],
            },
        ],
    }
    assert cluster["services"] == [
        {
            "name": "web",
            "namespace": "shop",
            "labels": {"app": "web"},
            "selector": {"app": "web"},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "target": 8080}],
            "cluster_ips": ["10.96.0.7"],
            "annotations": {"service.cilium.io/global": "true"},
        }
    ]
    assert cluster["endpoint_slices"][0]["addresses"] == ["10.1.0.9", "10.1.0.10"]
    assert cluster["nodes"] == [
        {"name": "n1", "labels": {"zone": "a"}, "addresses": ["172.16.0.1"], "pod_cidrs": ["10.1.3.0/24"]}
    ]
    assert cluster["cidr_groups"] == [{"name": "vpn", "cidrs": ["198.51.100.0/24"]}]
    assert cluster["identities"] == [
        {
            "id": 4711,
            "labels": ["k8s:app=web", "reserved:x"],
            "endpoints": 1,
            "ports": [{"name": "http", "number": 8080, "protocol": "TCP"}],
        }
    ]
    assert [(p["kind"], p["metadata"], p.get("rejected")) for p in cluster["policies"]] == [
        ("CiliumNetworkPolicy", {"name": "cnp", "namespace": "shop"}, "mixed peers"),
        ("NetworkPolicy", {"name": "np", "namespace": "shop"}, None),
    ]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    ran, output = take(tmp_path, {"a": small("cluster-a"), "b": small("cluster-b")})
    assert ran.code == 0, ran.err
    snapshot = read_snapshot(output)
    assert [cluster.name for cluster in snapshot.clusters] == ["cluster-a", "cluster-b"]
    assert [(w.cluster, w.name) for w in snapshot.workloads if w.namespace == "shop"] == [
        ("cluster-a", "report"), ("cluster-a", "web"), ("cluster-b", "report"), ("cluster-b", "web"),
    ]  # fmt: skip
    assert snapshot.services[0].is_global
    assert snapshot.policies[0].rejected == "mixed peers"
    assert snapshot.policies[0].manifest["spec"] == {"endpointSelector": {}}
    assert snapshot.identities[1].cluster == "cluster-b"


def test_nothing_secret_is_in_a_snapshot_or_on_the_terminal(tmp_path: Path) -> None:
    cluster = small()
    ran, output = take(tmp_path, {"prod": cluster})
    for text in (output.read_text(), ran.out, ran.err):
        assert objects.SECRET not in text
        assert TOKEN not in text
    assert not any("secrets" in seen.path for seen in cluster.seen)
    assert {seen.authorization for seen in cluster.seen} == {f"Bearer {TOKEN}"}
    assert not any(TOKEN in json.dumps([seen.path, seen.query]) for seen in cluster.seen)


def test_the_file_is_its_owners_alone_and_the_same_each_time(tmp_path: Path) -> None:
    old_mask = os.umask(0)
    try:
        _, first = take(tmp_path, {"prod": small()})
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    before = first.read_text()
    backwards = small()
    backwards.objects = {name: items[::-1] for name, items in backwards.objects.items()}
    _, second = take(tmp_path, {"prod": backwards})

    def timeless(text: str) -> str:
        return "\n".join(line for line in text.splitlines() if '"created"' not in line)

    assert timeless(second.read_text()) == timeless(before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kubeconfig", "mesh.json"]


def test_the_role_allows_what_is_asked_for_and_nothing_else(tmp_path: Path) -> None:
    cluster = small()
    take(tmp_path, {"prod": cluster})
    asked = set()
    for seen in cluster.seen:
        assert seen.method == "GET"
        if seen.path == CONFIG:
            continue
        parts = seen.path.split("/")
        asked.add((parts[2] if parts[1] == "apis" else "", parts[-1], "list"))
    documents = {
        (each["kind"], each["metadata"].get("namespace")): each for each in yaml.safe_load_all(ROLE.read_text())
    }
    allowed = {
        (group, resource, verb)
        for rule in documents["ClusterRole", None]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert asked == allowed
    assert documents["Role", "kube-system"]["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["cilium-config"], "verbs": ["get"]}
    ]
    assert {(resource.group, resource.name) for resource in RESOURCES} == {(group, name) for group, name, _ in allowed}


def many(count: int) -> Cluster:
    pods = [objects.deployment_pod(f"app-{number % 50:02}", f"ns-{number % 7}", number) for number in range(count)]
    services = [objects.service(f"svc-{number:04}", "shop") for number in range(count)]
    return Cluster(objects.config("cluster-a"), {"pods": pods, "services": services})


def test_five_thousand_objects_come_in_pages(tmp_path: Path) -> None:
    cluster = many(5000)
    ran, output = take(tmp_path, {"prod": cluster})
    assert ran.code == 0, ran.err
    content = valid(output)["clusters"][0]
    assert [service["name"] for service in content["services"]] == [f"svc-{number:04}" for number in range(5000)]
    assert len(content["workloads"]) == 350
    assert cluster.count("pods") == cluster.count("services") == 10
    assert all(int(seen.query["limit"]) <= 500 for seen in cluster.seen if "limit" in seen.query)


def once(status: Any, plural: str = "services", page: str = "500") -> Callable[[Seen, int], Any]:
    """Trouble for the first request of a page, and none after it."""

    def trouble(seen: Seen, number: int) -> Any:
        hit = seen.path.endswith(f"/{plural}") and seen.query.get("continue", "0") == page
        return status if hit and number == 0 else None

    return trouble


@pytest.mark.parametrize("trouble", [429, (429, 3), 500, 503, "cut", b'{"items": [', b"[]"], ids=str)
def test_trouble_that_passes_is_waited_for(trouble: Any, tmp_path: Path, _no_waiting: list[float]) -> None:
    cluster = many(1200)
    cluster.trouble = once(trouble)
    ran, output = take(tmp_path, {"prod": cluster})
    assert ran.code == 0, ran.err
    assert len(valid(output)["clusters"][0]["services"]) == 1200
    assert cluster.count("services") == 4
    assert len(_no_waiting) == 1 and (_no_waiting == [3.0] if isinstance(trouble, tuple) else 0.3 < _no_waiting[0] < 1)


def test_expired_pages_begin_the_list_again(tmp_path: Path) -> None:
    cluster = many(1200)
    cluster.trouble = once(410, page="1000")
    ran, output = take(tmp_path, {"prod": cluster})
    assert ran.code == 0, ran.err
    assert len(valid(output)["clusters"][0]["services"]) == 1200
    assert cluster.count("services") == 6


def always(status: Any, plural: str, page: str = "0") -> Callable[[Seen, int], Any]:
    def trouble(seen: Seen, _number: int) -> Any:
        return status if seen.path.endswith(f"/{plural}") and seen.query.get("continue", "0") == page else None

    return trouble


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (403, "services: not allowed (403): it needs verb list on services"),
        (410, "services: its pages expired 4 times"),
        (429, "services: the API answers 429, too many requests"),
        ((429, 3600), "services: the API answers 429, too many requests"),
        (500, "services: the API answers 500"),
        ("cut", "services: the connection failed or broke"),
        (404, "services: the API answers 404"),
        (b'{"items": {}, "metadata": {}}', "services: the answer is not a list of objects"),
        (b'{"kind": "Status"}', "services: the answer is not a list of objects"),
    ],
    ids=str,
)
def test_a_part_of_a_list_is_never_taken_for_the_whole(trouble: Any, told: str, tmp_path: Path) -> None:
    cluster = many(1200)
    cluster.trouble = always(trouble, "services", page="500")
    ran, output = take(tmp_path, {"prod": cluster})
    assert ran.code == 2
    assert told in ran.err and "nothing is written" in ran.err
    assert "prod" in ran.err and TOKEN not in ran.err and "Traceback" not in ran.err
    assert not output.exists()
    ran, output = take(tmp_path, {"prod": cluster}, "--allow-incomplete")
    assert ran.code == 0
    content = valid(output)["clusters"][0]
    assert "services" not in content and told in content["incomplete"]["services"]
    assert len(content["workloads"]) == 350
    snapshot = read_snapshot(output)
    assert snapshot.clusters[0].incomplete == ("services",) and snapshot.services == ()


def test_every_missing_right_is_told_at_once(tmp_path: Path) -> None:
    cluster = small()
    refused = ("pods", "ciliumnodes", "endpointslices")
    cluster.trouble = lambda seen, _number: 403 if seen.path.rsplit("/", 1)[1] in refused else None
    ran, _ = take(tmp_path, {"prod": cluster})
    assert ran.code == 2
    assert "verb list on pods\n" in ran.err
    assert "verb list on ciliumnodes of cilium.io\n" in ran.err
    assert "verb list on endpointslices of discovery.k8s.io\n" in ran.err


def test_a_list_served_by_two_resources_is_whole_only_with_both(tmp_path: Path) -> None:
    cluster = small()
    cluster.trouble = always(403, "ciliumnetworkpolicies")
    ran, output = take(tmp_path, {"prod": cluster}, "--allow-incomplete")
    assert ran.code == 0
    content = valid(output)["clusters"][0]
    assert "policies" not in content and "ciliumnetworkpolicies" in content["incomplete"]["policies"]


def test_refused_credentials_stop_at_once(tmp_path: Path) -> None:
    cluster = small()
    cluster.trouble = lambda _seen, _number: 401
    ran, output = take(tmp_path, {"prod": cluster})
    assert (ran.code, len(cluster.seen)) == (2, 1)
    assert ran.err == ("cnpfix: context prod: the cluster does not accept its credentials (401); log in again\n")
    assert not output.exists()


def test_slow_answers_are_given_up(tmp_path: Path) -> None:
    cluster = small()
    cluster.trouble = always("hang", "services")
    ran, output = take(tmp_path, {"prod": cluster}, "--timeout", "0.2")
    assert ran.code == 2 and "services: the answer takes too long" in ran.err
    assert cluster.count("services") == listing.TRIES and not output.exists()


def test_a_cluster_without_ciliums_crds(tmp_path: Path) -> None:
    cluster = Cluster(objects.config("cluster-a"), {"services": [objects.service("web", "shop")]})
    ran, output = take(tmp_path, {"prod": cluster})
    assert ran.code == 0, ran.err
    content = valid(output)["clusters"][0]
    assert content["policies"] == content["identities"] == [] and "incomplete" not in content


def test_no_cilium_config(tmp_path: Path) -> None:
    ran, _ = take(tmp_path, {"prod": Cluster(None)})
    assert ran.code == 2 and "no ConfigMap kube-system/cilium-config" in ran.err and "--cilium-namespace" in ran.err
    forbidden = small()
    forbidden.trouble = always(403, "cilium-config")
    ran, _ = take(tmp_path, {"prod": forbidden})
    assert ran.code == 2 and "verb get on configmaps cilium-config in kube-system" in ran.err


def test_one_of_two_clusters_fails(tmp_path: Path) -> None:
    bad = small("cluster-b")
    bad.trouble = always(403, "pods")
    ran, output = take(tmp_path, {"a": small(), "b": bad})
    assert ran.code == 2 and "context b: pods: not allowed" in ran.err and not output.exists()


def test_two_contexts_of_one_cluster_name(tmp_path: Path) -> None:
    ran, output = take(tmp_path, {"a": small("same"), "b": small("same")})
    assert ran.code == 2 and "contexts a and b are both cluster 'same'" in ran.err and not output.exists()


@pytest.mark.parametrize(
    ("more", "key", "value"),
    [
        ({"policy_default_local_cluster": "true"}, "default_local_cluster", True),
        ({"policy_default_local_cluster": "false"}, "default_local_cluster", False),
        ({}, "default_local_cluster", None),
        ({"policy_cidr_match_mode": "nodes"}, "cidr_match_nodes", True),
        ({"kube_proxy_replacement": "true"}, "kube_proxy_replacement", True),
        ({"kube_proxy_replacement": "false"}, "kube_proxy_replacement", False),
        ({}, "kube_proxy_replacement", None),
        ({"enable_node_selector_labels": "true"}, "node_selector_labels", True),
        ({"enable_node_selector_labels": "false"}, "node_selector_labels", False),
        ({}, "node_selector_labels", None),
        ({"cluster_id": "0"}, "meshed", False),
        ({}, "meshed", None),
        ({"ipam": "kubernetes"}, "pod_cidrs", None),
        ({"cluster_pool_ipv4_cidr": "10.2.0.0/16 10.3.0.0/16"}, "pod_cidrs",
         ["10.2.0.0/16", "10.3.0.0/16", "10.1.3.0/24"]),
        ({"enable_ipv6": "true", "cluster_pool_ipv6_cidr": "fd00::/104"}, "pod_cidrs", ["10.1.0.0/16", "fd00::/104"]),
    ],
    ids=str,
)  # fmt: skip
def test_ciliums_settings(more: dict[str, str], key: str, value: Any, tmp_path: Path) -> None:
    cluster = small()
    cluster.config = objects.config("cluster-a", **more)
    _, output = take(tmp_path, {"prod": cluster})
    assert valid(output)["clusters"][0].get(key) == value


def test_agents_of_two_releases_have_no_one_version(tmp_path: Path) -> None:
    cluster = small()
    cluster.objects = {**cluster.objects, "pods": [objects.agent_pod(1, "1.17.9"), objects.agent_pod(2, "1.18.0")]}
    _, output = take(tmp_path, {"prod": cluster})
    assert "version" not in valid(output)["clusters"][0]


def test_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cnpfix("snapshot").code == 2
    with serving({"prod": small()}, tmp_path) as kubeconfig:
        ran = cnpfix("snapshot", "--context", "other", "--kubeconfig", str(kubeconfig), "-o", str(tmp_path / "x"))
        assert ran.code == 2 and "context other: the kubeconfig has no such context" in ran.err
        folder = str(tmp_path / "nowhere" / "x.json")
        ran = cnpfix("snapshot", "--context", "prod", "--kubeconfig", str(kubeconfig), "-o", folder)
        assert ran.code == 2 and "cannot be written" in ran.err
        ran = cnpfix("snapshot", "--context", "prod", "--kubeconfig", str(kubeconfig), "-o", "-")
        assert ran.code == 0 and json.loads(ran.out)["clusters"][0]["name"] == "cluster-a"
    monkeypatch.setitem(sys.modules, "kubernetes.client", None)
    ran = cnpfix("snapshot", "--context", "prod", "-o", str(tmp_path / "x"))
    assert ran.code == 2 and "pip install 'cnpfix[cluster]'" in ran.err


def test_credentials_are_not_sent_in_the_clear(tmp_path: Path) -> None:
    """The server's name is not even looked up."""
    with serving({"prod": small()}, tmp_path) as kubeconfig:
        text = yaml.safe_load(kubeconfig.read_text())
    text["clusters"][0]["cluster"] = {"server": "http://api.example.invalid:6443"}
    kubeconfig.write_text(yaml.safe_dump(text))
    ran = cnpfix("snapshot", "--context", "prod", "--kubeconfig", str(kubeconfig), "-o", str(tmp_path / "x"))
    assert ran.code == 2 and "plain HTTP on another machine" in ran.err


def test_unreachable(tmp_path: Path) -> None:
    with serving({"prod": small()}, tmp_path) as kubeconfig:
        pass
    ran = cnpfix("snapshot", "--context", "prod", "--kubeconfig", str(kubeconfig), "-o", str(tmp_path / "x"))
    assert ran.code == 2 and "the server cannot be reached" in ran.err and "127.0.0.1" not in ran.err


POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: api}}
  ingress:
  - fromEndpoints:
    - matchLabels: {app: web}
"""


def test_the_fixer_reads_live_clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "cnpfix.toml").write_text('[[clusters]]\nname = "cluster-a"\nlocal = ["**"]\n')
    monkeypatch.chdir(tmp_path)
    bad = small("cluster-b")
    bad.trouble = always(403, "pods")
    with serving({"a": small("cluster-a"), "b": small("cluster-b"), "bad": bad}, tmp_path) as kubeconfig:
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
        ran = cnpfix("--context", "a", "--context", "b", "--format", "json", "policy.yaml")
        assert ran.code == 0, ran.err
        finding = next(each for each in json.loads(ran.out)["findings"] if each["id"] == "implicit-cluster")
        assert any("Deployment shop/web in cluster-b, context b" in line for line in finding["evidence"])
        ran = cnpfix("--context", "a", "--context", "bad", "policy.yaml")
        assert ran.code == 2 and "context bad: pods: not allowed (403)" in ran.err and not ran.out
