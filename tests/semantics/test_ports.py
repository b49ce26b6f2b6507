"""Ports as rules give them: ICMP types, port 0, ranges, names per release, protocols without ports, L7 rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.semantics.repository import (
    WEB,
    Case,
    Flow,
    Manifest,
    app,
    ccnp,
    cnp,
    config_map,
    helm,
    knp,
    namespace,
    port,
    ports,
    wrong,
)

APPS = [
    namespace("shop"),
    namespace("prod"),
    namespace("lab"),
    app("shop/web", ("http", 8080, "TCP"), ("dns", 53, "UDP")),
    app("shop/api", ("http", 9000, "TCP")),
    app("shop/cli"),
    app("prod/db", ("mysql", 3306, "TCP")),
    app("prod/agent", ("mysql", 3307, "TCP"), host_network=True),
    app("lab/x"),
]
W, API, CLI, DB, X = "shop/web", "shop/api", "shop/cli", "prod/db", "lab/x"
CLIENT = {"matchLabels": {"app": "cli"}}
PROD = {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "prod"}}
HTTP, MYSQL, DNS = port("http", "TCP"), port("mysql", "TCP"), port("dns")


def case(title: str, policy: Manifest, *flows: Flow, settings: Manifest | None = None) -> Case:
    files = {"apps.yaml": APPS, "policy.yaml": [policy]}
    return Case(title, {**files, **({} if settings is None else {"infra/cilium.yaml": [settings]})}, flows)


def into_web(rule: Manifest) -> Manifest:
    return cnp("shop", {"endpointSelector": WEB, "ingress": [rule]})


def out_of_client(rule: Manifest, *, deny: bool = False) -> Manifest:
    off = {"enableDefaultDeny": {"egress": False}} if deny else {}
    return cnp("shop", {"endpointSelector": CLIENT, "egressDeny" if deny else "egress": [rule], **off})


def to_web(at: str, release: str, passes: bool, source: str = "world") -> Flow:
    return source, W, at, release, passes


def echo_replies() -> Iterator[Case]:
    """ICMP type 0 is port 0: every type of its family."""
    for written in (0, "EchoReply"):
        rule = {"icmps": [{"fields": [{"type": written, "family": "IPv4"}]}]}
        types = ("8/ICMP", "13/ICMP")
        others = ("80/TCP", "128/ICMPv6")
        for release in ("1.16", "1.19", "1.20"):
            for kind in (lambda spec: cnp("shop", spec), ccnp, lambda spec: cnp("shop", specs=[spec])):
                allow = {"endpointSelector": WEB, "ingress": [rule]}
                flows = [*(to_web(each, release, True) for each in types), *(to_web(o, release, False) for o in others)]
                yield case(f"{written} is let in on {release}", kind(allow), *flows)
                deny = {"endpointSelector": WEB, "ingressDeny": [rule], "enableDefaultDeny": {"ingress": False}}
                flows = [(s, d, at, r, not passes) for s, d, at, r, passes in flows]
                yield case(f"{written} is denied on {release}", kind(deny), *flows)
    out = {"toEntities": ["world"], "icmps": [{"fields": [{"type": 0}]}]}
    yield case(
        "type 0 outwards", out_of_client(out), (CLI, "world", "8/ICMP", "1.19", True), (CLI, X, "8/ICMP", "1.19", False)
    )


def extended_protocols() -> Iterator[Case]:
    without_number = into_web({"toPorts": [{"ports": [{"protocol": "VRRP"}]}]})
    yield case("a port without a number rejects the policy", without_number, to_web("80/TCP", "1.19", True))
    for title, settings in {
        "extraConfig": helm({"extraConfig": {"enable-extended-ip-protocols": "true"}}),
        "extraArgs": helm({"extraArgs": ["--enable-extended-ip-protocols"]}),
        "ConfigMap": config_map({"enable-extended-ip-protocols": "true"}),
    }.items():
        flows = [to_web("80/TCP", "1.18", True), to_web("80/TCP", "1.19", False), to_web("80/TCP", "1.20", False)]
        yield case(f"unless the agents take it ({title})", without_number, *flows, settings=settings)
    off = helm({"extraConfig": {"enable-extended-ip-protocols": "false"}})
    yield case("and say so", without_number, to_web("80/TCP", "1.19", True), settings=off)
    every_port = into_web({"toPorts": [{"ports": [{"protocol": "TCP"}]}]})
    on = helm({"extraConfig": {"enable-extended-ip-protocols": True}})
    flows = [to_web("80/TCP", "1.19", True), to_web("80/UDP", "1.19", False)]
    yield case("then no number is every port of the protocol", every_port, *flows, settings=on)
    known = into_web({"toPorts": ports(port(0, "VRRP"))})
    yield case("VRRP with port 0", known, to_web("80/TCP", "1.17", True), to_web("80/TCP", "1.19", False))


CASES = [
    case(
        "one ICMP type",
        into_web({"icmps": [{"fields": [{"type": 8}]}]}),
        to_web("8/ICMP", "1.19", True),
        to_web("0/ICMP", "1.19", False),
        to_web("13/ICMP", "1.19", False),
    ),
    case(
        "ICMP types by name from 1.16",
        into_web({"icmps": [{"fields": [{"type": "EchoRequest"}]}]}),
        to_web("13/ICMP", "1.15", True),
        to_web("13/ICMP", "1.16", False),
        to_web("8/ICMP", "1.16", True),
    ),
    case(
        "EchoReply of IPv6 is type 129",
        into_web({"icmps": [{"fields": [{"type": "EchoReply", "family": "IPv6"}]}]}),
        to_web("129/ICMPv6", "1.19", True),
        to_web("128/ICMPv6", "1.19", False),
    ),
    case(
        "port 0 is every port of the protocol",
        into_web({"toPorts": ports(port(0, "TCP"))}),
        to_web("80/TCP", "1.19", True),
        to_web("80/UDP", "1.19", False),
    ),
    case(
        "port 0 with an end too",
        into_web({"toPorts": ports(port(0, "TCP", 100))}),
        to_web("80/TCP", "1.20", True),
        to_web("5000/TCP", "1.20", True),
    ),
    case(
        "ranges from 1.16",
        into_web({"toPorts": ports(port(80, "TCP", 90))}),
        to_web("85/TCP", "1.15", False),
        to_web("80/TCP", "1.15", True),
        to_web("85/TCP", "1.16", True),
        to_web("91/TCP", "1.19", False),
    ),
    case(
        "ranges of a NetworkPolicy from 1.16",
        knp("shop", {"podSelector": WEB, "ingress": [{"ports": [{"port": 80, "endPort": 90}]}]}),
        to_web("85/TCP", "1.15", False),
        to_web("80/TCP", "1.15", True),
        to_web("85/TCP", "1.16", True),
    ),
    case(
        "a range from a name, on ingress",
        into_web({"toPorts": ports(port("http", "TCP", 8090))}),
        to_web("8085/TCP", "1.19", True),
        to_web("8079/TCP", "1.19", False),
        to_web("8085/TCP", "1.20", True),
    ),
    case(
        "a name on ingress is the subject's port",
        into_web({"toPorts": ports(HTTP)}),
        to_web("8080/TCP", "1.19", True),
        to_web("9000/TCP", "1.19", False),
    ),
    case(
        "a name has a protocol",
        into_web({"toPorts": ports(port("dns", "TCP"))}),
        to_web("53/TCP", "1.19", False),
        to_web("53/UDP", "1.19", False),
    ),
    case(
        "a name of any protocol",
        into_web({"toPorts": ports(DNS)}),
        to_web("53/UDP", "1.19", True),
        to_web("53/TCP", "1.19", False),
    ),
    case(
        "a name with two numbers matches nothing on egress, until 1.20",
        out_of_client({"toEndpoints": [{}], "toPorts": ports(HTTP)}),
        (CLI, W, "8080/TCP", "1.19", False),
        (CLI, W, "8080/TCP", "1.20", True),
        (CLI, API, "9000/TCP", "1.20", True),
        (CLI, W, "9000/TCP", "1.20", False),
    ),
    case(
        "in a NetworkPolicy too",
        knp(
            "shop",
            {
                "podSelector": CLIENT,
                "policyTypes": ["Egress"],
                "egress": [{"to": [{"podSelector": {}}], "ports": [{"port": "http"}]}],
            },
        ),
        (CLI, W, "8080/TCP", "1.19", False),
        (CLI, W, "8080/TCP", "1.20", True),
    ),
    case(
        "in a deny rule too",
        out_of_client({"toEndpoints": [{}], "toPorts": ports(HTTP)}, deny=True),
        (CLI, W, "8080/TCP", "1.19", True),
        (CLI, W, "8080/TCP", "1.20", False),
    ),
    case(
        "names on the host network do not count",
        out_of_client({"toEndpoints": [PROD], "toPorts": ports(MYSQL)}),
        (CLI, DB, "3306/TCP", "1.19", True),
        (CLI, DB, "3306/TCP", "1.20", True),
        (CLI, DB, "3307/TCP", "1.19", False),
    ),
    case(
        "a pod without the name, until 1.20",
        out_of_client({"toEndpoints": [{}], "toPorts": ports(MYSQL)}),
        (CLI, W, "3306/TCP", "1.19", True),
        (CLI, W, "3306/TCP", "1.20", False),
    ),
    case(
        "an address, until 1.20",
        out_of_client({"toCIDR": ["203.0.113.0/24"], "toPorts": ports(MYSQL)}),
        (CLI, "203.0.113.5", "3306/TCP", "1.19", True),
        (CLI, "203.0.113.5", "3306/TCP", "1.20", False),
    ),
    case(
        "a denied address, until 1.20",
        out_of_client({"toCIDR": ["203.0.113.0/24"], "toPorts": ports(MYSQL)}, deny=True),
        (CLI, "203.0.113.5", "3306/TCP", "1.19", False),
        (CLI, "203.0.113.5", "3306/TCP", "1.20", True),
    ),
    case(
        "a name that no pod has",
        out_of_client({"toEndpoints": [{}], "toPorts": ports(port("grpc", "TCP"))}),
        (CLI, W, "8080/TCP", "1.19", False),
        (CLI, W, "8080/TCP", "1.20", False),
    ),
    case(
        "an empty list of HTTP rules limits nothing, on UDP too",
        into_web({"toPorts": [{**ports(port(53, "UDP"))[0], "rules": {"http": []}}]}),
        to_web("53/UDP", "1.19", True),
        to_web("53/TCP", "1.19", False),
    ),
    case(
        "HTTP rules on UDP reject the policy",
        into_web({"toPorts": [{**ports(port(53, "UDP"))[0], "rules": {"http": [{}]}}]}),
        to_web("54/UDP", "1.19", True),
    ),
    case(
        "HTTP rules on a range reject it on 1.16",
        into_web({"toPorts": [{**ports(port(80, "TCP", 90))[0], "rules": {"http": [{}]}}]}),
        to_web("100/TCP", "1.16", True),
        to_web("100/TCP", "1.17", False),
    ),
    case(
        "Kafka rules are dropped at 1.20, and the port opens",
        into_web(
            {
                "fromEntities": ["all"],
                "toPorts": [{**ports(port(9092, "TCP"))[0], "rules": {"kafka": [{"role": "produce"}]}}],
            }
        ),
        to_web("9092/TCP", "1.20", True),
        to_web("80/TCP", "1.20", False),
    ),
]


@pytest.mark.parametrize("each", [*CASES, *echo_replies(), *extended_protocols()], ids=lambda case: case.title)
def test_flows(each: Case) -> None:
    assert wrong(each) == []
