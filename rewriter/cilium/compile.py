"""From a policy to its entries: who is subject, which peers on which ports, allowed or denied.

Sources: Cilium pkg/policy/utils RulesToPolicyEntries, pkg/k8s/apis/cilium.io/utils ParseToCiliumRule and pkg/k8s
ParseNetworkPolicy. The policy must be one that its release accepts (`rejection` is None).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import field
from functools import cache, lru_cache
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from rewriter.cilium.alike import reads_alike
from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.fqdn import plain_selector
from rewriter.cilium.labels import CLUSTER_LABEL, K8S, NAMESPACE_LABEL
from rewriter.cilium.one_of_each import OneOfEach
from rewriter.cilium.peers import (
    canonical_json,
    knp_rule_terms,
    names_init,
    network_policy_conditions,
    required_term,
    rule_terms,
    with_namespace,
)
from rewriter.cilium.policy import EGRESS, INGRESS, KNP, Policy, Rule, Spec
from rewriter.cilium.ports import EVERYTHING, PortMatch, icmp_matches, network_policy_port, port_matches
from rewriter.cilium.rule_settings import rule_settings
from rewriter.cilium.selector import Selector
from rewriter.cilium.settings import NO_FACTS, Facts, Settings
from rewriter.cilium.stretches import stretches_of
from rewriter.cilium.terms import Condition, LabelTerm, Term, conditions_of, filtered, is_of_pods, label_term
from rewriter.cilium.version import (
    ENABLE_DEFAULT_DENY,
    INIT_NEEDS_CLUSTERWIDE,
    L7_GENERIC_REMOVED,
    REQUIRES_REMOVED,
    Version,
)
from rewriter.records import dataclass

_TLS_FIELDS = ("terminatingTLS", "originatingTLS", "serverNames", "listener")
_L7_FIELDS = {
    "http": frozenset({"method", "path", "host", "headers", "headerMatches"}),
    "dns": frozenset({"matchName", "matchPattern"}),
}


class PortGrant(NamedTuple):
    """Ports with what else must hold for them: `limits` are the L7 rules and the like, in canonical words."""

    match: PortMatch
    limits: tuple[str, ...] = ()


_GRANTS: OneOfEach[tuple[PortGrant, ...]] = OneOfEach()


class TierPlace(NamedTuple):
    """Where a rule of a ClusterNetworkPolicy counts, the lower `place` of a tier first, and what it does there."""

    tier: str
    place: int
    action: str


class Content:
    """What an entry does, without where it stands. One object for each, so that it is compared by identity.

    `noted` is what those who compare rules remember of it.
    """

    __slots__ = ("__weakref__", "key", "noted")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.noted: object = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _content, (self.key,)


_CONTENTS: WeakValueDictionary[Hashable, Content] = WeakValueDictionary()


def _content(key: Hashable) -> Content:
    found = _CONTENTS.get(key)
    if found is None:
        found = _CONTENTS[key] = Content(key)
    return found


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule, for one direction. No peers or no ports, and it neither allows nor denies anything.

    `required` are conditions that fromRequires/toRequires put on the label peers of every rule of the direction
    that has the same subject; `endpoint_peers` marks the rules that they narrow. `tier` is set for a rule of a
    ClusterNetworkPolicy, whose action says what it does, and for no other. `named` says whether a port is named,
    `special` are the terms that do not select pods by their labels alone. `asked` are labels of which each peer has
    one, with keys and values; None where some peer asks for no label.
    """

    route: str
    direction: str
    deny: bool
    default_deny: bool
    subject: LabelTerm
    subject_is_node: bool
    peers: tuple[Term, ...]
    ports: tuple[PortGrant, ...]
    required: tuple[LabelTerm, ...] = ()
    endpoint_peers: bool = False
    tier: TierPlace | None = None
    content: Content = field(init=False, repr=False, compare=False)
    named: bool = field(init=False, repr=False, compare=False)
    special: tuple[Term, ...] = field(init=False, repr=False, compare=False)
    asked: frozenset[tuple[str, str]] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        key = (
            self.direction,
            self.deny,
            self.default_deny,
            self.subject,
            self.subject_is_node,
            self.peers,
            self.ports,
            self.required,
            self.endpoint_peers,
            self.tier,
        )
        object.__setattr__(self, "content", _content(key))
        object.__setattr__(self, "named", any(grant.match.name for grant in self.ports))
        terms = (self.subject, *self.peers, *self.required)
        object.__setattr__(self, "asked", _asked(self.peers))
        object.__setattr__(self, "special", tuple(term for term in terms if not is_of_pods(term)))


@lru_cache(maxsize=1 << 13)
def _asked(peers: tuple[Term, ...]) -> frozenset[tuple[str, str]] | None:
    """For each peer the values that it asks of one label, one in which it differs from others if there is any."""
    found: list[tuple[str, str]] = []
    for peer in peers:
        chosen: Condition | None = None
        for condition in peer.conditions if isinstance(peer, LabelTerm) else ():
            if condition.operator == "In" and (chosen is None or chosen.key in _SHARED_KEYS):
                chosen = condition
        if chosen is None:
            return None
        found += ((chosen.key, value) for value in chosen.values)
    return frozenset(found)


#: Labels that many pods have alike.
_SHARED_KEYS = frozenset({NAMESPACE_LABEL, CLUSTER_LABEL})

_KNOWN: ByIdentity[Rule, Entry] = ByIdentity()
_ALIKE: ByIdentity[Rule, list[Entry]] = ByIdentity()


def compile_policy(policy: Policy, settings: Settings, facts: Facts = NO_FACTS) -> tuple[Entry, ...]:
    """The entries of an accepted policy, in document order; of one that points at no facts, made once a settings."""
    settings = rule_settings(settings, alike=reads_alike(policy))
    if facts is not NO_FACTS and _points_at_facts(policy):
        return compiled_by(policy, settings, facts)
    key = _key(settings)
    found: tuple[Entry, ...] | None = policy.answers.get(key)
    if found is None:
        found = policy.answers[key] = compiled_by(policy, settings, NO_FACTS)
    return found


@cache
def _key(settings: Settings) -> tuple[object, ...]:
    """The question by which a policy's entries are remembered: one object for all policies."""
    return ("entries", settings)


def _points_at_facts(policy: Policy) -> bool:
    """Whether a rule names Services, or an address in another way than by itself: by its CIDR group."""
    key = ("points at facts",)
    if key not in policy.answers:
        fields = (field for rule in policy.rules() for field in rule.raw.items())
        policy.answers[key] = policy.kind != KNP and any(
            name.endswith("Services") or (name.endswith("CIDRSet") and not _are_written_out(entries))
            for name, entries in fields
        )
    return bool(policy.answers[key])


def _are_written_out(entries: Any) -> bool:
    return isinstance(entries, list) and all(isinstance(entry, dict) and entry.get("cidr") for entry in entries)


def compiled_by(policy: Policy, settings: Settings, facts: Facts = NO_FACTS) -> tuple[Entry, ...]:
    """As `compile_policy`, by the very release that the settings name, and made anew."""
    if policy.kind == KNP:
        return tuple(
            _once(policy, entry) for spec in policy.specs for entry in _network_policy_entries(policy, spec, settings)
        )
    found: list[Entry] = []
    for spec in policy.specs:
        found += _entries(policy, spec, settings, facts)
    return tuple(found)


def _once(policy: Policy, entry: Entry) -> Entry:
    """An entry as another release has it, where both make the same of the rule."""
    for question, known in policy.answers.items():
        for other in known if question[0] == "entries" else ():
            if other.content is entry.content and other.route == entry.route:
                found: Entry = other
                return found
    return entry


def _entries(policy: Policy, spec: Spec, settings: Settings, facts: Facts) -> list[Entry]:
    subject, is_node = _subject(policy, spec, settings)
    if subject is None:
        return []
    default_deny = _default_deny(spec, settings.version)

    def entry(rule: Rule) -> Entry:
        return Entry(
            route=rule.route,
            direction=rule.direction,
            deny=rule.deny,
            default_deny=default_deny[rule.direction],
            subject=subject,
            subject_is_node=is_node,
            peers=rule_terms(rule, policy, spec.subject, settings, facts),
            ports=_ports(rule, settings),
            required=_required(rule, policy, spec.subject, settings),
            endpoint_peers=bool(rule.peer("fromEndpoints") or rule.peer("toEndpoints")),
        )

    if facts is not NO_FACTS:
        return [entry(rule) for rule in spec.rules]
    # All that an entry depends on beside its rule.
    init = spec.subject is not None and names_init(spec.subject)
    question = (settings, policy.kind, policy.namespace, subject, is_node, init, *default_deny.values())
    known, same = _KNOWN.to(question), _ALIKE.to(())

    def entry_once(rule: Rule) -> Entry:
        answer = known.get(id(rule))
        if answer is None:
            made = entry(rule)
            # What two releases make of a rule is mostly the same: then it is one entry, which one look shows.
            others = same.setdefault(id(rule), (rule, []))[1]
            made = next((other for other in others if other == made), made)
            others.append(made)
            answer = known[id(rule)] = rule, made
        return answer[1]

    found: list[Entry] = []
    for stretch in stretches_of(spec.rules):
        if question not in stretch.answers:
            stretch.answers[question] = list(map(entry_once, stretch))
        found += stretch.answers[question]
    return found


def _subject(policy: Policy, spec: Spec, settings: Settings) -> tuple[LabelTerm | None, bool]:
    """Whom a rule set selects, and whether those are nodes; None where it asks for a label that no pod has."""
    if spec.subject is None:
        selector = spec.node_subject
        return label_term(conditions_of(selector.requirements) if selector else ()), True
    conditions = conditions_of(spec.subject.requirements)
    if policy.namespace is None or (settings.version < INIT_NEEDS_CLUSTERWIDE and names_init(spec.subject)):
        return pods_term(conditions, settings), False
    # The namespace written as `k8s:` in matchLabels is overwritten; written otherwise it stays a second condition.
    kept = [c for r, c in zip(spec.subject.requirements, conditions, strict=True) if not _is_own_namespace(r.route, c)]
    return pods_term(with_namespace(kept, policy.namespace), settings), False


def pods_term(conditions: Iterable[Condition], settings: Settings) -> LabelTerm | None:
    """What conditions on labels of pods mean; None where no pod can meet them."""
    kept = filtered(conditions, settings.pod_labels)
    return None if kept is None else label_term(kept)


def _is_own_namespace(route: str, condition: Condition) -> bool:
    return condition.source == K8S and condition.key == NAMESPACE_LABEL and "/matchLabels/" in route


def _default_deny(spec: Spec, version: Version) -> dict[str, bool]:
    written = spec.raw.get("enableDefaultDeny") if version >= ENABLE_DEFAULT_DENY else None
    chosen = written if isinstance(written, dict) else {}
    return {direction: chosen.get(direction) is not False for direction in (INGRESS, EGRESS)}


def _required(rule: Rule, policy: Policy, subject: Selector | None, settings: Settings) -> tuple[LabelTerm, ...]:
    if settings.version >= REQUIRES_REMOVED:
        return ()
    field = rule.peer("fromRequires" if rule.direction == INGRESS else "toRequires")
    selectors = field.selectors if field else ()
    return tuple(required_term(s, policy, subject, settings) for s in selectors if s is not None)


def _ports(rule: Rule, settings: Settings) -> tuple[PortGrant, ...]:
    items, icmps = rule.raw.get("toPorts") or (), rule.raw.get("icmps") or ()
    shared: tuple[str, ...] = ()
    authentication = rule.raw.get("authentication")
    if not rule.deny and isinstance(authentication, dict) and authentication.get("mode") == "required":
        shared = ("mutual authentication",) if settings.authenticates else ()
    if not items and not icmps:
        # A rule with neither peers nor ports selects nothing: see rule_terms.
        return (PortGrant(EVERYTHING, shared),)
    grants = [
        PortGrant(match, shared + _limits(item or {}, rule, settings.version))
        for item in items
        for match in port_matches(item or {}, settings.version, egress=rule.direction == EGRESS)
    ]
    grants += [PortGrant(match, shared) for item in icmps for match in icmp_matches(item or {})]
    return _GRANTS.of(tuple(grants))


def _limits(item: Mapping[str, Any], rule: Rule, version: Version) -> tuple[str, ...]:
    """What a toPorts item demands beyond the port, as canonical text; nothing in a deny rule."""
    if rule.deny:
        return ()
    rules = item.get("rules")
    # An empty list is no rule (Cilium pkg/policy/api L7Rules.IsEmpty).
    kinds = {kind: value for kind, value in rules.items() if value != []} if isinstance(rules, dict) else {}
    if version >= L7_GENERIC_REMOVED:
        kinds = {kind: kinds[kind] for kind in ("http", "dns") if kind in kinds}
    for kind, known in _L7_FIELDS.items():
        if isinstance(kinds.get(kind), list):
            kinds[kind] = [_read(entry, known) for entry in kinds[kind]]
    if isinstance(kinds.get("dns"), list):
        kinds["dns"] = [plain_selector(entry, version) for entry in kinds["dns"]]
        if {"matchPattern": "*"} in kinds["dns"]:
            del kinds["dns"]  # Every name is asked as before: the proxy sees the queries, and lets all of them pass.
    demands = {**kinds, **{field: item[field] for field in _TLS_FIELDS if field in item}}
    return tuple(f"{name} {canonical_json(demands[name])}" for name in sorted(demands) if demands[name] is not None)


def _read(entry: Any, known: frozenset[str]) -> Any:
    """An entry of L7 rules with the fields that the agent reads: the API server drops the others."""
    return {name: entry[name] for name in entry if name in known} if isinstance(entry, dict) else entry


def _network_policy_entries(policy: Policy, spec: Spec, settings: Settings) -> Iterator[Entry]:
    namespace = policy.namespace or "default"
    conditions = network_policy_conditions(spec.raw.get("podSelector"), overwritten=(NAMESPACE_LABEL,))
    subject = pods_term(with_namespace(conditions, namespace), settings)
    if subject is None:
        return

    def entry(route: str, direction: str, peers: tuple[Term, ...], ports: tuple[PortGrant, ...]) -> Entry:
        return Entry(route, direction, False, True, subject, False, peers, ports)

    directions = set()
    for rule in spec.rules:
        directions.add(rule.direction)
        peers = [peer for field in rule.peers for peer in field.entries]
        terms = knp_rule_terms(peers, rule.direction, namespace, settings)
        items = rule.raw.get("ports") or ()
        # A placeholder in the place of a port stands for one that is unknown: it grants nothing.
        known = [item or {} for item in items if isinstance(item, dict | None)] if isinstance(items, list) else []
        ports = _GRANTS.of(tuple(PortGrant(network_policy_port(item, settings.version)) for item in known))
        yield entry(rule.route, rule.direction, terms, ports if items else (PortGrant(EVERYTHING),))
    types = spec.raw.get("policyTypes") or ()
    if INGRESS not in directions and ("Ingress" in types or "Egress" not in types):
        yield entry(spec.route, INGRESS, (), ())
    if EGRESS not in directions and "Egress" in types:
        yield entry(spec.route, EGRESS, (), ())
