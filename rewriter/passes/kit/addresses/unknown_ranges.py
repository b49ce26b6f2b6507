"""Private ranges that may hold pods for all that is known, and those whose author says what else is there."""

from __future__ import annotations

import re

from rewriter.cilium.addresses import PRIVATE
from rewriter.cilium.policy import PeerField, Rule
from rewriter.evidence.context import Context
from rewriter.passes.kit.addresses.cidr_entries import CidrEntry, Coverage

#: Words by which people call what is no pod: machines, and networks of machines.
_MACHINES = re.compile(
    r"(?<![a-z])(?:nas|nfs|smb|samba|synology|truenas|router|gateway|firewall|opnsense|pfsense|unifi|switch|printer|"
    r"camera|cctv|nvr|tv|sonos|speaker|iot|lan|wlan|wi-?fi|vlan|vpn|wireguard|tailscale|tailnet|zerotier|bastion|"
    r"home|office|lab|dmz|dhcp|subnet|management|mgmt|ipmi|bmc|idrac|proxmox|esxi|vmware|hypervisor|vms?|machines?|"
    r"servers?|hosts?|devices?|laptops?|desktops?|workstations?|on-?prem(?:ises)?|data ?cent(?:er|re)|corporate|"
    r"intranet|external|peers?|bgp)s?(?![a-z])"
)
#: Words by which people say that pods were meant after all.
_PODS = re.compile(r"(?<![a-z])(?:pods?|cluster|in-cluster|namespaces?|workloads?|kubernetes|k8s|mesh)(?![a-z])")


def may_hold_pods(covered: Coverage, entry: CidrEntry) -> bool:
    """Whether an entry is private, and no fact says that it holds no pods."""
    if not entry.addresses <= PRIVATE or entry.internet:
        return False
    if covered.own is None:
        return not covered.members or any(member.ranges.holds_pods(entry.addresses) for member in covered.members)
    return covered.own.ranges.holds_pods(entry.addresses)


def ranges_known(covered: Coverage) -> bool:
    """Whether any fact says where pods are, be it only within which wider ranges."""
    members = (covered.own,) if covered.own is not None else covered.members
    return any(member.ranges.pods is not None or member.ranges.within is not None for member in members)


def names_machines(context: Context, rule: Rule, field: PeerField, entry: CidrEntry) -> bool:
    """Whether a comment, the policy's name or a description calls an entry machines or a network of machines."""
    routes = (field.entry_route(entry.index), field.route, rule.route)
    beside = " ".join(text for route in routes for text in context.comments_at(route)).lower()
    if beside:
        return bool(_MACHINES.search(beside)) and not _PODS.search(beside)
    specs = [context.policy.raw.get("spec"), *_listed(context.policy.raw.get("specs"))]
    described = [spec.get("description") for spec in specs if isinstance(spec, dict)]
    texts = [context.policy.name, *(text for text in described if isinstance(text, str)), *context.comments]
    return any(_MACHINES.search(text.lower()) and not _PODS.search(text.lower()) for text in texts)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
