"""The contract of `cnpfix verdict`: one flow with the deciding rules, and cases."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cilium.vectors import verdict_cases
from tests.cli.support import cnpfix

POLICIES = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
    - toEndpoints:
        - matchLabels: {app: db, k8s:io.kubernetes.pod.namespace: prod}
      toPorts:
        - ports: [{port: "3306", protocol: TCP}]
    - toFQDNs: [{matchPattern: "*.example.com"}]
    - icmps: [{fields: [{type: EchoRequest}]}]
---
apiVersion: v1
kind: List
items:
  - apiVersion: cilium.io/v2
    kind: CiliumNetworkPolicy
    metadata: {name: db, namespace: prod}
    spec:
      endpointSelector: {matchLabels: {app: db}}
      ingress:
        - toPorts:
            - ports: [{port: "3306", protocol: TCP}]
              rules: {http: [{method: GET}]}
      ingressDeny:
        - fromEntities: [world]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: mixed, namespace: shop}
spec:
  endpointSelector: {}
  ingress:
    - fromEndpoints: [{}]
      fromEntities: [all]
"""
WORKLOAD = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {app}, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: {app}}}}}
  template:
    metadata: {{labels: {{app: {app}}}}}
    spec: {{containers: [{{name: c, image: i}}]}}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The policies of two namespaces, one of them rejected, and their workloads."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies.yaml").write_text(POLICIES)
    for app, namespace in (("web", "shop"), ("db", "prod")):
        (tmp_path / f"{app}.yaml").write_text(WORKLOAD.format(app=app, namespace=namespace))
    return tmp_path


def flow(source: str, destination: str, port: str, *more: str) -> dict[str, Any]:
    ran = cnpfix("verdict", "--source", source, "--destination", destination, "--port", port, "--format", "json", *more)
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert isinstance(found, dict)
    return found


def lines(direction: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(rule["policy"], rule["file"], rule["line"]) for rule in direction["rules"]]


def test_names_the_deciding_rules(shop: Path) -> None:
    found = flow("shop/web", "prod/db", "3306/TCP")
    assert (found["allowed"], found["version"], found["port"], found["protocol"]) == (True, "1.19", 3306, "TCP")
    assert lines(found["egress"]) == [("shop/web", "policies.yaml", 7)]
    assert lines(found["ingress"]) == [("prod/db", "policies.yaml", 23)]
    assert found["ingress"]["dependsOn"] == ['http [{"method":"GET"}]']


def test_a_denied_flow_names_what_denies_it(shop: Path) -> None:
    found = flow("shop/web", "prod/db", "80")
    assert found["allowed"] is False
    assert (found["egress"]["reason"], found["ingress"]["reason"]) == ("default deny", "default deny")
    assert lines(found["egress"]) == [("shop/web", "policies.yaml", line) for line in (7, 11, 12)]
    world = flow("world", "prod/db", "3306")
    assert (world["ingress"]["reason"], lines(world["ingress"])) == ("deny rule", [("prod/db", "policies.yaml", 27)])


def test_what_manifests_cannot_tell_is_said(shop: Path) -> None:
    found = flow("shop/web", "203.0.113.9", "443")
    assert (found["allowed"], found["egress"]["dependsOn"]) == (False, ["DNS name *.example.com"])
    assert flow("shop/web", "prod/db", "443")["egress"]["dependsOn"] == []


def test_rejected_policies_are_named_where_they_would_count(shop: Path) -> None:
    found = flow("prod/db", "shop/web", "80")
    assert (found["ingress"]["allowed"], found["ingress"]["reason"]) == (True, "no policy selects it")
    assert found["ingress"]["rejected"] == [{"policy": "shop/mixed", "file": "policies.yaml", "line": 36}]
    assert found["egress"]["rejected"] == []
    assert flow("shop/web", "prod/db", "80")["egress"]["rejected"] == []


@pytest.mark.parametrize(
    ("port", "allowed"), [("8/ICMP", True), ("0/icmp", False), ("128/ICMPv6", False), ("8/SCTP", False)]
)
def test_icmp_types_are_ports_of_their_own(shop: Path, port: str, allowed: bool) -> None:
    assert flow("shop/web", "shop/app=other", port)["egress"]["allowed"] is allowed


def test_text_fits_a_terminal(shop: Path) -> None:
    ran = cnpfix("verdict", "--source", "shop/web", "--destination", "prod/db", "--port", "80", ".")
    assert ran.out.splitlines() == [
        "shop/web → prod/db 80/TCP on Cilium 1.19: denied",
        "  egress   denied   default deny",
        "                    shop/web, policies.yaml:7, 11, 12",
        "  ingress  denied   default deny",
        "                    prod/db, policies.yaml:23, 27",
    ]
    assert max(map(len, ran.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "verdict: give --source and --destination, or --cases FILE"),
        (("--source", "shop/web", "--destination", "nobody"), "nobody: expected namespace/workload"),
        (("--source", "shop/web", "--destination", "shop/gone"), "shop/gone: no such workload in the inventory"),
        (("--source", "a/b/c", "--destination", "shop/web"), "a/b/c: no cluster 'a'"),
        (("--source", "shop/web", "--destination", "prod/db", "--port", "x"), "--port x: expected a port such as"),
        (("--source", "shop/web", "--destination", "prod/db", "--port", "256/ICMP"), "--port 256/ICMP: expected"),
        (("--cases", "gone.jsonl"), "--cases gone.jsonl: cannot be read: No such file or directory"),
        (("--cases", "gone.jsonl", "--to", "1.2"), "--to: Cilium version '1.2' is not known"),
    ],
)
def test_mistakes_are_one_line(shop: Path, arguments: tuple[str, ...], message: str) -> None:
    ran = cnpfix("verdict", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"cnpfix: {message}")
    assert ran.err.count("\n") == 1


def case(**more: Any) -> str:
    small = {
        "id": "small",
        "localCluster": "a",
        "identities": [
            {"name": "pod", "labels": ["k8s:io.kubernetes.pod.namespace=shop", "k8s:app=web"]},
            {"name": "far", "cidr": "203.0.113.0/24"},
        ],
        "policies": [
            {
                "manifest": {
                    "apiVersion": "cilium.io/v2",
                    "kind": "CiliumNetworkPolicy",
                    "metadata": {"name": "p", "namespace": "shop"},
                    "spec": {"endpointSelector": {}, "egress": [{"toFQDNs": [{"matchName": "a.com"}]}]},
                }
            }
        ],
        "flows": [["pod", "far", "tcp", 443, "answers are", "ignored"], ["far", "pod", "udp", 53]],
    }
    return json.dumps({**small, **more})


def test_a_case_is_answered_on_one_line(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(case() + "\n\n" + case(id=None, policies=[]) + "\n")
    ran = cnpfix("verdict", "--cases", str(file))
    assert (ran.code, ran.err) == (0, "")
    first, second = map(json.loads, ran.out.splitlines())
    assert first == {
        "id": "small",
        "policies": [{"accepted": True}],
        "flows": [["denied", "allowed"], ["allowed", "allowed"]],
        "dependsOn": [{"flow": 0, "direction": "egress", "on": ["DNS name a.com"]}],
    }
    assert second == {"id": None, "policies": [], "flows": [["allowed", "allowed"], ["allowed", "allowed"]]}


def test_a_garbled_line_is_one_error_and_the_others_are_answered(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    bad = [
        (b'{"id": 1', "it is not JSON"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"[1]", "expected a JSON object"),
        (b"{}", "expected the name of a cluster as `localCluster`"),
        (case(identities=None).encode(), "expected a list as `identities`"),
        (case(identities=[{"name": "x"}]).encode(), "identity 'x': expected `labels`"),
        (case(identities=[{"name": "x", "cidr": "10.0.0.0"}]).encode(), "identity 'x': netip.ParsePrefix"),
        (case(policies=[{}]).encode(), "expected `manifest` in every entry of `policies`"),
        (case(namedPorts=[1]).encode(), "expected `namedPorts`"),
        (case(flows=[["pod", "gone", "tcp", 1]]).encode(), "flow 0 names 'gone', which is not an identity of the case"),
        (case(flows=[["pod", "far", "tcp", 1], ["pod"]]).encode(), "flow 1: expected [source, destination"),
        (case(flows=[["pod", "far", 6, 1]]).encode(), "flow 0: expected [source, destination"),
        (case(version="1.3").encode(), "Cilium version '1.3' is not known"),
    ]
    file.write_bytes(b"\n".join([case().encode(), *(line for line, _ in bad), case().encode()]))
    ran = cnpfix("verdict", "--cases", str(file))
    assert ran.code == 2
    assert len(ran.out.splitlines()) == 2
    errors = ran.err.splitlines()
    for number, (error, (_, message)) in enumerate(zip(errors, bad, strict=True), start=2):
        assert error.startswith(f"cnpfix: {file}:{number}: is not a case: {message}")


def test_cases_may_be_packed_and_come_on_stdin(tmp_path: Path) -> None:
    packed = gzip.compress(case().encode() + b"\n")
    (tmp_path / "cases.anything").write_bytes(packed)
    plain = cnpfix("verdict", "--cases", "-", stdin=case().encode())
    assert plain.code == 0 and plain.out
    assert cnpfix("verdict", "--cases", "-", stdin=packed) == plain
    assert cnpfix("verdict", "--cases", str(tmp_path / "cases.anything")) == plain
    (tmp_path / "cut").write_bytes(packed[:-12])
    cut = cnpfix("verdict", "--cases", str(tmp_path / "cut"))
    assert cut.code == 2 and "cannot be read" in cut.err and cut.err.count("\n") == 1


def test_agrees_with_recorded_cases_through_the_command_line(tmp_path: Path) -> None:
    """A part of them; the rest is asked of the engine itself."""
    cases = verdict_cases()[::10]
    file = tmp_path / "cases.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in cases))
    ran = cnpfix("verdict", "--cases", str(file))
    assert ran.code == 0
    expected = [
        {
            "id": each["id"],
            "policies": [{"accepted": entry["accepted"]} for entry in each["policies"]],
            "flows": [row[4:6] for row in each["flows"]],
        }
        for each in cases
    ]
    assert [json.loads(line) for line in ran.out.splitlines()] == expected


def test_a_name_that_no_dns_rule_shows_to_the_proxy_is_a_missing_fact(shop: Path) -> None:
    """toFQDNs learns addresses from answers that pass the DNS proxy: a rule with `rules.dns`."""
    asked = ("verdict", "--source", "shop/web", "--destination", "api.example.com", "--format", "json", ".")
    assert any("no rule with `rules.dns`" in text for text in json.loads(cnpfix(*asked).out)["missing"])
    dns = {
        "toEntities": ["cluster"],
        "toPorts": [{"ports": [{"port": "53"}], "rules": {"dns": [{"matchPattern": "*"}]}}],
    }
    spec = {"endpointSelector": {"matchLabels": {"app": "web"}}, "egress": [dns]}
    metadata = {"name": "dns", "namespace": "shop"}
    policy = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata, "spec": spec}
    Path("dns.yaml").write_text(json.dumps(policy))
    assert not any("rules.dns" in text for text in json.loads(cnpfix(*asked).out)["missing"])


FILLED = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: names, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
    - toFQDNs: [{matchName: "login.${DOMAIN}"}, {matchName: api.example.org}]
      toPorts: [{ports: [{port: "8443", protocol: TCP}]}]
"""
#: Takes policies out when they are built, and holds none.
DELETES = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [web.yaml]
patches:
  - target: {group: cilium.io, kind: CiliumNetworkPolicy}
    patch: |-
      $patch: delete
      apiVersion: cilium.io/v2
      kind: CiliumNetworkPolicy
      metadata: {name: unused}
"""


def test_a_policy_with_a_variable_is_not_rejected_for_it(shop: Path) -> None:
    Path("names.yaml").write_text(FILLED)
    found = flow("shop/web", "api.example.org", "8443/TCP")
    assert (found["egress"]["allowed"], found["egress"]["rejected"]) == (True, [])
    assert "what ${DOMAIN} in CiliumNetworkPolicy shop/names stands for, names.yaml:1" in found["missing"]
    other = flow("prod/db", "api.example.org", "8443/TCP")
    assert not any("${DOMAIN}" in text for text in other["missing"])


def test_the_patches_of_a_kustomization_are_no_policies(shop: Path) -> None:
    Path("kustomization.yaml").write_text(DELETES)
    assert not any("Kustomization" in text for text in flow("shop/web", "prod/db", "3306/TCP")["missing"])
