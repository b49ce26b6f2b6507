"""## What it does

Finds `toFQDNs` of pods whose DNS answers Cilium's DNS proxy never sees.

## Why it matters

`toFQDNs` learns addresses only from answers that pass the DNS proxy, and only a rule with `rules.dns` sends queries
there. Where no policy of the same pods has one for the DNS that they ask, the names stand for no address: every
connection to them is dropped, whatever the rule says. Port 53 that is open without `rules.dns` is the usual form
("DNS works, the connection times out"); no rule for DNS at all is the other one ("nothing resolves").

What pods ask is seen after load balancing and redirection. Where a CiliumLocalRedirectPolicy sends the queries to
node-local-dns, a rule has to name these pods; where node-local-dns runs on the host network, the entity `host`. The
port is the one on which they listen.

## Example

```diff
   egress:
   - toEndpoints:
     - matchLabels:
         k8s:io.kubernetes.pod.namespace: kube-system
         k8s-app: kube-dns
     toPorts:
     - ports:
       - port: "53"
         protocol: ANY
+      rules:
+        dns:
+        - matchPattern: "*"
   - toFQDNs:
     - matchName: api.example.com
```

## Fix safety

All policies that select the same pods count, of any kind. An item of toPorts for DNS alone that is open without
`rules.dns` gets `matchPattern: "*"`, which is safe: the same queries pass. One that stands in another policy of the
same kind and namespace is changed there. Else a rule for the cluster's DNS is added right after the one with the names.
That is evident where the DNS pods or their Service are known, and unsafe where the usual `k8s-app: kube-dns` of
`kube-system` is only what most clusters have. Where a deny rule shuts DNS for the pods, no rule that is added helps:
then it is manual.

Pods that reach every address on the ports of the rule anyway, that no policy denies by default, or that have name
servers of their own and any rule with `rules.dns`, are left alone. So are pods that a policy in a template may select:
it may hold such a rule.

## References

- Cilium documentation, "DNS based" and "DNS Proxy", "Local Redirect Policy"
- Cilium source, `pkg/fqdn` and `pkg/policy` (only L7 rules redirect to a proxy)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rewriter.cilium.nodes import PortRule
from rewriter.cilium.policy import Policy, Rule, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.dns import DnsServer, is_for_dns_only
from rewriter.evidence.names_learned import Unlearned, learns_names, names_anywhere, unlearned
from rewriter.evidence.policies import AppliedRule, is_same_policy, own_rules, policies_of
from rewriter.evidence.refused_names import denied_dns
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import flow_claim
from rewriter.passes.kit.changes.coverage import add_after
from rewriter.passes.kit.changes.forms import copied
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.names.unlearned_words import unlearned_evidence, unlearned_message
from rewriter.passes.kit.registry import antipattern
from rewriter.text import policy_text, subject_text

#: All names, in an entry of `rules.dns`.
EVERY_NAME = {"matchPattern": "*"}


@antipattern(code="CNP017", id="fqdn-without-dns", title="`toFQDNs` whose answers the DNS proxy does not see")
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        found = list(unlearned(context, spec))
        if found and not any(missed.hidden for missed in found):
            yield _finding(context, spec, found)
    yield from _opened_here(context)


def _finding(context: Context, spec: Spec, found: Sequence[Unlearned]) -> Finding:
    first = found[0]
    rule = next(rule for rule in spec.rules if learns_names(rule))
    own, elsewhere = _plain_rules(context, first)
    applicability, advice = Applicability.EVIDENT, ""
    _, denying = denied_dns(context, first.reach) or (None, ())
    change: Change | None = None
    if own:
        applicability, change = Applicability.SAFE, _through_proxy(own, first.server)
    elif elsewhere:
        applicability = Applicability.MANUAL
        advice = f"add `rules.dns` to the rule for port 53 of {elsewhere[0]}"
    elif denying:
        applicability = Applicability.MANUAL
        advice = "take port 53 out of the deny rule: no rule that allows it changes anything as long as that stands"
    elif first.server is None:
        applicability = Applicability.MANUAL
        advice = "add a rule with `rules.dns` for the name servers that the pods ask"
    else:
        change = _dns_rule(context, spec, rule, first.server)
        applicability = Applicability.EVIDENT if first.server.known else Applicability.UNSAFE
        if not first.server.known:
            advice = f"no manifest of the cluster's DNS is known here: check that it is {first.server.words}"
    fields = rule.peer("toFQDNs")
    server = first.server
    return report(
        context,
        rule.route if fields is None else fields.route,
        applicability,
        unlearned_message(first, denying),
        "`toFQDNs` learns addresses only from answers that pass the DNS proxy, so that every connection to these names "
        "is dropped",
        change=change,
        severity=Severity.ERROR,
        rests_on=server.rests_on if server is not None and change is not None and not own else (),
        evidence=(*(f"shut by {applied}" for applied in denying), *unlearned_evidence(found, server)),
        advice=advice,
        at_key=True,
    )


def _plain_rules(context: Context, found: Unlearned) -> tuple[list[Rule], list[AppliedRule]]:
    """The rules for DNS alone that can take `rules.dns`: of the own policy, and of others that may be changed."""
    policy = context.policy
    plain = [
        applied for applied in found.open_at if applied.rule is not None and _plain_items(applied.rule, found.server)
    ]
    own = [applied.rule for applied in plain if applied.rule is not None and is_same_policy(applied.policy, policy)]
    beside = [
        applied
        for applied in plain
        if (applied.policy.kind, applied.policy.namespace) == (policy.kind, policy.namespace)
    ]
    return own, [] if policy.namespace is None else [
        applied for applied in beside if not is_same_policy(applied.policy, policy)
    ]


def _plain_items(rule: Rule, server: DnsServer | None) -> list[PortRule]:
    """The items of toPorts that are for DNS alone; none where an item for it cannot take `rules.dns`."""
    return [item for item in rule.port_rules if isinstance(item, PortRule) and is_for_dns_only(item, server)]


def _through_proxy(rules: Sequence[Rule], server: DnsServer | None) -> Change:
    return Change(
        tuple(
            {"op": "add", "path": f"{item.route}/rules", "value": {"dns": [dict(EVERY_NAME)]}}
            for rule in rules
            for item in _plain_items(rule, server)
        )
    )


def _dns_rule(context: Context, spec: Spec, rule: Rule, server: DnsServer) -> Change:
    """The rule for the cluster's DNS, right after the one with names."""
    item = {**server.to_ports, "rules": {"dns": [dict(EVERY_NAME)]}}
    new = copied(server.peers, toPorts=[item])
    words = f"from {subject_text(context.policy, spec)} to {server.words}"
    return Change(add_after(rule, [new]), (flow_claim(words, spec, rule, new),))


def _opened_here(context: Context) -> Iterator[Finding]:
    """The rules for DNS of this policy that let the queries of another policy's `toFQDNs` past the proxy."""
    policy = context.policy
    if not names_anywhere(context):
        return
    plain = [applied for applied in own_rules(context) if not applied.entry.deny and applied.rule is not None]
    plain = [applied for applied in plain if applied.rule is not None and _plain_items(applied.rule, None)]
    if not plain or policy.namespace is None or any(learns_names(rule) for rule in policy.rules()):
        return
    for other in _with_names(context):
        beside = replace(context, policy=other.policy, path=other.source.path, namespace_known=True)
        for spec in other.policy.specs:
            for found in unlearned(beside, spec):
                routes = {applied.place for applied in found.open_at if is_same_policy(applied.policy, policy)}
                rules = [applied.rule for applied in plain if applied.rule is not None and applied.place in routes]
                server = found.server
                if rules and not found.hidden and not _plain_rules(beside, found)[0]:
                    yield report(
                        context,
                        f"{rules[0].route}/toPorts",
                        Applicability.SAFE,
                        f"this rule lets DNS out without `rules.dns`, so that `toFQDNs` of "
                        f"{policy_text(other.policy)} learns no address",
                        "`toFQDNs` learns addresses only from answers that pass the DNS proxy",
                        change=_through_proxy(rules, server),
                        severity=Severity.ERROR,
                        evidence=(f"{other} selects the same pods", *unlearned_evidence([found], server)),
                        at_key=True,
                    )
                    return


def _with_names(context: Context) -> Iterator[AppliedRule]:
    """A rule with names of each other policy of the same kind and namespace."""
    policy = context.policy
    key = ("rules with names", context.cluster and context.cluster.name, context.to_version, policy.namespace)
    if key not in context.answers:
        context.answers[key] = [
            applied
            for applied in policies_of(context).within(policy.namespace)
            if applied.rule is not None and learns_names(applied.rule) and applied.sure and not applied.anywhere
        ]
    seen: list[Policy] = []
    for answer in context.answers[key]:
        kind = (answer.policy.kind, answer.policy.namespace) == (policy.kind, policy.namespace)
        if kind and not any(is_same_policy(answer.policy, other) for other in (*seen, policy)):
            seen.append(answer.policy)
            yield answer
