"""Every setting of the agents on which a verdict rests, from every source, and that the answer names the source."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rewriter.engine.flow.verdict import judge, read_port
from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.workspace import Request
from tests.semantics.repository import (
    WEB,
    Manifest,
    app,
    ccnp,
    cnp,
    config_map,
    helm,
    namespace,
    text,
)

POOL, NODE = "10.42.0.0/16", "192.168.7.10"
APPS = [
    namespace("shop"),
    namespace("lab"),
    app("shop/web", ("http", 8080, "TCP")),
    app("shop/api", labels={"tier": "back"}),
    app("lab/x"),
    app("lab/probe", labels={"host": "node-1"}),
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node-1", "labels": {"rack": "b7"}},
        "status": {"addresses": [{"type": "InternalIP", "address": NODE}]},
    },
]
W, API, X, PROBE = "shop/web", "shop/api", "lab/x", "lab/probe"
SHUT = cnp("shop", {"endpointSelector": WEB, "ingress": [{}]})


@dataclass(frozen=True)
class Setting:
    """A setting in the words of each source, and a flow that passes with it, or without it where `opens` is false."""

    values: Mapping[str, Any]
    option: tuple[str, str]
    snapshot: tuple[str, Any]
    config: tuple[str, str]
    policy: Manifest
    flow: tuple[str, str, str, str]
    opens: bool
    cited: str


def of_web(rule: Manifest, direction: str = "ingress") -> Manifest:
    return cnp("shop", {"endpointSelector": WEB, direction: [rule]})


def of_mode(mode: str, flow: tuple[str, str, str, str], *, opens: bool) -> Setting:
    return Setting(
        {"policyEnforcementMode": mode},
        ("enable-policy", mode),
        ("enforcement", mode),
        ("policy_enforcement_mode", f'"{mode}"'),
        SHUT,
        flow,
        opens=opens,
        cited=f"policyEnforcementMode: {mode}",
    )


SETTINGS = {
    "policyEnforcementMode: never": of_mode("never", (X, W, "80/TCP", "1.19"), opens=True),
    "policyEnforcementMode: always": of_mode("always", (X, API, "80/TCP", "1.19"), opens=False),
    "policyAuditMode": Setting(
        {"policyAuditMode": True},
        ("policy-audit-mode", "true"),
        ("audit", True),
        ("policy_audit_mode", "true"),
        SHUT,
        (X, W, "80/TCP", "1.19"),
        opens=True,
        cited="policyAuditMode: true",
    ),
    "policyCIDRMatchMode: nodes": Setting(
        {"policyCIDRMatchMode": "nodes"},
        ("policy-cidr-match-mode", "nodes"),
        ("cidr_match_nodes", True),
        ("policy_cidr_match_nodes", "true"),
        of_web({"fromCIDR": ["192.168.7.0/24"]}),
        (NODE, W, "80/TCP", "1.19"),
        opens=True,
        cited="policyCIDRMatchMode: nodes",
    ),
    "policyCIDRMatchMode: pods": Setting(
        {"policyCIDRMatchMode": ["pods"]},
        ("policy-cidr-match-mode", "pods"),
        ("cidr_match_pods", True),
        ("policy_cidr_match_pods", "true"),
        of_web({"fromCIDRSet": [{"cidr": POOL}]}),
        (API, W, "80/TCP", "1.20"),
        opens=True,
        cited="policyCIDRMatchMode: pods",
    ),
    "hostFirewall": Setting(
        {"hostFirewall": {"enabled": True}},
        ("enable-host-firewall", "true"),
        ("host_firewall", True),
        ("host_firewall", "true"),
        cnp("lab", {"endpointSelector": {}, "ingress": [{}]}),
        (X, PROBE, "80/TCP", "1.19"),
        opens=False,
        cited="hostFirewall.enabled: true",
    ),
    "labels": Setting(
        {"labels": "app io.kubernetes.pod.namespace"},
        ("labels", "app io.kubernetes.pod.namespace"),
        ("identity_labels", ["app", "io.kubernetes.pod.namespace"]),
        ("identity_labels", '"app io.kubernetes.pod.namespace"'),
        ccnp({"endpointSelector": {"matchLabels": {"tier": "back"}}, "egress": [{}]}),
        (API, X, "80/TCP", "1.19"),
        opens=True,
        cited="labels: app io.kubernetes.pod.namespace",
    ),
    "nodeSelectorLabels": Setting(
        {"nodeSelectorLabels": True},
        ("enable-node-selector-labels", "true"),
        ("node_selector_labels", True),
        ("node_selector_labels", "true"),
        of_web({"fromNodes": [{"matchLabels": {"rack": "b7"}}]}),
        (X, W, "80/TCP", "1.19"),
        opens=False,
        cited="nodeSelectorLabels: true",
    ),
    "policyDefaultLocalCluster": Setting(
        {"clustermesh": {"policyDefaultLocalCluster": False}},
        ("policy-default-local-cluster", "false"),
        ("default_local_cluster", False),
        ("policy_default_local_cluster", "false"),
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "policy", "namespace": "lab"},
            "spec": {
                "podSelector": {"matchLabels": {"app": "x"}},
                "ingress": [
                    {"from": [{"namespaceSelector": {"matchExpressions": [{"key": "t", "operator": "DoesNotExist"}]}}]}
                ],
            },
        },
        ("world", X, "80/TCP", "1.19"),
        opens=True,
        cited="clustermesh.policyDefaultLocalCluster: false",
    ),
    "enable-extended-ip-protocols": Setting(
        {"extraConfig": {"enable-extended-ip-protocols": "true"}},
        ("enable-extended-ip-protocols", "true"),
        ("extended_ip_protocols", True),
        ("extended_ip_protocols", "true"),
        of_web({"toPorts": [{"ports": [{"protocol": "VRRP"}]}]}),
        (X, W, "80/TCP", "1.19"),
        opens=False,
        cited="enable-extended-ip-protocols: true",
    ),
}
POOLS = {"ipam": {"operator": {"clusterPoolIPv4PodCIDRList": [POOL]}}}


def release(setting: Setting) -> dict[str, str]:
    return {"infra/cilium.yaml": text([helm({"cluster": {"name": "a"}, **POOLS, **setting.values})])}


def extra_config(setting: Setting) -> dict[str, str]:
    values = {"cluster": {"name": "a"}, **POOLS, "extraConfig": dict([setting.option])}
    return {"infra/cilium.yaml": text([helm(values)])}


def arguments(setting: Setting) -> dict[str, str]:
    values = {"cluster": {"name": "a"}, **POOLS, "extraArgs": [f"--{setting.option[0]}={setting.option[1]}"]}
    return {"infra/cilium.yaml": text([helm(values)])}


def application(setting: Setting) -> dict[str, str]:
    values = {"cluster": {"name": "a"}, **POOLS, **setting.values}
    source = {"chart": "cilium", "repoURL": "https://helm.cilium.io", "targetRevision": "1.19.4"}
    spec = {
        "project": "default",
        "destination": {"namespace": "kube-system", "server": "https://kubernetes.default.svc"},
        "source": {**source, "helm": {"valuesObject": values}},
    }
    metadata = {"name": "cilium", "namespace": "argocd"}
    made = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata, "spec": spec}
    return {"infra/cilium.yaml": text([made])}


def options(setting: Setting) -> dict[str, str]:
    made = config_map({"cluster-name": "a", "cluster-pool-ipv4-cidr": POOL, **dict([setting.option])})
    return {"infra/cilium.yaml": text([made])}


def config(setting: Setting) -> dict[str, str]:
    key, value = setting.config
    known = f'[[clusters]]\nname = "a"\nlocal = ["**"]\npod_cidrs = ["{POOL}"]\n'
    return {"cnpfix.toml": f"{known}{key} = {value}\n"}


def snapshot(setting: Setting) -> dict[str, str]:
    key, value = setting.snapshot
    cluster = {"name": "a", "pod_cidrs": [POOL], key: value}
    return {
        "facts.json": json.dumps({"cnpfix_inventory": 1, "clusters": [cluster]}),
        "cnpfix.toml": '[[clusters]]\nname = "a"\nlocal = ["**"]\n',
    }


SOURCES: dict[str, tuple[Callable[[Setting], dict[str, str]], str]] = {
    "HelmRelease": (release, "infra/cilium.yaml:"),
    "extraConfig": (extra_config, "infra/cilium.yaml:"),
    "extraArgs": (arguments, "infra/cilium.yaml:"),
    "Application": (application, "infra/cilium.yaml:"),
    "ConfigMap": (options, "infra/cilium.yaml:"),
    "cnpfix.toml": (config, "cnpfix.toml"),
    "snapshot": (snapshot, "facts.json"),
}


def answers(files: Mapping[str, str], setting: Setting) -> Iterator[tuple[bool, list[str]]]:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    source, destination, at, version = setting.flow
    facts = (Path("facts.json"),) if "facts.json" in files else ()
    request = Request(names=(".",), to_version=version, inventories=facts)
    judged = judge(open_workspace(request, lambda _files: None), source, destination, *read_port(at))
    yield judged.allowed, [words for each in judged.directions for words in each.settings]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_counts_and_is_named(name: str, source: str, tmp_path: Path) -> None:
    setting = SETTINGS[name]
    made, place = SOURCES[source]
    repository = {"apps.yaml": text(APPS), "policy.yaml": text([setting.policy])}
    (tmp_path / "with").mkdir()
    with chdir(tmp_path / "with"):
        ((passes, named),) = answers({**repository, **made(setting)}, setting)
    assert passes is setting.opens
    assert [words for words in named if words.startswith(f"{setting.cited}, {place}")]
    (tmp_path / "without").mkdir()
    with chdir(tmp_path / "without"):
        ((passes, named),) = answers(repository, setting)
    assert passes is not setting.opens
    assert not [words for words in named if words.startswith(setting.cited)]
