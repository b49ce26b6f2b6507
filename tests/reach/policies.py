"""Policies and identities for the tests, by hand and by hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from rewriter.cilium.cidr import parse_prefix
from rewriter.cilium.identity import Identity, NamedPort, outside_identity, reserved_identity
from rewriter.cilium.labels import pod_labels
from rewriter.cilium.settings import Settings
from rewriter.cilium.version import Version

BEFORE = Settings(Version(1, 18), local_cluster="a")
AFTER = Settings(Version(1, 19), local_cluster="a", default_local_cluster=True)

NAMESPACE = "k8s:io.kubernetes.pod.namespace"
CLUSTER = "io.cilium.k8s.policy.cluster"


def pod(namespace: str, app: str, cluster: str = "a", **labels: str) -> Identity:
    found = pod_labels(cluster=cluster, namespace=namespace, labels={"app": app, **labels})
    return Identity(f"{cluster}/{namespace}/{app}", found, named_ports=(NamedPort("http", 8080),))


IDENTITIES = (
    *map(reserved_identity, ("host", "remote-node", "health")),
    pod("shop", "web"),
    pod("shop", "db", tier="back"),
    pod("prod", "db"),
    pod("shop", "web", "b"),
    outside_identity(parse_prefix("10.1.2.3/32")),
    outside_identity(parse_prefix("203.0.113.7/32")),
)


def cnp(kind: str = "CiliumNetworkPolicy", namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    spec.setdefault("endpointSelector", {"matchLabels": {"app": "web"}})
    metadata = {"name": "p", "namespace": namespace}
    return {"apiVersion": "cilium.io/v2", "kind": kind, "metadata": metadata, "spec": spec}


def key(name: str, operator: str = "Exists", *values: str) -> dict[str, Any]:
    return {"key": name, "operator": operator, **({"values": list(values)} if values else {})}


def tcp(*ports: str, **more: Any) -> list[dict[str, Any]]:
    return [{"ports": [{"port": port, "protocol": "TCP"} for port in ports], **more}]


def _selector() -> st.SearchStrategy[dict[str, Any]]:
    labels = st.dictionaries(
        st.sampled_from(["app", "k8s:tier", NAMESPACE, CLUSTER]),
        st.sampled_from(["web", "db", "back", "prod", "shop", "a", "b"]),
        max_size=2,
    )
    expression = st.builds(
        lambda name, how: key(name, *how),
        st.sampled_from(["app", "tier", NAMESPACE, CLUSTER]),
        st.sampled_from([("Exists",), ("DoesNotExist",), ("In", "web", "b"), ("NotIn", "db", "shop")]),
    )
    return st.builds(
        lambda found, more: {"matchLabels": found, **({"matchExpressions": [more]} if more else {})},
        labels,
        st.none() | expression,
    )


_PEERS = st.one_of(
    st.lists(_selector(), min_size=1, max_size=2).map(lambda found: ("Endpoints", found)),
    st.lists(st.sampled_from(["cluster", "world", "host", "all", "remote-node"]), min_size=1, max_size=2).map(
        lambda found: ("Entities", found)
    ),
    st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "203.0.113.0/24", "0.0.0.0/0"]).map(lambda found: ("CIDR", [found])),
    st.just(("CIDRSet", [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}])),
    st.just(("Endpoints", [])),
    st.none(),
)
_PORTS = st.lists(
    st.sampled_from(
        [
            {"port": "80", "protocol": "TCP"},
            {"port": "80"},
            {"port": "1", "endPort": 1000, "protocol": "UDP"},
            {"port": "http"},
            {"port": "0", "protocol": "TCP"},
        ]
    ),
    max_size=2,
)


def _rule(prefix: str) -> st.SearchStrategy[dict[str, Any]]:
    def build(peers: tuple[str, list[Any]] | None, ports: list[Any]) -> dict[str, Any]:
        rule: dict[str, Any] = {f"{prefix}{peers[0]}": peers[1]} if peers else {}
        return {**rule, "toPorts": [{"ports": ports}]} if ports else rule

    return st.builds(build, _PEERS, _PORTS)


def policies() -> st.SearchStrategy[dict[str, Any]]:
    """Accepted policies of namespace shop, or clusterwide."""

    def build(kind: str, subject: Any, ingress: list[Any], deny: list[Any], egress: list[Any]) -> dict[str, Any]:
        made = cnp(kind, endpointSelector=subject, ingress=ingress or [{}])
        made["spec"] |= {name: items for name, items in (("ingressDeny", deny), ("egress", egress)) if items}
        return made

    return st.builds(
        build,
        st.sampled_from(["CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"]),
        st.sampled_from([{}, {"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "db"}}]),
        st.lists(_rule("from"), max_size=2),
        st.lists(_rule("from"), max_size=1),
        st.lists(_rule("to"), max_size=2),
    )
