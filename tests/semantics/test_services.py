"""toServices: what it resolves to, and what a rule means of which nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.semantics.repository import (
    WEB,
    Case,
    Flow,
    Manifest,
    app,
    ccnp,
    cnp,
    helm,
    namespace,
    port,
    ports,
    service,
    wrong,
)

APPS = [
    namespace("shop"),
    namespace("prod"),
    namespace("lab"),
    app("shop/web"),
    app("shop/cli"),
    app("prod/db"),
    app("lab/x"),
    service("prod/db", selector={"app": "db"}),
    service("lab/outside", type="ExternalName", externalName="db.example.com"),
    service("lab/bare"),
]
SLICE: Manifest = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "bare-1", "namespace": "lab", "labels": {"kubernetes.io/service-name": "bare"}},
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["198.51.100.20"]}],
    "ports": [{"port": 443}],
}
W, DB, X = "shop/web", "prod/db", "lab/x"
ALL = {"toEntities": ["all"]}


def to(name: str, where: str | None, *numbers: int) -> Manifest:
    named = {"serviceName": name, **({"namespace": where} if where else {})}
    return with_ports({"toServices": [{"k8sService": named}]}, *numbers)


def selected(where: str, *numbers: int) -> Manifest:
    chosen = {"selector": {"matchLabels": {"team": "core"}}, "namespace": where}
    return with_ports({"toServices": [{"k8sServiceSelector": chosen}]}, *numbers)


def with_ports(rule: Manifest, *numbers: int) -> Manifest:
    return {**rule, "toPorts": ports(*(port(each, "TCP") for each in numbers))} if numbers else rule


def of_namespace(spec: Manifest) -> Manifest:
    return cnp("shop", spec)


def in_specs(spec: Manifest) -> Manifest:
    return cnp("shop", specs=[spec])


KINDS: dict[str, Callable[[Manifest], Manifest]] = {
    "CiliumNetworkPolicy": of_namespace,
    "specs": in_specs,
    "CiliumClusterwideNetworkPolicy": ccnp,
}
KNOWN: list[tuple[str, Manifest, list[Flow]]] = [
    (
        "its pods, from 1.17 with ports",
        to("db", "prod", 3306),
        [
            (W, DB, "80/TCP", "1.16", True),
            (W, DB, "3306/TCP", "1.17", True),
            (W, DB, "80/TCP", "1.17", False),
            (W, "world", "3306/TCP", "1.17", False),
        ],
    ),
    ("its pods, without ports", to("db", "prod"), [(W, DB, "80/TCP", "1.19", True), (W, X, "80/TCP", "1.19", False)]),
    ("of any namespace", to("db", None), [(W, DB, "80/TCP", "1.19", True)]),
]
NOTHING = {
    "no such Service": ("nope", "prod"),
    "ExternalName": ("outside", "lab"),
    "no selector and no endpoints": ("bare", "lab"),
}
WITH_PORTS: list[Flow] = [
    (W, X, "443/TCP", "1.17", True),
    (W, "world", "443/TCP", "1.20", True),
    (W, "203.0.113.9", "443/TCP", "1.19", True),
    (W, "world", "80/TCP", "1.20", False),
    (W, X, "443/UDP", "1.19", False),
]
WITHOUT_PORTS: list[Flow] = [(W, X, "443/TCP", "1.19", False), (W, "world", "443/TCP", "1.20", False)]


def cases() -> Iterator[Case]:
    for kind, made in KINDS.items():
        for title, rule, flows in KNOWN:
            yield case(f"{kind}: {title}", made({"endpointSelector": WEB, "egress": [rule]}), flows)
        for title, (name, where) in NOTHING.items():
            open_to_all = made({"endpointSelector": WEB, "egress": [to(name, where, 443)]})
            yield case(f"{kind}: {title}, with ports", open_to_all, WITH_PORTS)
            shut = made({"endpointSelector": WEB, "egress": [to(name, where)]})
            yield case(f"{kind}: {title}, without ports", shut, WITHOUT_PORTS)
        for name in ("db", "nope"):
            denied = made({"endpointSelector": WEB, "egress": [ALL], "egressDeny": [to(name, "prod", 3306)]})
            flows = [
                (W, DB, "3306/TCP", "1.19", False),
                (W, "world", "3306/TCP", "1.19", False),
                (W, "world", "80/TCP", "1.19", True),
            ]
            yield case(f"{kind}: a deny rule for {name} with ports denies them to everybody", denied, flows)
            idle = made({"endpointSelector": WEB, "egress": [ALL], "egressDeny": [to(name, "prod")]})
            yield case(f"{kind}: a deny rule for {name} denies nothing", idle, [(W, DB, "3306/TCP", "1.19", True)])


def case(title: str, policy: Manifest, flows: list[Flow], *more: Manifest) -> Case:
    return Case(title, {"apps.yaml": [*APPS, *more], "policy.yaml": [policy]}, flows)


MORE = [
    case(
        "a selector that selects no Service, with ports",
        cnp("shop", {"endpointSelector": WEB, "egress": [selected("prod", 443)]}),
        [(W, X, "443/TCP", "1.19", True)],
    ),
    case(
        "a selector that selects no Service",
        cnp("shop", {"endpointSelector": WEB, "egress": [selected("prod")]}),
        [(W, X, "443/TCP", "1.19", False)],
    ),
    case(
        "one of two Services resolves to nothing",
        cnp(
            "shop",
            {
                "endpointSelector": WEB,
                "egress": [
                    with_ports(
                        {"toServices": [*to("outside", "lab")["toServices"], *to("db", "prod")["toServices"]]}, 3306
                    )
                ],
            },
        ),
        [(W, DB, "3306/TCP", "1.19", True), (W, "world", "3306/TCP", "1.19", False)],
    ),
    case(
        "the endpoints of a Service without selector",
        cnp("shop", {"endpointSelector": WEB, "egress": [to("bare", "lab", 443)]}),
        [
            (W, "198.51.100.20", "443/TCP", "1.19", True),
            (W, "198.51.100.21", "443/TCP", "1.19", False),
            (W, DB, "443/TCP", "1.19", False),
        ],
        SLICE,
    ),
    case(
        "the API server is an entity, not a Service",
        cnp("shop", {"endpointSelector": WEB, "egress": [to("kubernetes", "default", 443)]}),
        [(W, "kube-apiserver", "443/TCP", "1.19", False)],
    ),
]


@pytest.mark.parametrize("each", [*cases(), *MORE], ids=lambda case: case.title)
def test_flows(each: Case) -> None:
    assert wrong(each) == []


#: Label keys with dots: how toServices names the Service, the patch release, and whether the flow passes.
PATCHES = [
    ("name", "1.17.14", False),
    ("name", "1.17.15", True),
    ("name", "1.18.8", False),
    ("name", "1.18.9", True),
    ("name", "1.19.2", False),
    ("name", "1.19.5", True),
    ("labels", "1.19.4", True),
    ("labels", "1.19.5", False),
    ("labels", "1.19.6", True),
    ("labels without dots", "1.19.5", True),
]


@pytest.mark.parametrize(("how", "patch", "passes"), PATCHES)
def test_label_keys_with_dots_in_patch_releases(how: str, patch: str, passes: bool) -> None:
    """cilium#41151 and cilium#46732."""
    key = "team" if how == "labels without dots" else "example.com/team"
    db = service("prod/db", selector={"example.com/app": "db"})
    db["metadata"]["labels"] = {key: "core"}
    chosen = {"k8sServiceSelector": {"selector": {"matchLabels": {key: "core"}}, "namespace": "prod"}}
    entry = {"k8sService": {"serviceName": "db", "namespace": "prod"}} if how == "name" else chosen
    policy = cnp("shop", {"endpointSelector": WEB, "egress": [with_ports({"toServices": [entry]}, 3306)]})
    apps = [namespace("shop"), namespace("prod"), app("shop/web"), app("prod/db", labels={"example.com/app": "db"}), db]
    files = {"apps.yaml": apps, "policy.yaml": [policy], "cilium.yaml": [helm({}, patch)]}
    release = patch.rpartition(".")[0]
    assert wrong(Case(patch, files, [(W, DB, "3306/TCP", release, passes)])) == []
