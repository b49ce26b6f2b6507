"""## What it does

Finds names in `toFQDNs` that stand for no address, or for one that policy never sees.

## Why it matters

`toFQDNs` matches addresses outside the cluster that DNS gave for a name. So these never match:

- an address as `matchName`: no client asks DNS for it;
- a name of the cluster's own (`db.prod.svc.cluster.local`): its addresses are those of pods, or of Services that are
  translated to pods before policy is checked;
- a host of the cluster's own Gateway, Ingress or LoadBalancer Service: translated as well.

A pattern covers less than it seems: `*` stands for one label at most, so that `*.example.com` is neither `example.com`
nor `a.b.example.com`.

Names of an ExternalName Service, and of a Service without selector whose endpoints are outside, do match: answers are
filed under the name that was asked.

## Example

```diff
-  - toFQDNs:
-    - matchName: 203.0.113.40
+  - toCIDRSet:
+    - cidr: 203.0.113.40/32
     toPorts:
     - ports:
       - port: "443"
         protocol: TCP
```

## Fix safety

An IPv4 address becomes `toCIDRSet` with a /32, which is evident. A name of a Service that is known becomes its
selector, namespace and backend ports, evident too; the Service must be known for certain. The host of Cilium's own
Gateway or Ingress becomes the entity `ingress`, which is unsafe: it lets the pods reach every host behind it.
Everything else is manual. Where the record of a host evidently points elsewhere (a target of external-dns, a
proxied record, a tunnel, a cloud's load balancer) the pass is silent.

That a pattern misses a name is a note, and only where the pods evidently use the name.

## References

- Cilium documentation, "DNS based"; Cilium source, `pkg/fqdn` and `pkg/fqdn/matchpattern`
- Cilium documentation, "Ingress and Network Policy"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from rewriter.cilium.cidr import AddressError, parse_address
from rewriter.cilium.fqdn import fqdn_term
from rewriter.cilium.policy import EGRESS, PeerField, Rule, Spec
from rewriter.cilium.version import DOUBLE_STAR_SPANS_LABELS
from rewriter.evidence.backends import Backends, UndecidedError, service_backends
from rewriter.evidence.clusters import parsed, ranges_of
from rewriter.evidence.context import Context
from rewriter.evidence.exposed_names import ExposedName, exposed_name
from rewriter.evidence.names_learned import has_names, is_open_anyway
from rewriter.evidence.reachable import Reach, reach_of
from rewriter.evidence.used_names import UsedName, is_internal, used_names
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts import Service
from rewriter.passes.kit.backend_ports import apply_plan, translate
from rewriter.passes.kit.change import Change, patch
from rewriter.passes.kit.claims import rule_flows
from rewriter.passes.kit.coverage import add_after, sibling
from rewriter.passes.kit.registry import antipattern
from rewriter.passes.kit.report import report
from rewriter.text import join_names


@dataclass(frozen=True, slots=True)
class _Name:
    """An entry of toFQDNs."""

    context: Context
    spec: Spec
    rule: Rule
    field: PeerField
    index: int

    @property
    def route(self) -> str:
        return self.field.entry_route(self.index)

    @property
    def entry(self) -> Mapping[str, Any]:
        entry: Mapping[str, Any] = self.field.entries[self.index]
        return entry

    @property
    def exact(self) -> str:
        """The matchName in lower case and without final dot; empty for a pattern."""
        written = self.entry.get("matchName")
        return written.strip().lower().rstrip(".") if isinstance(written, str) else ""

    @property
    def pattern(self) -> str:
        written = self.entry.get("matchPattern")
        return written.strip().lower().rstrip(".") if isinstance(written, str) and not self.exact else ""


@dataclass(frozen=True, slots=True)
class _Instead:
    """What an entry becomes: the members of a rule of its own, in words, and how far it may be trusted."""

    members: Mapping[str, Any]
    words: str
    applicability: Applicability


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What is wrong with an entry, and what it becomes; `instead` is None where the finding is manual."""

    name: _Name
    message: str
    why: str
    advice: str = ""
    evidence: tuple[str, ...] = ()
    instead: _Instead | None = None
    rests_on: tuple[Service, ...] = ()


@antipattern(
    code="CNP018",
    id="fqdn-never-matches",
    title="a name in `toFQDNs` that no DNS answer gives, or that policy never sees",
    after=("fqdn-without-dns",),
    drops=True,
)
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        for rule in spec.rules:
            field = rule.peer("toFQDNs")
            if not has_names(rule) or field is None:
                continue
            names = [_Name(context, spec, rule, field, n) for n, e in enumerate(field.entries) if isinstance(e, dict)]
            wrong = [found for name in names if (found := _wrong(name)) is not None]
            fixable = [each for each in wrong if each.instead is not None]
            # A field that loses every entry at once would leave a rule without peers: the last one is for next time.
            waits = fixable[0] if len(fixable) == len(field.entries) > 1 else None
            for each in wrong:
                yield _finding(each, waits=each is waits)
    yield from _missed(context)


def _finding(wrong: _Wrong, *, waits: bool) -> Finding:
    instead = wrong.instead
    return report(
        wrong.name.context,
        wrong.name.route,
        instead.applicability if instead else Applicability.MANUAL,
        wrong.message,
        wrong.why,
        change=_change(wrong.name, instead) if instead and not waits else None,
        rests_on=wrong.rests_on,
        evidence=wrong.evidence,
        advice=wrong.advice,
    )


def _change(name: _Name, instead: _Instead) -> Change:
    """The entry goes, and what it stands for gets a rule: in its place where it was alone, else right after."""
    context, spec, rule = name.context, name.spec, name.rule
    peers = {key: value for key, value in instead.members.items() if key != "toPorts"}
    new = sibling(rule, peers)
    if "toPorts" in instead.members:
        new["toPorts"] = deepcopy(instead.members["toPorts"])
    opens = (rule_flows(context, spec, rule, instead.words, new),)
    only = sibling(rule, {"toFQDNs": [name.entry]})
    closes = (rule_flows(context, spec, rule, f"the name {name.exact or name.pattern}", only),)
    if len(name.field.entries) == 1:
        return Change(tuple(patch(rule.route, rule.raw, new)), opens, closes)
    return Change(({"op": "remove", "path": name.route}, *add_after(rule, [new])), opens, closes)


def _wrong(name: _Name) -> _Wrong | None:
    exact, pattern = name.exact, name.pattern
    if "${" in exact or "${" in pattern:
        return None
    if exact and _is_address(exact):
        return _address(name, exact)
    if exact:
        return _internal(name, exact) or _exposed(name, exact)
    return _internal_pattern(name, pattern) if pattern else None


def _is_address(text: str) -> bool:
    try:
        return parse_address(text).width == 32
    except AddressError:
        return False


def _address(name: _Name, address: str) -> _Wrong:
    message = f"`matchName` {address} is an address, and no DNS answer has it as its name"
    why = "the entry allows nothing"
    inside = _inside(name.context, address)
    if inside:
        advice = f"it is {inside}: name what is behind it by its labels, since no CIDR matches there"
        return _Wrong(name, message, why, advice)
    members = {"toCIDRSet": [{"cidr": f"{address}/32"}]}
    return _Wrong(name, message, why, instead=_Instead(members, address, Applicability.EVIDENT))


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


_WHY_INSIDE = (
    "its addresses are those of pods, or translated to them before policy, and `toFQDNs` matches none of these"
)


def _internal(name: _Name, exact: str) -> _Wrong | None:
    """A name of the cluster's own: of a Service, or of a pod behind one."""
    place = _service_of(name.context, exact)
    if place is None:
        return None
    service_name, namespace = place
    context = name.context
    own = context.cluster.name if context.cluster else None
    services = [
        s for s in context.inventory.services(service_name, namespace) if own is None or s.cluster in (None, own)
    ]
    message = f"{exact} is a name inside the cluster"
    if not services:
        advice = (
            f"select the pods behind Service {namespace}/{service_name} with `toEndpoints`, on the ports they listen on"
        )
        return _Wrong(name, f"{message}, and no ExternalName Service that is known", _WHY_INSIDE, advice)
    service = services[0]
    if not service.selector:
        return None  # An ExternalName, or endpoints that may be outside: such names match.
    try:
        backends = service_backends(context, service)
        instead = _backends(name, backends)
    except UndecidedError as error:
        return _Wrong(name, message, _WHY_INSIDE, f"{error.reason}. {error.advice}", (f"{service}, {service.source}",))
    return _Wrong(name, message, _WHY_INSIDE, evidence=backends.evidence, instead=instead, rests_on=(service,))


def _backends(name: _Name, backends: Backends) -> _Instead:
    """The backends of a Service on the ports that they listen on. Raises UndecidedError."""
    members: dict[str, Any] = {backends.field: list(backends.entries)}
    written = name.rule.raw.get("toPorts")
    if isinstance(written, list) and written:
        plan = translate(written, backends)
        if any(not ports for item in plan for ports in item.values()):
            raise UndecidedError(
                f"`toPorts` has a port that is none of {backends.name}", "Write the ports that are meant."
            )
        members["toPorts"] = apply_plan(written, plan)
    return _Instead(members, f"backends of {backends.name}", Applicability.EVIDENT)


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


def _internal_pattern(name: _Name, pattern: str) -> _Wrong | None:
    if not pattern.endswith((".svc", ".svc.cluster.local", ".cluster.local")):
        return None
    term = fqdn_term(name.entry, name.context.to_version)
    for service in name.context.inventory.all_services():
        forms = (f"{service.name}.{service.namespace}.svc{end}" for end in ("", ".cluster.local"))
        if not service.selector and any(map(term.covers, forms)):
            return None
    advice = "select the pods that are meant with `toEndpoints`"
    return _Wrong(name, f"`{pattern}` covers names inside the cluster only", _WHY_INSIDE, advice)


def _exposed(name: _Name, exact: str) -> _Wrong | None:
    """A host of the cluster's own Gateway, Ingress or LoadBalancer Service."""
    found = exposed_name(name.context, exact)
    if found is None:
        return None
    message = f"{exact} is a host of the cluster's own, {found.by}"
    why = "its address is one of this cluster and is translated before policy, so that `toFQDNs` does not match it"
    evidence = (f"{found.by}: {found.source}",)
    if found.service is not None:
        return _load_balancer(name, found, found.service, message, why)
    if found.by_cilium:
        instead = _Instead({"toEntities": ["ingress"]}, "the entity ingress", Applicability.UNSAFE)
        advice = "clients reach Cilium's own Gateway and Ingress as the entity `ingress`, with every host behind it"
        return _Wrong(name, message, why, advice, evidence, instead)
    advice = "select the pods of the Gateway or Ingress controller with `toEndpoints`, on the ports they listen on"
    return _Wrong(name, message, why, advice, evidence)


def _load_balancer(name: _Name, found: ExposedName, service: Service, message: str, why: str) -> _Wrong:
    try:
        backends = service_backends(name.context, service)
        instead = _backends(name, backends)
    except UndecidedError as error:
        return _Wrong(name, message, why, f"{error.reason}. {error.advice}", (f"{service}, {service.source}",))
    if not found.certain:
        instead = _Instead(instead.members, instead.words, Applicability.UNSAFE)
    return _Wrong(name, message, why, evidence=backends.evidence, instead=instead, rests_on=(service,))


def _missed(context: Context) -> Iterator[Finding]:
    """Names that the pods use and that a pattern seems to cover, but does not."""
    for spec in context.policy.specs:
        sites = [
            _Name(context, spec, rule, field, index)
            for rule in spec.rules
            if has_names(rule) and (field := rule.peer("toFQDNs")) is not None
            for index, entry in enumerate(field.entries)
            if isinstance(entry, dict) and isinstance(entry.get("matchPattern"), str)
        ]
        if not sites:
            continue
        reaches = reach_of(context, spec)
        for site in sites:
            used = _just_missed(site, reaches)
            if used:
                yield _note(site, used)


def _just_missed(site: _Name, reaches: Sequence[Reach]) -> list[UsedName]:
    pattern = site.pattern
    if not pattern.startswith("*") or "${" in pattern or "*" in pattern.lstrip("*"):
        tail = pattern.rpartition(".")[0] + "." if pattern.endswith(".*") and pattern.count("*") == 1 else ""
        base = ""
    else:
        base, tail = pattern.lstrip("*").lstrip("."), ""
    found: dict[str, UsedName] = {}
    for reach in reaches:
        if not (base or tail) or is_open_anyway(site.context, reach, site.rule):
            continue
        for used in used_names(site.context, reach):
            close = used.name == base or used.name.endswith(f".{base}") if base else used.name.startswith(tail)
            if close and not is_internal(used.name) and not _is_named(site.context, reach, used.name):
                found.setdefault(used.name, used)
    return list(found.values())


def _is_named(context: Context, reach: Reach, name: str) -> bool:
    """Whether any toFQDNs of the pods covers a name, or may."""
    for rule in (*reach.selecting, *reach.possible):
        field = rule.rule.peer("toFQDNs") if rule.rule is not None and rule.entry.direction == EGRESS else None
        for entry in field.entries if field else ():
            if rule.filled or (isinstance(entry, dict) and fqdn_term(entry, context.to_version).covers(name)):
                return True
    return False


def _note(site: _Name, used: Sequence[UsedName]) -> Finding:
    names = [each.name for each in used]
    deep = (
        f", or from {DOUBLE_STAR_SPANS_LABELS} on `*{site.pattern}` for every depth" if site.pattern[:2] == "*." else ""
    )
    return report(
        site.context,
        site.route,
        Applicability.MANUAL,
        f"`{site.pattern}` does not cover {join_names(names)}, which the pods use",
        "a `*` stands for one label at most, and connections to these names are dropped",
        severity=Severity.NOTE,
        evidence=[str(each) for each in used],
        advice=f"add {join_names(f'`matchName: {name}`' for name in names)}{deep}",
    )
