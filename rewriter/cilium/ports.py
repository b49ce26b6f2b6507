"""Ports as rules give them: numbers, ranges, names, whole protocols and ICMP types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from rewriter.cilium.digits import is_number
from rewriter.cilium.go_syntax import is_service_name, parse_uint16
from rewriter.cilium.icmp import ICMP_TYPES
from rewriter.cilium.identity import NamedPort
from rewriter.cilium.version import NAMED_PORTS_PER_DESTINATION, PORT_RANGES, SUPPORTED, ZERO_IS_EVERY_PORT, Version

ANY_PROTOCOL = "ANY"
#: The protocols that protocol ANY stands for when a port is given.
PORT_PROTOCOLS = ("TCP", "UDP", "SCTP")
ICMP_PROTOCOLS = {"IPv4": "ICMP", "IPv6": "ICMPv6"}
LAST_PORT = 65535


class PortMatch(NamedTuple):
    """Ports of one protocol: a range of numbers, or a name. ICMP types are numbers of ICMP and ICMPv6.

    `end` is the last port of a range that begins at the number that the name stands for, 0 where it is that port alone.

    Protocol ANY with the whole range is every traffic there is (a rule without toPorts); with less, that port of
    TCP, UDP and SCTP.
    """

    protocol: str
    low: int = 0
    high: int = LAST_PORT
    name: str = ""
    end: int = 0

    def covers(self, protocol: str, port: int, named_ports: Iterable[NamedPort]) -> bool:
        """Whether a flow to `port` matches. `named_ports` are those that a name may stand for here."""
        if self.name:
            return self.protocol in (ANY_PROTOCOL, protocol) and any(
                p.port <= port <= max(p.port, self.end) and p.name == self.name and p.protocol == protocol
                for p in named_ports
            )
        if not self.low <= port <= self.high:
            return False
        if self.protocol == protocol or self == EVERYTHING:
            return True
        return self.protocol == ANY_PROTOCOL and protocol in PORT_PROTOCOLS

    def __str__(self) -> str:
        if self == EVERYTHING:
            return "every port"
        if self.name:
            number = f"{self.name}-{self.end}" if self.end else self.name
        elif (self.low, self.high) == (0, LAST_PORT):
            number = "every port"
        else:
            number = str(self.low) if self.low == self.high else f"{self.low}-{self.high}"
        return number if self.protocol == ANY_PROTOCOL else f"{number}/{self.protocol}"


EVERYTHING = PortMatch(ANY_PROTOCOL)


def port_matches(rule: Mapping[str, Any], version: Version, *, egress: bool = False) -> tuple[PortMatch, ...]:
    """The ports of one item of a Cilium rule's toPorts; none when the item lists none, or a placeholder for them."""
    found: list[PortMatch] = []
    ports = rule.get("ports") if isinstance(rule, dict) else None
    for item in ports if isinstance(ports, list) else ():
        if not isinstance(item, dict | None):
            continue
        try:
            found += _port(item or {}, version, egress=egress)
        except ValueError:
            # Releases before 1.17 do not check deny rules: what does not parse there covers nothing.
            continue
    return tuple(found)


def icmp_matches(rule: Mapping[str, Any]) -> tuple[PortMatch, ...]:
    """The ICMP types of one item of a rule's icmps; one that is no number and no known name covers nothing."""
    fields = rule.get("fields") if isinstance(rule, dict) else None
    known = fields if isinstance(fields, list) else []
    found = (_icmp(field or {}) for field in known if isinstance(field, dict | None))
    return tuple(match for match in found if match is not None)


def network_policy_port(item: Mapping[str, Any], version: Version) -> PortMatch:
    """One item of a NetworkPolicy rule's ports; the protocol is TCP unless given."""
    protocol = str(item.get("protocol") or "TCP").upper()
    port = item.get("port")
    if port is None:
        return PortMatch(protocol)
    if isinstance(port, str) and is_service_name(port):
        return PortMatch(protocol, name=port.lower())
    number = parse_uint16(port) if isinstance(port, str) else int(port)
    return _numbers(protocol, number, item.get("endPort"), version)


def _port(item: Mapping[str, Any], version: Version, *, egress: bool) -> Iterator[PortMatch]:
    text, protocol = item.get("port") or "0", str(item.get("protocol") or ANY_PROTOCOL).upper()
    if is_service_name(text):
        end = item.get("endPort") or 0
        ranges = version >= PORT_RANGES and not (egress and version >= NAMED_PORTS_PER_DESTINATION)
        yield PortMatch(protocol, name=text.lower(), end=end if ranges else 0)
        return
    match = _numbers(protocol, parse_uint16(text), item.get("endPort"), version)
    # Protocol ANY is TCP, UDP and SCTP in toPorts, for the whole range too: only a rule without toPorts has ICMP.
    yield from (match._replace(protocol=protocol) for protocol in PORT_PROTOCOLS) if match == EVERYTHING else (match,)


def _numbers(protocol: str, low: int, end: int | None, version: Version) -> PortMatch:
    """A range with its ends, one port, or every port for 0: from 1.20 on with an end, too.

    Source: Cilium pkg/policy PortRangeToMaskedPorts.
    """
    begins = low > 0 or version < ZERO_IS_EVERY_PORT
    if begins and version >= PORT_RANGES and isinstance(end, int) and end > low:
        return PortMatch(protocol, low, min(end, LAST_PORT))
    return PortMatch(protocol, low, low) if low else PortMatch(protocol)


def _icmp(field: Mapping[str, Any]) -> PortMatch | None:
    family = "IPv6" if field.get("family") == "IPv6" else "IPv4"
    written = field.get("type")
    number = ICMP_TYPES[family].get(str(written))
    if number is None:
        text = str(written or 0)
        if not is_number(text.removeprefix("-")):
            return None
        number = int(text)
    # Type 0 is what the port 0 is: every one.
    return _numbers(ICMP_PROTOCOLS[family], number, None, SUPPORTED[-1])
