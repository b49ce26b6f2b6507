"""## What it does

Finds names that pods need and may not ask for: their `rules.dns` refuse the query, or no policy lets them reach DNS.

## Why it matters

A query that no `rules.dns` of the pods matches is answered REFUSED, and pods in default deny that no rule lets reach
DNS get no answer at all. The rule that allows the connection itself changes nothing about that. Three forms:

- A name of `toFQDNs`, or one that the pods evidently use, is not in `rules.dns`.
- `rules.dns` holds exact names only. With `ndots: 5`, Kubernetes' default, a resolver first asks
  `api.example.com.shop.svc.cluster.local` and its like. Each is REFUSED, and musl and some set-ups of glibc stop there.
- Pods in default deny use names, and no policy lets DNS out.

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
none is evident where the DNS pods or their Service are known. Search forms are unsafe: `dnsConfig` with `ndots: 1` in
the workload is the narrower way. Names that pods use (arguments, environment, ConfigMaps; for Flux's source-controller
the sources of its namespace) are manual.

A workload with `ndots: 1`, or a cluster with `tofqdns-dns-reject-response-code: nameError`, has no trouble with search
forms. Where a template may hold another rule for the pods, the pass is silent.

## References

- Cilium source, `pkg/fqdn/dnsproxy` and `pkg/fqdn/matchpattern`; the agent's `--tofqdns-dns-reject-response-code`
- Kubernetes documentation, "DNS for Services and Pods"; `resolv.conf(5)`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from rewriter.cilium.policy import CCNP, CNP, EGRESS, KNP, Policy, Rule, Spec
from rewriter.cilium.version import DOUBLE_STAR_SPANS_LABELS
from rewriter.evidence.context import Context
from rewriter.evidence.dns import DnsItem, DnsServer, dns_items, on_ports
from rewriter.evidence.names_learned import has_names
from rewriter.evidence.policies import is_same_policy
from rewriter.evidence.reachable import Reach, reach_of
from rewriter.evidence.refused_names import (
    CLUSTER_DOMAIN,
    AskedNames,
    asked_exactly,
    asked_names,
    dots_needed,
    lacks_dns,
    refused,
    search_forms,
)
from rewriter.evidence.used_names import UsedName, used_names
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.change import Change
from rewriter.passes.kit.claims import flow_claim
from rewriter.passes.kit.coverage import add_after
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.report import report
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
        asking = [(rule, item) for rule in egress for item in dns_items(rule.raw) if not _allows_all(item)]
        if named or asking:
            yield from _refused(context, spec, named, asking)
        if not named and context.policy.kind != CCNP:
            yield from _without_dns(context, spec, egress)


def _allows_all(item: DnsItem) -> bool:
    return {"matchPattern": "*"} in item.names


def _refused(
    context: Context, spec: Spec, named: Sequence[Rule], asking: Sequence[tuple[Rule, DnsItem]]
) -> Iterator[Finding]:
    """What the pods of a rule set may not ask for, though its rules name it or the pods use it."""
    found = [asked for reach in reach_of(context, spec) if (asked := asked_names(context, reach)) is not None]
    if not found:
        return
    asked = found[0]
    missing: dict[str, tuple[Rule, str, dict[str, Any]]] = {}
    for rule in named:
        field = rule.peer("toFQDNs")
        for index, entry in enumerate(field.entries if field else ()):
            name = refused(asked, entry) if isinstance(entry, dict) else ""
            if name and field is not None:
                plain = {key: value for key, value in entry.items() if key in ("matchName", "matchPattern")}
                missing.setdefault(name, (rule, field.entry_route(index), plain))
    fitting = [each for each in asking if on_ports(each[1].item, asked.server, context.to_version)]
    entries = [entry for _, _, entry in missing.values()]
    for number, (rule, route, entry) in enumerate(missing.values()):
        # Fixes are made from the end of the policy to its beginning: the names that stand below are there by then.
        yield _not_asked(context, spec, rule, fitting, asked, route, entry, entries[number + 1 :])
    if asking:
        yield from _used(context, asking[0], found, set(missing))
        own = [rule.index for rule, _, _ in missing.values()]
        first = asking[0][0].index < min(own, default=asking[0][0].index + 1)
        added = entries if fitting and fitting[0] is asking[0] else []
        yield from _searched(context, spec, asking, found, added, waits=bool(added) and not first)


def _not_asked(
    context: Context,
    spec: Spec,
    rule: Rule,
    fitting: Sequence[tuple[Rule, DnsItem]],
    asked: AskedNames,
    route: str,
    new: dict[str, Any],
    below: Sequence[dict[str, Any]],
) -> Finding:
    """The finding of a name in toFQDNs that no `rules.dns` matches; those `below` are added before it."""
    name = new.get("matchName") or new.get("matchPattern")
    if fitting:
        change = _more_names(context, spec, fitting[0], [new], after=below)
    else:
        peers = deepcopy(dict(asked.server.peers))
        made = {**peers, "toPorts": [{**asked.server.to_ports, "rules": {"dns": [new]}}]}
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
        evidence=_evidence(asked),
    )


def _used(
    context: Context, place: tuple[Rule, DnsItem], found: Sequence[AskedNames], seen: set[str]
) -> Iterator[Finding]:
    """The finding of names that the pods evidently use and may not ask for."""
    refused_names: dict[str, UsedName] = {}
    for asked in found:
        for used in used_names(context, asked.reach):
            if used.name not in seen and not _may_ask(asked, used.name):
                refused_names.setdefault(used.name, used)
    if not refused_names:
        return
    rule, item = place
    yield report(
        context,
        f"{rule.route}/toPorts/{item.place}/rules/dns",
        Applicability.MANUAL,
        f"no `rules.dns` of these pods lets them ask for {join_names(refused_names)}, which they use",
        "the DNS proxy answers REFUSED",
        evidence=(*(str(used) for used in refused_names.values()), *_evidence(found[0])),
        advice="add the names to `rules.dns`, and see that a rule lets the pods reach what is behind them",
        at_key=True,
    )


def _may_ask(asked: AskedNames, name: str) -> bool:
    """Whether pods may ask for a name, or for a form of it that the search domains complete."""
    return any(map(asked.allows, (name, *search_forms(name, _namespace_of(asked.reach) or "default"))))


def _searched(
    context: Context,
    spec: Spec,
    asking: Sequence[tuple[Rule, DnsItem]],
    found: Sequence[AskedNames],
    added: Sequence[dict[str, Any]],
    *,
    waits: bool,
) -> Iterator[Finding]:
    """The finding of exact names whose search forms are refused before the resolver comes to the name itself.

    Its fix comes after the names that other findings have `added`; one that `waits` comes in the next round.
    """
    if any(each.dns_name_error for each in ([context.cluster] if context.cluster else context.inventory.clusters)):
        return
    own = {
        str(entry["matchName"]).lower()
        for _, item in asking
        for entry in item.names
        if isinstance(entry, dict) and entry.get("matchName")
    }
    concerned: list[tuple[AskedNames, list[str]]] = []
    for asked in found:
        needed, namespace = dots_needed(context, asked.reach), _namespace_of(asked.reach)
        if needed is None or namespace is None:
            continue
        every = [name for name in dict.fromkeys(asked_exactly(asked)) if name.count(".") < needed]
        if any(asked.allows(form) for name in every for form in search_forms(name, namespace)):
            continue
        names = [name for name in every if name in own]
        if names:
            concerned.append((asked, names))
    if not concerned:
        return
    asked, names = concerned[0]
    rule, item = asking[0]
    namespaces = [space for each, _ in concerned if (space := _namespace_of(each.reach))]
    shown = names
    names = list(dict.fromkeys((*names, *(str(each["matchName"]).lower() for each in added if "matchName" in each))))
    first = search_forms(names[0], namespaces[0])[0]
    yield report(
        context,
        f"{rule.route}/toPorts/{item.place}/rules/dns",
        Applicability.UNSAFE,
        f"`rules.dns` has exact names only ({join_names(shown, most=3)}), and resolvers ask for {first} first",
        "the DNS proxy answers REFUSED to each search form, and musl and some set-ups of glibc stop there",
        change=None if waits else _more_names(context, spec, (rule, item), _forms(context, names, namespaces), added),
        evidence=_evidence(asked),
        advice="or set `dnsConfig` with `ndots: 1` in the workload, or `tofqdns-dns-reject-response-code: nameError`",
        at_key=True,
    )


def _forms(context: Context, names: Sequence[str], namespaces: Sequence[str]) -> list[dict[str, Any]]:
    """The entries of `rules.dns` that let the search forms of names pass."""
    if context.from_version >= DOUBLE_STAR_SPANS_LABELS:
        return [{"matchPattern": f"**.{CLUSTER_DOMAIN}"}]
    places = list(dict.fromkeys(namespaces))
    forms = dict.fromkeys(form for name in names for place in places for form in search_forms(name, place))
    return [{"matchName": form} for form in forms]


def _more_names(
    context: Context,
    spec: Spec,
    place: tuple[Rule, DnsItem],
    new: Sequence[dict[str, Any]],
    added: Sequence[dict[str, Any]] = (),
    after: Sequence[dict[str, Any]] = (),
) -> Change:
    """More entries at the end of a DNS rule, between those that other findings have `added` and put `after` it."""
    rule, item = place
    route = f"{rule.route}/toPorts/{item.place}/rules/dns"
    names = [*item.names, *added]
    operations = tuple(
        {"op": "add", "path": f"{route}/{len(names) + number}", "value": deepcopy(entry)}
        for number, entry in enumerate(new)
    )
    items = list(rule.raw["toPorts"])
    rules = {**item.item["rules"], "dns": [*names, *new, *after]}
    items[item.place] = {**item.item, "rules": rules}
    shown = join_names(entry.get("matchName") or entry.get("matchPattern") for entry in new)
    who = subject_text(context.policy, spec)
    opens = flow_claim(f"DNS queries of {who} for {shown}", spec, rule, {**rule.raw, "toPorts": items})
    return Change(operations, (opens,))


def _without_dns(context: Context, spec: Spec, egress: Sequence[Rule]) -> Iterator[Finding]:
    """The finding of pods that use names, are denied by default, and reach no DNS at all."""
    for reach in reach_of(context, spec):
        names = used_names(context, reach)
        server = lacks_dns(context, reach) if names and _is_first(context.policy, reach) else None
        if server is None:
            continue
        rule = egress[-1]
        change = _dns_rule(context, spec, rule, server)
        yield report(
            context,
            f"{spec.route}/egress",
            Applicability.EVIDENT if server.known else Applicability.UNSAFE,
            f"these pods use {join_names((used.name for used in names), most=3)}, and no policy lets them reach DNS",
            f"they are denied by default, so that no query reaches {server.words}",
            change=change,
            rests_on=server.rests_on,
            evidence=(*(str(used) for used in names[:3]), *server.evidence),
            at_key=True,
        )
        return


def _is_first(policy: Policy, reach: Reach) -> bool:
    """Whether the policy is the one to report of those that deny the pods by default: one that lets them reach more."""
    kinds = {CNP: 0, KNP: 1, CCNP: 2}
    denying = [rule for rule in reach.rules(EGRESS) if rule.entry.default_deny]
    allowing = [rule for rule in denying if rule.entry.peers and rule.entry.ports and not rule.entry.deny]
    if not allowing:
        return False
    first = min(allowing, key=lambda rule: (kinds[rule.policy.kind], rule.policy.namespace or "", rule.policy.name))
    return is_same_policy(first.policy, policy)


def _dns_rule(context: Context, spec: Spec, rule: Rule, server: DnsServer) -> Change:
    """A rule for DNS after the last one; in a NetworkPolicy, in its own form."""
    new: dict[str, Any]
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


def _namespace_of(reach: Reach) -> str | None:
    return reach.workload.namespace if reach.workload is not None else None


def _evidence(asked: AskedNames) -> Iterator[str]:
    if asked.reach.workload is not None:
        yield f"applies to {asked.reach.workload}, {asked.reach.workload.source}"
    for rule in asked.rules:
        yield f"rules.dns of {rule}"
