"""DNS that one rule of the same pods lets out, and a deny rule shuts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.policy import EGRESS, Rule, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.dns import DnsServer, is_dns_rule, names_peer, proxied
from rewriter.evidence.policies import AppliedRule, is_first_of, is_same_policy, may_deny_egress
from rewriter.evidence.reachable import Reach, reach_of
from rewriter.evidence.refused_names import denied_dns
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.sides.deny_effects import denies_all
from rewriter.text import join_names, policy_text


def dns_shut(context: Context, spec: Spec, egress: Sequence[Rule]) -> Iterator[Finding]:
    """The finding of a rule for DNS that a deny rule of whatever policy makes void."""
    if not may_deny_egress(context):
        return
    for reach in reach_of(context, spec):
        found = denied_dns(context, reach)
        if found is None:
            continue
        server, denying = found
        void = [rule for rule in reach.rules(EGRESS) if _lets_ask(rule, server)]
        own = [rule for rule in egress if any(_is(applied, context, rule) for applied in void)]
        of_everything = any(applied.rule is not None and denies_all(context, applied.rule) for applied in denying)
        if not own or of_everything or not is_first_of(context.policy, void):
            continue
        yield report(
            context,
            own[0],
            Applicability.MANUAL,
            f"this rule lets {_pods(reach)} ask {server.words}, and a deny rule shuts that: "
            f"{join_names(dict.fromkeys(map(_place, denying)))}",
            "deny beats allow however narrow the allow is, so that no query is answered and every name fails",
            severity=Severity.ERROR,
            rests_on=(*((reach.workload,) if reach.workload else ()), *server.rests_on),
            evidence=(*dict.fromkeys(f"shut by {applied}" for applied in denying), *server.evidence),
            advice="take port 53 out of the deny rule, or name in it the resolvers that pods are not to ask",
        )
        return


def _lets_ask(rule: AppliedRule, server: DnsServer) -> bool:
    about_dns = rule.rule is not None and not rule.entry.deny and (proxied(rule) or is_dns_rule(rule.rule))
    return bool(about_dns) and not rule.filled and names_peer(rule, server.identities)


def _is(applied: AppliedRule, context: Context, rule: Rule) -> bool:
    return is_same_policy(applied.policy, context.policy) and applied.entry.route == rule.route


def _pods(reach: Reach) -> str:
    return str(reach.workload) if reach.workload is not None else "its pods"


def _place(rule: AppliedRule) -> str:
    place = rule.entry.route.removeprefix(rule.policy.route).removeprefix("/")
    return f"`{place}` of {policy_text(rule.policy)}"
