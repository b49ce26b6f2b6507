"""Private ranges that may hold pods for all that is known, and those whose author says what else is there."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.cilium.addresses import PRIVATE, PRIVATE_BLOCKS, AddressSet, address_set
from rewriter.cilium.cidr import Prefix, parsed_prefixes
from rewriter.cilium.policy import PeerField, Rule, is_policy, read_policy
from rewriter.evidence.context import Context
from rewriter.evidence.once import once
from rewriter.evidence.resting import EXCEPTIONS, ask, trait
from rewriter.inventory.questions.address_index import pool_addresses
from rewriter.passes.kit.addresses.cidr_entries import CidrEntry, Coverage, read_entries, union
from rewriter.text import policy_text

#: Words by which people call what is no pod: machines, and networks of machines.
_MACHINES = re.compile(
    r"(?<![a-z])(?:nas|nfs|smb|samba|synology|truenas|router|gateway|firewall|opnsense|pfsense|unifi|switch|printer|"
    r"camera|cctv|nvr|tv|sonos|speaker|iot|lan|wlan|wi-?fi|vlan|vpn|wireguard|tailscale|tailnet|zerotier|bastion|"
    r"socks[45]?|home|office|lab|dmz|dhcp|subnet|management|mgmt|ipmi|bmc|idrac|proxmox|esxi|vmware|hypervisor|vms?|machines?|"
    r"servers?|hosts?|devices?|laptops?|desktops?|workstations?|on-?prem(?:ises)?|data ?cent(?:er|re)|corporate|"
    r"intranet|external|peers?|bgp)s?(?![a-z])"
)
#: Those that leave no doubt, where pods are known to be in the range as well.
_NETWORKS = re.compile(
    r"(?<![a-z])(?:nas|nfs|smb|samba|synology|truenas|router|opnsense|pfsense|unifi|printer|camera|iot|lan|wlan|wi-?fi|"
    r"vlan|vpn|wireguard|tailscale|tailnet|zerotier|home ?network|local ?network|dmz|corporate|intranet|"
    r"laptops?|desktops?|workstations?|on-?prem(?:ises)?)s?(?![a-z])"
)
#: Words by which people say that pods were meant after all.
_PODS = re.compile(r"(?<![a-z])(?:pods?|cluster|in-cluster|inside|namespaces?|workloads?|kubernetes|k8s|mesh)(?![a-z])")
#: What tells editors which schema a document has: `server` is no word of its author.
_MODELINE = "yaml-language-server"
#: What everybody takes out of the internet, wherever pods are.
_WHOLE = tuple(address_set([block]) for block in parsed_prefixes((*PRIVATE_BLOCKS, "fd00::/8")))


def may_hold_pods(covered: Coverage, entry: CidrEntry) -> bool:
    """Whether an entry is private and not empty, and no fact says that it holds no pods."""
    if not entry.addresses or not entry.addresses <= PRIVATE or entry.internet:
        return False
    if covered.own is None:
        return not covered.members or any(member.ranges.holds_pods(entry.addresses) for member in covered.members)
    return covered.own.ranges.holds_pods(entry.addresses)


def ranges_known(covered: Coverage) -> bool:
    """Whether any fact says where pods are, be it only within which wider ranges."""
    members = (covered.own,) if covered.own is not None else covered.members
    return any(member.ranges.pods is not None or member.ranges.within is not None for member in members)


def names_machines(context: Context, rule: Rule, field: PeerField, entry: CidrEntry) -> bool:
    """Whether a comment, the policy's name or a description calls an entry machines or a network of machines.

    The addresses that a pool gives to Services are none of pods either.
    """
    return _is_of_a_pool(context, entry) or _calls_it(_MACHINES, context, rule, field, entry)


def names_a_network(context: Context, rule: Rule, field: PeerField, entry: CidrEntry) -> bool:
    """Whether they call it a network of machines in words that leave no doubt."""
    return _calls_it(_NETWORKS, context, rule, field, entry)


def _is_of_a_pool(context: Context, entry: CidrEntry) -> bool:
    cluster = context.cluster.name if context.cluster else None
    pools = (pool for pool in context.inventory.address_pools() if cluster is None or pool.cluster in (None, cluster))
    return any(entry.addresses <= pool_addresses(pool) for pool in pools)


def _calls_it(words: re.Pattern[str], context: Context, rule: Rule, field: PeerField, entry: CidrEntry) -> bool:
    routes = (field.entry_route(entry.index), field.route, rule.route)
    beside = " ".join(text for route in routes for text in context.comments_at(route)).lower()
    if beside:
        return _says(words, beside)
    if entry.group is not None and _says(words, entry.group.name):
        return True
    return any(_says(words, text) for text in _general_texts(context))


def _says(words: re.Pattern[str], text: str) -> bool:
    return bool(words.search(text.lower())) and not _PODS.search(text.lower())


@once
def _general_texts(context: Context) -> Iterator[str]:
    """The texts that speak of a policy as a whole: its name, descriptions, and comments beside no entry; each once."""
    specs = [context.policy.raw.get("spec"), *_listed(context.policy.raw.get("specs"))]
    described = [context.policy.annotated_description]
    described += [text for spec in specs if isinstance(spec, dict) and isinstance(text := spec.get("description"), str)]
    comments = context.comments()
    elsewhere = beside_entries(context) if comments else set[str]()
    general = [text for text in comments if text.lstrip("#").strip() not in elsewhere and _MODELINE not in text]
    yield from dict.fromkeys([context.policy.name, *described, *general])


def taken_out_of_the_internet(context: Context, entry: CidrEntry) -> tuple[str, ...]:
    """Exceptions of policies of the cluster by which a part of an entry is no internet, each with its place.

    They say that something of one's own is there. A whole private range, as everybody excepts it, says nothing.
    """
    ask(trait(EXCEPTIONS))
    key = ("exceptions of the internet", context.cluster.name if context.cluster else None)
    if key not in context.answers:
        context.answers[key] = list(_exceptions(context))
    found: list[tuple[AddressSet, str]] = context.answers[key]
    return tuple(dict.fromkeys(words for addresses, words in found if addresses & entry.addresses))


def _exceptions(context: Context) -> Iterator[tuple[AddressSet, str]]:
    cluster = context.cluster.name if context.cluster else None
    for applied in context.inventory.policies:
        if is_policy(applied.manifest) and (cluster is None or applied.cluster in (None, cluster)):
            policy = read_policy(applied.manifest)
            for entry in (entry for rule in policy.rules() for field in rule.peers for entry in read_entries(field)):
                ranges = (
                    [addresses for addresses in map(_one, entry.exceptions) if _is_of_ones_own(addresses)]
                    if entry.internet
                    else []
                )
                if ranges:
                    yield union(ranges), f"{policy_text(policy)}, {applied.source}: {entry.text}"


def _one(prefix: Prefix) -> AddressSet:
    return address_set([prefix])


def _is_of_ones_own(addresses: AddressSet) -> bool:
    return addresses <= PRIVATE and not any(block <= addresses for block in _WHOLE)


def beside_entries(context: Context) -> set[str]:
    """The comments that describe one rule or one entry of a rule, and so none of the others."""
    routes = []
    for rule in context.policy.rules():
        fields = [(field.route, *map(field.entry_route, range(len(field.entries)))) for field in rule.peers]
        routes += [rule.route, *(route for field in fields for route in field)]
    return {text for route in routes for text in context.comments_at(route)}


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
