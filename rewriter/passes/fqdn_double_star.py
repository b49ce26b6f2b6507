"""## What it does

Finds `matchPattern: "**.example.com"` in `toFQDNs` and in L7 `dns` rules.

## Why it matters

Up to Cilium 1.18 the two stars mean what one means: exactly one label, `www.example.com` but not
`a.b.example.com`. From 1.19 on they stand for any number of labels, so the rule allows more names than it did.

## Example

```diff
   - toFQDNs:
-    - matchPattern: "**.example.com"
+    - matchPattern: "*.example.com"
```

## Fix safety

Safe: `*.example.com` matches the same names on every release. If any depth was meant all along, keep the pattern and
silence the finding (`# cnpfix: ignore[fqdn-double-star]`).

Where the policy is not enforced today and the upgrade switches it on, no working connection rests on names of one
label: what is meant needs your decision.

A pattern of stars alone (`**`) means every name from 1.19 on. There is no other way to write what it meant before, so
it stays manual.

## References

- Cilium documentation, "DNS based", and the upgrade notes of 1.19
- Cilium source, `pkg/fqdn/matchpattern`
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.cilium.fqdn import fqdn_term
from rewriter.cilium.nodes import FqdnSelector
from rewriter.cilium.policy import Rule, Spec
from rewriter.cilium.terms import FqdnTerm
from rewriter.cilium.version import DOUBLE_STAR_SPANS_LABELS
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, FlowClaim, Operation, Severity
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import rule_flows
from rewriter.passes.kit.changes.coverage import sibling
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.enforced.enforcement import switched_on_by_upgrade
from rewriter.passes.kit.registry import antipattern
from rewriter.text import flow_text, join_names

VERSIONS = str(DOUBLE_STAR_SPANS_LABELS)
_PREFIX = re.compile(r"(\s*)\*{2,}\.(?=.*[^*.\s])")
_ONLY_STARS = re.compile(r"\s*\*{2,}\.?\s*")


@antipattern(
    code="CNP008",
    id="fqdn-double-star",
    title="`**.` in a DNS pattern, which matches more names from 1.19 on",
    change=DOUBLE_STAR_SPANS_LABELS,
    crossing=True,
)
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        for rule in spec.rules:
            patterns = dict(_patterns(rule))
            spanning = {route: text for route, text in patterns.items() if _PREFIX.match(text)}
            if spanning:
                flow = flow_text(context.policy, spec, rule, f"names of several labels under {_domains(spanning)}")
                closes = _closed(context, spec, rule, spanning) if switched_on_by_upgrade(context) else ()
                yield _narrowed(context, spanning, flow, tuple(closes))
            for route, text in patterns.items():
                if _ONLY_STARS.fullmatch(text):
                    yield _everything(context, route, text)


def _patterns(rule: Rule) -> Iterator[tuple[str, str]]:
    """The patterns of a rule with their routes, in document order."""
    if rule.deny:
        return
    fqdns = rule.peer("toFQDNs")
    asked = [entry for rules in rule.l7_rules for entry in rules.dns]
    for entry in (*(fqdns.read_as(FqdnSelector) if fqdns else ()), *asked):
        if isinstance(entry, FqdnSelector) and entry.pattern:
            yield f"{entry.route}/matchPattern", entry.pattern


def _narrowed(context: Context, patterns: dict[str, str], flow: str, closes: tuple[FlowClaim, ...]) -> Finding:
    """The finding with its fix; one that `closes` flows is shown only: no connection rests on the pattern today."""
    operations: tuple[Operation, ...] = tuple(
        {"op": "replace", "path": route, "value": _PREFIX.sub(r"\1*.", text, count=1)}
        for route, text in patterns.items()
    )
    why = f"the upgrade would open flows {flow}"
    if closes:
        why = f"the policy is not enforced today, and the upgrade switches it on: it would allow flows {flow}"
    return report(
        context,
        next(iter(patterns)),
        Applicability.MANUAL if closes else Applicability.SAFE,
        f"{join_names(f'`{text}`' for text in patterns.values())} "
        f"{'match' if len(set(patterns.values())) > 1 else 'matches'} names of any depth "
        f"from Cilium {DOUBLE_STAR_SPANS_LABELS} on, and of one label only before",
        why,
        severity=Severity.ERROR,
        change=Change(operations, closes=closes),
        advice="write `*.` if names of one label are meant" if closes else "",
        versions=VERSIONS,
    )


def _closed(context: Context, spec: Spec, rule: Rule, patterns: dict[str, str]) -> Iterator[FlowClaim]:
    """What one star takes from the patterns of a policy that the upgrade switches on."""
    words = f"names of several labels under {_domains(patterns)}"
    names = [text for route, text in patterns.items() if route.startswith(f"{rule.route}/toFQDNs/")]
    if names:
        only = sibling(rule, {"toFQDNs": [{"matchPattern": text} for text in names]})
        yield rule_flows(context, spec, rule, words, only, terms=map(_of_several_labels, names))
    if len(names) < len(patterns):
        yield rule_flows(context, spec, rule, f"its peers that ask for {words}")


def _of_several_labels(pattern: str) -> FqdnTerm:
    before, after = (
        fqdn_term({"matchPattern": pattern}, version)
        for version in (DOUBLE_STAR_SPANS_LABELS.previous, DOUBLE_STAR_SPANS_LABELS)
    )
    return FqdnTerm(after.written, rf"(?!(?:{before.pattern})\Z)(?:{after.pattern})")


def _everything(context: Context, route: str, text: str) -> Finding:
    return report(
        context,
        route,
        Applicability.MANUAL,
        f"`{text}` matches every name from Cilium {DOUBLE_STAR_SPANS_LABELS} on, and names of one label only before",
        "the upgrade would open flows to every name",
        severity=Severity.ERROR,
        advice='write "*" if every name is meant, or the names that are',
        versions=VERSIONS,
    )


def _domains(patterns: dict[str, str]) -> str:
    return join_names([_PREFIX.sub("", text, count=1).strip() for text in patterns.values()])
