"""The identities of a cluster with how many endpoints have each, from CiliumIdentities and CiliumEndpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rewriter.cilium.digits import is_number
from rewriter.inventory.texts.manifests import items, mapping, texts


def identities(
    labelled: Iterable[tuple[str, Mapping[str, Any]]], endpoints: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Identities by number: `labels` written `source:key=value`, `endpoints` their count, `ports` those with names.

    `labelled` are names and security-labels of CiliumIdentities, `endpoints` the statuses of CiliumEndpoints.
    """
    labels = {name: _written(texts(written)) for name, written in labelled if is_number(name)}
    counts: Counter[str] = Counter()
    ports: dict[str, set[tuple[str, int, str]]] = {}
    for status in endpoints:
        identity = mapping(status.get("identity"))
        number = identity.get("id")
        if not isinstance(number, int):
            continue
        name = str(number)
        counts[name] += 1
        if name not in labels and isinstance(identity.get("labels"), list):
            labels[name] = sorted(label for label in identity["labels"] if isinstance(label, str))
        for port in items(status.get("named-ports")):
            number_of_port, port_name = port.get("port"), port.get("name")
            if isinstance(number_of_port, int) and isinstance(port_name, str):
                protocol = port.get("protocol")
                ports.setdefault(name, set()).add((port_name, number_of_port, str(protocol or "TCP")))
    return [_entry(name, labels[name], counts[name], ports.get(name, set())) for name in sorted(labels, key=int)]


def _entry(name: str, labels: list[str], count: int, ports: set[tuple[str, int, str]]) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": int(name), "labels": labels, "endpoints": count}
    if ports:
        entry["ports"] = [{"name": name, "number": port, "protocol": kind} for name, port, kind in sorted(ports)]
    return entry


def _written(labels: Mapping[str, str]) -> list[str]:
    return sorted(f"{key}={value}" if value else key for key, value in labels.items())
