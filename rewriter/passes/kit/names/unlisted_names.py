"""Names outside of the cluster that pods use, and that none of their toFQDNs has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter import patterns as re
from rewriter.cilium.fqdn import fqdn_term
from rewriter.cilium.identity import reserved_identity
from rewriter.cilium.nodes import FqdnSelector
from rewriter.cilium.policy import EGRESS, KNP, PeerField, Rule, Spec
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.context import Context
from rewriter.evidence.policies import AppliedRule
from rewriter.evidence.reachable import Reach
from rewriter.evidence.refused_names import asked_names
from rewriter.evidence.used_names import BACKUPS, UsedName, is_internal, used_names
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import flow_claim
from rewriter.passes.kit.changes.forms import copied
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.names.fqdn_entries import just_misses
from rewriter.passes.kit.sides.missing_rules import route_of
from rewriter.text import join_names, subject_text

_WORLD = reserved_identity("world")
_HTTPS = 443
#: Settings with links that people follow, and no program.
_FOR_BROWSERS = re.compile(
    r"doc|help|link|home_?page|support|schema|terms|privacy|logo|icon|avatar|auth_?url|authori[sz]|login|about",
    re.IGNORECASE,
)
#: Peers by which an address outside may be let out to besides its name.
_ADDRESSES = frozenset({"toCIDR", "toCIDRSet", "toGroups", "to"})


def unlisted_names(context: Context, spec: Spec, reach: Reach, workload: Workload, *, alone: bool) -> Iterator[Finding]:
    """The finding of names in the settings of pods that reach what is outside by its names alone."""
    listed = [(rule, field) for rule in spec.rules if not rule.deny and (field := rule.peer("toFQDNs")) is not None]
    used = _outside(context, used_names(context, workload)) if listed and context.policy.kind != KNP else ()
    if not used or not _by_names_alone(context, reach):
        return
    entries = [
        entry
        for rule in (*reach.rules(EGRESS), *reach.possible)
        if rule.rule is not None and not rule.entry.deny and (field := rule.rule.peer("toFQDNs")) is not None
        for entry in field.read_as(FqdnSelector)
    ]
    terms = [
        fqdn_term(entry.written, version) for entry in entries for version in (context.from_version, context.to_version)
    ]
    asked = asked_names(context, reach)
    missing = [
        name
        for name in used
        if not any(term.covers(name.name) for term in terms)
        and not any(just_misses(entry.pattern, name.name) for entry in entries)  # CNP018 says so.
        and (asked is None or asked.allows(name.name))
    ]
    if not missing:
        return
    rule, field = listed[0]
    sure = alone and len(listed) == 1
    yield report(
        context,
        field.route,
        Applicability.UNSAFE if sure else Applicability.MANUAL,
        f"{workload} uses {join_names(name.name for name in missing)}, and no `toFQDNs` of its policies has "
        f"{'it' if len(missing) == 1 else 'them'}",
        "the pods reach what is outside of the cluster by the names that their rules have, and nothing else there",
        change=_change(context, spec, rule, field, missing),
        evidence=map(str, missing),
        at_key=True,
    )


def unreached_stores(context: Context, spec: Spec, reach: Reach, workload: Workload) -> Iterator[Finding]:
    """The finding of instances whose backups are kept outside of the cluster, where no rule lets them out to."""
    if any(rule.peer("toFQDNs") is not None for rule in spec.rules) or not _by_names_alone(context, reach):
        return
    used = [name for name in used_names(context, workload) if name.where.startswith(BACKUPS)]
    entries = [
        entry
        for rule in (*reach.selecting, *reach.possible)
        if rule.rule is not None and (field := rule.rule.peer("toFQDNs")) is not None
        for entry in field.read_as(FqdnSelector)
    ]
    names = [
        name
        for name in _outside(context, used)
        if not any(fqdn_term(entry.written, context.to_version).covers(name.name) for entry in entries)
    ]
    if names:
        shown = join_names(name.name for name in names)
        yield report(
            context,
            route_of(spec, EGRESS),
            Applicability.MANUAL,
            f"{workload} keeps its backups at {shown}, and no policy lets it out there",
            "CloudNativePG's instances archive to it by themselves, and recover from it: both hang until they time out",
            rests_on=[workload],
            evidence=map(str, names),
            advice=f"let {workload} out to `toFQDNs` with {shown}, with a rule for DNS that has `rules.dns`",
            at_key=True,
        )


def _outside(context: Context, names: Sequence[UsedName]) -> tuple[UsedName, ...]:
    """The names outside of the cluster that stand in arguments, the environment, or sources that Flux fetches."""
    own = {name.lower() for route in context.inventory.routes() for name in route.hostnames}
    own |= {name.lower() for ingress in context.inventory.ingresses() for name in ingress.hostnames}
    return tuple(
        name
        for name in names
        if not is_internal(name.name)
        and name.name not in own
        and not name.where.startswith(("ConfigMap", "the value"))
        and not is_for_people(name)
    )


def is_for_people(name: UsedName) -> bool:
    """Whether a setting holds a link that people follow, and no program."""
    return _FOR_BROWSERS.search(name.where.partition(" of ")[0]) is not None


def _by_names_alone(context: Context, reach: Reach) -> bool:
    """Whether the pods reach the world by the names in their rules alone, for certain."""
    rules: list[AppliedRule] = [rule for rule in (*reach.selecting, *reach.possible) if not rule.entry.deny]
    if any(rule.rule is None or "${" in str(rule.rule.raw) for rule in rules if rule.entry.direction == EGRESS):
        return False
    peers = {field.name for rule in rules if rule.rule is not None for field in rule.rule.peers if field.entries}
    if peers & _ADDRESSES:
        return False
    answer = reach.verdict(EGRESS, _WORLD, "TCP", _HTTPS)
    return not answer.allowed and answer.certain and answer.reason == DEFAULT_DENY


def _change(context: Context, spec: Spec, rule: Rule, field: PeerField, missing: Sequence[UsedName]) -> Change:
    entries = [{"matchName": name.name} for name in missing]
    made = copied(rule.raw, toFQDNs=entries)
    words = f"from {subject_text(context.policy, spec)} to {join_names(name.name for name in missing)}"
    operations = tuple({"op": "add", "path": f"{field.route}/-", "value": entry} for entry in entries)
    return Change(operations, (flow_claim(words, spec, rule, made),))
