"""Entries of toFQDNs that match no connection, why, and what they become."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from rewriter.cilium.fqdn import fqdn_term
from rewriter.cilium.nodes import FqdnSelector
from rewriter.cilium.policy import PeerField, Rule, Spec
from rewriter.evidence.backends import Backends, UndecidedError, service_backends
from rewriter.evidence.clusters import parse, parsed, ranges_of
from rewriter.evidence.context import Context
from rewriter.evidence.exposed_names import ExposedName, exposed_name, exposed_pattern
from rewriter.evidence.names_learned import is_address, is_range
from rewriter.evidence.reachable import reach_of
from rewriter.evidence.refused_names import CLUSTER_DOMAIN
from rewriter.evidence.service_addresses import Holder, holders
from rewriter.evidence.used_names import is_internal, used_names
from rewriter.finding import Applicability
from rewriter.inventory.facts.model import Service
from rewriter.inventory.objects.gateways import Gateway
from rewriter.passes.kit.changes.coverage import sibling
from rewriter.passes.kit.changes.forms import Form
from rewriter.passes.kit.ports.backend_ports import apply_plan, translate
from rewriter.records import dataclass
from rewriter.text import join_names


@dataclass(frozen=True, slots=True)
class FqdnEntry:
    """An entry of toFQDNs, and the rule that it stands in."""

    context: Context
    spec: Spec
    rule: Rule
    field: PeerField
    entry: FqdnSelector

    @property
    def route(self) -> str:
        return self.entry.route

    @property
    def exact(self) -> str:
        """The matchName in lower case and without final dot; empty for a pattern."""
        return self.entry.name.strip().lower().rstrip(".")

    @property
    def pattern(self) -> str:
        """The matchPattern in lower case and without final dot; empty where there is a name."""
        return "" if self.exact else self.entry.pattern.strip().lower().rstrip(".")


@dataclass(frozen=True, slots=True)
class Replacement:
    """What an entry becomes: peers and, where they change, `toPorts` of a rule of its own, in words; and its trust."""

    peers: Form
    words: str
    applicability: Applicability
    to_ports: Sequence[object] = ()

    def rule(self, old: Rule) -> Form:
        """The rule of its own, with the other members of the one that holds the entry."""
        new = sibling(old, self.peers)
        return {**new, "toPorts": deepcopy(list(self.to_ports))} if self.to_ports else new


@dataclass(frozen=True, slots=True)
class WrongName:
    """What is wrong with an entry, and what it becomes; `instead` is None where the finding is manual."""

    name: FqdnEntry
    message: str
    why: str
    advice: str = ""
    evidence: tuple[str, ...] = ()
    instead: Replacement | None = None
    rests_on: tuple[Service, ...] = ()


def wrong_name(name: FqdnEntry) -> WrongName | None:
    exact, pattern = name.exact, name.pattern
    if "${" in exact or "${" in pattern:
        return None
    if is_address(exact or pattern):
        return _address(name, exact or pattern)
    if exact:
        return _internal(name, exact) or _exposed(name, exact)
    if not pattern:
        return None
    return _range(name, pattern) or _internal_pattern(name, pattern) or _exposed_pattern(name, pattern)


#: Cilium's own Gateway and Ingress in the place of a name or an address of theirs.
_ENVOY = Replacement({"toEntities": ["ingress"]}, "the entity ingress", Applicability.UNSAFE)
_WHY_EXPOSED = "its address is one of this cluster and is translated before policy, so that `toFQDNs` does not match it"
_CLASS_NOT_READ = "its class is not read: if it is Cilium's, allow `toEntities: [ingress]`, else "
_SELECT_PODS = "select the pods of the Gateway or Ingress controller with `toEndpoints`, on the ports they listen on"
_EVERY_HOST = "clients reach Cilium's own Gateway and Ingress as the entity `ingress`, with every host behind it"


def _address(name: FqdnEntry, address: str) -> WrongName:
    field = "matchName" if name.exact else "matchPattern"
    message = f"`{field}` {address} is an address, and no DNS answer has it as its name"
    why = "the entry allows nothing"
    one = parse(address)
    held = holders(name.context, one) if one is not None else ()
    if len(held) == 1:
        return _held(name, held[0], message, f"{why}; connections to the address are translated before policy")
    inside = _inside(name.context, address)
    if inside:
        advice = f"it is {inside}: name what is behind it by its labels, since no CIDR matches there"
        return WrongName(name, message, why, advice)
    peers: Form = {"toCIDRSet": [{"cidr": f"{address}/32"}]}
    return WrongName(name, message, why, instead=Replacement(peers, address, Applicability.EVIDENT))


def _held(name: FqdnEntry, holder: Holder, message: str, why: str) -> WrongName:
    """An address that one Service, or one Gateway of Cilium's, has: what is behind it is meant."""
    if isinstance(holder.who, Gateway):
        return WrongName(name, message, why, _EVERY_HOST, (holder.words,), _ENVOY)
    if (holder.who.name, holder.who.namespace) == _API_SERVER:
        return WrongName(name, message, why, _API_SERVER_ADVICE, (holder.words,))
    if holder.hidden:
        advice = f"it may be another Service's, which is not read: {join_names(holder.hidden, most=3)}"
        return WrongName(name, message, why, advice, (holder.words,))
    try:
        backends = service_backends(name.context, holder.who)
        instead = _backends(name, backends)
    except UndecidedError as error:
        return WrongName(name, message, why, f"{error.reason}; {error.advice}", (holder.words,))
    return WrongName(
        name, message, why, evidence=(holder.words, *backends.evidence), instead=instead, rests_on=(holder.who,)
    )


def _range(name: FqdnEntry, pattern: str) -> WrongName | None:
    """A pattern that looks like a range of addresses: `203.0.113.*`."""
    if not is_range(pattern):
        return None
    numbers = pattern.rstrip(".*").split(".")
    network = ".".join([*numbers, *["0"] * (4 - len(numbers))])
    message = f"`matchPattern` {pattern} looks like addresses, and no DNS answer has one as its name"
    advice = f"if the range is meant, write `toCIDRSet` with {network}/{8 * len(numbers)}"
    return WrongName(name, message, "the entry allows nothing", advice)


def _inside(context: Context, address: str) -> str:
    """What of the cluster an address belongs to, in words; empty for one outside."""
    for service in context.inventory.all_services():
        if address in (*service.cluster_ips, *service.external_ips, *service.load_balancer_ips):
            return f"an address of {service}, {service.source}"
    one = parsed([address])
    for cluster in context.inventory.clusters:
        ranges = ranges_of(context.inventory, cluster)
        for words, known in (("pods", ranges.pods), ("nodes", ranges.nodes), ("Services", ranges.services)):
            if known is not None and one <= known:
                return f"in the range of the {words} of {cluster.name}"
    return ""


_DOMAIN = f".{CLUSTER_DOMAIN}"
_API_SERVER = ("kubernetes", "default")
_API_SERVER_ADVICE = "write `toEntities: [kube-apiserver]` with the port on which the API server listens"
_WHY_INSIDE = (
    "its addresses are those of pods, or translated to them before policy, and `toFQDNs` matches none of these"
)


def _internal(name: FqdnEntry, exact: str) -> WrongName | None:
    """A name of the cluster's own: of a Service, or of a pod behind one."""
    if _is_search_form(name, exact):
        return None
    place = _service_of(name.context, exact)
    message = f"{exact} is a name inside the cluster"
    if place is None:
        advice = "select the pods that are meant with `toEndpoints`"
        return WrongName(name, message, _WHY_INSIDE, advice) if exact.endswith(_DOMAIN) else None
    if place == _API_SERVER:
        return WrongName(name, f"{message}, that of the API server", _WHY_INSIDE, _API_SERVER_ADVICE)
    service_name, namespace = place
    context = name.context
    own = context.cluster.name if context.cluster else None
    services = [
        s for s in context.inventory.services(service_name, namespace) if own is None or s.cluster in (None, own)
    ]
    if not services:
        advice = (
            f"select the pods behind Service {namespace}/{service_name} with `toEndpoints`, on the ports they listen on"
        )
        return WrongName(name, f"{message}, and no known ExternalName Service has it", _WHY_INSIDE, advice)
    service = services[0]
    if not service.selector:
        return None  # An ExternalName, or endpoints that may be outside: such names match.
    try:
        backends = service_backends(context, service)
        instead = _backends(name, backends)
    except UndecidedError as error:
        return WrongName(
            name, message, _WHY_INSIDE, f"{error.reason}; {error.advice}", (f"{service}, {service.source}",)
        )
    return WrongName(name, message, _WHY_INSIDE, evidence=backends.evidence, instead=instead, rests_on=(service,))


def _is_search_form(name: FqdnEntry, text: str) -> bool:
    """Whether a name or a pattern is one of the search forms of another that the rule set has.

    With CoreDNS's `autopath` the answers for a name outside come under such a form, and Cilium files them there.
    """
    if not text.endswith(_DOMAIN):
        return False
    base = text.removesuffix(_DOMAIN).removesuffix(".svc")
    forms = {base, base.rpartition(".")[0]} if text.endswith(f".svc{_DOMAIN}") else {base}
    fields = (rule.peer("toFQDNs") for rule in name.spec.rules)
    others = (entry for field in fields if field is not None for entry in field.read_as(FqdnSelector))
    return any("." in other and other in forms for other in map(_text, others))


def _text(entry: FqdnSelector) -> str:
    return (entry.name or entry.pattern).strip().lower().rstrip(".")


def _backends(name: FqdnEntry, backends: Backends) -> Replacement:
    """The backends of a Service on the ports that they listen on. Raises UndecidedError."""
    written = [item.written for item in name.rule.port_rules]
    to_ports: Sequence[object] = ()
    if written:
        plan = translate(written, backends)
        if any(not ports for item in plan for ports in item.values()):
            raise UndecidedError(
                f"`toPorts` has a port that is none of {backends.name}", "write the ports that are meant"
            )
        to_ports = apply_plan(written, plan)
    peers: Form = {backends.field: list(backends.entries)}
    return Replacement(peers, f"backends of {backends.name}", Applicability.EVIDENT, to_ports)


def _service_of(context: Context, exact: str) -> tuple[str, str] | None:
    """Name and namespace of the Service that a name inside the cluster is of; None for other names."""
    labels = exact.split(".")
    if is_internal(exact) and "svc" in labels:
        before = labels[: labels.index("svc")] if labels.count("svc") == 1 else []
        return (before[-2], before[-1]) if len(before) >= 2 else None
    if len(labels) == 1 and context.namespace_known and context.policy.namespace:
        known = context.inventory.services(exact, context.policy.namespace)
        return (exact, context.policy.namespace) if known else None
    if len(labels) == 2 and context.inventory.services(labels[0], labels[1]):
        return labels[0], labels[1]
    return None


def _internal_pattern(name: FqdnEntry, pattern: str) -> WrongName | None:
    if not pattern.endswith((".svc", _DOMAIN)) or _is_search_form(name, pattern):
        return None
    term = fqdn_term(name.entry.written, name.context.to_version)
    for service in name.context.inventory.all_services():
        forms = (f"{service.name}.{service.namespace}.svc{end}" for end in ("", ".cluster.local"))
        if not service.selector and any(map(term.covers, forms)):
            return None
    advice = "select the pods that are meant with `toEndpoints`"
    return WrongName(name, f"`{pattern}` covers names inside the cluster only", _WHY_INSIDE, advice)


def _exposed(name: FqdnEntry, exact: str) -> WrongName | None:
    """A host of the cluster's own Gateway, Ingress or LoadBalancer Service."""
    found = exposed_name(name.context, exact)
    if found is None:
        return None
    message = f"{exact} is a host of this cluster, of {found.by}"
    evidence = (f"{found.by}: {found.source}", *found.records)
    if found.service is not None:
        return _load_balancer(name, found, found.service, message, _WHY_EXPOSED)
    if found.by_cilium:
        return WrongName(name, message, _WHY_EXPOSED, _EVERY_HOST, evidence, _ENVOY)
    advice = _SELECT_PODS if found.by_cilium is not None else f"{_CLASS_NOT_READ}{_SELECT_PODS}"
    return WrongName(name, message, _WHY_EXPOSED, advice, evidence)


def _exposed_pattern(name: FqdnEntry, pattern: str) -> WrongName | None:
    """A pattern all of whose names the cluster itself serves. Other names may come, so it is left to a person."""
    if not pattern.startswith("*"):
        return None
    used = (
        used_name.name
        for reach in reach_of(name.context, name.spec)
        for used_name in used_names(name.context, reach.workload)
    )
    found = exposed_pattern(name.context, pattern, used)
    if found is None:
        return None
    message = f"`{pattern}` covers hosts of this cluster, of {found.by}"
    if found.by_cilium:
        advice = f"write `toEntities: [ingress]` for them; {_EVERY_HOST}"
    else:
        advice = _SELECT_PODS if found.by_cilium is not None else f"{_CLASS_NOT_READ}{_SELECT_PODS}"
    return WrongName(name, message, _WHY_EXPOSED, advice, (f"{found.by}: {found.source}", *found.records))


def _load_balancer(name: FqdnEntry, found: ExposedName, service: Service, message: str, why: str) -> WrongName:
    try:
        backends = service_backends(name.context, service)
        instead = _backends(name, backends)
    except UndecidedError as error:
        return WrongName(name, message, why, f"{error.reason}; {error.advice}", (f"{service}, {service.source}",))
    if not found.certain:
        instead = replace(instead, applicability=Applicability.UNSAFE)
    evidence = (*backends.evidence, *found.records)
    return WrongName(name, message, why, evidence=evidence, instead=instead, rests_on=(service,))


def just_misses(pattern: str, name: str) -> bool:
    """Whether a name is one of those around a pattern: as deep or not as deep under it, or with other last labels."""
    if "${" in pattern:
        return False
    if pattern.startswith("*") and "*" not in pattern.lstrip("*"):
        base = pattern.lstrip("*").lstrip(".")
        return bool(base) and (name == base or name.endswith(f".{base}"))
    return pattern.endswith(".*") and pattern.count("*") == 1 and name.startswith(pattern.removesuffix("*"))
