"""## What it does

Finds names in `toFQDNs` that stand for no address, or for one that policy never sees.

## Why it matters

`toFQDNs` matches addresses outside the cluster that DNS gave for a name. So these never match:

- an address as `matchName` or `matchPattern`: no client asks DNS for it;
- a name of the cluster's own (`db.prod.svc.cluster.local`): its addresses are those of pods, or of Services that are
  translated to pods before policy is checked;
- a host of the cluster's own Gateway, Ingress or LoadBalancer Service: translated as well;
- a pattern for such hosts alone: a route, an Ingress or a listener is for all of them;
- names outside that CoreDNS answers by its plugin `autopath`: the addresses come under the search form that the
  resolver asks first (`api.example.com.shop.svc.cluster.local`), and Cilium files them there.

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

An IPv4 address becomes `toCIDRSet` with a /32, which is evident. A name or an address of a Service that is known
becomes its selector, namespace and backend ports, evident too; the Service must be known for certain. The host of
Cilium's own Gateway or Ingress becomes the entity `ingress`, which is unsafe: it lets the pods reach every host behind
it. Everything else is manual. Where the record of a host evidently points elsewhere (a target of external-dns, a
proxied record, a tunnel, a cloud's load balancer) the pass is silent.

With `autopath` nothing is reported as long as any name of the rule is asked as it stands: the pods have `ndots: 1`,
the name has enough dots, their `rules.dns` refuse the search form, or `toFQDNs` has it. It is manual: `dnsConfig` with
`ndots: 1` in the workload mends it for one application, CoreDNS without the plugin for all.

That a pattern misses a name is a note, and only where the pods evidently use the name.

## References

- Cilium documentation, "DNS based"; Cilium source, `pkg/fqdn` and `pkg/fqdn/matchpattern`
- Cilium documentation, "Ingress and Network Policy"
- CoreDNS, `plugin/autopath/README.md`; cilium/cilium, issue 20191
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.fqdn import fqdn_term
from rewriter.cilium.nodes import FqdnSelector
from rewriter.cilium.policy import EGRESS, Rule, Spec
from rewriter.cilium.version import DOUBLE_STAR_SPANS_LABELS
from rewriter.evidence.context import Context
from rewriter.evidence.names_learned import has_names, is_open_anyway
from rewriter.evidence.reachable import Reach, reach_of
from rewriter.evidence.search_path import filed_elsewhere
from rewriter.evidence.used_names import UsedName, is_internal, used_names
from rewriter.evidence.workloads import workloads_evidence
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.change import Change, in_place
from rewriter.passes.kit.changes.claims import rule_flows
from rewriter.passes.kit.changes.coverage import add_after, sibling
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.names.fqdn_entries import FqdnEntry, Replacement, WrongName, just_misses, wrong_name
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names


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
            names = [FqdnEntry(context, spec, rule, field, entry) for entry in field.read_as(FqdnSelector)]
            wrong = [found for name in names if (found := wrong_name(name)) is not None]
            fixable = [wrong_entry for wrong_entry in wrong if wrong_entry.instead is not None]
            # A field that loses every entry at once would leave a rule without peers: the last one is for next time.
            waits = fixable[0] if len(fixable) == len(field.entries) > 1 else None
            for wrong_entry in wrong:
                yield _finding(wrong_entry, waits=wrong_entry is waits)
            if not wrong:
                yield from _filed_elsewhere(context, spec, rule)
    yield from _missed(context)


def _finding(wrong: WrongName, *, waits: bool) -> Finding:
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


def _change(name: FqdnEntry, instead: Replacement) -> Change:
    """The entry goes, and what it stands for gets a rule: in its place where it was alone, else right after."""
    context, spec, rule = name.context, name.spec, name.rule
    new = instead.rule(rule)
    opens = (rule_flows(context, spec, rule, instead.words, new),)
    only = sibling(rule, {"toFQDNs": [name.entry.written]})
    closes = (rule_flows(context, spec, rule, f"the name {name.exact or name.pattern}", only),)
    if len(name.field.entries) == 1:
        return Change(in_place(rule, new), opens, closes)
    return Change(({"op": "remove", "path": name.route}, *add_after(rule, [new])), opens, closes)


def _filed_elsewhere(context: Context, spec: Spec, rule: Rule) -> Iterator[Finding]:
    """The finding of a rule of which CoreDNS answers every name under another."""
    found = [path for reach in reach_of(context, spec) if (path := filed_elsewhere(context, reach, rule)) is not None]
    if not found:
        return
    first = found[0]
    pods = [path.workload for path in found]
    yield report(
        context,
        f"{rule.route}/toFQDNs",
        Applicability.MANUAL,
        f"CoreDNS answers {join_names(map(str, pods), most=3)} with its plugin autopath, so that the addresses of "
        f"{join_names(first.names, most=3)} are filed under other names",
        f"the resolver asks for {first.form} first, and gets the addresses there, which `toFQDNs` does not name",
        rests_on=pods,
        evidence=[f"{first.config}, {first.config.source}: has autopath", *workloads_evidence(pods)],
        advice="set `dnsConfig` with the option `ndots: 1` in the workload, or take autopath out of CoreDNS",
        at_key=True,
    )


def _missed(context: Context) -> Iterator[Finding]:
    """Names that the pods use and that a pattern seems to cover, but does not."""
    for spec in context.policy.specs:
        sites = [
            FqdnEntry(context, spec, rule, field, entry)
            for rule in spec.rules
            if has_names(rule) and (field := rule.peer("toFQDNs")) is not None
            for entry in field.read_as(FqdnSelector)
            if entry.pattern
        ]
        if not sites:
            continue
        reaches = reach_of(context, spec)
        for site in sites:
            used = _just_missed(site, reaches)
            if used:
                yield _note(site, used)


def _just_missed(site: FqdnEntry, reaches: Sequence[Reach]) -> list[UsedName]:
    found: dict[str, UsedName] = {}
    for reach in reaches:
        if "*" not in site.pattern or is_open_anyway(site.context, reach, site.rule):
            continue
        for used in used_names(site.context, reach.workload):
            close = just_misses(site.pattern, used.name) and not is_internal(used.name)
            if close and not _is_named(site.context, reach, used.name):
                found.setdefault(used.name, used)
    return list(found.values())


def _is_named(context: Context, reach: Reach, name: str) -> bool:
    """Whether any toFQDNs of the pods covers a name, or may."""
    for rule in (*reach.selecting, *reach.possible):
        field = rule.rule.peer("toFQDNs") if rule.rule is not None and rule.entry.direction == EGRESS else None
        for entry in field.read_as(FqdnSelector) if field else ():
            if rule.filled or fqdn_term(entry.written, context.to_version).covers(name):
                return True
    return False


def _note(site: FqdnEntry, used: Sequence[UsedName]) -> Finding:
    names = [used_name.name for used_name in used]
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
        evidence=[str(used_name) for used_name in used],
        advice=f"add {join_names(f'`matchName: {name}`' for name in names)}{deep}",
    )
