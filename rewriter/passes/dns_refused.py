"""## What it does

Finds names that pods need and may not ask for: their `rules.dns` refuse the query, or no policy lets them reach DNS.

## Why it matters

A query that no `rules.dns` of the pods matches is answered REFUSED, and pods in default deny that no rule lets reach
DNS get no answer at all. The rule that allows the connection itself changes nothing about that. Five forms:

- A name of `toFQDNs`, or one that the pods evidently use, is not in `rules.dns`.
- `rules.dns` holds names, or patterns of names, without the search domains. With `ndots: 5`, Kubernetes' default, a
  resolver first asks `api.example.com.shop.svc.cluster.local` and its like. Each is REFUSED, and musl and some set-ups
  of glibc stop there.
- Pods in default deny use names, and no policy lets DNS out.
- The rule for port 53 names the pods of the own namespace, `world` or `0.0.0.0/0`, none of which is the cluster's DNS.
- A rule lets DNS out, and a deny rule of the same pods shuts it: deny beats allow. This is manual.

## Example

```diff
       rules:
         dns:
         - matchName: api.example.com
+        - matchName: files.example.com
   - toFQDNs:
     - matchName: api.example.com
     - matchName: files.example.com
```

## Fix safety

All policies that select the same pods count; one rule for DNS without `rules.dns` lets every name pass. A name of
`toFQDNs` is added to the DNS rule of the policy, or with a DNS rule of its own: evident. A rule for DNS where there is
none is evident where the DNS pods or their Service are known, and unsafe in a clusterwide policy for all pods, or
beside a rule for resolvers outside, which the pods may ask by themselves. Search
forms are unsafe: `dnsConfig` with `ndots: 1` in the workload is the narrower way. Names that pods use (arguments,
environment, ConfigMaps; for Flux's source-controller the sources of its namespace) are manual.

A workload with `ndots: 1`, or a cluster with `tofqdns-dns-reject-response-code: nameError`, has no trouble with search
forms, nor have programs that are known to be in Go (cert-manager, Hubble, Flux): these ask for the next form. Where a
template may hold another rule for the pods, the pass is silent.

## References

- Cilium source, `pkg/fqdn/dnsproxy` and `pkg/fqdn/matchpattern`; the agent's `--tofqdns-dns-reject-response-code`
- Kubernetes documentation, "DNS for Services and Pods"; `resolv.conf(5)`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.nodes import FqdnSelector
from rewriter.cilium.policy import EGRESS, Rule, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.dns import DnsItem, dns_items, on_ports
from rewriter.evidence.names_learned import has_names
from rewriter.evidence.reachable import reach_of
from rewriter.evidence.refused_names import (
    AskedNames,
    asked_names,
    refused,
    search_forms,
)
from rewriter.evidence.used_names import UsedName, is_of_common_domain, used_names
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import flow_claim
from rewriter.passes.kit.changes.coverage import add_after
from rewriter.passes.kit.changes.forms import Form, copied, name_alone
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.names.dns_astray import dns_astray
from rewriter.passes.kit.names.dns_forms import add_names, namespace_of_reach, reach_evidence, refused_search_forms
from rewriter.passes.kit.names.dns_missing import pods_without_dns
from rewriter.passes.kit.names.dns_shut import dns_shut
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.text import join_names, subject_text


@antipattern(
    code="CNP019",
    id="dns-refused",
    title="names that pods need and may not ask for",
    kinds=EVERY_KIND,
    after=("fqdn-without-dns",),
)
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        egress = [rule for rule in spec.rules if rule.direction == EGRESS and not rule.deny]
        if not egress:
            continue
        named = [rule for rule in egress if has_names(rule)]
        asking = [(rule, item) for rule in egress for item in dns_items(rule) if not _allows_all(item)]
        if named or asking:
            yield from _refused(context, spec, named, asking)
        yield from dns_shut(context, spec, egress)
        if not named:
            yield from pods_without_dns(context, spec, egress)
            yield from dns_astray(context, spec, egress)


def _allows_all(item: DnsItem) -> bool:
    return any(entry.pattern == "*" and not entry.name for entry in item.names)


def _refused(
    context: Context, spec: Spec, named: Sequence[Rule], asking: Sequence[tuple[Rule, DnsItem]]
) -> Iterator[Finding]:
    """What the pods of a rule set may not ask for, though its rules name it or the pods use it."""
    found = [asked for reach in reach_of(context, spec) if (asked := asked_names(context, reach)) is not None]
    if not found:
        return
    asked = found[0]
    missing: dict[str, tuple[Rule, str, Form]] = {}
    for rule in named:
        field = rule.peer("toFQDNs")
        if field is None:
            continue
        for entry in field.read_as(FqdnSelector):
            name = refused(asked, entry)
            if name:
                missing.setdefault(name, (rule, entry.route, name_alone(entry)))
    fitting = [asker for asker in asking if on_ports(asker[1].item, asked.server, context.to_version)]
    entries = [entry for _, _, entry in missing.values()]
    for number, (rule, route, new) in enumerate(missing.values()):
        # Fixes are made from the end of the policy to its beginning: the names that stand below are there by then.
        yield _not_asked(context, spec, rule, fitting, asked, route, new, entries[number + 1 :])
    if asking:
        yield from _used(context, asking[0], found, set(missing))
        own = [rule.index for rule, _, _ in missing.values()]
        first = asking[0][0].index < min(own, default=asking[0][0].index + 1)
        added = entries if fitting and fitting[0] is asking[0] else []
        yield from refused_search_forms(context, spec, asking, found, added, waits=bool(added) and not first)


def _not_asked(
    context: Context,
    spec: Spec,
    rule: Rule,
    fitting: Sequence[tuple[Rule, DnsItem]],
    asked: AskedNames,
    route: str,
    new: Form,
    below: Sequence[Form],
) -> Finding:
    """The finding of a name in toFQDNs that no `rules.dns` matches; those `below` are added before it."""
    name = new.get("matchName") or new.get("matchPattern")
    if fitting:
        change = add_names(context, spec, fitting[0], [new], after=below)
    else:
        made = copied(asked.server.peers, toPorts=[{**asked.server.to_ports, "rules": {"dns": [new]}}])
        words = f"from {subject_text(context.policy, spec)} to {asked.server.words}, asking for {name}"
        change = Change(add_after(rule, [made]), (flow_claim(words, spec, rule, made),))
    return report(
        context,
        route,
        Applicability.EVIDENT if asked.server.known or fitting else Applicability.UNSAFE,
        f"`toFQDNs` has {name}, and no `rules.dns` of these pods lets them ask for it",
        "the DNS proxy answers REFUSED, so that the name never gets an address and every connection to it is dropped",
        change=change,
        severity=Severity.ERROR,
        rests_on=() if fitting else asked.server.rests_on,
        evidence=reach_evidence(asked),
    )


def _used(
    context: Context, place: tuple[Rule, DnsItem], found: Sequence[AskedNames], seen: set[str]
) -> Iterator[Finding]:
    """The finding of names that the pods evidently use and may not ask for."""
    refused_names: dict[str, UsedName] = {}
    for asked in found:
        for used in used_names(context, asked.reach.workload):
            if used.name not in seen and not _may_ask(context, asked, used.name):
                refused_names.setdefault(used.name, used)
    if not refused_names:
        return
    yield report(
        context,
        place[1],
        Applicability.MANUAL,
        f"no `rules.dns` of these pods lets them ask for {join_names(refused_names)}, which they use",
        "the DNS proxy answers REFUSED",
        evidence=(*(str(used) for used in refused_names.values()), *reach_evidence(found[0])),
        advice="add the names to `rules.dns`, and check that a rule lets the pods reach what is behind them",
        at_key=True,
    )


def _may_ask(context: Context, asked: AskedNames, name: str) -> bool:
    """Whether pods may ask for a name, or for a form of it that the search domains complete."""
    if asked.allows(name):
        return True
    forms = search_forms(name, namespace_of_reach(asked.reach) or "default")
    return not _is_outside(context, name) and any(map(asked.allows, forms))


def _is_outside(context: Context, name: str) -> bool:
    """Whether a name is complete as it stands: no search domain makes the name of a Service of it."""
    last, inventory = name.rpartition(".")[2], context.inventory
    known = inventory.namespaces(last) or inventory.services_in((last,)) or inventory.workloads_in((last,))
    return is_of_common_domain(name) and not known
