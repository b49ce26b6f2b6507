"""`--hubble` in a run of the fixer: what was seen, beside what fixes and upgrade do."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.cli.support import cnpfix
from tests.hubble.flows import WORLD, export, flow, pod

CONFIG = """\
[[clusters]]
name = "cluster-a"
local = ["**"]
pod_cidrs = ["10.1.0.0/16"]
[[clusters]]
name = "cluster-b"
pod_cidrs = ["10.2.0.0/16"]
"""

#: In a mesh at 1.18 it reaches every cluster; at 1.19 its own only, and `implicit-cluster` keeps what it reaches.
IMPLICIT = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: api}}
  ingress:
  - fromEndpoints:
    - matchLabels: {app: web}
    toPorts:
    - ports: [{port: "8080", protocol: TCP}]
"""

#: Its entity covers no pods of the other cluster.
ENTITY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: db}}
  ingress:
  - fromEntities: [cluster]
    toPorts:
    - ports: [{port: "3306", protocol: TCP}]
"""

#: Rejected up to 1.16, so that its pods are open; 1.17 enforces it.
DEAD = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: client, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: client}}
  egress:
  - toServices:
    - k8sService: {serviceName: db, namespace: shop}
    toPorts:
    - ports: [{port: "3306", protocol: TCP}]
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec:
  selector: {app: db}
  ports: [{port: 3306}]
"""
LOCAL, REMOTE = pod("web", "shop"), pod("web", "shop", "cluster-b")
API, DB, CLIENT = pod("api", "shop"), pod("db", "shop"), pod("client", "shop")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cnpfix.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)


def report(policies: str, *messages: Any, arguments: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON report of a dry run with these flows, valid by its schema."""
    Path("policies.yaml").write_text(policies)
    export(Path("flows.json"), *messages)
    ran = cnpfix("--format", "json", "--hubble", "flows.json", *arguments, "policies.yaml")
    assert ran.code == 0, ran.err
    told: Any = json.loads(ran.out)
    schema = json.loads(files("rewriter.output").joinpath("schema/report-1.schema.json").read_text())
    jsonschema.validate(told, schema)
    return dict(told)


def finding(told: dict[str, Any], identifier: str) -> dict[str, Any]:
    found = [dict(each) for each in told["findings"] if each["id"] == identifier]
    assert len(found) == 1, told["findings"]
    return found[0]


def counts(observed: dict[str, Any], *kinds: str) -> dict[str, int]:
    return {kind: observed[kind]["count"] for kind in observed if kind in kinds and observed[kind]["count"]}


KINDS = ("restored", "still_dropped", "kept", "lost", "dropped", "unexplained", "contradicted")


def test_a_flow_that_passes_though_the_files_deny_it_is_not_kept_by_a_fix() -> None:
    """Something that is in no file lets it through, so that it would pass without the fix, too."""
    told = report(ENTITY, flow(REMOTE, DB, 3306), arguments=("--unsafe-fixes",))
    assert counts(finding(told, "cluster-entity")["observed"], "kept", "restored") == {}


def test_forwarded_flows_that_the_upgrade_would_drop_and_the_fix_keeps() -> None:
    told = report(IMPLICIT, flow(REMOTE, API, 8080), flow(REMOTE, API, 8080), flow(LOCAL, API, 8080))
    found = finding(told, "implicit-cluster")
    assert found["fixed"]
    assert found["observed"]["seen"] == 2
    assert counts(found["observed"], *KINDS) == {"kept": 1}
    assert found["observed"]["kept"]["flows"] == [
        {
            "source": "cluster-b/shop/web",
            "destination": "cluster-a/shop/api",
            "port": 8080,
            "protocol": "TCP",
            "direction": "ingress",
            "verdict": "FORWARDED",
            "count": 2,
            "last": "2026-01-31T12:00:00Z",
        }
    ]
    assert found["evidence"][-1] == (
        "Hubble, 2026-01-31T12:00:00Z to 2026-01-31T12:00:00Z: passes today and would be dropped by the upgrade "
        "without this: cluster-b/shop/web → cluster-a/shop/api 8080/TCP (2 times, last 2026-01-31T12:00:00Z)"
    )
    assert counts(told["traffic"], *KINDS) == {"kept": 1}


def test_without_its_fix_the_flow_is_lost() -> None:
    told = report(IMPLICIT, flow(REMOTE, API, 8080), arguments=("--ignore", "implicit-cluster"))
    assert counts(told["traffic"], *KINDS) == {"lost": 1}


def test_dropped_flows_that_a_fix_restores() -> None:
    told = report(
        ENTITY, flow(REMOTE, DB, 3306, "DROPPED"), flow(REMOTE, DB, 22, "DROPPED"), flow(LOCAL, DB, 3306)
    )  # fmt: skip
    found = finding(told, "cluster-entity")
    assert (found["applicability"], found["fixed"]) == ("evident", True)
    assert counts(found["observed"], *KINDS) == {"restored": 1}
    assert found["observed"]["restored"]["flows"][0]["port"] == 3306
    assert counts(told["traffic"], *KINDS) == {"restored": 1, "still_dropped": 1}


def test_a_finding_that_no_traffic_depends_on() -> None:
    told = report(IMPLICIT, flow(LOCAL, API, 8080))
    found = finding(told, "implicit-cluster")
    assert counts(found["observed"], *KINDS) == {} and found["observed"]["seen"] == 1
    assert found["evidence"][-1].endswith("no flow seen depends on this")
    found = finding(report(IMPLICIT, flow(LOCAL, DB, 8080)), "implicit-cluster")
    assert found["evidence"][-1].endswith("no flow of the policy's pods was seen")


def test_lost_events_are_part_of_the_evidence() -> None:
    lost = {"lost_events": {"num_events_lost": "5"}}
    found = finding(report(IMPLICIT, flow(LOCAL, API, 8080), lost), "implicit-cluster")
    assert "without 5 events that were lost: no flow seen depends on this" in found["evidence"][-1]


def test_a_dead_policy_that_wakes_up_drops_what_passes_today() -> None:
    flows = [flow(CLIENT, DB, 3306, direction="EGRESS"), flow(CLIENT, API, 80, direction="EGRESS")]
    told = report(DEAD, *flows, arguments=("--from", "1.16", "--to", "1.16"))
    found = finding(told, "service-with-ports")
    assert found["fixed"] and counts(found["observed"], *KINDS) == {"dropped": 1}
    assert found["observed"]["dropped"]["flows"][0]["destination"] == "cluster-a/shop/api"
    assert counts(told["traffic"], *KINDS) == {"dropped": 1}


def test_fixes_that_are_not_applied_are_judged_too() -> None:
    Path("cnpfix.toml").write_text(CONFIG + '[passes.cluster-entity]\nremote = "all"\n')
    told = report(
        ENTITY, flow(REMOTE, DB, 3306, "DROPPED"), arguments=("--select", "cluster-entity",)
    )  # fmt: skip
    assert finding(told, "cluster-entity")["fixed"]
    Path("cnpfix.toml").write_text(CONFIG + '[passes.cluster-entity]\napplicability = "manual"\n')
    found = finding(report(ENTITY, flow(REMOTE, DB, 3306, "DROPPED")), "cluster-entity")
    assert not found["fixed"] and counts(found["observed"], *KINDS) == {"restored": 1}


def test_flows_that_the_files_do_not_explain() -> None:
    told = report(
        IMPLICIT,
        flow(LOCAL, API, 8080, "DROPPED"),
        flow(pod("other", "shop"), API, 8080),
        flow(WORLD, API, 8080, "DROPPED", addresses=("198.51.100.7", "10.1.0.1")),
    )
    assert counts(told["traffic"], *KINDS) == {"still_dropped": 1, "unexplained": 1, "contradicted": 1}


def test_policies_that_run_and_are_in_no_file_count() -> None:
    deny = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "deny", "namespace": "shop"},
        "spec": {
            "endpointSelector": {"matchLabels": {"app": "db"}},
            "ingressDeny": [{"fromEndpoints": [{"matchLabels": {"io.cilium.k8s.policy.cluster": "cluster-b"}}]}],
        },
    }
    snapshot = {"cnpfix_inventory": 1, "clusters": [{"name": "cluster-a", "policies": [deny]}]}
    Path("mesh.json").write_text(json.dumps(snapshot))
    told = report(ENTITY, flow(REMOTE, DB, 3306, "DROPPED"), arguments=("--inventory", "mesh.json"))
    assert counts(finding(told, "cluster-entity")["observed"], *KINDS) == {}
    assert counts(told["traffic"], *KINDS) == {"still_dropped": 1}


ADMIN = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: TIER
  priority: 10
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}}
  ingress:
  - action: Deny
    from:
    - pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}
    protocols: [{tcp: {destinationPort: {number: 8080}}}]
---
"""
TIERS = '[[clusters]]\nname = "cluster-a"\nlocal = ["**"]\ncluster_network_policies = true\n'


def test_a_tier_before_all_policies_drops_what_they_allow() -> None:
    Path("cnpfix.toml").write_text(TIERS)
    flows = [flow(LOCAL, API, 8080), flow(pod("other", "shop"), API, 9090, "DROPPED")]
    told = report(ADMIN.replace("TIER", "Admin") + IMPLICIT, *flows, arguments=("--from", "1.19", "--to", "1.20"))
    assert counts(told["traffic"], *KINDS) == {"lost": 1, "still_dropped": 1}


def test_a_tier_that_the_agents_do_not_read_drops_nothing() -> None:
    told = report(
        ADMIN.replace("TIER", "Admin") + IMPLICIT, flow(LOCAL, API, 8080), arguments=("--from", "1.19", "--to", "1.20")
    )
    assert counts(told["traffic"], *KINDS) == {}


def test_a_tier_after_all_policies_drops_only_what_none_of_them_decides() -> None:
    Path("cnpfix.toml").write_text(TIERS)
    flows = [flow(LOCAL, API, 8080), flow(LOCAL, DB, 8080), flow(LOCAL, DB, 9090)]
    told = report(ADMIN.replace("TIER", "Baseline") + IMPLICIT, *flows, arguments=("--from", "1.19", "--to", "1.20"))
    assert counts(told["traffic"], *KINDS) == {"lost": 1}
    assert told["traffic"]["lost"]["flows"][0]["destination"] == "cluster-a/shop/db"


def test_a_fix_restores_nothing_that_a_tier_denies() -> None:
    Path("cnpfix.toml").write_text(TIERS + '[[clusters]]\nname = "cluster-b"\n')
    guard = ADMIN.replace("TIER", "Admin").replace("8080", "3306")
    of_any_cluster = 'vpn: "off"}, matchExpressions: [{key: io.cilium.k8s.policy.cluster, operator: Exists}]'
    guard = guard.replace("app: web}", of_any_cluster)
    dropped = [flow(pod("web", "shop", "cluster-b", vpn=vpn), DB, 3306, "DROPPED") for vpn in ("on", "off")]
    told = report(guard + ENTITY, *dropped, arguments=("--from", "1.20", "--to", "1.20"))
    found = finding(told, "cluster-entity")
    assert counts(found["observed"], *KINDS) == {"restored": 1}
    assert counts(told["traffic"], *KINDS) == {"restored": 1, "still_dropped": 1}


def test_a_running_tier_is_not_the_one_of_the_files() -> None:
    Path("cnpfix.toml").write_text(TIERS)
    written = ADMIN.replace("TIER", "Admin").replace("action: Deny", "action: Accept")
    running = yaml.safe_load(ADMIN.replace("TIER", "Admin").removesuffix("---\n"))
    other = {**running, "metadata": {"name": "other"}, "spec": {**running["spec"], "priority": 20}}
    for policies, expected in (([running], {}), ([running, other], {}), ([other], {})):
        snapshot = {"cnpfix_inventory": 1, "clusters": [{"name": "cluster-a", "policies": policies}]}
        Path("mesh.json").write_text(json.dumps(snapshot))
        told = report(
            written + IMPLICIT,
            flow(LOCAL, API, 8080),
            arguments=("--from", "1.19", "--to", "1.20", "--inventory", "mesh.json"),
        )
        assert counts(told["traffic"], *KINDS) == expected
    told = report(
        IMPLICIT, flow(LOCAL, API, 8080), arguments=("--from", "1.19", "--to", "1.20", "--inventory", "mesh.json")
    )
    assert counts(told["traffic"], *KINDS) == {"lost": 1}


def test_a_patched_policy_is_judged_as_it_is_applied() -> None:
    """The base admits port 9090, the patch makes it 8080."""
    Path("kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [policies.yaml]\npatches:\n"
        "- target: {kind: CiliumNetworkPolicy, name: api}\n"
        "  patch: |\n"
        '    [{"op": "replace", "path": "/spec/ingress/0/toPorts/0/ports/0/port", "value": "8080"}]\n'
    )
    told = report(IMPLICIT.replace("8080", "9090"), flow(REMOTE, API, 8080), flow(LOCAL, API, 8080))
    assert counts(told["traffic"], *KINDS) in ({"lost": 1}, {"kept": 1})


def test_a_policy_counts_in_each_namespace_that_a_kustomization_puts_it_into() -> None:
    for namespace in ("shop", "prod"):
        Path(namespace).mkdir()
        Path(namespace, "kustomization.yaml").write_text(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../policies.yaml]\n"
            f"namespace: {namespace}\n"
        )
    flows = [flow(pod("web", namespace, "cluster-b"), pod("api", namespace), 8080) for namespace in ("shop", "prod")]
    told = report(IMPLICIT.replace(", namespace: shop", ""), *flows, arguments=("prod", "shop"))
    assert counts(told["traffic"], *KINDS) in ({"lost": 2}, {"kept": 2})


def test_a_port_name_stands_for_what_every_pod_calls_so() -> None:
    """A pod that was not seen calls another number so: up to 1.19 the name stands for nothing."""
    named = IMPLICIT.replace("ingress", "egress").replace("from", "to").replace("app: web", "app: db")
    named = named.replace('"8080"', "web")
    pods = "".join(
        f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}\n"
        f"spec: {{containers: [{{name: c, image: i, ports: [{{name: web, containerPort: {port}}}]}}]}}\n"
        for name, namespace, port in (("db", "shop", 8080), ("unseen", "other", 9090))
    )
    seen = flow(API, DB, 8080, direction="EGRESS")
    told = report(named + pods, seen, arguments=("--from", "1.19", "--to", "1.20"))
    assert counts(told["traffic"], *KINDS) == {"contradicted": 1}


def test_each_end_is_judged_by_its_own_cluster() -> None:
    told = report(IMPLICIT, flow(LOCAL, pod("api", "shop", "cluster-b"), 8080), flow(REMOTE, API, 9090, "DROPPED"))
    assert counts(told["traffic"], *KINDS) == {"still_dropped": 1}


def test_the_text_report() -> None:
    Path("policies.yaml").write_text(IMPLICIT)
    export(Path("flows.json"), flow(REMOTE, API, 8080), flow(REMOTE, API, 9090, "DROPPED"))
    ran = cnpfix("--hubble", "flows.json", "policies.yaml")
    assert ran.code == 0, ran.err
    lines = " ".join(ran.out.split())
    assert "2 kinds of flow judged under these policies" in lines
    assert "1 passes today, the upgrade alone would drop it, the fixes keep it: cluster-b/shop/web →" in lines
    assert "1 is dropped today, and stays dropped: cluster-b/shop/web → cluster-a/shop/api 9090/TCP" in lines


def test_stdin_has_no_place_among_the_files() -> None:
    export(Path("flows.json"), flow(REMOTE, API, 8080))
    ran = cnpfix("--hubble", "flows.json", "--stdin-filename", "x.yaml", "-", stdin=IMPLICIT.encode())
    assert ran.code == 0 and "flow seen" not in ran.err and "1 kind of flow judged" in ran.err


def test_a_bad_export_is_one_line() -> None:
    Path("policies.yaml").write_text(IMPLICIT)
    ran = cnpfix("--hubble", "policies.yaml", "policies.yaml")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "cnpfix: --hubble policies.yaml: holds no flows; expected the output of `hubble observe -o json`\n"
    )


def test_a_broken_file_is_told_once() -> None:
    Path("broken.yaml").write_text("kind: CiliumNetworkPolicy\napiVersion: cilium.io/v2\nspec: [\n")
    Path("policies.yaml").write_text(IMPLICIT)
    export(Path("flows.json"), flow(REMOTE, API, 8080))
    ran = cnpfix("--hubble", "flows.json", "policies.yaml", "broken.yaml")
    assert ran.code == 2 and ran.err.count("broken.yaml") == 1
