"""## What it does

Finds a policy that means something else after the upgrade where no other finding says so: the flows that the upgrade
opens and closes, the release that does it, and why.

## Why it matters

Releases change what the same manifest says: which namespaces a peer reaches, which ports a range or a name stands for,
whether a rule is read at all. Nothing in the manifest hints at it, and neither does the agent's log.

## Example

```yaml
kind: CiliumNetworkPolicy
metadata: {name: producers, namespace: server}
spec:
  endpointSelector: {}
  ingress:
    - fromEndpoints:
        - matchLabels:
            k8s:io.cilium.k8s.namespace.labels.allow-server: "true"   # pods of server too, up to 1.15; of any from 1.16
```

## Fix safety

No fix: decide whether the old or the new meaning is the one that was meant. What other findings of the policy
declare or mend is left out, and so is what other policies of the same pods let through or deny anyway.

## References

- Cilium documentation, upgrade notes of each release; `docs/upgrade.md` for what changes in which release
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.evidence.context import Context
from rewriter.finding import Finding
from rewriter.passes.kit.registry import EVERY_KIND, antipattern


@antipattern(
    code="CNP032",
    id="upgrade-change",
    title="a policy that the upgrade changes, and no other finding says so",
    kinds=EVERY_KIND,
    spans=lambda before, after: before.precedes(after),
)
def find(context: Context) -> Iterator[Finding]:
    """Nothing by itself: the engine compares the releases after all passes have run (`engine.upgrade_changes`)."""
    del context
    yield from ()
