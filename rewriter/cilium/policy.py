"""A typed, read-only view of CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy and NetworkPolicy.

Every part keeps its route (RFC 6901 JSON Pointer) in the manifest. The view is lenient: what is malformed is
left out of it, and the validator says so; nothing here raises on any shape of input.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeVar

from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.nodes import (
    DefaultDeny,
    L7Rules,
    Malformed,
    Peer,
    PortRule,
    read_default_deny,
    read_peer,
    read_port_rules,
)
from rewriter.cilium.selector import Selector, read_selector
from rewriter.cilium.stretches import stretches_of
from rewriter.records import dataclass

CNP = "CiliumNetworkPolicy"
CCNP = "CiliumClusterwideNetworkPolicy"
KNP = "NetworkPolicy"

INGRESS = "ingress"
EGRESS = "egress"

#: Peer fields of a Cilium rule by direction, in the order in which Cilium's API type declares them.
PEER_FIELDS = {
    INGRESS: (
        "fromEndpoints",
        "fromRequires",
        "fromCIDR",
        "fromCIDRSet",
        "fromEntities",
        "fromGroups",
        "fromNodes",
    ),
    EGRESS: (
        "toEndpoints",
        "toRequires",
        "toCIDR",
        "toCIDRSet",
        "toEntities",
        "toServices",
        "toFQDNs",
        "toGroups",
        "toNodes",
    ),
}
#: Deny rules have no toFQDNs: Cilium drops the field there, and the rule means what it means without it.
DENY_PEER_FIELDS = {
    INGRESS: PEER_FIELDS[INGRESS],
    EGRESS: tuple(name for name in PEER_FIELDS[EGRESS] if name != "toFQDNs"),
}
SELECTOR_FIELDS = frozenset({"fromEndpoints", "fromRequires", "fromNodes", "toEndpoints", "toRequires", "toNodes"})
#: Peer fields that select no peer when present and empty, whatever the others say (Cilium mergeEndpointSelectors).
EMPTY_SELECTS_NOBODY = frozenset(
    prefix + kind for prefix in ("from", "to") for kind in ("Endpoints", "Nodes", "Entities", "CIDR", "CIDRSet")
)


#: Answers by their questions, which name the type of each.
Answers = dict[tuple[object, ...], Any]
AnyPeer = TypeVar("AnyPeer", bound=Peer)


class PeerField(NamedTuple):
    """One peer field of a rule with its entries as written, for example `fromEndpoints`.

    `selectors` runs beside `entries` for the fields that hold label selectors (None where one is malformed)
    and is empty for the others. In a NetworkPolicy the field is `from` or `to` and `selectors` is empty.
    """

    route: str
    name: str
    entries: tuple[Any, ...]
    selectors: tuple[Selector | None, ...] = ()

    def entry_route(self, index: int) -> str:
        return f"{self.route}/{index}"

    def decoded(self) -> Iterator[Peer]:
        """The entries as types, in their order."""
        for index, entry in enumerate(self.entries):
            selector = self.selectors[index] if self.selectors else None
            yield selector or read_peer(self.name, entry, self.entry_route(index))

    def read_as(self, kind: type[AnyPeer]) -> tuple[AnyPeer, ...]:
        """The entries that are of a type; none in a field of another kind."""
        return tuple(entry for entry in self.decoded() if isinstance(entry, kind))

    def has_any(self, *texts: str) -> bool:
        """Whether one of these texts is an entry: the name of an entity, for example."""
        return any(isinstance(entry, str) and entry in texts for entry in self.entries)


@dataclass(frozen=True)
class Rule:
    """One item of ingress, ingressDeny, egress or egressDeny. Its ports are decoded once, when a pass asks for them."""

    route: str
    direction: str
    deny: bool
    raw: Mapping[str, Any]
    peers: tuple[PeerField, ...]

    def peer(self, name: str) -> PeerField | None:
        return next((field for field in self.peers if field.name == name), None)

    @property
    def selects_nobody(self) -> bool:
        """Whether a peer field of a Cilium rule is present and empty: then the rule has no peer at all."""
        return any(not field.entries and field.name in EMPTY_SELECTS_NOBODY for field in self.peers)

    @cached_property
    def port_rules(self) -> tuple[PortRule | Malformed, ...]:
        """The items of `toPorts`, or one item with the `ports` of a NetworkPolicy; none where neither is written."""
        return read_port_rules(self.raw, self.route)

    @property
    def l7_rules(self) -> tuple[L7Rules, ...]:
        """The well-formed `rules` of the items of `toPorts`."""
        items = (item.rules for item in self.port_rules if isinstance(item, PortRule))
        return tuple(rules for rules in items if isinstance(rules, L7Rules))

    def is_twin(self, other: Rule) -> bool:
        """Whether another rule is written with the same members and values."""
        return bool(self.raw == other.raw)

    @property
    def members(self) -> tuple[str, ...]:
        """The names of all that is written in the rule, in its order."""
        return tuple(self.raw)

    @property
    def has_icmps(self) -> bool:
        return bool(self.raw.get("icmps"))

    @property
    def authentication(self) -> str:
        """The mode of mutual authentication; empty where none is written."""
        written = self.raw.get("authentication")
        mode = written.get("mode") if isinstance(written, dict) else None
        return mode if isinstance(mode, str) else ""

    @property
    def list_route(self) -> str:
        """The route of the list that holds the rule."""
        return self.route.rsplit("/", 1)[0]

    @property
    def index(self) -> int:
        return int(self.route.rsplit("/", 1)[1])

    @property
    def to_ports(self) -> tuple[Mapping[str, Any], ...]:
        """The well-formed items of `toPorts` (Cilium) or `ports` (NetworkPolicy)."""
        items = self.raw.get("toPorts", self.raw.get("ports"))
        return tuple(item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()


@dataclass(frozen=True, slots=True)
class Spec:
    """One rule set: `spec`, or one item of `specs`. `subject` is None where it is malformed or absent."""

    route: str
    raw: Mapping[str, Any]
    subject: Selector | None
    node_subject: Selector | None
    rules: tuple[Rule, ...]

    @property
    def members(self) -> tuple[str, ...]:
        """The names of all that is written in the rule set, in its order."""
        return tuple(self.raw)

    @property
    def written_subject(self) -> object:
        """The selector of the pods as the manifest has it; None where it is absent."""
        return self.raw.get("endpointSelector", self.raw.get("podSelector"))

    @property
    def default_deny(self) -> DefaultDeny | Malformed | None:
        """`enableDefaultDeny`; None where it is absent or null."""
        return read_default_deny(self.raw.get("enableDefaultDeny"), f"{self.route}/enableDefaultDeny")


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy manifest. `namespace` is the one it is applied to; None for a clusterwide policy.

    `route` is the manifest's own place in its document: empty, or that of an item of a List. `answers` are remembered
    by those who ask the same of a policy again and again; that is right as long as `raw` does not change.
    """

    kind: str
    namespace: str | None
    name: str
    raw: Mapping[str, Any]
    specs: tuple[Spec, ...]
    route: str = ""
    answers: Answers = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

    def rules(self) -> Iterator[Rule]:
        for spec in self.specs:
            yield from spec.rules

    @property
    def clusterwide(self) -> bool:
        return self.kind == CCNP

    @property
    def api_version(self) -> str:
        """The `apiVersion`; empty where it is no text."""
        written = self.raw.get("apiVersion")
        return written if isinstance(written, str) else ""

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations; a value that is no text is empty."""
        metadata = self.raw.get("metadata")
        written = metadata.get("annotations") if isinstance(metadata, dict) else None
        pairs = written.items() if isinstance(written, dict) else ()
        return {key: value if isinstance(value, str) else "" for key, value in pairs if isinstance(key, str)}

    @property
    def annotated_description(self) -> str:
        """What the annotations named `description` say, with any prefix; empty where there is none."""
        return " ".join(text for key, text in self.annotations.items() if key.rsplit("/", 1)[-1] == "description")


#: Rules by the object that they were read from.
KnownRules = ByIdentity[Mapping[str, Any], Rule]
#: The rules of a run's manifests: no value of theirs changes.
RULES: KnownRules = ByIdentity()


def is_policy(manifest: Any) -> bool:
    """Whether a manifest is of one of the three policy kinds, in an API group that holds them."""
    if not isinstance(manifest, dict):
        return False
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if not isinstance(version, str):
        return False
    if kind in (CNP, CCNP):
        return version.startswith("cilium.io/")
    return kind == KNP and version.startswith(("networking.k8s.io/", "extensions/"))


def objects_in(value: Any, is_wanted: Callable[[Any], bool]) -> Iterator[Policy]:
    """The objects of a document that are wanted, itself or the items of a List, by kind and name, without rule sets."""
    listed = isinstance(value, dict) and str(value.get("kind")).endswith("List")
    items = value.get("items") if listed else None
    found = [(value, ""), *((item, f"/items/{n}") for n, item in enumerate(items if isinstance(items, list) else ()))]
    for manifest, route in found:
        if is_wanted(manifest):
            metadata = manifest.get("metadata")
            name = metadata.get("name") if isinstance(metadata, dict) else None
            yield Policy(str(manifest["kind"]), None, name if isinstance(name, str) else "", manifest, (), route)


def read_policy(
    manifest: Mapping[str, Any], *, namespace: str | None = None, base: str = "", known: KnownRules | None = None
) -> Policy:
    """The view of a policy manifest (`is_policy` must hold).

    `namespace` is where a manifest without `metadata.namespace` lands (default `default`); `base` is put before
    every route, for a policy that is an item of a List. Rules that are `known` are taken from there: only for
    manifests that do not change.
    """
    kind = str(manifest["kind"])
    metadata = manifest.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    own = metadata.get("namespace")
    applied = own if isinstance(own, str) and own else namespace or "default"
    name = metadata.get("name")
    return Policy(
        kind=kind,
        namespace=None if kind == CCNP else applied,
        name=name if isinstance(name, str) else "",
        raw=manifest,
        specs=tuple(_specs(manifest, kind, base, known)),
        route=base,
    )


def _specs(manifest: Mapping[str, Any], kind: str, base: str, known: KnownRules | None) -> Iterator[Spec]:
    spec = manifest.get("spec")
    if isinstance(spec, dict):
        yield _network_policy_spec(spec, f"{base}/spec") if kind == KNP else _spec(spec, f"{base}/spec", known)
    specs = manifest.get("specs")
    if kind != KNP and isinstance(specs, list):
        for index, item in enumerate(specs):
            if isinstance(item, dict):
                yield _spec(item, f"{base}/specs/{index}", known)


def _spec(raw: Mapping[str, Any], route: str, known: KnownRules | None) -> Spec:
    rules = [
        rule
        for direction in (INGRESS, EGRESS)
        for deny in (False, True)
        for rule in _rules(raw, route, direction, deny, known)
    ]
    return Spec(
        route,
        raw,
        _subject(raw, route, "endpointSelector"),
        _subject(raw, route, "nodeSelector"),
        tuple(rules),
    )


def _network_policy_spec(raw: Mapping[str, Any], route: str) -> Spec:
    rules = []
    for direction, field in ((INGRESS, "from"), (EGRESS, "to")):
        for item, item_route in _items(raw, route, direction):
            peers = tuple(_peer_fields(item, item_route, (field,)))
            rules.append(Rule(item_route, direction, False, item, peers))
    subject = read_selector(raw.get("podSelector"), f"{route}/podSelector")
    return Spec(route, raw, subject, None, tuple(rules))


def _subject(raw: Mapping[str, Any], route: str, field: str) -> Selector | None:
    return read_selector(raw[field], f"{route}/{field}") if field in raw else None


def _rules(spec: Mapping[str, Any], route: str, direction: str, deny: bool, known: KnownRules | None) -> list[Rule]:
    field = direction + ("Deny" if deny else "")
    items = spec.get(field)
    if not isinstance(items, list) or not items:
        return []
    routes = _routes(f"{route}/{field}", len(items))
    if known is None:
        return _read_rules(items, routes, direction, deny, {})
    rules, start = list[Rule](), 0
    for stretch in stretches_of(items):
        key = ("rules", field, route, start)
        if key not in stretch.answers:
            stretch.answers[key] = _read_rules(stretch.items, routes[start:], direction, deny, known.to(deny))
        rules += stretch.answers[key]
        start += len(stretch.items)
    return rules


def _read_rules(
    items: Sequence[Any], routes: Sequence[str], direction: str, deny: bool, answers: dict[int, tuple[Any, Rule]]
) -> list[Rule]:
    names = (DENY_PEER_FIELDS if deny else PEER_FIELDS)[direction]
    rules = []
    for item_route, item in zip(routes, items, strict=False):
        found = answers.get(id(item))
        if found is not None and found[1].route == item_route:
            rules.append(found[1])
        elif item is None or isinstance(item, dict):
            raw = item or {}  # A null item is an empty rule, as for Cilium's decoder.
            rule = Rule(item_route, direction, deny, raw, tuple(_peer_fields(raw, item_route, names)))
            answers[id(raw)] = raw, rule
            rules.append(rule)
    return rules


def _routes(route: str, count: int) -> tuple[str, ...]:
    """The routes of the items of a list, of so many or of more."""
    return _so_many_routes(route, 1 << (count - 1).bit_length())


@lru_cache(maxsize=64)
def _so_many_routes(route: str, count: int) -> tuple[str, ...]:
    return tuple([f"{route}/{index}" for index in range(count)])


def _items(raw: Mapping[str, Any], route: str, field: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The items of a rule list; a null item is an empty rule, as for Cilium's decoder."""
    items = raw.get(field)
    if isinstance(items, list):
        for index, item in enumerate(items):
            if item is None or isinstance(item, dict):
                yield item or {}, f"{route}/{field}/{index}"


def _peer_fields(raw: Mapping[str, Any], route: str, names: tuple[str, ...]) -> Iterator[PeerField]:
    for name in names:
        entries = raw.get(name)
        if not isinstance(entries, list):
            continue
        field_route = f"{route}/{name}"
        selectors: tuple[Selector | None, ...] = ()
        if name in SELECTOR_FIELDS:
            selectors = tuple(read_selector(e, f"{field_route}/{i}") for i, e in enumerate(entries))
        yield PeerField(field_route, name, tuple(entries), selectors)
