"""## What it does

Finds references that lead to nothing:

- `toServices` of a Service that does not exist;
- `toServices` in a deny rule, where Cilium resolves no Service;
- `cidrGroupRef` and `cidrGroupSelector` that find no CiliumCIDRGroup;
- `toGroups`, which needs a cloud provider (a note, with `--select` only).

## Why it matters

Cilium 1.17 and later replaces a reference to a Service by its pods. Where there is no such Service the rule is left
without peers, and with `toPorts` such a rule opens these ports to **every destination**. Without ports it allows
nothing. In `egressDeny` no Service is ever resolved: with ports the rule denies them to everybody, without ports it
denies nothing. A reference to a CIDR group that does not exist matches no address.

## Example

```diff
   egressDeny:
-  - toServices:
-    - k8sService:
-        serviceName: admin-api
-        namespace: control
+  - toEndpoints:
+    - matchLabels:
+        app: admin-api
+        k8s:io.kubernetes.pod.namespace: control
```

## Fix safety

In a deny rule the reference becomes the Service's own selector. That is unsafe, since the rule starts to deny what it
names. Everything else is manual: the finding names the Services that the namespace has, or
the CIDR group with the nearest name.

That a Service does not exist is known only where everything of its namespace is known. What Cilium makes by itself
(`default/kubernetes`, `cilium-gateway-*`, `cilium-ingress*`) exists without a manifest, and so may what a chart or an
operator of the tree makes.

## References

- Cilium documentation, "Layer 3 Policies", sections "Services based" and "CIDRGroup"
- Cilium source, `pkg/policy/k8s/service.go` and `pkg/policy/rule.go`, `mergeEgress`
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.nodes import CidrRule
from rewriter.cilium.policy import EGRESS, PeerField
from rewriter.cilium.version import SERVICES_WITH_PORTS
from rewriter.evidence.backends import UndecidedError, backends_of
from rewriter.evidence.context import Context
from rewriter.evidence.references import Missing, groups_of, missing_service, near_group
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.completeness import CIDR_GROUPS, WORKLOADS
from rewriter.passes.kit.changes.forms import copied
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import RuleSite, Site, rule_sites
from rewriter.passes.kit.changes.swap import NewPeers, swapped
from rewriter.passes.kit.ports.service_faults import not_found_by_fault
from rewriter.passes.kit.registry import antipattern
from rewriter.passes.service_with_ports import deny_rules
from rewriter.text import join_names, ports_text

_CIDR_SETS = frozenset({"fromCIDRSet", "toCIDRSet"})


@antipattern(code="CNP030", id="unresolved-reference", title="a reference to nothing", exposes=True, guesses=True)
def find(context: Context) -> Iterator[Finding]:
    yield from deny_rules(context)
    for site in rule_sites(context):
        for field in site.rule.peers:
            if field.name == "toServices" and field.entries and site.rule.direction == EGRESS:
                yield from _denied(site, field) if site.deny else _allowed(site, field)
            elif field.name in _CIDR_SETS:
                for index, entry in enumerate(field.decoded()):
                    if isinstance(entry, CidrRule):
                        yield from _group(Site(context, site.spec, site.rule, field, index), entry)
            elif field.name in ("toGroups", "fromGroups") and field.entries:
                yield _cloud_group(site, field)


def _allowed(site: RuleSite, field: PeerField) -> Iterator[Finding]:
    """Services that do not exist, each with what the rule then means."""
    with_ports = bool(site.rule.port_rules)
    if with_ports and site.context.to_version < SERVICES_WITH_PORTS:
        return
    missing = {
        index: found for index, entry in enumerate(field.entries) if (found := missing_service(site.context, entry))
    }
    for index in range(len(field.entries)):
        if index not in missing:
            yield from not_found_by_fault(site, field, index)
    alone = len(missing) == len(field.entries)
    for index, found in missing.items():
        if not alone:
            effect = "the rule allows nothing for it"
        elif with_ports:
            effect = f"the rule opens {ports_text(site.rule).removeprefix(' on ') or 'its ports'} to every destination"
        else:
            effect = "the rule allows nothing"
        yield report(
            site.context,
            field.entry_route(index),
            Applicability.MANUAL,
            f"Service {found.text} does not exist: {effect}",
            "a rule with ports and no peers allows any destination" if alone and with_ports else "",
            severity=Severity.ERROR,
            evidence=_there(found),
            advice=_advice(found),
        )


def _there(found: Missing) -> list[str]:
    services = [found.near] if found.near is not None else list(found.there[:3])
    return [f"{service}, {service.source}" for service in services]


def _advice(found: Missing) -> str:
    if found.near is not None:
        return f"{found.near} has the nearest name: name the Service that is meant, or its pods with `toEndpoints`"
    return "name a Service that exists, or the pods that are meant with `toEndpoints`"


def _denied(site: RuleSite, field: PeerField) -> Iterator[Finding]:
    """References of a deny rule without ports; with ports it is rewritten as CNP002 does."""
    if site.rule.port_rules:
        return
    message = "Cilium never resolves `toServices` in a deny rule: the rule denies nothing"
    change, advice, evidence = None, "", []
    try:
        members = [member for entry in field.entries for member in backends_of(site.context, entry)]
        if any(member.field == "toFQDNs" for member in members):
            raise UndecidedError("an ExternalName has no pods", "deny its addresses with `toCIDR`")
        evidence = [text for member in members for text in member.evidence]
        fields = list(dict.fromkeys(member.field for member in members))
        news = [
            NewPeers(
                name,
                [entry for member in members if member.field == name for entry in member.entries],
                f"backends of {join_names(member.name for member in members if member.field == name)}",
            )
            for name in fields
        ]
        change = swapped(site.context, site.spec, site.rule, field, range(len(field.entries)), news)
    except UndecidedError as error:
        advice = f"{error.reason}; {error.advice}"
    yield report(
        site.context,
        field,
        Applicability.UNSAFE if change is not None else Applicability.MANUAL,
        message,
        "Cilium resolves Services of `egress` alone, and not those of `egressDeny`",
        change=change,
        rule=site.rule,
        severity=Severity.ERROR,
        evidence=evidence,
        advice=advice,
        at_key=True,
    )


def _group(site: Site, entry: CidrRule) -> Iterator[Finding]:
    context, name = site.context, entry.group
    if groups_of(context, entry) != ():
        return
    near = near_group(context, name) if name else None
    own = context.cluster.name if context.cluster else None
    known = all(context.inventory.completeness(None, own, facts).complete for facts in (WORKLOADS, CIDR_GROUPS))
    if near is None and not known:
        return
    what = f"no CiliumCIDRGroup {name} exists" if name else "no CiliumCIDRGroup has these labels"
    change, advice = None, "name a group that exists, or write its CIDRs"
    if near is not None:
        new = copied(entry.written, cidrGroupRef=near.name)
        change = site.becomes(new, f"the addresses of {near.name}", instead_of=f"the addresses of {name}")
        advice = f"{near.name} has the nearest name"
    yield report(
        context,
        site,
        Applicability.MANUAL,
        f"{what}: the rule {'denies' if site.deny else 'allows'} no address for it",
        "a reference to a group is a selector on the group's label, which no identity has",
        change=change,
        rule=site.rule,
        severity=Severity.ERROR,
        evidence=[f"CiliumCIDRGroup {near.name}, {near.source}: {', '.join(near.cidrs)}"] if near is not None else (),
        advice=advice,
    )


def _cloud_group(site: RuleSite, field: PeerField) -> Finding:
    return report(
        site.context,
        field,
        Applicability.MANUAL,
        f"`{field.name}` stands for addresses that the operator asks a cloud provider for",
        "without that provider's operator it matches no peer",
        severity=Severity.NOTE,
        advice="check that the operator is the cloud provider's own, or write the CIDRs",
        at_key=True,
        on_request=True,
    )
