from __future__ import annotations

from typing import Any

import pytest

from rewriter.cilium.policy import CCNP, CNP
from rewriter.finding import Applicability, Severity
from rewriter.inventory.facts.model import NamedPort, ServicePort
from rewriter.passes.service_port import find
from tests.passes.support import Facts, Run, cluster, run, service, workload

NAMESPACE = "k8s:io.kubernetes.pod.namespace"
WEB = {"app": "web"}
PODS = workload("web", "shop", WEB)
SERVICE = service("web", "shop", WEB, [(80, 8080)])
KNOWN = Facts(workloads=[PODS], services_=[SERVICE])


def item(*ports: Any, **more: Any) -> dict[str, Any]:
    """One item of toPorts; a text is a port's number with its protocol."""
    read = [
        dict(zip(("port", "protocol"), port.split("/"), strict=False)) if isinstance(port, str) else port
        for port in ports
    ]
    return {"ports": read, **more}


def manifest(*to_ports: Any, entry: Any = None, kind: str = CNP, field: str = "egress", **rule: Any) -> dict[str, Any]:
    peers = {"toEndpoints": [{"matchLabels": WEB} if entry is None else entry]}
    return {
        "apiVersion": "cilium.io/v2",
        "kind": kind,
        "metadata": {"name": "p"} if kind == CCNP else {"name": "p", "namespace": "shop"},
        "spec": {"endpointSelector": {}, field: [{**peers, "toPorts": list(to_ports), **rule}]},
    }


def fix_file(*to_ports: Any, inventory: Facts = KNOWN, **more: Any) -> Run:
    return run(find, manifest(*to_ports, **more), inventory)


def ports(result: Run, field: str = "egress") -> Any:
    return result.manifest["spec"][field][0]["toPorts"]


@pytest.mark.parametrize(
    "to_ports",
    [
        [item("8080/TCP")],
        [item("80/UDP")],
        [item("443/TCP")],
        [item("0")],
        [item("80/TCP", "8080/TCP")],
        [item("80/TCP"), item("8080")],
        [item("80/TCP"), item({"port": "8000", "endPort": 9000, "protocol": "TCP"})],
        [item({"port": "80", "endPort": 90, "protocol": "UDP"})],
        [item()],
        [{}],
        [],
        ["80"],
        [{"ports": "80"}],
        [{"ports": [80, None, {"port": 80}]}],
    ],
)
def test_leaves_alone(to_ports: Any) -> None:
    assert fix_file(*to_ports).findings == []


@pytest.mark.parametrize(
    "inventory",
    [
        Facts(),
        Facts(workloads=[PODS]),
        Facts(services_=[SERVICE]),
        Facts(workloads=[PODS], services_=[service("web", "shop", WEB, [(80, 80)])]),
        Facts(workloads=[PODS], services_=[service("web", "shop", None, [(80, 8080)])]),
        Facts(workloads=[PODS], services_=[service("web", "other", WEB, [(80, 8080)])]),
        Facts(workloads=[PODS], services_=[service("web", "shop", {**WEB, "x": "y"}, [(80, 8080)])]),
        Facts(workloads=[PODS], services_=[SERVICE, service("direct", "shop", WEB, [(8000, 80)])]),
        Facts(workloads=[workload("web", "shop", WEB, ports=(NamedPort("", 80),))], services_=[SERVICE]),
        Facts(workloads=[workload("web", "shop", WEB, host_network=True)], services_=[SERVICE]),
    ],
    ids=[
        "nothing known",
        "no Service",
        "no workload",
        "same port",
        "no selector",
        "another namespace",
        "a narrower selector",
        "a Service forwards to it",
        "a container has it",
        "host network",
    ],
)
def test_leaves_alone_what_the_facts_do_not_show(inventory: Facts) -> None:
    assert fix_file(item("80/TCP"), inventory=inventory).findings == []


@pytest.mark.parametrize(
    "rule",
    [{"toEntities": ["world"]}, {"toCIDR": []}, {"toServices": [{"k8sService": {"serviceName": "web"}}]}],
)
def test_leaves_alone_rules_with_other_peers(rule: Any) -> None:
    assert fix_file(item("80/TCP"), **rule).findings == []


@pytest.mark.parametrize("kind", [CNP, CCNP])
def test_writes_the_backend_port(kind: str) -> None:
    result = fix_file(item("53/UDP", "80/TCP", rules={"http": [{"method": "GET"}]}), kind=kind)
    assert ports(result) == [item("53/UDP", "8080/TCP", rules={"http": [{"method": "GET"}]})]
    finding = result.only
    assert (finding.applicability, finding.severity) == (Applicability.EVIDENT, Severity.WARNING)
    assert finding.route == "/spec/egress/0/toPorts/0/ports/1"
    assert finding.message == "`toPorts` names port 80/TCP of Service shop/web, whose backends listen on 8080"
    assert finding.opens[0].words.endswith("to pods app=web on 8080/TCP")
    assert finding.closes[0].words.endswith("to pods app=web on 80/TCP")
    assert finding.evidence == (
        "Service shop/web, facts.yaml:1: port 80/TCP → 8080",
        "behind it: Deployment shop/web (facts.yaml:1)",
    )


def test_a_named_target_port_by_name() -> None:
    listens = workload("web", "shop", WEB, ports=(NamedPort("http", 8080),))
    facts = Facts(workloads=[listens], services_=[service("web", "shop", WEB, [(80, "http")])])
    assert ports(fix_file(item("80"), inventory=facts)) == [item("http")]
    assert ports(fix_file(item("80/TCP"), inventory=facts)) == [item("http/TCP")]
    assert fix_file(item("80/TCP", "8080/TCP"), inventory=facts).findings == []


def test_a_named_target_port_that_no_container_has_is_unsafe() -> None:
    facts = Facts(workloads=[PODS], services_=[service("web", "shop", WEB, [(80, "http")])])
    finding = fix_file(item("80/TCP"), inventory=facts).only
    assert finding.applicability is Applicability.UNSAFE
    assert finding.message == "`toPorts` names port 80/TCP of Service shop/web, which forwards to http"
    assert finding.advice == "no container of Deployment shop/web has a port named http"
    assert fix_file(item("http"), inventory=facts).findings == []


def test_the_name_of_a_service_port() -> None:
    listens = workload("web", "shop", WEB, ports=(NamedPort("http", 8080),))
    facts = Facts(workloads=[listens], services_=[service("web", "shop", WEB, [ServicePort("www", 80, "TCP", 8080)])])
    assert ports(fix_file(item("www/TCP"), inventory=facts)) == [item("8080/TCP")]


def test_two_service_ports_with_one_target() -> None:
    facts = Facts(workloads=[PODS], services_=[service("web", "shop", WEB, [(80, 8080), (443, 8080)])])
    assert ports(fix_file(item("80/TCP", "443/TCP"), inventory=facts)) == [item("8080/TCP")]


def test_several_workloads_behind_one_service() -> None:
    canary = workload("canary", "shop", {**WEB, "track": "canary"})
    facts = Facts(workloads=[PODS, canary], services_=[SERVICE])
    assert fix_file(item("80/TCP"), inventory=facts).only.applicability is Applicability.EVIDENT


@pytest.mark.parametrize(
    ("entry", "facts", "doubt"),
    [
        (
            {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
            Facts(workloads=[PODS, workload("db", "shop", {"app": "db"})], services_=[SERVICE]),
            "pods that are not behind such a Service",
        ),
        (
            None,
            Facts(workloads=[PODS], services_=[SERVICE, service("other", "shop", WEB, [(80, 9090)])]),
            "to different ports",
        ),
    ],
)
def test_leaves_doubts_to_a_person(entry: Any, facts: Facts, doubt: str) -> None:
    finding = fix_file(item("80/TCP"), inventory=facts, entry=entry).only
    assert (finding.applicability, finding.fix) == (Applicability.MANUAL, None)
    assert doubt in finding.advice and "80/TCP → 8080" in finding.advice


def test_pods_that_nobody_knows() -> None:
    document = manifest(item("80/TCP"))
    document["spec"]["egress"][0]["toEndpoints"].append({"matchLabels": {"app": "other"}})
    finding = run(find, document, KNOWN).only
    assert finding.applicability is Applicability.MANUAL
    assert "not all pods of the rule are known" in finding.advice


def test_does_not_say_twice_what_another_rule_says() -> None:
    document = manifest(item("80/TCP"))
    document["spec"]["egress"].append({"toEndpoints": [{}], "toPorts": [item("8080")]})
    assert run(find, document, KNOWN).findings == []


def test_is_unsafe_in_a_deny_rule() -> None:
    finding = fix_file(item("80/TCP"), field="egressDeny").only
    assert (finding.applicability, finding.severity) == (Applicability.UNSAFE, Severity.ERROR)
    assert "8080" in str(finding.closes[0]) and "80/TCP" in str(finding.opens[0])


def test_a_policy_of_an_unknown_namespace() -> None:
    document = manifest(item("80/TCP"))
    del document["metadata"]["namespace"]
    assert run(find, document, KNOWN).findings == []
    document["spec"]["egress"][0]["toEndpoints"] = [{"matchLabels": {**WEB, NAMESPACE: "shop"}}]
    assert run(find, document, KNOWN).only.applicability is Applicability.EVIDENT


def test_clusters_are_kept_apart() -> None:
    clusters = (cluster("cluster-a", local=True), cluster("cluster-b"))
    pods = [workload("web", "shop", WEB, name) for name in ("cluster-a", "cluster-b")]
    services = [service("web", "shop", WEB, [(80, 8080)], cluster="cluster-a")]
    finding = fix_file(item("80/TCP"), inventory=Facts(clusters, pods, services)).only
    assert finding.applicability is Applicability.MANUAL
    services.append(service("web", "shop", WEB, [(80, 8080)], cluster="cluster-b"))
    finding = fix_file(item("80/TCP"), inventory=Facts(clusters, pods, services)).only
    assert finding.applicability is Applicability.EVIDENT
