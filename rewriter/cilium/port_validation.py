"""What Cilium demands of toPorts and icmps (Cilium pkg/policy/api rule_validation.go, l4.go, http.go, kafka.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter import patterns as re
from rewriter.cilium.digits import is_number
from rewriter.cilium.go_regexp import RegexpError, check_regexp
from rewriter.cilium.go_syntax import is_service_name, parse_uint16, quote
from rewriter.cilium.peer_validation import check_fqdn
from rewriter.cilium.rejected import RejectedError
from rewriter.cilium.version import (
    CRD_PORTLESS_PROTOCOLS,
    EXTENDED_PROTOCOLS,
    EXTENDED_PROTOCOLS_PARSED,
    L7_GENERIC_REMOVED,
    L7_RANGES_REJECTED,
    LOWER_CASE_MESSAGES,
    PORT_RANGES,
    TUNNEL_PROTOCOLS,
    Version,
)

_MAX_PORTS = 40
_MAX_ICMP_FIELDS = 40
_PROTOCOLS = ("tcp", "udp", "sctp")
#: Protocols without ports, in lower case (enable-extended-ip-protocols).
PORTLESS = ("vrrp", "igmp")
_TUNNELS = ("gre", "ipip", "ipv6", "esp", "ah")
_HEADER_ACTIONS = ("", "LOG", "ADD", "DELETE", "REPLACE")
_KAFKA_TOPIC = re.compile(r"[a-zA-Z0-9\\._\-]+")
_KAFKA_KEYS = frozenset(
    [
        *("produce", "fetch", "offsets", "metadata", "leaderandisr", "stopreplica", "updatemetadata"),
        *("controlledshutdown", "offsetcommit", "offsetfetch", "findcoordinator", "joingroup", "heartbeat"),
        *("leavegroup", "syncgroup", "describegroups", "listgroups", "saslhandshake", "apiversions"),
        *("createtopics", "deletetopics", "deleterecords", "initproducerid", "offsetforleaderepoch"),
        *("addpartitionstotxn", "addoffsetstotxn", "endtxn", "writetxnmarkers", "txnoffsetcommit"),
        *("describeacls", "createacls", "deleteacls", "describeconfigs", "alterconfigs"),
    ]
)


def known_protocols(version: Version) -> tuple[str, ...]:
    """The protocols that a release takes in toPorts, in lower case and in the order in which it lists them."""
    extended = PORTLESS if version >= EXTENDED_PROTOCOLS else ()
    tunnels = _TUNNELS if version >= TUNNEL_PROTOCOLS else ()
    return (*_PROTOCOLS, *extended, *tunnels, "any")


def portless_since(protocol: str) -> Version | None:
    """The release from which on a protocol without ports may stand in toPorts; None for every other protocol."""
    name = protocol.lower()
    return CRD_PORTLESS_PROTOCOLS if name in PORTLESS else TUNNEL_PROTOCOLS if name in _TUNNELS else None


def has_l7_rules(rule: Mapping[str, Any], version: Version) -> bool:
    """Whether a toPorts item has `rules` for the release: an empty list is none, and `l7proto` alone does not count."""
    rules = rule.get("rules") or {}
    kinds = ("http", "dns") if version >= L7_GENERIC_REMOVED else ("http", "kafka", "dns", "l7")
    return any(rules.get(kind) for kind in kinds)


def check_port_rule(
    rule: Mapping[str, Any],
    route: str,
    version: Version,
    *,
    ingress: bool,
    deny: bool,
    peers: bool,
    portless: bool = False,
) -> None:
    """Raises RejectedError unless Cilium accepts one item of toPorts. Deny rules have ports and nothing else.

    `peers` says whether the rule names any, `portless` whether enable-extended-ip-protocols is on.
    """
    l7 = not deny and has_l7_rules(rule, version)
    dns = l7 and bool(rule["rules"].get("dns"))
    if dns and ingress:
        raise RejectedError("DNS rules are not allowed on ingress", f"{route}/rules/dns")
    if not deny:
        _check_server_names(rule, route, version, l7=l7)
    ports = rule.get("ports") or []
    if len(ports) > _MAX_PORTS:
        raise RejectedError(f"too many ports, the max is {_MAX_PORTS}", f"{route}/ports")
    any_zero = False
    # Recorded for 1.18: the two portless protocols pass without peers, and are refused beside some.
    known = known_protocols(version if peers or version != EXTENDED_PROTOCOLS_PARSED else EXTENDED_PROTOCOLS)
    portless = portless and version >= EXTENDED_PROTOCOLS
    for index, port in enumerate(ports):
        place = f"{route}/ports/{index}"
        if portless and not (port or {}).get("port"):
            port = {**(port or {}), "port": "0"}
        any_zero |= _check_port(port or {}, place, version, l7=l7, dns=dns, known=known)
        protocol = ((port or {}).get("protocol") or "ANY").upper()
        if l7 and not dns and protocol != "TCP":
            raise RejectedError(f"L7 rules can only apply to TCP (not {protocol}) except for DNS rules", place)
    if not deny and rule.get("listener") is not None:
        name = rule["listener"].get("name") or ""
        if ingress:
            raise RejectedError(f"Listener is not allowed on ingress ({name})", f"{route}/listener")
        if l7:
            raise RejectedError(f"Listener is not allowed with L7 rules ({name})", f"{route}/listener")
    if l7:
        if any_zero:
            raise RejectedError("L7 rules can not be used when a port is 0", f"{route}/ports")
        _check_l7(rule["rules"], ports, f"{route}/rules", version)


def check_icmp_rule(rule: Mapping[str, Any], route: str) -> None:
    """Raises RejectedError unless Cilium accepts one item of icmps."""
    fields = rule.get("fields") or []
    if len(fields) > _MAX_ICMP_FIELDS:
        raise RejectedError(f"too many types, the max is {_MAX_ICMP_FIELDS}", f"{route}/fields")
    for index, field in enumerate(fields):
        family = (field or {}).get("family") or ""
        if family not in ("", "IPv4", "IPv6"):
            raise RejectedError(f"wrong family: {family}", f"{route}/fields/{index}/family")


def _check_server_names(rule: Mapping[str, Any], route: str, version: Version, *, l7: bool) -> None:
    names = rule.get("serverNames") or []
    if names and l7 and rule.get("terminatingTLS") is None:
        message = "ServerNames are not allowed with L7 rules without TLS termination"
        raise RejectedError(message, f"{route}/serverNames")
    for index, name in enumerate(names):
        if not name:
            empty = _cased("empty server name is not allowed", version)
            raise RejectedError(empty, f"{route}/serverNames/{index}")


def _check_port(
    port: Mapping[str, Any], route: str, version: Version, *, l7: bool, dns: bool, known: tuple[str, ...]
) -> bool:
    """Checks a port and says whether it is the number 0."""
    text, written = port.get("port") or "", port.get("protocol") or "any"
    protocol = written.lower()
    if not text:
        raise RejectedError(_cased("port must be specified", version), f"{route}/port")
    zero = False
    if not is_service_name(text):
        # Before 1.20 Cilium looks at the protocol as it is written.
        portless = protocol in known[3:-1] and (written.isupper() or version >= TUNNEL_PROTOCOLS)
        if text != "0" and portless:
            raise RejectedError("port must be empty or 0", f"{route}/port")
        try:
            number = parse_uint16(text)
        except ValueError as error:
            unable = _cased("unable to parse port", version)
            raise RejectedError(f"{unable}: {error}", f"{route}/port") from None
        zero = number == 0
        if l7 and version >= PORT_RANGES and (port.get("endPort") or 0) > number:
            if dns:
                raise RejectedError("DNS rules do not support port ranges", f"{route}/endPort")
            if version == L7_RANGES_REJECTED:
                raise RejectedError("L7 rules do not support port ranges", f"{route}/endPort")
    if protocol not in known:
        names = " | ".join(known)
        message = f"invalid protocol {quote(protocol.upper())}, must be {{ {names} }}"
        raise RejectedError(message, f"{route}/protocol")
    return zero


def _check_l7(rules: Mapping[str, Any], ports: list[Any], route: str, version: Version) -> None:
    generic = version < L7_GENERIC_REMOVED
    kinds = 0
    if rules.get("http") is not None:
        kinds += 1
        for index, rule in enumerate(rules["http"]):
            _check_http(rule or {}, f"{route}/http/{index}")
    if generic and rules.get("kafka") is not None:
        kinds += 1
        for index, rule in enumerate(rules["kafka"]):
            _check_kafka(rule or {}, f"{route}/kafka/{index}")
    if rules.get("dns") is not None:
        kinds += 1
        if not ports:
            raise RejectedError(_cased("port 53 must be specified for DNS rules", version), f"{route}/dns")
        for index, rule in enumerate(rules["dns"]):
            check_fqdn(rule or {}, f"{route}/dns/{index}", version, exclusive=False)
    if generic and rules.get("l7") is not None and not rules.get("l7proto"):
        raise RejectedError("'l7' may only be specified when a 'l7proto' is also specified", f"{route}/l7")
    if generic and rules.get("l7proto"):
        kinds += 1
        for index, pairs in enumerate(rules.get("l7") or []):
            if "" in (pairs or {}):
                raise RejectedError(_cased("empty key not allowed", version), f"{route}/l7/{index}")
    if kinds > 1:
        raise RejectedError("multiple L7 protocol rule types specified in single rule", route)


def _check_http(rule: Mapping[str, Any], route: str) -> None:
    for field in ("path", "method"):
        try:
            check_regexp(rule.get(field) or "")
        except RegexpError as error:
            raise RejectedError(str(error), f"{route}/{field}") from None
    for index, match in enumerate(rule.get("headerMatches") or []):
        place = f"{route}/headerMatches/{index}"
        match = match or {}
        if not match.get("name"):
            raise RejectedError("Header name missing", place)
        if (match.get("mismatch") or "") not in _HEADER_ACTIONS:
            raise RejectedError(f"Invalid header action: {match['mismatch']}", f"{place}/mismatch")
        if match.get("secret") is not None and not match["secret"].get("name"):
            raise RejectedError("Secret name missing", f"{place}/secret")


def _check_kafka(rule: Mapping[str, Any], route: str) -> None:
    role, key = rule.get("role") or "", rule.get("apiKey") or ""
    if role and key:
        message = f"cannot set both Role {quote(role)} and APIKey {quote(key)} together"
        raise RejectedError(message, f"{route}/apiKey")
    if key and key.lower() not in _KAFKA_KEYS:
        raise RejectedError(f"invalid Kafka APIKey {quote(key)}", f"{route}/apiKey")
    if role and role.lower() not in ("produce", "consume"):
        raise RejectedError(f"invalid Kafka Role {quote(role)}", f"{route}/role")
    number = rule.get("apiVersion") or ""
    digits = number.removeprefix("+")
    if number and not (is_number(digits) and int(digits[-6:]) == int(digits) < 1 << 15):
        raise RejectedError(f"invalid Kafka APIVersion {quote(number)}", f"{route}/apiVersion")
    topic = rule.get("topic") or ""
    if len(topic) > 255:
        raise RejectedError("kafka topic exceeds maximum len of 255", f"{route}/topic")
    if topic and not _KAFKA_TOPIC.fullmatch(topic):
        raise RejectedError(f"invalid Kafka Topic name {quote(topic)}", f"{route}/topic")


def _cased(message: str, version: Version) -> str:
    """Messages began with a capital letter before 1.17."""
    return message if version >= LOWER_CASE_MESSAGES else message[0].upper() + message[1:]
