"""The ports that the chart coredns makes of its `servers` (coredns/helm charts/coredns/templates/_helpers.tpl, 1.36).

A block is for DNS over UDP, and over TCP as well where a zone has `use_tcp`; `tls://` and `grpc://` are TCP. The plugin
prometheus opens a port of the pods. Blocks that say something else are not followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.cilium.digits import is_number
from rewriter.inventory.texts.manifests import items, mapping

_TCP = frozenset({"tls://", "grpc://"})
_DNS = "dns://"


def container_ports(servers: Any) -> list[dict[str, Any]] | None:
    """The ports of the container; None where a block is not followed."""
    blocks = _blocks(servers)
    if blocks is None:
        return None
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for port, protocols, block in blocks:
        # Without a scheme the pods listen on both, though the Service has UDP alone.
        for protocol in protocols or ("UDP", "TCP"):
            _add(found, "containerPort", port, protocol)
        for plugin in items(block.get("plugins")):
            if plugin.get("name") == "prometheus":
                number = str(plugin.get("parameters")).partition(":")[2]
                if not is_number(number):
                    return None
                _add(found, "containerPort", int(number), "TCP")
    return list(found.values())


def service_ports(servers: Any) -> list[dict[str, Any]] | None:
    """The ports of the Service; None where a block is not followed."""
    blocks = _blocks(servers)
    if blocks is None:
        return None
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for port, protocols, block in blocks:
        outside = block.get("servicePort", port)
        if not isinstance(outside, int):
            return None
        for protocol in protocols or ("UDP",):
            _add(found, "targetPort", port, protocol)["port"] = outside
    return list(found.values())


def config_map(servers: Any, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The ConfigMap with CoreDNS's configuration, named as its pods' workload."""
    data = {"Corefile": corefile(servers)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": dict(metadata), "data": data}


def corefile(servers: Any) -> str:
    """The configuration of CoreDNS, as far as blocks say it: their zones and plugins."""
    lines: list[str] = []
    for block in items(servers):
        zones = " ".join(str(zone.get("zone") or ".") for zone in items(block.get("zones"))) or "."
        lines.append(f"{zones}:{block.get('port')} {{")
        for plugin in items(block.get("plugins")):
            lines.append(f"    {plugin.get('name')} {plugin.get('parameters') or ''}".rstrip())
            inner = plugin.get("configBlock")
            lines += [f"        {line}" for line in inner.splitlines()] if isinstance(inner, str) else []
        lines.append("}")
    return "\n".join(lines)


def dns_config(values: Any) -> dict[str, Any]:
    """What values of whatever chart say of the resolver of its pods, taken for all of these."""
    for key, value in values.items() if isinstance(values, dict) else ():
        if str(key).lower().endswith("dnsconfig") and isinstance(value, dict) and value:
            return {"dnsConfig": value}
        if found := dns_config(value):
            return found
    return {}


def _add(found: dict[tuple[int, str], dict[str, Any]], key: str, port: int, protocol: str) -> dict[str, Any]:
    made = {"name": f"{protocol.lower()}-{port}", key: port, "protocol": protocol}
    return found.setdefault((port, protocol), made)


def _blocks(servers: Any) -> list[tuple[int, tuple[str, ...], Mapping[str, Any]]] | None:
    """Each block with its port and the protocols that its zones name."""
    found = []
    for block in servers if isinstance(servers, list) else ():
        port = mapping(block).get("port")
        if not isinstance(port, int):
            return None
        found.append((port, tuple(dict.fromkeys(_protocols(block))), mapping(block)))
    return found or None


def _protocols(block: Mapping[str, Any]) -> Iterator[str]:
    for zone in items(block.get("zones")):
        scheme = zone.get("scheme") or ""
        if scheme == _DNS:
            yield from ("UDP", "TCP") if zone.get("use_tcp") is True else ("UDP",)
        elif scheme in _TCP:
            yield "TCP"
