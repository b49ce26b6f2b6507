"""One line of an export: `hubble observe -o json`, `-o jsonpb`, or a file of Hubble's exporter.

Most lines are read without parsing them: an exporter writes compact JSON in which a key in quotes, a colon and an
opening brace cannot stand inside a text, so that the few members wanted are found where they are. What looks different
in any way goes through the JSON parser. Both ways give the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from rewriter.cilium.digits import is_number
from rewriter.cilium.labels import CLUSTER_LABEL, K8S, NAMESPACE_LABEL

_FORWARDED, _DROPPED, _DENIED = b"FORWARDED", b"DROPPED", b"DENIED"
_VERDICTS = {b"FORWARDED": _FORWARDED, b"REDIRECTED": _FORWARDED, b"DROPPED": _DROPPED}
#: Drops that a policy made, by default or by a deny rule (Cilium api/v1/flow DropReason).
_DROPS = {b"POLICY_DENIED": _DROPPED, b"POLICY_DENY": _DENIED}
_CODES = {"133": _DROPPED, "181": _DENIED}
_DIRECTIONS = {b"INGRESS": b"ingress", b"EGRESS": b"egress"}
_PROTOCOLS = {"TCP": "TCP", "UDP": "UDP", "SCTP": "SCTP", "ICMPv4": "ICMP", "ICMPv6": "ICMPv6"}

_NAMESPACE = NAMESPACE_LABEL.encode()
_QUOTE, _LABELS, _LABELS_LENGTH = b'"', b'"labels":[', 10


class Event(NamedTuple):
    """What a line says, texts still as bytes. Labels are the inside of their JSON list.

    Addresses and DNS names are those of ends that are no pods.
    """

    verdict: bytes
    direction: bytes
    source: bytes
    destination: bytes
    source_address: bytes
    destination_address: bytes
    protocol: str
    port: int
    time: bytes
    source_names: tuple[str, ...] = ()
    destination_names: tuple[str, ...] = ()


class Skipped(NamedTuple):
    """A line that says nothing of policies; `lost` counts events that Hubble lost before it."""

    reason: str
    lost: int = 0


REPLY = Skipped("replies")
OTHER_VERDICT = Skipped("other verdicts")
OTHER_DROP = Skipped("drops for other reasons than policy")
APPLICATION = Skipped("requests inside a connection (L7)")
NO_DIRECTION = Skipped("no direction")
NO_PORT = Skipped("no port")
NO_LABELS = Skipped("no labels: export source.labels and destination.labels")
NOT_A_FLOW = Skipped("other messages")
UNREADABLE = Skipped("unreadable")


class LineReader:
    """Reads lines; remembers the label lists that it has met, so that each is checked once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def read(self, line: bytes) -> Event | Skipped:
        """The event of a line. Never raises."""
        return self.quick(line) or parsed_line(line)

    def quick(self, line: bytes) -> Event | Skipped | None:
        """The event of a line in the exporter's own form, its members in the usual order; None for any other."""
        find = line.find
        start = find(b'"source":{')
        source_at = find(_LABELS, start)
        source_end = find(b"]", source_at)
        middle = find(b'"destination":{', source_end)
        destination_at = find(_LABELS, middle)
        end = find(b"]", destination_at)
        if not 0 < start < source_at < source_end < middle < destination_at < end:
            return None
        if find(b"}", start, source_at) >= 0 or find(b"}", middle, destination_at) >= 0:
            return None  # The labels are not those of this end.
        if find(b'reply":true', end) >= 0:  # `is_reply`, and `reply` before Cilium 1.10
            return REPLY
        at = find(b'"time":"', 0, start) + 8
        time = line[at : find(_QUOTE, at)] if at > 7 else b""
        at = find(b'"verdict":"', 0, start) + 11
        verdict = _VERDICTS.get(line[at : find(_QUOTE, at)]) if at > 10 else None
        at = find(b'"traffic_direction":"', end) + 21
        direction = _DIRECTIONS.get(line[at : find(_QUOTE, at)]) if at > 20 else None
        if verdict is None or direction is None or not time or find(b'"Type":"L3_L4"', end) < 0:
            return None
        if verdict is _DROPPED:
            verdict = _DROPS.get(_after(line, b'"drop_reason_desc":"', end, len(line)))
            if verdict is None:
                return None
        layer = find(b'"l4":{"', 0, start)
        at = find(b'"destination_port":', 0, start)
        if not 0 < layer < at or line[layer + 7 : layer + 10] not in (b"TCP", b"UDP"):
            return None
        digits = line[at + 19 : at + 24].partition(b",")[0].partition(b"}")[0]
        source = line[source_at + _LABELS_LENGTH : source_end]
        destination = line[destination_at + _LABELS_LENGTH : end]
        known = self._known
        source_kind = known.get(source) or self._kind(source)
        destination_kind = known.get(destination) or self._kind(destination)
        if not digits.isdigit() or not source_kind or not destination_kind:
            return None
        source_place = destination_place = b""
        if _OUTSIDE in (source_kind, destination_kind):
            if find(b'_names":[', end) >= 0:
                return None
            addresses = find(b'"IP":{"source":"', 0, start)
            if addresses < 0:
                return None
            if source_kind == _OUTSIDE:
                source_place = _after(line, b'"source":"', addresses, start)
            if destination_kind == _OUTSIDE:
                destination_place = _after(line, b'"destination":"', addresses, start)
        protocol = "TCP" if line[layer + 7] == 84 else "UDP"
        return Event(
            verdict, direction, source, destination, source_place, destination_place, protocol, int(digits), time
        )

    def _kind(self, labels: bytes) -> int:
        """Whether the inside of a list is the labels of a pod or of something else; 0 where it is neither."""
        kind = self._known.get(labels)
        if kind is None:
            kind = _kind_of(labels)
            if len(self._known) < _MOST_REMEMBERED:
                self._known[labels] = kind
        return kind


_POD, _OUTSIDE = 1, 2
_MOST_REMEMBERED = 100_000


def _kind_of(labels: bytes) -> int:
    try:
        texts = json.loads(b"[" + labels + b"]")
    except (ValueError, RecursionError):
        return 0
    if not texts or b"\\" in labels or not all(isinstance(text, str) for text in texts):
        return 0
    if _NAMESPACE in labels:
        return _POD
    return _OUTSIDE if any(text.startswith("reserved:") for text in texts) else 0


def _after(line: bytes, key: bytes, start: int, stop: int) -> bytes:
    """The text after a key, up to its closing quote."""
    at = line.find(key, start, stop)
    if at < 0:
        return b""
    at += len(key)
    return line[at : line.find(_QUOTE, at)]


def parsed_line(line: bytes) -> Event | Skipped:
    """The event of a line by way of the JSON parser; a prefix that a log collector put before it is passed over."""
    start = line.find(b"{")
    try:
        value = json.loads(line[start:]) if start >= 0 else None
    except (ValueError, RecursionError):
        return UNREADABLE
    if not isinstance(value, dict):
        return UNREADABLE
    lost = value.get("lost_events")
    if isinstance(lost, dict):
        count = str(lost.get("num_events_lost"))
        return Skipped("lost", int(count) if is_number(count) else 1)
    flow = value.get("flow", value)
    if not isinstance(flow, dict) or "verdict" not in flow:
        return NOT_A_FLOW
    return _event(flow, value)


def _event(flow: Mapping[str, Any], message: Mapping[str, Any]) -> Event | Skipped:
    if flow.get("is_reply") is True or flow.get("reply") is True:
        return REPLY
    if flow.get("Type") == "L7" or flow.get("l7"):
        return APPLICATION
    verdict = _VERDICTS.get(str(flow["verdict"]).encode())
    if verdict is None:
        return OTHER_VERDICT
    if verdict is _DROPPED:
        described = flow.get("drop_reason_desc")
        verdict = _DROPS.get(str(described).encode()) if described else _CODES.get(str(flow.get("drop_reason")))
        if verdict is None:
            return OTHER_DROP
    direction = _DIRECTIONS.get(str(flow.get("traffic_direction")).encode())
    if direction is None:
        return NO_DIRECTION
    port = _port(_mapping(flow.get("l4")))
    if port is None:
        return NO_PORT
    addresses = _mapping(flow.get("IP"))
    ends: list[bytes] = []
    places: list[bytes] = []
    names: list[tuple[str, ...]] = []
    for side in ("source", "destination"):
        labels = _labels(_mapping(flow.get(side)))
        if not labels:
            return NO_LABELS
        pod = any(NAMESPACE_LABEL in label for label in labels)
        ends.append(",".join(json.dumps(label, ensure_ascii=False) for label in labels).encode("utf-8", "replace"))
        places.append(b"" if pod else str(addresses.get(side) or "").encode("utf-8", "replace"))
        names.append(() if pod else _texts(flow.get(f"{side}_names")))
    time = str(flow.get("time") or message.get("time") or "").encode("utf-8", "replace")
    protocol, number = port
    return Event(verdict, direction, ends[0], ends[1], places[0], places[1], protocol, number, time, *names)


def _port(layer: Mapping[str, Any]) -> tuple[str, int] | None:
    for name, protocol in _PROTOCOLS.items():
        part = layer.get(name)
        if isinstance(part, dict):
            number = part.get("type", 0) if name.startswith("ICMP") else part.get("destination_port")
            if isinstance(number, int) and not isinstance(number, bool):
                return protocol, number
    return None


def _labels(end: Mapping[str, Any]) -> list[str]:
    """An end's labels; those of its namespace and cluster are added where an export has them beside the labels."""
    labels = list(_texts(end.get("labels")))
    reserved = any(label.startswith("reserved:") for label in labels)
    for key, member in ((NAMESPACE_LABEL, "namespace"), (CLUSTER_LABEL, "cluster_name")):
        value = end.get(member)
        named = any(label.partition("=")[0].endswith(key) for label in labels)
        if labels and not reserved and not named and isinstance(value, str) and value:
            labels.append(f"{K8S}:{key}={value}")
    return labels


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
