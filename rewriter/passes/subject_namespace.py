"""## What it does

Finds an `endpointSelector` in a CiliumNetworkPolicy that names another namespace than the policy's own.

## Why it matters

A CiliumNetworkPolicy applies to pods of its own namespace, whatever its selector says. The label
`k8s:io.kubernetes.pod.namespace` in `matchLabels` is overwritten, with no more than a warning in the agent's log: the
policy applies to other pods than were meant. Written in another way, such as in `matchExpressions`, it stays beside
the policy's own namespace, and the policy applies to nothing at all.

## Example

```yaml
metadata: {name: db, namespace: default}
spec:
  endpointSelector:
    matchLabels:
      app: db
      k8s:io.kubernetes.pod.namespace: prod     # applies to app=db in default
```

## Fix safety

Manual: move the policy into the namespace that is meant (its peers without a namespace then mean that one too), or
make it a CiliumClusterwideNetworkPolicy. Either changes to whom the policy applies.

## References

- Cilium documentation, "Namespaces" under "Using Kubernetes Constructs In Policy"
- Cilium source, `pkg/k8s/apis/cilium.io/utils`, `ParseToCiliumRule`
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.labels import (
    ANY,
    K8S,
    NAMESPACE_LABEL,
    NAMESPACE_NAME_KEY,
)
from rewriter.cilium.policy import CNP, Spec
from rewriter.cilium.selector import Requirement
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names, requirement_text

_NAMESPACE_KEYS = (NAMESPACE_LABEL, NAMESPACE_NAME_KEY)


@antipattern(
    code="CNP015",
    id="subject-namespace",
    title="a policy whose endpointSelector names another namespace",
    kinds=frozenset({CNP}),
    guesses=True,
)
def find(context: Context) -> Iterator[Finding]:
    if not context.namespace_known:
        return
    for spec in context.policy.specs:
        for requirement in spec.subject.requirements if spec.subject else ():
            if requirement.key in _NAMESPACE_KEYS and requirement.source in (ANY, K8S):
                own = context.policy.namespace or ""
                if not _holds(requirement, own):
                    yield _finding(context, spec, requirement, own)


def _holds(requirement: Requirement, namespace: str) -> bool:
    match requirement.operator:
        case "In":
            return namespace in requirement.values
        case "NotIn":
            return namespace not in requirement.values
        case operator:
            return operator == "Exists"


def _finding(context: Context, spec: Spec, requirement: Requirement, own: str) -> Finding:
    in_labels = "/matchLabels/" in requirement.route and requirement.source == K8S
    overridden = in_labels and requirement.key == NAMESPACE_LABEL
    if overridden:
        why = f"the policy applies to pods of {own}, not to those of {join_names(requirement.values)}"
        effect = "is overridden"
    else:
        why = f"no pod is in {own} and meets it too, so the policy applies to none"
        effect = "selects nothing"
    meant = join_names([f"`{name}`" for name in requirement.values]) or "another namespace"
    return report(
        context,
        requirement,
        Applicability.MANUAL,
        f"`{requirement_text(requirement)}` in the `endpointSelector` of a policy of namespace {own} {effect}",
        why,
        severity=Severity.ERROR,
        advice=f"move the policy to {meant}, or make it a CiliumClusterwideNetworkPolicy",
    )
