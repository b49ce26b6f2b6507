"""Which labels of a pod policies see, and the label `host`, which takes a pod out of enforcement."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.semantics.repository import (
    Case,
    Manifest,
    app,
    ccnp,
    cnp,
    config_map,
    helm,
    knp,
    namespace,
    wrong,
)

#: Labels, and whether they are part of an identity on 1.19 and on 1.20.
LABELS = {
    "app.kubernetes.io/name": (True, True),
    "topology.kubernetes.io/zone": (True, False),
    "node.kubernetes.io/pool": (True, True),
    "job-name": (True, True),
    "batch.kubernetes.io/job-name": (True, True),
    "version": (True, True),
    "pod-template-hash": (False, False),
    "pod-template-generation": (False, False),
    "controller-revision-hash": (False, False),
    "statefulset.kubernetes.io/pod-name": (False, False),
    "apps.kubernetes.io/pod-index": (False, False),
    "batch.kubernetes.io/job-completion-index": (False, False),
    "batch.kubernetes.io/controller-uid": (False, False),
    "kubernetes.io/arch": (False, False),
    "k8s.io/part": (False, False),
    "io.kubernetes.part": (False, False),
    "failure-domain.beta.kubernetes.io/zone": (False, False),
    "annotation.part": (False, False),
    "controller-uid": (False, False),
    "controller-uid-part": (False, False),
    "etcd_node": (False, False),
}
WORKER = app("lab/worker", labels=dict.fromkeys(LABELS, "v1"))
X = {"matchLabels": {"app": "x"}}


def repository(title: str, policy: Manifest, passes: dict[str, bool], settings: Manifest | None = None) -> Case:
    """Whether `lab/worker` reaches `lab/x` on each release."""
    files = {"apps.yaml": [namespace("lab"), app("lab/x"), WORKER], "policy.yaml": [policy]}
    flows = [("lab/worker", "lab/x", "80/TCP", release, passed) for release, passed in passes.items()]
    return Case(title, {**files, **({} if settings is None else {"infra/cilium.yaml": [settings]})}, flows)


def in_namespace(key: str) -> Manifest:
    return cnp("lab", {"endpointSelector": X, "ingress": [{"fromEndpoints": [{"matchLabels": {key: "v1"}}]}]})


def clusterwide(key: str) -> Manifest:
    expression = {"key": f"k8s:{key}", "operator": "In", "values": ["v1"]}
    return ccnp({"endpointSelector": X, "ingress": [{"fromEndpoints": [{"matchExpressions": [expression]}]}]})


def network_policy(key: str) -> Manifest:
    return knp("lab", {"podSelector": X, "ingress": [{"from": [{"podSelector": {"matchLabels": {key: "v1"}}}]}]})


@pytest.mark.parametrize("made", [in_namespace, clusterwide, network_policy])
@pytest.mark.parametrize("key", LABELS)
def test_labels_of_peers(key: str, made: Callable[[str], Manifest]) -> None:
    older, newer = LABELS[key]
    assert wrong(repository(key, made(key), {"1.19": older, "1.20": newer})) == []


@pytest.mark.parametrize("key", LABELS)
def test_labels_of_subjects(key: str) -> None:
    older, newer = LABELS[key]
    shut = ccnp({"endpointSelector": {"matchLabels": {key: "v1"}}, "egress": [{}]})
    assert wrong(repository(key, shut, {"1.19": not older, "1.20": not newer})) == []


#: The agents' option, the label that a rule asks for, and whether it is there.
FILTERS = [
    ("app io.kubernetes.pod.namespace", "version", False),
    ("app version", "version", True),
    ("k8s:version app", "version", True),
    ("!version", "version", False),
    ("!version", "job-name", True),
    ("ver.* app", "version", True),
]
SOURCES: dict[str, Callable[[str], Manifest]] = {
    "Helm values": lambda labels: helm({"labels": labels}),
    "extraConfig": lambda labels: helm({"extraConfig": {"labels": labels}}),
    "extraArgs": lambda labels: helm({"extraArgs": [f"--labels={labels}"]}),
    "ConfigMap": lambda labels: config_map({"labels": labels}),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("labels", "key", "there"), FILTERS)
def test_filter_of_the_installation(source: str, labels: str, key: str, there: bool) -> None:
    assert wrong(repository(labels, in_namespace(key), {"1.19": there}, SOURCES[source](labels))) == []


SHUT = {
    "CiliumNetworkPolicy": cnp("lab", {"endpointSelector": {}, "ingress": [{}]}),
    "specs": cnp("lab", specs=[{"endpointSelector": {}, "ingress": [{}]}]),
    "CiliumClusterwideNetworkPolicy": ccnp({"endpointSelector": {}, "ingress": [{}]}),
    "NetworkPolicy": knp("lab", {"podSelector": {}}),
    "deny": cnp("lab", {"endpointSelector": {}, "ingressDeny": [{"fromEntities": ["all"]}]}),
    "egress": cnp("lab", {"endpointSelector": {}, "egress": [{}]}),
}
FIREWALL: dict[str, tuple[Manifest | None, bool]] = {
    "nothing known": (None, True),
    "Helm values, off": (helm({"hostFirewall": {"enabled": False}}), True),
    "Helm values, on": (helm({"hostFirewall": {"enabled": True}}), False),
    "ConfigMap, off": (config_map({"enable-host-firewall": "false"}), True),
    "ConfigMap, on": (config_map({"enable-host-firewall": "true"}), False),
}


@pytest.mark.parametrize("kind", SHUT)
@pytest.mark.parametrize("firewall", FIREWALL)
def test_label_host(kind: str, firewall: str) -> None:
    settings, passes = FIREWALL[firewall]
    ends = ("lab/probe", "world") if kind == "egress" else ("lab/x", "lab/probe")
    apps = [namespace("lab"), app("lab/x"), app("lab/probe", labels={"host": "node-1"})]
    files = {"apps.yaml": apps, "policy.yaml": [SHUT[kind]]}
    flows = [(*ends, "80/TCP", release, passes) for release in ("1.15", "1.19", "1.20")]
    settled = {} if settings is None else {"infra/cilium.yaml": [settings]}
    assert wrong(Case(kind, {**files, **settled}, flows)) == []


@pytest.mark.parametrize("key", ["hostname", "example.com/host", "host-name"])
def test_other_keys_are_no_host(key: str) -> None:
    apps = [namespace("lab"), app("lab/x"), app("lab/probe", labels={key: "node-1"})]
    files = {"apps.yaml": apps, "policy.yaml": [SHUT["NetworkPolicy"]]}
    assert wrong(Case(key, files, [("lab/x", "lab/probe", "80/TCP", "1.19", False)])) == []
