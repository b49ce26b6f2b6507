"""One flow through the policies of a workspace: what decides it, and what would have to be known to be surer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from rewriter.cilium.identity import Identity, NamedPort, reserved_identity
from rewriter.cilium.labels import K8S, NAMESPACE_LABEL, LabelSet
from rewriter.cilium.policy import EGRESS, INGRESS, KNP, Policy
from rewriter.cilium.policy_set import PolicySet, compile_policies
from rewriter.cilium.settings import Facts, Settings
from rewriter.cilium.universe import Universe
from rewriter.cilium.verdict import DirectionVerdict, Engine
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.effects.settings import compared_settings
from rewriter.engine.flow.by_node import is_client, services_before
from rewriter.engine.flow.deciding_settings import alternatives, host_firewall_of, left_open
from rewriter.engine.flow.endpoints import Endpoint, FlowError, named
from rewriter.engine.flow.service_ends import ServiceEnds, meant_service, service_ends
from rewriter.engine.run.workspace import Workspace
from rewriter.evidence.mesh import mesh_known
from rewriter.evidence.placeholders import placeholders_in, policy_has_placeholder
from rewriter.evidence.policies import unread_policies
from rewriter.evidence.possible_settings import VALUE_NAMES
from rewriter.evidence.settings import facts_of, mesh_port_names
from rewriter.inventory.cilium.cilium_values import CiliumSettings
from rewriter.inventory.clusters.unread_settings import installs_of
from rewriter.inventory.facts.model import Cluster, Service
from rewriter.inventory.facts.unread_settings import UnreadSettings
from rewriter.passes.kit.enforced.enforcement import filled_in
from rewriter.records import dataclass
from rewriter.text import join_names, policy_text

PROTOCOLS = ("TCP", "UDP", "SCTP")
#: Where a flow has an ICMP type instead of a port.
ICMP = {"ICMP": "ICMP", "ICMPV6": "ICMPv6"}
#: Why no policy but a host policy decides on pods on the host network.
ON_HOST_NETWORK = "pods on the host network are the node: only host policies apply to them"
_FREE = "no policy selects it"


class LocatedRule(NamedTuple):
    """A rule, or a whole policy, by the policy's `namespace/name` and its place in a file."""

    policy: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class JudgedDirection:
    """Egress or ingress, and what decides it.

    `rules` are the deciding ones, `depends_on` is what manifests cannot tell, and `rejected` are the policies that
    would select the endpoint had Cilium not rejected them, at the place of what is wrong. `settings` are the agents'
    settings without which the verdict would be another, each with its source, and `missing` those that could turn it
    and whose value is a placeholder.
    """

    name: str
    allowed: bool
    reason: str
    rules: tuple[LocatedRule, ...] = ()
    depends_on: tuple[str, ...] = ()
    rejected: tuple[LocatedRule, ...] = ()
    settings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A flow's verdict: it passes when both directions allow it. `port` is the one that policy sees.

    `missing` are facts that are not known and that could turn the verdict. A flow to a Service is one to its backends:
    `service` is set, `backends` are the verdicts for each, and the flow's own directions those of the first that is
    denied, else of the first.
    """

    source: str
    destination: str
    port: int
    protocol: str
    directions: tuple[JudgedDirection, JudgedDirection]
    missing: tuple[str, ...] = ()
    service: Service | None = None
    backends: tuple[Judged, ...] = ()

    @property
    def allowed(self) -> bool:
        return all(direction.allowed for direction in self.directions)


class _Loaded(NamedTuple):
    """The policies of one cluster, and the same under other settings, each in words.

    `left_open` are settings whose value is a placeholder, under all that they may be (none: whatever it is).
    """

    located: list[LocatedPolicy]
    compiled: PolicySet
    others: list[tuple[str, PolicySet]]
    left_open: list[tuple[str, list[PolicySet]]]


def read_port(text: str) -> tuple[int, str]:
    """Number and protocol of `3306/TCP`, or type and protocol of `8/ICMP`; TCP unless given. Raises FlowError."""
    number, _, written = text.partition("/")
    protocol = written.upper() or "TCP"
    value = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else -1
    if protocol in PROTOCOLS and 0 < value < 65536:
        return value, protocol
    if protocol in ICMP and 0 <= value < 256:
        return value, ICMP[protocol]
    raise FlowError(
        f"--port {text}: expected a port such as 3306/TCP ({', '.join(PROTOCOLS)}) or a type such as 8/ICMP"
    )


def judge(workspace: Workspace, source: str, destination: str, port: int, protocol: str) -> Judged:
    """The verdict on the version of `--to`. Egress is judged in the source's cluster, ingress in the destination's.

    Raises FlowError for an unknown end.
    """
    sender = named(workspace, source)
    if sender.endpoint is None:
        raise FlowError(f"{source}: is a Service, which sends nothing; name the workload behind it")
    receiver = named(workspace, destination, sender.endpoint.cluster)
    service = meant_service(receiver, destination, port, protocol)
    judge_one = _Judge(workspace, port_names=mesh_port_names(workspace.inventory))
    if service is not None:
        ends = service_ends(workspace, service, port, protocol)
        return _through(judge_one, sender.endpoint, destination, ends)
    assert receiver.endpoint is not None
    return judge_one.flow(sender.endpoint, receiver.endpoint, port, protocol)


def _through(judge_one: _Judge, sender: Endpoint, destination: str, ends: ServiceEnds) -> Judged:
    backends = tuple(
        judge_one.flow(sender, backend.endpoint, backend.port, backend.protocol) for backend in ends.backends
    )
    shown = next((backend for backend in backends if not backend.allowed), backends[0])
    missing = tuple(dict.fromkeys((*ends.missing, *(text for backend in backends for text in backend.missing))))
    return replace(shown, destination=destination, missing=missing, service=ends.service, backends=backends)


class _Judge:
    """Judges flows of one workspace; the policies of a cluster are read once."""

    def __init__(self, workspace: Workspace, port_names: tuple[NamedPort, ...]) -> None:
        self.workspace = workspace
        inventory = workspace.inventory
        self.mesh = mesh_known(inventory, workspace.config)
        facts = facts_of(inventory.all_services(), inventory.cidr_groups(), inventory)
        self.facts = replace(facts, named_ports=port_names)
        self._loaded: dict[tuple[str, frozenset[str]], _Loaded] = {}

    def flow(self, sender: Endpoint, receiver: Endpoint, port: int, protocol: str) -> Judged:
        egress = self._direction(EGRESS, sender, receiver, port, protocol)
        ingress = self._direction(INGRESS, receiver, sender, port, protocol)
        missing = [*sender.missing, *receiver.missing]
        for end, found in ((sender, egress), (receiver, ingress)):
            missing += [*self._unread(end), *self._unread_values(end.cluster), *self._filled(end), *found.missing]
            if end.host_network and host_firewall_of(end.cluster) is None and found.reason != ON_HOST_NETWORK:
                missing.append("whether the host firewall is on (hostFirewall.enabled): judged as if it were")
        missing += _not_listening(receiver, port, protocol)
        if receiver.identity.dns_names and self._rests_on_names(sender, receiver, port, protocol, egress):
            missing.append(
                f"how Cilium learns the addresses of {receiver.name}: no rule with `rules.dns` applies to "
                f"{sender.name}, and without one toFQDNs allows nothing"
            )
        missing += self._by_node(sender, receiver, port, protocol, ingress)
        if sender.host_network and not ingress.allowed:
            missing.append(f"on which node {sender.name} runs: to the pods of its own node it is the local host")
        return Judged(sender.name, receiver.name, port, protocol, (egress, ingress), tuple(dict.fromkeys(missing)))

    def _by_node(
        self, sender: Endpoint, receiver: Endpoint, port: int, protocol: str, ingress: JudgedDirection
    ) -> Iterator[str]:
        """Where a client is judged otherwise once a Service sends it on from the node by which it came in."""
        if not is_client(sender):
            return
        services = list(services_before(self.workspace.inventory, receiver, port, protocol))
        node = replace(sender, name="remote-node", identity=reserved_identity("remote-node"))
        seen = self._direction(INGRESS, receiver, node, port, protocol) if services else ingress
        if seen.allowed != ingress.allowed:
            cause = f"{join_names(map(str, services))} (externalTrafficPolicy Cluster)"
            yield (
                f"by which node {sender.name} comes in: {cause} sends clients of other nodes on as `remote-node`, "
                f"which is {'allowed' if seen.allowed else 'denied'}"
            )

    def _rests_on_names(
        self, sender: Endpoint, receiver: Endpoint, port: int, protocol: str, egress: JudgedDirection
    ) -> bool:
        """Whether only toFQDNs lets a flow out, while no policy of the sender shows its queries to the DNS proxy."""
        if not egress.allowed or sender.host_network:
            return False
        loaded = self._load(sender.cluster, sender.identity)
        nameless = receiver.identity._replace(dns_names=())
        if _verdict(loaded.compiled, (sender.identity, nameless), EGRESS, port, protocol).allowed:
            return False
        universe = Universe([sender.identity])
        return not any(
            _shows_queries(loaded.located[index].policy, entry.route) and universe.select(entry.subject)
            for index, entry in loaded.compiled.entries
            if entry.direction == EGRESS and not entry.deny
        )

    def _direction(self, name: str, subject: Endpoint, peer: Endpoint, port: int, protocol: str) -> JudgedDirection:
        own = reserved_identity("host")._replace(name=subject.name) if subject.host_network else subject.identity
        other = peer.identity
        if other.name == own.name and other != own:
            other = other._replace(name=f"{other.name}, the peer")
        ends = (own, other) if name == EGRESS else (other, own)
        loaded = self._load(subject.cluster, own)
        verdict = _verdict(loaded.compiled, ends, name, port, protocol)
        settings = tuple(
            words
            for words, compiled in loaded.others
            if _verdict(compiled, ends, name, port, protocol).allowed != verdict.allowed
        )
        missing = tuple(
            words
            for words, possible in loaded.left_open
            if not possible
            or any(_verdict(policies, ends, name, port, protocol).allowed != verdict.allowed for policies in possible)
        )
        reason = ON_HOST_NETWORK if subject.host_network and verdict.reason == _FREE else verdict.reason
        rules = tuple(_located(loaded.located[rule.policy], rule.route) for rule in verdict.rules)
        rejected = _rejected(loaded.located, loaded.compiled, name, own)
        return JudgedDirection(name, verdict.allowed, reason, rules, verdict.depends_on, rejected, settings, missing)

    def _load(self, cluster: Cluster | None, subject: Identity) -> _Loaded:
        keys = frozenset(label.source for label in subject.labels if label.key == "host")
        known = (cluster.name if cluster else "", keys)
        if known not in self._loaded:
            workspace = self.workspace
            located = [
                *workspace.policies_of_cluster(cluster, everywhere=True),
                *workspace.cluster_network_policies(cluster),
            ]
            target = workspace.to_version > workspace.from_version
            settings = compared_settings(cluster, workspace.to_version, mesh=self.mesh, target=target)
            settings = replace(settings, host_firewall=host_firewall_of(cluster))
            others = [
                (words, _compiled(located, other, self.facts))
                for words, other in alternatives(cluster, settings, target=target, host_sources=keys)
            ]
            left_open_here = [
                (words, [_compiled(located, other, self.facts) for other in possible])
                for install in self._installs(cluster)
                for words, possible in left_open(cluster, install, settings, target=target)
            ]
            self._loaded[known] = _Loaded(located, _compiled(located, settings, self.facts), others, left_open_here)
        return self._loaded[known]

    def _unread(self, end: Endpoint) -> list[str]:
        """Policies that may select an end and that nothing here can read."""
        namespaces = LabelSet(end.identity.labels).values(K8S, NAMESPACE_LABEL)
        if not namespaces:
            return []
        inventory = self.workspace.inventory
        tiers = any(cluster.cluster_network_policies for cluster in inventory.clusters)
        unread = [
            unread for unread in unread_policies(inventory, tiers=tiers) if unread.namespace in (None, *namespaces)
        ]
        return [f"what {join_names(unread)} says"] if unread else []

    def _filled(self, end: Endpoint) -> Iterator[str]:
        """The variables in the policies of an end whose values are not known: something that fits stands for them."""
        labels = LabelSet(end.identity.labels)
        for located in self._load(end.cluster, end.identity).located if not end.host_network else ():
            policy = located.policy
            if policy_has_placeholder(policy) and _would_select(policy, labels):
                shown = join_names(sorted(placeholders_in([spec.raw for spec in policy.specs])), most=3)
                if shown:
                    yield f"what {shown} in {policy_text(policy)} stands for, {located.place(policy.route)}"

    def _unread_values(self, cluster: Cluster | None) -> list[str]:
        """The installations of Cilium in a cluster of which values are not read."""
        unread = self.workspace.inventory.unread_settings(cluster)
        return [
            f"what the installation of Cilium at {settings.place} takes from {settings.sources}: "
            f"{_settings_of(settings)} may stand there"
            if settings.sources
            else f"what {settings.place} says of Cilium's settings: it cannot be read"
            for settings in unread
            if not settings.placeholder and settings.fields != ()
        ]

    def _installs(self, cluster: Cluster | None) -> list[CiliumSettings]:
        inventory = self.workspace.inventory
        return installs_of((install.settings for install in inventory.installs), cluster, inventory.clusters_of)


def _shows_queries(policy: Policy, route: str) -> bool:
    """Whether a rule has `rules.dns`, with which queries go through Cilium's DNS proxy."""
    return any(
        isinstance(rules := item.get("rules"), dict) and bool(rules.get("dns"))
        for rule in policy.rules()
        if rule.route == policy.route + route
        for item in rule.to_ports
    )


def _not_listening(end: Endpoint, port: int, protocol: str) -> Iterator[str]:
    ports = end.workload.ports if end.workload else ()
    if ports and protocol in PROTOCOLS and (port, protocol) not in {(port.number, port.protocol) for port in ports}:
        named_ports = join_names(f"{port.number}/{port.protocol}" for port in ports)
        where = f"the containers of {end.workload}, {end.workload.source if end.workload else ''}"
        yield f"whether anything listens on {port}/{protocol}: {where} name {named_ports}"


def _compiled(located: Sequence[LocatedPolicy], settings: Settings, facts: Facts) -> PolicySet:
    return compile_policies(
        (filled_in(other.policy) for other in located),
        settings,
        facts,
        namespaces=[other.policy.namespace for other in located],
    )


def _verdict(
    compiled: PolicySet, ends: tuple[Identity, Identity], name: str, port: int, protocol: str
) -> DirectionVerdict:
    engine = Engine(compiled, list({end.name: end for end in ends}.values()))
    verdict = engine.verdict(ends[0].name, ends[1].name, protocol, port)
    return verdict.egress if name == EGRESS else verdict.ingress


def _rejected(
    policies: Sequence[LocatedPolicy], compiled: PolicySet, direction: str, end: Identity
) -> tuple[LocatedRule, ...]:
    labels = LabelSet(end.labels)
    return tuple(
        _located(located, why.route)
        for located, why in zip(policies, compiled.rejections, strict=True)
        if why is not None and _would_enforce(located.policy, direction) and _would_select(located.policy, labels)
    )


def _would_enforce(policy: Policy, direction: str) -> bool:
    """Whether a rejected policy has anything to say about a direction."""
    if any(rule.direction == direction for rule in policy.rules()):
        return True
    written = [spec.raw.get("policyTypes") for spec in policy.specs]
    types = [type_ for several in written if isinstance(several, list) for type_ in several]
    return policy.kind == KNP and (direction.capitalize() in types or (direction == INGRESS and "Egress" not in types))


def _would_select(policy: Policy, labels: LabelSet) -> bool:
    """Whether a rejected policy means these pods; a subject that cannot be read may mean them."""
    if policy.namespace is not None and labels.values(K8S, NAMESPACE_LABEL) != (policy.namespace,):
        return False
    subjects = [spec.subject for spec in policy.specs if spec.node_subject is None]
    return any(subject is None or subject.selects(labels) for subject in subjects)


def _located(located: LocatedPolicy, route: str) -> LocatedRule:
    """A rule by its route in its manifest, which may be an item of a List."""
    file, _, line = located.place(located.policy.route + route).rpartition(":")
    return LocatedRule("/".join(filter(None, (located.policy.namespace, located.policy.name))), file, int(line))


def _settings_of(unread: UnreadSettings) -> str:
    """What an unread source may set, by the names of the chart's values."""
    if unread.fields is None:
        return "policyEnforcementMode and other settings"
    return join_names(VALUE_NAMES.get(field, field) for field in unread.fields)
