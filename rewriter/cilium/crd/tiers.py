"""The schema of ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2), which is no release's of Cilium.

Facts of the Kubernetes network policy API, apis/v1alpha2. Fields of its experimental channel (nodes, domainNames,
destinationNamedPort) are taken as known: which channel a cluster has installed is not written in manifests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rewriter.cilium.crd.shapes import Anything, Apart, Fields, Items, Labels, Number, Shape, Text

CLUSTER_NETWORK_POLICY = "ClusterNetworkPolicy"
_MOST = 25
_TEXT = Text()
_PORT = Number(1, 65535)
_CIDR = Text(strict_cidr=True, max_length=43)
_LABEL = r"[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?"
_DOMAIN = Text(
    pattern=re.compile(rf"^(\*\.)?({_LABEL}\.)+{_LABEL}\.?$"), shown="a DNS name, with `*.` at its beginning at most"
)
#: Of the experimental channel, as destinationNamedPort is.
_WITHOUT_PORT_NAMES = Apart(
    "to",
    ("networks", "nodes", "domainNames"),
    "protocols",
    ("destinationNamedPort",),
    "networks/nodes/domainNames peer cannot be set with namedPorts since there are no namedPorts for "
    "networks/nodes/domainNames",
)


def tier_fields() -> Mapping[str, Shape]:
    """The fields of a manifest beside those that every manifest has."""
    spec: dict[str, Shape] = {
        "tier": Text(enum=("Admin", "Baseline")),
        "priority": Number(0, 1000),
        "subject": _one_of("subject", _pods_and_namespaces()),
        "ingress": Items(_rule("ingress", "from", _pods_and_namespaces()), max_items=_MOST),
        "egress": Items(_rule("egress", "to", {**_pods_and_namespaces(), **_outside()}), max_items=_MOST),
    }
    return {"spec": Fields("spec", spec, required=("tier", "priority", "subject")), "status": Anything()}


def _rule(direction: str, side: str, peers: Mapping[str, Shape]) -> Fields:
    fields: dict[str, Shape] = {
        "name": Text(max_length=100),
        "action": Text(enum=("Accept", "Deny", "Pass")),
        side: Items(_one_of(f"an item of {side}", peers), max_items=_MOST, min_items=1),
        "protocols": Items(_protocol(), max_items=_MOST, min_items=1),
    }
    apart = (_WITHOUT_PORT_NAMES,) if side == "to" else ()
    return Fields(f"an item of {direction}", fields, required=("action", side), apart=apart)


def _pods_and_namespaces() -> dict[str, Shape]:
    pods: dict[str, Shape] = {
        "namespaceSelector": _selector("namespaceSelector"),
        "podSelector": _selector("podSelector"),
    }
    return {"namespaces": _selector("namespaces"), "pods": Fields("pods", pods, required=("podSelector",))}


def _outside() -> dict[str, Shape]:
    return {
        "nodes": _selector("nodes"),
        "networks": Items(_CIDR, max_items=_MOST, min_items=1, is_set=True),
        "domainNames": Items(_DOMAIN, max_items=_MOST, min_items=1, is_set=True),
    }


def _protocol() -> Fields:
    span = Fields("range", {"start": _PORT, "end": _PORT}, required=("start", "end"), ascending=("start", "end"))
    port = _one_of("destinationPort", {"number": _PORT, "range": span})
    of_ports: dict[str, Shape] = {
        name: Fields(name, {"destinationPort": port}, required=("destinationPort",)) for name in ("tcp", "udp", "sctp")
    }
    return _one_of("an item of protocols", {**of_ports, "destinationNamedPort": _TEXT})


def _one_of(name: str, fields: Mapping[str, Shape]) -> Fields:
    """A mapping with exactly one of its fields."""
    return Fields(name, fields, exactly_one=tuple(fields))


def _selector(name: str) -> Fields:
    fields: dict[str, Shape] = {"key": _TEXT, "operator": _TEXT, "values": Items(_TEXT)}
    expression = Fields("an item of matchExpressions", fields, required=("key", "operator"))
    return Fields(name, {"matchLabels": Labels(_TEXT), "matchExpressions": Items(expression)})
