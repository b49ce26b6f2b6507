"""The datapath's settings in Helm values of the cilium chart.

Source: Cilium install/kubernetes/cilium/values.yaml (`socketLB`, `loadBalancer`, `hostFirewall`, `routingMode`,
`tunnelProtocol`, `tunnelPort`, `encryption`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.inventory.facts.datapath import Datapath
from rewriter.inventory.texts.manifests import mapping

#: The ports of the tunnel protocols.
TUNNEL_PORTS = {"vxlan": 8472, "geneve": 6081}


def read_datapath(values: Mapping[str, Any], *, complete: bool) -> Datapath | None:
    """What complete values say; None where a part of them could not be read."""
    if not complete:
        return None
    socket = mapping(values.get("socketLB"))
    replaces = str(values.get("kubeProxyReplacement", False)).lower() in ("true", "strict")
    encryption = mapping(values.get("encryption"))
    mode = str(mapping(values.get("loadBalancer")).get("mode") or "")
    extra = mapping(values.get("extraConfig"))
    firewall = mapping(values.get("hostFirewall")).get("enabled", extra.get("enable-host-firewall", False))
    return Datapath(
        socket_lb=(replaces or socket.get("enabled") is True) and socket.get("hostNamespaceOnly") is not True,
        dsr=mode in ("dsr", "hybrid"),
        host_firewall=str(firewall).lower() == "true",
        tunnel_port=_tunnel_port(values),
        wireguard=encryption.get("enabled") is True and encryption.get("type") == "wireguard",
    )


def _tunnel_port(values: Mapping[str, Any]) -> int:
    protocol = str(values.get("tunnelProtocol") or "vxlan")
    old = values.get("tunnel")  # The one setting of releases before 1.14.
    if old in TUNNEL_PORTS:
        protocol = str(old)
    if old == "disabled" or values.get("routingMode") == "native":
        return 0
    written = values.get("tunnelPort")
    return written if isinstance(written, int) and written else TUNNEL_PORTS.get(protocol, 0)
