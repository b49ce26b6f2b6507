"""The schemas of CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy, CiliumCIDRGroup and NetworkPolicy per release.

Facts of Cilium's pkg/k8s/apis/cilium.io/client/crds, releases 1.15 to 1.20, and of Kubernetes' networking.k8s.io/v1.
Both Cilium kinds share one rule schema: that a CiliumNetworkPolicy takes no nodeSelector is the agent's to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from rewriter.cilium.crd.shapes import Anything, Fields, Flag, Items, Labels, Number, NumberOrText, Shape, Text
from rewriter.cilium.crd.tiers import CLUSTER_NETWORK_POLICY, tier_fields
from rewriter.cilium.icmp import ICMP_TYPES
from rewriter.cilium.policy import KNP
from rewriter.cilium.version import (
    CIDR_GROUP_SELECTOR,
    CLUSTER_MESH_ENTITY,
    CRD_COUNTS_AND_CHOICES,
    CRD_EMPTY_POLICY_REFUSED,
    CRD_PORTLESS_PROTOCOLS,
    ENABLE_DEFAULT_DENY,
    FQDN_LENGTH_CHECKED,
    ICMP_TYPE_NAMES,
    L7_GENERIC_REMOVED,
    NODE_PEERS,
    POLICY_LOG,
    PORT_RANGES,
    REQUIRES_REMOVED,
    RULES_REQUIRED,
    SERVER_NAME_PATTERN,
    SERVER_NAME_STARS,
    TUNNEL_PROTOCOLS,
    Version,
)

CIDR_GROUP = "CiliumCIDRGroup"
_ENTITIES = (
    *("all", "world", "cluster", "host", "init", "ingress", "unmanaged", "remote-node", "health", "none"),
    "kube-apiserver",
)
_ANY_TEXT = Text()
_TEXTS = Items(_ANY_TEXT)
_CIDR = Text(cidr=True)
_LABEL_VALUE = Text(
    pattern=re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"),
    shown="a label value: letters, digits, `-`, `_` and `.`",
    max_length=63,
)
_NAME = Text(
    pattern=re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
    shown="the name of an object: lower-case letters, digits, `-` and `.`",
    max_length=253,
)
#: The pattern of ports binds names only: what begins with a digit passes whatever follows.
_PORT = Text(
    pattern=re.compile(r"^[0-9]|[a-zA-Z](-?[a-zA-Z0-9])*$"),
    shown="a number or the name of a port",
)
_OBJECT_META_FIELDS: Mapping[str, Shape] = {
    **dict.fromkeys(("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"), _ANY_TEXT),
    **dict.fromkeys(("generation", "creationTimestamp", "deletionTimestamp"), Anything()),
    **dict.fromkeys(("deletionGracePeriodSeconds", "ownerReferences", "finalizers", "managedFields"), Anything()),
    **dict.fromkeys(("labels", "annotations"), Labels(_ANY_TEXT)),
}
_META = Fields("metadata", _OBJECT_META_FIELDS)
_TYPE_FIELDS: Mapping[str, Shape] = {"apiVersion": _ANY_TEXT, "kind": _ANY_TEXT, "metadata": _META}


def _selector(name: str = "a selector", value: Text = _LABEL_VALUE, *, checked: bool = True) -> Fields:
    """A label selector; NetworkPolicy's own is checked elsewhere (`rewriter.cilium.network_policy_validation`)."""
    operator = Text(enum=("In", "NotIn", "Exists", "DoesNotExist")) if checked else _ANY_TEXT
    expression = Fields(
        "an item of matchExpressions",
        {"key": _ANY_TEXT, "operator": operator, "values": _TEXTS},
        required=("key", "operator") if checked else (),
    )
    return Fields(name, {"matchLabels": Labels(value), "matchExpressions": Items(expression)})


@cache
def schema_of(kind: str, version: Version) -> Fields:
    """The schema by which the API server judges a manifest of this kind once a release has installed its CRDs."""
    if kind == KNP:
        return _network_policy()
    if kind == CLUSTER_NETWORK_POLICY:
        return Fields("the manifest", {**_TYPE_FIELDS, **tier_fields()}, required=("metadata", "spec"))
    if kind == CIDR_GROUP:
        spec = Fields("spec", {"externalCIDRs": Items(_CIDR)}, required=("externalCIDRs",))
        return Fields("the manifest", {**_TYPE_FIELDS, "spec": spec}, required=("spec",))
    rule = _rule(version)
    return Fields(
        "the manifest",
        {**_TYPE_FIELDS, "spec": rule, "specs": Items(rule), "status": Anything()},
        required=("metadata",),
        at_least_one=("spec", "specs") if version >= CRD_EMPTY_POLICY_REFUSED else (),
    )


def _rule(version: Version) -> Fields:
    fields: dict[str, Shape] = {
        "endpointSelector": _selector("endpointSelector"),
        "nodeSelector": _selector("nodeSelector"),
        "description": _ANY_TEXT,
        "labels": Items(
            Fields("an item of labels", dict.fromkeys(("key", "source", "value"), _ANY_TEXT), required=("key",))
        ),
    }
    lists = ("ingress", "ingressDeny", "egress", "egressDeny")
    for name in lists:
        fields[name] = Items(_rule_item(version, name))
    if version >= ENABLE_DEFAULT_DENY:
        fields["enableDefaultDeny"] = Fields("enableDefaultDeny", {"ingress": Flag(), "egress": Flag()})
    if version >= POLICY_LOG:
        value = Text(pattern=re.compile(r"^[^\x00-\x1f\x7f-\x9f]*$"), shown="printable characters", max_length=32)
        fields["log"] = Fields("log", {"value": value})
    return Fields(
        "a rule set",
        fields,
        exactly_one=("endpointSelector", "nodeSelector"),
        at_least_one=lists if version >= RULES_REQUIRED else (),
    )


def _rule_item(version: Version, name: str) -> Fields:
    deny = name.endswith("Deny")
    prefix = "from" if name.startswith("ingress") else "to"
    entities = (*_ENTITIES, "cluster-mesh") if version >= CLUSTER_MESH_ENTITY else _ENTITIES
    requires = Items(_ANY_TEXT, max_items=0) if version >= REQUIRES_REMOVED else Items(_selector())
    fields: dict[str, Shape] = {
        f"{prefix}Endpoints": Items(_selector(f"an item of {prefix}Endpoints")),
        f"{prefix}Requires": requires,
        f"{prefix}CIDR": Items(_CIDR),
        f"{prefix}CIDRSet": Items(_cidr_rule(version, f"an item of {prefix}CIDRSet")),
        f"{prefix}Entities": Items(Text(enum=entities)),
        "toPorts": Items(_port_rule(version, deny=deny)),
        "icmps": Items(_icmp_rule(version)),
    }
    if version >= NODE_PEERS:
        fields[f"{prefix}Nodes"] = Items(_selector(f"an item of {prefix}Nodes"))
    if version >= NODE_PEERS or prefix == "to":
        fields[f"{prefix}Groups"] = Items(_group(f"an item of {prefix}Groups"))
    if prefix == "to":
        fields["toServices"] = Items(_service())
        if not deny:
            fields["toFQDNs"] = Items(_fqdn(version, "an item of toFQDNs"))
    if not deny:
        mode = Text(enum=("disabled", "required", "test-always-fail"))
        fields["authentication"] = Fields("authentication", {"mode": mode}, required=("mode",))
    return Fields(f"an item of {name}", fields)


def _cidr_rule(version: Version, name: str) -> Fields:
    fields: dict[str, Shape] = {"cidr": _CIDR, "cidrGroupRef": _NAME, "except": Items(_CIDR)}
    if version >= CIDR_GROUP_SELECTOR:
        fields["cidrGroupSelector"] = _selector("cidrGroupSelector")
    return Fields(name, fields, exactly_one=tuple(field for field in fields if field != "except"))


def _group(name: str) -> Fields:
    aws: dict[str, Shape] = {
        "labels": Labels(_ANY_TEXT),
        "region": _ANY_TEXT,
        "securityGroupsIds": _TEXTS,
        "securityGroupsNames": _TEXTS,
    }
    return Fields(name, {"aws": Fields("aws", aws)})


def _service() -> Fields:
    by_name = Fields("k8sService", {"serviceName": _ANY_TEXT, "namespace": _ANY_TEXT})
    by_labels = Fields(
        "k8sServiceSelector", {"selector": _selector("selector"), "namespace": _ANY_TEXT}, required=("selector",)
    )
    return Fields("an item of toServices", {"k8sService": by_name, "k8sServiceSelector": by_labels})


def _fqdn(version: Version, name: str) -> Fields:
    longest = 255 if version >= FQDN_LENGTH_CHECKED else None
    # As the CRD has them, `([...]+[.]?)+`, they would take a time that doubles with every letter.
    exact = Text(
        pattern=re.compile(r"^[-a-zA-Z0-9_]+([.][-a-zA-Z0-9_]+)*[.]?$"), shown="a DNS name", max_length=longest
    )
    pattern = Text(
        pattern=re.compile(r"^[-a-zA-Z0-9_*]+([.][-a-zA-Z0-9_*]+)*[.]?$"),
        shown="a DNS name with `*`",
        max_length=longest,
    )
    names = ("matchName", "matchPattern")
    choice = names if version >= CRD_COUNTS_AND_CHOICES else ()
    return Fields(name, {"matchName": exact, "matchPattern": pattern}, exactly_one=choice)


def _port_rule(version: Version, *, deny: bool) -> Fields:
    counted = 40 if version >= CRD_COUNTS_AND_CHOICES and not deny else None
    fields: dict[str, Shape] = {"ports": Items(_port(version), max_items=counted)}
    if not deny:
        fields |= {
            "terminatingTLS": _tls("terminatingTLS"),
            "originatingTLS": _tls("originatingTLS"),
            "serverNames": _server_names(version),
            "listener": _listener(),
            "rules": _l7_rules(version),
        }
    return Fields("an item of toPorts", fields)


def _port(version: Version) -> Fields:
    protocols = ["TCP", "UDP", "SCTP"]
    if version >= CRD_PORTLESS_PROTOCOLS:
        protocols += ["VRRP", "IGMP"]
    if version >= TUNNEL_PROTOCOLS:
        protocols += ["GRE", "IPIP", "IPv6", "IPV6", "ESP", "AH"]
    fields: dict[str, Shape] = {"port": _PORT, "protocol": Text(enum=(*protocols, "ANY"))}
    if version >= PORT_RANGES:
        fields["endPort"] = Number(0, 65535)
    required = () if version >= CRD_PORTLESS_PROTOCOLS else ("port",)
    return Fields("an item of ports", fields, required=required)


def _server_names(version: Version) -> Items:
    if version < SERVER_NAME_PATTERN:
        return _TEXTS
    if version < SERVER_NAME_STARS:
        pattern = re.compile(r"^(\*?\*\.)?[-a-zA-Z0-9_]+(\.[-a-zA-Z0-9_]+)*\.?$")
        shown = "a DNS name, with `*.` or `**.` at its beginning at most"
    else:
        label = r"(\*\*|\*|\*?[-a-zA-Z0-9_]+(\*[-a-zA-Z0-9_]+)*\*?)"
        pattern = re.compile(rf"^{label}(\.{label})*\.?$")
        shown = "a DNS name with `*`, or `**` for whole labels"
    return Items(Text(pattern=pattern, shown=shown, max_length=255), min_items=1)


def _tls(name: str) -> Fields:
    fields: dict[str, Shape] = {"secret": _secret()}
    fields |= dict.fromkeys(("trustedCA", "certificate", "privateKey"), _ANY_TEXT)
    return Fields(name, fields, required=("secret",))


def _secret() -> Fields:
    return Fields("secret", {"name": _ANY_TEXT, "namespace": _ANY_TEXT}, required=("name",))


def _listener() -> Fields:
    named = Text(min_length=1)
    config = Fields(
        "envoyConfig",
        {"kind": Text(enum=("CiliumEnvoyConfig", "CiliumClusterwideEnvoyConfig")), "name": named},
        required=("name",),
    )
    fields: dict[str, Shape] = {"envoyConfig": config, "name": named, "priority": Number(1, 100)}
    return Fields("listener", fields, required=("envoyConfig", "name"))


def _l7_rules(version: Version) -> Fields:
    header = Fields(
        "an item of headerMatches",
        {
            "mismatch": Text(enum=("LOG", "ADD", "DELETE", "REPLACE")),
            "name": Text(min_length=1),
            "secret": _secret(),
            "value": _ANY_TEXT,
        },
        required=("name",),
    )
    http: dict[str, Shape] = dict.fromkeys(("path", "method", "host"), _ANY_TEXT)
    http |= {"headers": _TEXTS, "headerMatches": Items(header)}
    fields: dict[str, Shape] = {
        "http": Items(Fields("an item of http", http)),
        "dns": Items(_fqdn(version, "an item of dns")),
    }
    kinds: tuple[str, ...] = ("http", "dns")
    if version < L7_GENERIC_REMOVED:
        kafka: dict[str, Shape] = dict.fromkeys(("apiKey", "apiVersion", "clientID"), _ANY_TEXT)
        kafka |= {"role": Text(enum=("produce", "consume")), "topic": Text(max_length=255)}
        fields |= {
            "kafka": Items(Fields("an item of kafka", kafka)),
            "l7proto": _ANY_TEXT,
            "l7": Items(Labels(_ANY_TEXT)),
        }
        kinds = ("http", "kafka", "dns", "l7proto")
    return Fields("rules", fields, exactly_one=kinds if version >= CRD_COUNTS_AND_CHOICES else ())


def _icmp_rule(version: Version) -> Fields:
    numbered: Shape = Number(0, 255)
    if version >= ICMP_TYPE_NAMES:
        names = {name for table in ICMP_TYPES.values() for name in table}
        # The schemas name the last one with a blank in it.
        numbered = NumberOrText(frozenset(names - {"ExtendedEchoReply"} | {"ExtendedEcho Reply"}))
    field = Fields(
        "an item of fields",
        {"family": Text(enum=("IPv4", "IPv6")), "type": numbered},
        required=("type",),
    )
    counted = 40 if version >= CRD_COUNTS_AND_CHOICES else None
    return Fields("an item of icmps", {"fields": Items(field, max_items=counted)})


def _network_policy() -> Fields:
    """NetworkPolicy is a type of the API server's own: here only its fields; its values are checked elsewhere."""
    selector = _selector(value=_ANY_TEXT, checked=False)
    block = Fields("ipBlock", {"cidr": _ANY_TEXT, "except": _TEXTS})
    peer: dict[str, Shape] = {"podSelector": selector, "namespaceSelector": selector, "ipBlock": block}
    ports = Items(Fields("an item of ports", dict.fromkeys(("port", "protocol", "endPort"), Anything())))
    spec: dict[str, Shape] = {
        "podSelector": selector,
        "policyTypes": _TEXTS,
        **{
            name: Items(
                Fields(
                    f"an item of {name}",
                    {side: Items(Fields(f"an item of {side}", peer), null_is_empty=True), "ports": ports},
                ),
                null_is_empty=True,
            )
            for name, side in (("ingress", "from"), ("egress", "to"))
        },
    }
    return Fields("the manifest", {**_TYPE_FIELDS, "spec": Fields("spec", spec), "status": Anything()})
