"""Rules that mean the API server by their words, their port or the rights of their pods, and name what never holds it.

No CIDR matches an API server that is a node of the cluster, and it is not part of the world. Where no fact says where
it is, a rule that says it is for the API server, on the usual port of one that people run themselves, most often means
such a node.
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.cilium.addresses import PRIVATE
from rewriter.cilium.policy import EGRESS, PeerField
from rewriter.evidence.api_server import SERVICE_PORT, USUAL_PORT, ApiServer
from rewriter.evidence.clusters import parsed
from rewriter.finding import Finding, Severity
from rewriter.inventory.facts.model import EndpointSlice
from rewriter.passes.kit.addresses.address_owner import matches_nodes, server_ports
from rewriter.passes.kit.addresses.api_server_rules import api_server_finding, bound_ports, field_text
from rewriter.passes.kit.addresses.cidr_entries import CidrEntry, read_entries
from rewriter.passes.kit.changes.site import RuleSite
from rewriter.passes.kit.ports.port_numbers import is_on, names_any, on_others
from rewriter.records import dataclass
from rewriter.text import short_text

#: What people call the API server of their cluster.
_SERVER = re.compile(
    r"(?<![a-z])(?:(?:kube(?:rnetes)?|k8s)[- ]?(?:control[- ]plane[- ])?api(?:[- ]?servers?)?"
    r"|api[- ]?servers?)(?![a-z])"
)
#: Words for API servers of other clusters, and for what stands before those of the own one.
_ANOTHER = re.compile(
    r"(?<![a-z])(?:remote|other|external|downstream|upstream|target|tenant|guest|hosted|managed|workload|member|peer|"
    r"vcluster|vips?|virtual ip|load ?balancers?|lb|haproxy|proxy|eks|aks|gke)(?![a-z])"
)
#: The first address of the Service ranges that installations have by default: kubeadm, Talos and kind; k3s
#: and RKE2; EKS, twice; Kubespray; MicroK8s; OpenShift.
_USUAL_FIRST = parsed(
    ("10.96.0.1", "10.43.0.1", "172.20.0.1", "10.100.0.1", "10.233.0.1", "10.152.183.1", "172.30.0.1")
)
_LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class Meant:
    """What says that a rule is for the API server: with `words` its author, else its port or the rights of its pods."""

    evidence: str
    words: bool


def world_finding(site: RuleSite, field: PeerField, index: int, server: ApiServer) -> Iterator[Finding]:
    """The finding of an entry that means the internet, on the API server's port, where nothing else lets that."""
    if site.deny or matches_nodes(site.context):
        return
    entry = field.entries[index]
    named = "the entity `world`" if entry == "world" else f"`{_text(entry)}`"
    if not server.is_node:
        yield from _unknown(site, field, index, f"{named} reaches no API server that is a node of the cluster", server)
        return
    if not names_any(site.rule, server_ports(server)):
        return
    evidence = [server.node_evidence]
    guess = not is_on(site.rule, server.port or USUAL_PORT) or server.port == SERVICE_PORT
    if guess:
        bound = bound_ports(site) or words_for_api_server(site, field, index)
        if not bound:
            return
        evidence.append(bound)
    message = f"{named} never reaches the API server: it is a node of the cluster, which is not part of the world"
    yield from api_server_finding(
        site, field, field.entry_route(index), message, evidence, server, set(), guess=guess, severity=Severity.NOTE
    )


def address_finding(site: RuleSite, field: PeerField, entry: CidrEntry, server: ApiServer) -> Iterator[Finding]:
    """The finding of a private address or range that is meant for an API server, of which no node is known."""
    if not is_meant(site, field, entry, server):
        return
    if entry.addresses <= _USUAL_FIRST:
        end = "never reaches the API server: it is the usual ClusterIP of default/kubernetes, which no CIDR matches"
    else:
        end = "reaches no API server that is a node of the cluster: no CIDR matches a node"
    yield from _unknown(site, field, entry.index, f"`{field_text(site, field)}` {entry.text} {end}", server)


def is_meant(site: RuleSite, field: PeerField, entry: CidrEntry, server: ApiServer) -> bool:
    """Whether an entry is a private address, and its rule is for an API server of which no node is known."""
    own = {SERVICE_PORT, USUAL_PORT}
    if site.rule.direction != EGRESS or site.spec.subject is None:
        return False
    if site.deny or server.is_node or entry.internet or not entry.addresses or not entry.addresses <= PRIVATE:
        return False
    if on_others(site.rule, own) or matches_nodes(site.context):
        return False
    if entry.addresses <= _USUAL_FIRST and server.virtual:
        return False
    return _meant(site, field, entry.index, server) is not None


def _unknown(site: RuleSite, field: PeerField, index: int, message: str, server: ApiServer) -> Iterator[Finding]:
    meant = _meant(site, field, index, server)
    if meant is not None:
        yield from api_server_finding(
            site,
            field,
            field.entry_route(index),
            message,
            [meant.evidence],
            server,
            set(),
            guess=True,
            severity=Severity.WARNING if meant.words else Severity.NOTE,
        )


def _meant(site: RuleSite, field: PeerField, index: int, server: ApiServer) -> Meant | None:
    """What says that an entry is for the API server; None where nothing does, or where it is known to be elsewhere.

    On the port of HTTPS alone only a usual ClusterIP is: with another address, an API server outside may be meant.
    """
    usual = any(entry.index == index and entry.addresses <= _USUAL_FIRST for entry in read_entries(field))
    ports = {SERVICE_PORT, USUAL_PORT} if usual else {USUAL_PORT}
    if not names_any(site.rule, ports) or not _may_be_node(site, server):
        return None
    if words := words_for_api_server(site, field, index):
        return Meant(words, words=True)
    if not names_any(site.rule, {USUAL_PORT}):
        return None
    evidence = bound_ports(site) or _own_range(site, field, index)
    return Meant(evidence, words=False) if evidence else None


def _own_range(site: RuleSite, field: PeerField, index: int) -> str:
    """That API servers are nodes, for a range on their port; empty where the cluster's own settings do not say so.

    They do where those of Talos, k3s or kubeadm have the port, and where Cilium goes through Talos' proxy on loopback.
    """
    cluster = site.context.cluster
    is_range = any(entry.index == index and not entry.single and not entry.internet for entry in read_entries(field))
    if cluster is None or cluster.api_server_host is not None or cluster.api_server_port != USUAL_PORT or not is_range:
        return ""
    return f"the API servers are nodes that listen on {USUAL_PORT}, {cluster.source_of('api_server_port')}"


def words_for_api_server(site: RuleSite, field: PeerField, index: int) -> str:
    """The words by which a rule is for the API server of its cluster: a comment, a description or the name."""
    comments_at = site.context.comments_at
    for route in dict.fromkeys((field.entry_route(index), field.route, site.rule.route)):
        text = " ".join(comment.lstrip("# ").strip() for comment in comments_at(route))
        if _SERVER.search(text.lower()):
            return f'the comment "{short_text(text)}"' if not _is_another(text) else ""
        if _is_another(text):
            return ""
    described = (site.spec.raw.get("description"), site.context.policy.annotated_description)
    for description in described:
        if isinstance(description, str) and _SERVER.search(description.lower()) and not _is_another(description):
            return f'the description "{short_text(description)}"'
    name = re.sub("[-_.]", " ", site.context.policy.name)
    return f"the name `{site.context.policy.name}`" if _SERVER.search(name) and not _is_another(name) else ""


def _is_another(text: str) -> bool:
    return bool(_ANOTHER.search(text.lower())) and "local" not in text.lower()


def _may_be_node(site: RuleSite, server: ApiServer) -> bool:
    """Whether the API server may be a node, for all that is known: by its endpoints, or where Cilium calls it."""
    if server.port == SERVICE_PORT or any(isinstance(fact, EndpointSlice) for fact in server.facts):
        return False
    host = site.context.cluster.api_server_host if site.context.cluster is not None else None
    return host is None or host == "localhost" or (bool(at := parsed([host])) and at <= PRIVATE | parsed(_LOOPBACK))


def _text(entry: object) -> str:
    """An entry of a field of CIDRs, or of a NetworkPolicy's peers, by its CIDR."""
    if isinstance(entry, dict):
        block = entry.get("ipBlock", entry)
        return str(block.get("cidr")) if isinstance(block, dict) else ""
    return str(entry)
