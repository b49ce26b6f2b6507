"""Machines that the configuration of one, or a list of hosts, states with their addresses.

- A machine of Talos (`machine.type`, `machine.network.hostname` and `interfaces`; Talos documentation, "v1alpha1
  Config"), and the address that its control planes share (`vip`), in talhelper's talconfig.yaml too.
- The hosts of k0sctl (`spec.hosts`; its documentation, "Host Fields").
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter.inventory.facts.model import Source
from rewriter.inventory.settings.stated import API_HOST, StatedNode, StatedSetting, address
from rewriter.inventory.texts.manifests import items, mapping

At = Callable[[str], Source]
#: Addresses that no one has on the internet (RFC 1918, RFC 4193).
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_TALOS_TYPES = {"controlplane": True, "init": True, "worker": False}
_K0S_ROLES = {"controller": True, "controller+worker": True, "single": True, "worker": False}


def talos_machine(machine: Mapping[str, Any], route: str, at: At, cluster: str | None) -> Iterator[StatedNode]:
    """The machine of a configuration, where the address that it has as a node is the only one of its family."""
    network, kind = mapping(machine.get("network")), str(machine.get("type"))
    hostname = network.get("hostname")
    if kind not in _TALOS_TYPES or not isinstance(hostname, str) or not hostname:
        return
    written = [text for holder in _holders(network) for text in _texts(holder.get("addresses"))]
    found = [_interface(text) for text in written]
    if None in found:
        return
    valid = _texts(mapping(mapping(machine.get("kubelet")).get("nodeIP")).get("validSubnets"))
    known = [one for one in found if one is not None and _is_valid(one, valid)]
    versions = [one.version for one in known]
    if known and len(set(versions)) == len(versions):
        addresses = tuple(str(one) for one in known)
        yield StatedNode(hostname, addresses, _TALOS_TYPES[kind], at(f"{route}/network/hostname"), cluster)


def k0sctl_hosts(value: Mapping[str, Any], at: At) -> Iterator[StatedNode]:
    """The hosts of k0sctl: the address that is stated as theirs in the cluster, else the private one of SSH.

    Where an interface is named, the address is the one that the machine has there, which no file states.
    """
    listed = mapping(value.get("spec")).get("hosts")
    for index, host in enumerate(items(listed) if isinstance(listed, list) else ()):
        role = str(host.get("role"))
        reached = mapping(host.get("ssh") or host.get("openSSH")).get("address")
        found = address(host.get("privateAddress"))
        if found is None and not host.get("privateInterface") and (ssh := address(reached)) and _is_private(ssh):
            found = ssh
        if found is not None and role in _K0S_ROLES:
            name = host.get("hostname")
            yield StatedNode(
                name if isinstance(name, str) else found, (found,), _K0S_ROLES[role], at(f"/spec/hosts/{index}/role")
            )


def shared(value: Any, source: Source, cluster: str | None) -> Iterator[StatedSetting]:
    """The address that control planes of Talos share, at which machines reach the API server."""
    if host := address(value):
        yield StatedSetting(API_HOST, host, source, cluster, default=True)


def shared_by(interfaces: Any, route: str, at: At, cluster: str | None) -> Iterator[StatedSetting]:
    """The addresses that interfaces of control planes share; `route` is where the interfaces stand."""
    for index, interface in enumerate(interfaces if isinstance(interfaces, list) else ()):
        place = f"{route}/{index}"
        below = enumerate(items(mapping(interface).get("vlans")))
        for holder, value in [
            (place, mapping(interface)),
            *((f"{place}/vlans/{number}", vlan) for number, vlan in below),
        ]:
            if "ip" in (vip := mapping(value.get("vip"))):
                yield from shared(vip["ip"], at(f"{holder}/vip/ip"), cluster)


def shared_by_nodes(value: Mapping[str, Any], at: At, cluster: str | None) -> Iterator[StatedSetting]:
    """The addresses that the control planes of a talconfig.yaml share."""
    below = mapping(value.get("controlPlane")).get("networkInterfaces")
    yield from shared_by(below, "/controlPlane/networkInterfaces", at, cluster)
    nodes = value.get("nodes")
    for index, node in enumerate(nodes if isinstance(nodes, list) else ()):
        yield from shared_by(mapping(node).get("networkInterfaces"), f"/nodes/{index}/networkInterfaces", at, cluster)


def with_address(stated: Iterable[StatedSetting], common: Sequence[StatedSetting]) -> Iterator[StatedSetting]:
    """What an endpoint says; of one that is a name the address that the control planes share, where they share one."""
    one = common[0] if len({each.value for each in common}) == 1 else None
    for setting in stated:
        named = setting.field == API_HOST and address(setting.value) is None
        yield replace(one, default=False) if named and one is not None else setting
    yield from common


def _holders(network: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for interface in items(network.get("interfaces")):
        yield interface
        yield from items(interface.get("vlans"))


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _interface(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_interface(text).ip
    except ValueError:
        return None


def _is_valid(one: ipaddress.IPv4Address | ipaddress.IPv6Address, valid: list[str]) -> bool:
    """Whether kubelet may take an address as that of the node: one of a network with `!` before it is none."""
    try:
        wanted = [ipaddress.ip_network(text, strict=False) for text in valid if not text.startswith("!")]
        unwanted = [ipaddress.ip_network(text[1:], strict=False) for text in valid if text.startswith("!")]
    except ValueError:
        return False
    return not any(one in network for network in unwanted) and (not wanted or any(one in each for each in wanted))


def _is_private(text: str) -> bool:
    one = ipaddress.ip_address(text)
    return any(one in network for network in _PRIVATE if network.version == one.version)
