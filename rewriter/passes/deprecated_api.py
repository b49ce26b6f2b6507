"""## What it does

Finds Cilium's own objects under an API version that the target release marks as deprecated, or no longer serves:
`cilium.io/v2alpha1` of CiliumCIDRGroup and CiliumLoadBalancerIPPool (`v2` from 1.18), and of CiliumNodeConfig (`v2`
from 1.16, `v2alpha1` gone in 1.20).

## Why it matters

An object that is applied under a version that is no longer served is refused, and with it whatever a policy takes from
it: the addresses of a CiliumCIDRGroup. A release marks a version as deprecated to announce that.

## Example

```diff
-apiVersion: cilium.io/v2alpha1
+apiVersion: cilium.io/v2
 kind: CiliumCIDRGroup
```

## Fix safety

Safe, and only where both the source and the target release serve the new version: the object stays the same in
every release. Kinds that exist in `v2alpha1` only (CiliumL2AnnouncementPolicy) are left alone.

## References

- Cilium source, `pkg/k8s/apis/cilium.io/client/crds`, per release; upgrade notes of 1.18 and 1.20
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rewriter.cilium.version import Version
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names


class _Served(NamedTuple):
    """From which release on `cilium.io/v2` of a kind is served, `v2alpha1` deprecated, and `v2alpha1` gone."""

    since: Version
    deprecated: Version
    gone: Version | None = None


_OLD, _NEW = "cilium.io/v2alpha1", "cilium.io/v2"
_KINDS: dict[str, _Served] = {
    "CiliumCIDRGroup": _Served(Version(1, 18), Version(1, 18)),
    "CiliumLoadBalancerIPPool": _Served(Version(1, 18), Version(1, 18)),
    "CiliumNodeConfig": _Served(Version(1, 16), Version(1, 16), gone=Version(1, 20)),
}


@antipattern(
    code="CNP033",
    id="deprecated-api",
    title="an API version that the target no longer serves, or soon will not",
    kinds=frozenset(_KINDS),
    any_types=True,
)
def find(context: Context) -> Iterator[Finding]:
    manifest = context.policy
    served = _KINDS[manifest.kind]
    if manifest.api_version != _OLD or served.since > context.from_version:
        return
    gone = served.gone is not None and context.to_version >= served.gone
    route = f"{manifest.route}/apiVersion"
    state = f"no longer serves {_OLD}" if gone else f"marks {_OLD} as deprecated"
    since = served.gone if gone and served.gone else served.deprecated
    yield report(
        context,
        route,
        Applicability.SAFE,
        f"{manifest.kind} under {_OLD}: Cilium {since} {state}",
        f"{_NEW} is served from {served.since} on; the object stays the same",
        change=Change(({"op": "replace", "path": route, "value": _NEW},)),
        severity=Severity.ERROR if gone else Severity.WARNING,
        evidence=(f"CRD of {manifest.kind} in Cilium {join_names((context.from_version, context.to_version))}",),
        versions=str(since),
    )
