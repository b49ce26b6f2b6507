"""What Cilium demands of one rule set, in its order and its words (Cilium pkg/policy/api/rule_validation.go).

Everything here takes a spec that decodes (`check_decodes`); a missing field and null are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rewriter import patterns as re
from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.entities import entity_names
from rewriter.cilium.go_syntax import quote
from rewriter.cilium.label_syntax import selector_problem
from rewriter.cilium.labels import split_key
from rewriter.cilium.peer_validation import check_cidr, check_cidr_rule, check_fqdn
from rewriter.cilium.policy import EGRESS, INGRESS
from rewriter.cilium.port_validation import check_icmp_rule, check_port_rule, has_l7_rules
from rewriter.cilium.rejected import RejectedError
from rewriter.cilium.selector import escape_pointer
from rewriter.cilium.settings import NO_FLAGS, AgentFlags
from rewriter.cilium.stretches import stretches_of
from rewriter.cilium.version import (
    DENY_PEERS_EXCLUSIVE,
    DENY_RULES_VALIDATED,
    HOST_DNS_RULES,
    LABEL_SOURCES_CHECKED,
    LOWER_CASE_MESSAGES,
    NODE_PEERS,
    REQUIRES_REMOVED,
    RULES_REQUIRED,
    SERVICES_WITH_PORTS,
    UNPREFIXED_KEYS_CHECKED,
    Version,
)

#: The peer fields that exclude each other in a rule, in the order in which Cilium names them.
_EXCLUSIVE = {
    INGRESS: ("fromEndpoints", "fromCIDR", "fromCIDRSet", "fromEntities", "fromNodes", "fromGroups"),
    EGRESS: ("toCIDR", "toCIDRSet", "toEndpoints", "toEntities", "toServices", "toFQDNs", "toGroups", "toNodes"),
}
_NODE_LABELS_OFF = 'FromNodes/ToNodes rules can only be applied when the "enable-node-selector-labels" flag is set'
_BYTES = re.compile(r"(: (?:name part |prefix part )?must be no more than \d+) bytes")
_SOURCE_PROBLEM = "label source should be a non empty string with only alphanumeric characters"
_L7_KINDS = (("dns", "DNS"), ("http", "HTTP"), ("kafka", "Kafka"))


class _Item(NamedTuple):
    """One item of a rule list, with what its checks depend on."""

    raw: Mapping[str, Any]
    route: str
    direction: str
    deny: bool
    host: bool
    version: Version
    flags: AgentFlags

    @property
    def prefix(self) -> str:
        return "from" if self.direction == INGRESS else "to"

    def entries(self, field: str) -> list[Any]:
        return self.raw.get(field) or []

    def error(self, message: str, *path: str | int) -> RejectedError:
        """A rejection; releases before 1.17 began their messages with a capital letter."""
        if self.version < LOWER_CASE_MESSAGES:
            message = message[0].upper() + message[1:]
        return RejectedError(message, "/".join((self.route, *map(str, path))))


#: Rules that a release accepts.
AcceptedRules = ByIdentity[Any, None]
#: Those of a run's manifests, of which no value changes.
ACCEPTED: AcceptedRules = ByIdentity()


def check_rule_set(
    spec: Mapping[str, Any],
    route: str,
    version: Version,
    flags: AgentFlags = NO_FLAGS,
    accepted: AcceptedRules | None = None,
) -> None:
    """Raises RejectedError unless Cilium accepts the rule set (api.Rule.Sanitize)."""
    lists = [(field, spec.get(field) or []) for field in ("ingress", "ingressDeny", "egress", "egressDeny")]
    if version >= RULES_REQUIRED and not any(items for _, items in lists):
        message = "rule must have at least one of Ingress, IngressDeny, Egress, EgressDeny"
        raise RejectedError(message, route)
    subjects = [field for field in ("endpointSelector", "nodeSelector") if field in spec]
    if not subjects:
        raise RejectedError("rule must have one of EndpointSelector or NodeSelector", route)
    if len(subjects) == 2:
        raise RejectedError("rule cannot have both EndpointSelector and NodeSelector", f"{route}/nodeSelector")
    check_selector(spec[subjects[0]], f"{route}/{subjects[0]}", version)
    for field, items in lists:
        deny = field.endswith("Deny")
        if deny and version < DENY_RULES_VALIDATED:
            continue
        host = subjects[0] == "nodeSelector"
        whole = _Item({}, f"{route}/{field}", field.removesuffix("Deny"), deny, host, version, flags)
        if accepted is None:
            _check_items(items, whole, {})
            continue
        question = ("accepted", field, host, version, flags)
        known = accepted.to(question)
        start = 0
        for stretch in stretches_of(items):
            if question not in stretch.answers:
                _check_items(stretch.items, whole, known, start)
                stretch.answers[question] = True
            start += len(stretch.items)


def _check_items(items: Sequence[Any], whole: _Item, known: dict[int, tuple[Any, None]], start: int = 0) -> None:
    """Judges those of a list that are not known, of which the first stands at `start`; `whole` is the list."""
    for index, raw in enumerate(items, start):
        if id(raw) not in known:
            _check_item(whole._replace(raw=raw or {}, route=f"{whole.route}/{index}"))
            known[id(raw)] = raw, None


def check_selector(selector: Any, route: str, version: Version) -> None:
    """Raises RejectedError unless the labels, keys and operators of a selector are valid."""
    problem = _source_problem(selector) if version >= LABEL_SOURCES_CHECKED else None
    problem = problem or selector_problem(selector, _key_text(version))
    if problem:
        # Lengths were called characters by the Kubernetes libraries of releases before 1.17.
        text = problem[0] if version >= LOWER_CASE_MESSAGES else _BYTES.sub(r"\1 characters", problem[0])
        raise RejectedError(f"invalid label selector: {text}", route + problem[1])


def _key_text(version: Version) -> Callable[[str], str]:
    if version >= LABEL_SOURCES_CHECKED:
        return _key_without_source
    return _bare_key if version >= UNPREFIXED_KEYS_CHECKED else _dotted_key


def _source_problem(selector: Any) -> tuple[str, str] | None:
    """The first key of a decodable selector whose source is not made of letters and digits."""
    if not isinstance(selector, dict):
        return None
    for key in selector.get("matchLabels") or {}:
        if not _valid_source(key):
            text = f"matchLabels: Invalid value: {quote(key)}: {_SOURCE_PROBLEM}"
            return text, f"/matchLabels/{escape_pointer(key)}"
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        key = (expression or {}).get("key") or ""
        if not _valid_source(key):
            place = f"matchExpressions[{index}]"
            return f"{place}.key: Invalid value: {quote(key)}: {_SOURCE_PROBLEM}", f"/matchExpressions/{index}/key"
    return None


def _valid_source(key: str) -> bool:
    source, separator, _ = key.partition(":")
    return not separator or (source.isascii() and source.isalnum())


def _key_without_source(key: str) -> str:
    _, separator, name = key.partition(":")
    return name if separator else key


def _bare_key(key: str) -> str:
    return split_key(key)[1]


def _dotted_key(key: str) -> str:
    """A key as releases before 1.19 keep it: `app` is `any.app`, `k8s:app=web` is `k8s.app` (GetExtendedKeyFrom)."""
    source, name = split_key(key)
    return f"{source}.{name.partition('=')[0]}"


def _check_item(item: _Item) -> None:
    _check_one_kind_of_peer(item)
    if item.version >= LOWER_CASE_MESSAGES:
        _check_peers(item)
        _check_traffic(item)
    else:
        _check_traffic(item, between=_check_selectors)
        _check_addresses(item)
        _check_host_without_l7(item)


def _check_one_kind_of_peer(item: _Item) -> None:
    used = [field for field in _EXCLUSIVE[item.direction] if item.raw.get(field)]
    if item.version < NODE_PEERS:
        used = [field for field in used if field not in ("fromNodes", "fromGroups", "toNodes")]
    if item.deny and "toFQDNs" in used:
        used.remove("toFQDNs")
    if item.deny and item.version < DENY_PEERS_EXCLUSIVE and "toServices" not in used:
        return
    if len(used) > 1:
        names = " and ".join(field[0].upper() + field[1:] for field in used[:2])
        raise item.error(f"combining {names} is not supported yet", used[1])
    if "toServices" in used and item.entries("toPorts") and not item.deny and item.version < SERVICES_WITH_PORTS:
        raise item.error("combining ToServices and ToPorts is not supported yet", "toPorts")


def _check_peers(item: _Item) -> None:
    _check_selectors(item)
    _check_addresses(item)


def _check_selectors(item: _Item) -> None:
    fields = [f"{item.prefix}Endpoints"]
    if item.version < REQUIRES_REMOVED:
        fields.append(f"{item.prefix}Requires")
    if item.version >= NODE_PEERS:
        fields.append(f"{item.prefix}Nodes")
    for field in fields:
        for index, selector in enumerate(item.entries(field)):
            try:
                check_selector(selector, f"{item.route}/{field}/{index}", item.version)
            except RejectedError as error:
                # Since 1.17 Cilium joins both complaints about a node peer.
                off = field.endswith("Nodes") and not item.flags.node_selector_labels
                if off and item.version >= LOWER_CASE_MESSAGES:
                    raise RejectedError(f"{error.message}\n{_NODE_LABELS_OFF}", error.route) from None
                raise


def _check_addresses(item: _Item) -> None:
    for field, check in ((f"{item.prefix}CIDR", check_cidr), (f"{item.prefix}CIDRSet", check_cidr_rule)):
        for index, entry in enumerate(item.entries(field)):
            check(entry, f"{item.route}/{field}/{index}", item.version)
    field = f"{item.prefix}Entities"
    for index, entity in enumerate(item.entries(field)):
        if (entity or "") not in entity_names(item.version):
            raise RejectedError(f"unsupported entity: {entity or ''}", f"{item.route}/{field}/{index}")
    nodes = f"{item.prefix}Nodes"
    if item.version >= NODE_PEERS and item.entries(nodes) and not item.flags.node_selector_labels:
        raise RejectedError(_NODE_LABELS_OFF, f"{item.route}/{nodes}")


def _check_traffic(item: _Item, between: Callable[[_Item], None] | None = None) -> None:
    ports = item.entries("toPorts")
    if not item.deny:
        _check_l7_kinds(item, ports)
    if item.entries("icmps") and ports:
        message = "the ICMPs block may only be present without ToPorts. Define a separate rule to use ToPorts"
        raise item.error(message + ("" if item.version >= LOWER_CASE_MESSAGES else "."), "icmps")
    if between:
        between(item)
    for index, rule in enumerate(ports):
        check_port_rule(
            rule or {},
            f"{item.route}/toPorts/{index}",
            item.version,
            ingress=item.direction == INGRESS,
            portless=item.flags.extended_ip_protocols,
            deny=item.deny,
            peers=any(item.raw.get(field) for field in _EXCLUSIVE[item.direction]),
        )
    for index, rule in enumerate(item.entries("icmps")):
        check_icmp_rule(rule or {}, f"{item.route}/icmps/{index}")
    if item.direction == EGRESS and not item.deny:
        for index, selector in enumerate(item.entries("toFQDNs")):
            check_fqdn(selector or {}, f"{item.route}/toFQDNs/{index}", item.version)


def _check_host_without_l7(item: _Item) -> None:
    """Releases before 1.17 take no L7 rules at all in host policies, and say so last."""
    for index, rule in enumerate(item.entries("toPorts")):
        if item.host and not item.deny and has_l7_rules(rule or {}, item.version):
            raise RejectedError("host policies do not support L7 rules yet", f"{item.route}/toPorts/{index}/rules")


def _check_l7_kinds(item: _Item, ports: list[Any]) -> None:
    with_rules = [i for i, rule in enumerate(ports) if has_l7_rules(rule or {}, item.version)]
    if not with_rules:
        return
    host = item.host and item.version >= HOST_DNS_RULES
    if host and item.direction == INGRESS:
        raise RejectedError(
            "L7 policy is not supported on host ingress yet", f"{item.route}/toPorts/{with_rules[0]}/rules"
        )
    for field, name in _L7_KINDS:
        unsupported = field == "dns" if item.direction == INGRESS else host and field != "dns"
        for index in with_rules:
            if unsupported and ports[index]["rules"].get(field):
                where = f"{'host ' if host else ''}{item.direction}"
                message = f"L7 protocol {name} is not supported on {where} yet"
                raise RejectedError(message, f"{item.route}/toPorts/{index}/rules/{field}")
