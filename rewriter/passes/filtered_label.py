"""## What it does

Finds peer selectors on a label that identities do not have.

## Why it matters

Cilium compares policies with the labels of identities, and leaves many labels of pods out of these:
`statefulset.kubernetes.io/pod-name`, `apps.kubernetes.io/pod-index`, `pod-template-hash`, whatever begins with
`kubernetes.io` or `k8s.io`, from 1.20 `topology.kubernetes.io`, and what the agent's `labels` option leaves out. A key
with a colon has a source before it (`app:kubernetes.io/name` is a label `kubernetes.io/name` of source `app`), and
pods have labels of source `k8s` only. A selector on such a label matches no pod: the traffic that it means is dropped,
or in a deny rule passes.

## Example

```yaml
toEndpoints:
  - matchLabels:
      statefulset.kubernetes.io/pod-name: ledger-0    # no identity has it
```

## Fix safety

You decide which pods are meant, and by which other label. A colon in the place of a dot, and a source that
Cilium gives no label, are set right where the result is a label of known pods; that is unsafe, since the rule begins to
match.

## References

- Cilium documentation, "Limiting Identity-Relevant Labels"
- Cilium source, `pkg/labelsfilter/filter.go`, `pkg/labels/labels.go`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rewriter.cilium.policy import KNP
from rewriter.cilium.selector import Requirement, Selector
from rewriter.evidence.context import Context
from rewriter.evidence.identity_labels import filtered, of_no_source
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import Site
from rewriter.passes.kit.ports.peer_terms import pod_peers
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.selectors.label_sources import filter_evidence, filter_words, right_key, with_key
from rewriter.passes.kit.selectors.scope_keys import misspelt
from rewriter.text import join_names, selector_text


@antipattern(
    code="CNP034",
    id="filtered-label",
    title="a peer selector on a label that identities do not have",
    kinds=EVERY_KIND,
    after=("split-rule",),
    guesses=True,
)
def find(context: Context) -> Iterator[Finding]:
    sites = [
        (site, selector, tuple(_left_out(context, selector)), tuple(_no_sources(context, selector)))
        for site, selector, _ in pod_peers(context)
    ]
    void = {site.route for site, _, left_out, no_source in sites if left_out or no_source}
    for site, selector, left_out, no_source in sites:
        alone = all(site.field.entry_route(index) in void for index in range(len(site.field.entries)))
        severity = Severity.ERROR if alone else Severity.WARNING
        if left_out:
            yield _filtered(site, selector, left_out, severity)
        elif no_source:
            yield _no_source(site, selector, no_source, severity)


def _left_out(context: Context, selector: Selector) -> Iterator[Requirement]:
    # A misspelt key of a namespace is left out too, but CNP005 knows which key is meant.
    wrong = misspelt(selector)
    yield from (
        requirement for requirement in filtered(context, selector, context.to_version) if requirement not in wrong
    )


def _no_sources(context: Context, selector: Selector) -> Iterator[Requirement]:
    # A key of a NetworkPolicy is a label as it is: the API server takes none with a colon.
    yield from () if context.policy.kind == KNP else of_no_source(selector)


def _filtered(site: Site, selector: Selector, left_out: tuple[Requirement, ...], severity: Severity) -> Finding:
    context = site.context
    keys = join_names(f"`{requirement.written_key}`" for requirement in left_out)
    verb = "denies no pod" if site.deny else "matches no pod"
    return report(
        context,
        left_out[0],
        Applicability.MANUAL,
        f"`{site.field.name}` `{selector_text(selector)}` {verb}{filter_words(context, selector, left_out)}",
        f"Cilium compares a selector with the identity of a pod, and {keys} is not part of one",
        severity=severity,
        evidence=filter_evidence(context, left_out),
        advice="select the pods by another label that they carry",
    )


def _no_source(site: Site, selector: Selector, wrong: tuple[Requirement, ...], severity: Severity) -> Finding:
    context, first = site.context, wrong[0]
    right = right_key(context, first) if len(wrong) == 1 else None
    change = None
    if right is not None:
        new = with_key(site.members, first, right.key)
        meant = site.becomes(
            new, f"pods {right.key}={join_names(first.values)}", instead_of=f"pods {first.written_key}"
        )
        change = replace(meant, operations=right.operations)
    return report(
        context,
        first,
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"`{site.field.name}` `{selector_text(selector)}` matches no pod: `{first.written_key}` is a label "
        f"`{first.key}` of source `{first.source}`",
        "what stands before a colon in a key is the source of the label, and labels of pods have source `k8s`",
        change=change,
        rule=site.rule,
        severity=severity,
        evidence=right.evidence if right else (),
        advice="" if right else "write the key as the pods have it",
    )
