"""Pods that no policy lets reach DNS, and the rule that would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy

from rewriter.cilium.policy import CCNP, CNP, EGRESS, KNP, Policy, Rule, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.dns import DnsServer
from rewriter.evidence.policies import is_same_policy
from rewriter.evidence.reachable import Reach, reach_of, workloads_of_spec
from rewriter.evidence.refused_names import (
    lacks_dns,
)
from rewriter.evidence.used_names import used_names
from rewriter.finding import Finding
from rewriter.passes.kit.changes.applicability import EVIDENT, OTHERWISE, UNSAFE, decided
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import flow_claim
from rewriter.passes.kit.changes.coverage import add_after
from rewriter.passes.kit.changes.forms import Form
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.selectors.scope_keys import names_pods
from rewriter.text import join_names, subject_text


def pods_without_dns(context: Context, spec: Spec, egress: Sequence[Rule]) -> Iterator[Finding]:
    """The finding of pods that use names, are denied by default, and reach no DNS at all."""
    if not any(used_names(context, workload) for workload in workloads_of_spec(context, spec)):
        return
    for reach in reach_of(context, spec):
        names = used_names(context, reach.workload)
        server = lacks_dns(context, reach) if names and _is_first(context.policy, reach) else None
        if server is None:
            continue
        rule = egress[-1]
        change = dns_rule(context, spec, rule, server)
        yield report(
            context,
            f"{spec.route}/egress",
            decided((not server.known or _is_everybody(context.policy, spec), UNSAFE), (OTHERWISE, EVIDENT)),
            f"these pods use {join_names((used.name for used in names), most=3)}, and no policy lets them reach DNS",
            f"they are denied by default, so that no query reaches {server.words}",
            change=change,
            rests_on=server.rests_on,
            evidence=(*(str(used) for used in names[:3]), *server.evidence),
            at_key=True,
        )
        return


def _is_everybody(policy: Policy, spec: Spec) -> bool:
    """Whether a rule set is for the pods of every namespace: its rules hold for more than those that are shown.

    One that leaves some namespaces or pods out is for everybody else.
    """
    return policy.kind == CCNP and spec.subject is not None and not any(map(names_pods, spec.subject.requirements))


def _is_first(policy: Policy, reach: Reach) -> bool:
    """Whether the policy is the one to report of those that deny the pods by default: one that lets them reach more."""
    kinds = {CNP: 0, KNP: 1, CCNP: 2}
    denying = [rule for rule in reach.rules(EGRESS) if rule.entry.default_deny]
    allowing = [rule for rule in denying if rule.entry.peers and rule.entry.ports and not rule.entry.deny]
    if not allowing:
        return False
    first = min(allowing, key=lambda rule: (kinds[rule.policy.kind], rule.policy.namespace or "", rule.policy.name))
    return is_same_policy(first.policy, policy)


def dns_rule(context: Context, spec: Spec, rule: Rule, server: DnsServer) -> Change:
    """A rule for DNS after the last one; in a NetworkPolicy, in its own form."""
    new: Form
    if context.policy.kind != KNP:
        new = {**deepcopy(dict(server.peers)), "toPorts": [server.to_ports]}
    else:
        peers = server.peers.get("toEndpoints")
        ports = [{"port": number, "protocol": name} for number in server.ports for name in ("UDP", "TCP")]
        new = {"ports": ports}
        if peers:
            labels = dict(peers[0]["matchLabels"])
            home = next(labels.pop(key) for key in list(labels) if key.endswith("io.kubernetes.pod.namespace"))
            spaces = {"matchLabels": {"kubernetes.io/metadata.name": home}}
            new = {"to": [{"namespaceSelector": spaces, "podSelector": {"matchLabels": labels}}], **new}
    words = f"from {subject_text(context.policy, spec)} to {server.words}"
    return Change(add_after(rule, [new]), (flow_claim(words, spec, rule, new),))
