"""The names that resolvers of pods ask for, search forms included, and rules that refuse them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy

from rewriter.cilium.fqdn import fqdn_term
from rewriter.cilium.nodes import FqdnSelector
from rewriter.cilium.policy import Rule, Spec
from rewriter.cilium.version import DOUBLE_STAR_SPANS_LABELS
from rewriter.evidence.context import Context
from rewriter.evidence.dns import DnsItem
from rewriter.evidence.reachable import Reach
from rewriter.evidence.refused_names import (
    CLUSTER_DOMAIN,
    AskedNames,
    asked_exactly,
    dots_needed,
    search_forms,
)
from rewriter.evidence.resolvers import goes_on_when_refused
from rewriter.evidence.used_names import is_internal, used_names
from rewriter.finding import Applicability, Finding
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import flow_claim
from rewriter.passes.kit.changes.forms import Form, changed
from rewriter.passes.kit.changes.report import report
from rewriter.text import join_names, subject_text


def refused_search_forms(
    context: Context,
    spec: Spec,
    asking: Sequence[tuple[Rule, DnsItem]],
    found: Sequence[AskedNames],
    added: Sequence[Form],
    *,
    waits: bool,
) -> Iterator[Finding]:
    """The finding of names whose search forms are refused before the resolver comes to the name itself.

    Those are the exact names of `rules.dns`, and those that `toFQDNs` has or the pods use and a pattern covers.

    Its fix comes after the names that other findings have `added`; one that `waits` comes in the next round.
    """
    if any(
        cluster.dns_name_error for cluster in ([context.cluster] if context.cluster else context.inventory.clusters)
    ):
        return
    concerned = list(_without_search_forms(context, spec, asking, found))
    if not concerned:
        return
    asked, shown = concerned[0]
    rule, item = asking[0]
    namespaces = [space for names, _ in concerned if (space := namespace_of_reach(names.reach))]
    names = list(dict.fromkeys((*shown, *(str(form["matchName"]).lower() for form in added if "matchName" in form))))
    first = search_forms(names[0], namespaces[0])[0]
    yield report(
        context,
        item.route,
        Applicability.UNSAFE,
        f"`rules.dns` has no search form of {join_names(shown, most=3)}, and resolvers ask for {first} first",
        "the DNS proxy answers REFUSED to each search form, and musl and some set-ups of glibc stop there",
        change=None if waits else add_names(context, spec, (rule, item), _forms(context, names, namespaces), added),
        evidence=reach_evidence(asked),
        advice="or set `dnsConfig` with `ndots: 1` in the workload, or `tofqdns-dns-reject-response-code: nameError`",
        at_key=True,
    )


def _without_search_forms(
    context: Context, spec: Spec, asking: Sequence[tuple[Rule, DnsItem]], found: Sequence[AskedNames]
) -> Iterator[tuple[AskedNames, list[str]]]:
    """Of pods the names whose search forms all are refused."""
    own = {entry.name.lower() for _, item in asking for entry in item.names if entry.name}
    patterns = [
        fqdn_term(entry.written, context.to_version)
        for _, item in asking
        for entry in item.names
        if entry.pattern and "${" not in entry.pattern
    ]
    for asked in found:
        needed, namespace = dots_needed(context, asked.reach), namespace_of_reach(asked.reach)
        if needed is None or namespace is None or goes_on_when_refused(context, asked.reach.workload):
            continue
        meant = [name for name in _meant(context, spec, asked) if any(term.covers(name) for term in patterns)]
        own |= set(meant)
        every = [name for name in dict.fromkeys((*asked_exactly(asked), *meant)) if name.count(".") < needed]
        if any(asked.allows(form) for name in every for form in search_forms(name, namespace)):
            continue
        names = [name for name in every if name in own]
        if names:
            yield asked, names


def _meant(context: Context, spec: Spec, asked: AskedNames) -> Iterator[str]:
    """The names outside of the cluster that a rule set has in `toFQDNs`, and those that the pods use."""
    for rule in spec.rules:
        field = rule.peer("toFQDNs") if not rule.deny else None
        for entry in field.read_as(FqdnSelector) if field else ():
            if entry.name and "${" not in entry.name and not entry.name.endswith("."):
                yield entry.name.lower()
    yield from (used.name for used in used_names(context, asked.reach.workload) if not is_internal(used.name))


def _forms(context: Context, names: Sequence[str], namespaces: Sequence[str]) -> list[Form]:
    """The entries of `rules.dns` that let the search forms of names pass."""
    if context.from_version >= DOUBLE_STAR_SPANS_LABELS:
        return [{"matchPattern": f"**.{CLUSTER_DOMAIN}"}]
    places = list(dict.fromkeys(namespaces))
    forms = dict.fromkeys(form for name in names for place in places for form in search_forms(name, place))
    return [{"matchName": form} for form in forms]


def add_names(
    context: Context,
    spec: Spec,
    place: tuple[Rule, DnsItem],
    new: Sequence[Form],
    added: Sequence[Form] = (),
    after: Sequence[Form] = (),
) -> Change:
    """More entries at the end of a DNS rule, between those that other findings have `added` and put `after` it."""
    rule, item = place
    names = [*(entry.written for entry in item.rules.dns), *added]
    operations = tuple(
        {"op": "add", "path": f"{item.route}/{len(names) + number}", "value": deepcopy(entry)}
        for number, entry in enumerate(new)
    )
    rules = {**item.rules.written, "dns": [*names, *new, *after]}
    items = [
        {**port_rule.written, "rules": rules} if port_rule is item.item else port_rule.written
        for port_rule in rule.port_rules
    ]
    shown = join_names(entry.get("matchName") or entry.get("matchPattern") for entry in new)
    who = subject_text(context.policy, spec)
    opens = flow_claim(f"DNS queries of {who} for {shown}", spec, rule, changed(rule, toPorts=items))
    return Change(operations, (opens,))


def namespace_of_reach(reach: Reach) -> str | None:
    return reach.workload.namespace if reach.workload is not None else None


def reach_evidence(asked: AskedNames) -> Iterator[str]:
    if asked.reach.workload is not None:
        yield f"applies to {asked.reach.workload}, {asked.reach.workload.source}"
    for rule in asked.rules:
        yield f"rules.dns of {rule}"
