"""`--live`: policies that are in a cluster only, by the real kubectl from API servers on loopback."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cilium.vectors import verdict_cases
from tests.cli.support import Ran, cnpfix
from tests.programs import program

STATUS = {"Unauthorized": 401, "Forbidden": 403, "NotFound": 404}
EMPTY: dict[str, Any] = {"metadata": {}, "items": []}
CONFIG = "/api/v1/namespaces/kube-system/configmaps/cilium-config"
CNP = "/apis/cilium.io/v2/ciliumnetworkpolicies"
POLICY_KINDS = {
    CNP: "CiliumNetworkPolicy",
    "/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies": "CiliumClusterwideNetworkPolicy",
    "/apis/networking.k8s.io/v1/networkpolicies": "NetworkPolicy",
    "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies": "ClusterNetworkPolicy",
}
PATHS = (
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/api/v1/pods",
    "/api/v1/services",
    "/apis/discovery.k8s.io/v1/endpointslices",
    "/apis/networking.k8s.io/v1/networkpolicies",
    CNP,
)


def policy(name: str = "api", **metadata: Any) -> dict[str, Any]:
    """A policy that 1.19 rejects, as the API server gives it."""
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": "0",
            "resourceVersion": "12",
            "managedFields": [{"manager": "kubectl-client-side-apply", "time": "2026-01-01T00:00:00Z"}],
            **metadata,
        },
        "spec": {
            "endpointSelector": {"matchLabels": {"app": name}},
            "ingress": [
                {
                    "fromRequires": [{"matchLabels": {"team": "a"}}],
                    "fromEndpoints": [{"matchLabels": {"app": "web"}}],
                }
            ],
        },
        "status": {"conditions": []},
    }


def cluster(*policies: dict[str, Any], name: str = "alpha") -> dict[str, Any]:
    config = {"metadata": {"name": "cilium-config"}, "data": {"cluster-name": name, "cluster-id": "1"}}
    return dict.fromkeys(PATHS, EMPTY) | {CNP: {"metadata": {}, "items": list(policies)}, CONFIG: config}


class Clusters:
    """API servers on loopback, a kubeconfig that names them, and what they were asked."""

    def __init__(self, address: str, kubeconfig: Path, state: dict[str, dict[str, Any]], asked: list[str]) -> None:
        self._address, self._kubeconfig, self._state, self.asked = address, kubeconfig, state, asked

    def hold(self, clusters: dict[str, Any], current: str = "") -> None:
        """From now on these are the clusters, by context; `current` is the kubeconfig's current context."""
        self._state.clear()
        self._state.update(clusters)
        content = {
            "kind": "Config",
            "apiVersion": "v1",
            "current-context": current,
            "clusters": [{"name": name, "cluster": {"server": f"{self._address}/{name}"}} for name in clusters],
            "contexts": [{"name": name, "context": {"cluster": name, "user": ""}} for name in clusters],
        }
        self._kubeconfig.write_text(yaml.safe_dump(content))


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clusters]:
    folder = Path(program("kubectl")).parent
    state: dict[str, dict[str, Any]] = {}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            _, context, path = self.path.split("?")[0].split("/", 2)
            answer = state[context].get("/" + path, "NotFound")
            status = STATUS.get(answer, 200) if isinstance(answer, str) else 200
            refusal = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": answer, "message": "no"}
            body = json.dumps(answer if status == 200 else refusal | {"code": status}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names of the base class

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    kubeconfig = tmp_path / "kubeconfig"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    yield Clusters(f"http://127.0.0.1:{server.server_port}", kubeconfig, state, asked)
    server.shutdown()
    server.server_close()


def live(*arguments: str) -> Ran:
    return cnpfix("--live", *arguments)


def test_the_policies_of_the_current_context_are_judged(kubectl: Clusters) -> None:
    kubectl.hold({"prod": cluster(policy())}, current="prod")
    ran = live()
    assert (ran.code, ran.err) == (0, ""), ran.err
    assert "CNP007 requires" in ran.out
    assert "prod/shop/ciliumnetworkpolicy-api.yaml:" in ran.out
    assert "managed by kubectl: change it there" in ran.out
    assert "-      fromRequires" in ran.out or "-    - fromRequires" in ran.out


def test_nothing_is_asked_of_kubectl_that_could_write(kubectl: Clusters) -> None:
    kubectl.hold({"prod": cluster(policy())}, current="prod")
    live()
    assert kubectl.asked
    assert [request for request in kubectl.asked if not request.startswith("GET ")] == []


def test_fixed_manifests_go_to_a_folder(kubectl: Clusters, tmp_path: Path) -> None:
    kubectl.hold({"prod": cluster(policy())})
    ran = live("--context", "prod", "--output", str(tmp_path / "fixed"))
    assert ran.code == 0, ran.err
    assert "1 fixed manifest; nothing is written to a cluster" in ran.out
    fixed = yaml.safe_load((tmp_path / "fixed" / "prod" / "shop" / "ciliumnetworkpolicy-api.yaml").read_text())
    assert fixed["metadata"] == {"name": "api", "namespace": "shop"}
    assert "status" not in fixed
    assert "fromRequires" not in json.dumps(fixed)


def test_a_check_fails_for_what_it_would_fix(kubectl: Clusters) -> None:
    kubectl.hold({"prod": cluster(policy())})
    ran = live("--context", "prod", "--check")
    assert ran.code == 1
    assert "prod/shop/ciliumnetworkpolicy-api.yaml" in ran.out
    kubectl.hold({"prod": cluster()})
    assert live("--context", "prod", "--check", "--allow-empty").code == 0


def test_several_contexts_are_several_clusters(kubectl: Clusters) -> None:
    kubectl.hold({"a": cluster(policy("one"), name="alpha"), "b": cluster(policy("two"), name="beta")})
    ran = live("--context", "a", "--context", "b", "--format", "concise")
    assert ran.code == 0, ran.err
    assert {line.split("/")[0] for line in ran.out.splitlines() if "CNP007" in line} == {"a", "b"}


@pytest.mark.parametrize(
    ("metadata", "manager"),
    [
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "shop:cilium.io/CNP:x/y"}},
            "Argo CD application shop",
        ),
        (
            {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}},
            "Flux Kustomization flux/apps",
        ),
        (
            {"annotations": {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}},
            "Helm release shop/web",
        ),
        ({"ownerReferences": [{"kind": "Tenant", "name": "blue"}]}, "Tenant blue"),
        ({"managedFields": []}, ""),
    ],
)
def test_each_policy_names_what_manages_it(kubectl: Clusters, metadata: dict[str, Any], manager: str) -> None:
    kubectl.hold({"prod": cluster(policy(**metadata))}, current="prod")
    out = " ".join(live("-v").out.split())
    assert (f"managed by {manager}: change it there" in out) if manager else ("managed by" not in out)


def test_without_facts_the_policies_are_judged_all_the_same(kubectl: Clusters) -> None:
    kubectl.hold({"prod": cluster(policy()) | {CONFIG: "Forbidden"}}, current="prod")
    ran = live()
    assert ran.code == 0
    assert "its policies are judged without facts" in ran.err
    assert "CNP007" in ran.out


@pytest.mark.parametrize(
    ("clusters", "arguments", "words"),
    [
        ({}, (), "the kubeconfig has no current context; give --context"),
        ({}, ("--context", "nowhere"), 'context "nowhere" does not exist'),
        ({"prod": cluster() | {CNP: "Forbidden"}}, ("--context", "prod"), "verb list on ciliumnetworkpolicies"),
        ({"prod": cluster() | {CNP: "Unauthorized"}}, ("--context", "prod"), "log in again"),
        ({"prod": cluster()}, ("--context", "prod", "--write"), "writes nothing to a cluster"),
        ({"prod": cluster()}, ("--context", "prod", "manifests/"), "--live takes no paths"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    kubectl: Clusters, clusters: dict[str, Any], arguments: tuple[str, ...], words: str
) -> None:
    kubectl.hold(clusters)
    ran = live(*arguments)
    assert ran.code == 2
    assert words in ran.err and len(ran.err.splitlines()) == 1
    assert "Traceback" not in ran.err


def test_a_cluster_without_cilium_policies_says_so(kubectl: Clusters) -> None:
    kubectl.hold({"prod": {path: each for path, each in cluster().items() if path != CNP}}, current="prod")
    ran = live()
    assert ran.code == 0
    assert "no policies found" in ran.out


def test_one_run_names_the_policies_that_cilium_calls_affected(kubectl: Clusters, tmp_path: Path) -> None:
    """What `cilium clustermesh inspect-policy-default-local-cluster` lists of a cluster, by the recorded answers."""
    affected: set[str] = set()
    lists: dict[str, list[Any]] = {path: [] for path in POLICY_KINDS}
    number = 0
    for case in verdict_cases()[::9]:
        for entry in case["policies"]:
            manifest = entry["manifest"]
            path = next((path for path, kind in POLICY_KINDS.items() if kind == manifest["kind"]), None)
            if path is None or case["localCluster"] != "cluster-a":
                continue
            number += 1
            metadata = manifest["metadata"] | {"name": f"p{number}"}
            lists[path].append(manifest | {"metadata": metadata})
            if entry.get("changedByDefaultLocalCluster"):
                affected.add(f"p{number}")
    resources = {path: {"metadata": {}, "items": items} for path, items in lists.items()}
    kubectl.hold({"a": cluster(name="cluster-a") | resources, "b": cluster(name="cluster-b")})
    config = tmp_path / "cnpfix.toml"
    config.write_text('[passes.implicit-cluster]\nscope = "any"\n')
    ran = live("--context", "a", "--context", "b", "--config", str(config), "--select", "CNP006", "--from", "1.18",
               "--to", "1.19", "--format", "json")  # fmt: skip
    report = json.loads(ran.out)
    assert report["errors"] == []
    assert affected
    assert {finding["name"] for finding in report["findings"]} == affected
