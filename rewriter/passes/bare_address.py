"""## What it does

Finds addresses without a prefix length in `fromCIDR` and `toCIDR`.

## Why it matters

Up to Cilium 1.19 `198.51.100.7` is read as `198.51.100.7/32`. From 1.20 on it is an error, the whole policy is
rejected, and its pods lose their rules. In `fromCIDRSet` and `toCIDRSet` it was never accepted.

## Example

```diff
   - fromCIDR:
-    - 198.51.100.7
+    - 198.51.100.7/32
```

## Fix safety

Safe: `/32` (IPv6: `/128`) means the same on every release. Where the policy is not enforced today (the source release
is 1.20 already, or rejects it for something else), the fix may switch it on: unsafe. Where the upgrade widens other
rules of the policy (authentication, L7 rules, `**.`), the fix keeps these alive, and says so: evident.

## References

- Cilium documentation, upgrade notes of 1.20
- Cilium source, `pkg/policy/api/cidr.go`
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.cidr import AddressError, parse_address
from rewriter.cilium.nodes import Text
from rewriter.cilium.policy import Rule
from rewriter.cilium.version import BARE_ADDRESS_REJECTED
from rewriter.evidence.context import Context
from rewriter.finding import Finding, Operation, Severity
from rewriter.passes.kit.changes.applicability import EVIDENT, OTHERWISE, SAFE, UNSAFE, decided
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.forms import changed, with_entries, with_rules
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.enforced.enforcement import default_denies, rejected_today, switched_on
from rewriter.passes.kit.enforced.upgrade_semantics import changed_by_upgrade
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names

VERSIONS = str(BARE_ADDRESS_REJECTED)


@antipattern(
    code="CNP010",
    id="bare-address",
    title="an address without a prefix length, which 1.20 rejects",
    change=BARE_ADDRESS_REJECTED,
    repairs=lambda spec, _: with_rules(spec, lambda rule: changed(rule, **with_entries(rule, bare_addresses(rule)))),
)
def find(context: Context) -> Iterator[Finding]:
    for rule in context.policy.rules():
        bare = bare_addresses(rule)
        if bare:
            yield _finding(context, bare)


def bare_addresses(rule: Rule) -> dict[str, str]:
    """The addresses without a prefix length in a rule, by route, as they have to be written."""
    return {
        entry.route: full
        for field in rule.peers
        if field.name in ("fromCIDR", "toCIDR")
        for entry in field.read_as(Text)
        if (full := _with_length(entry.written)) is not None
    }


def _with_length(entry: str) -> str | None:
    if "/" in entry:
        return None
    try:
        address = parse_address(entry)
    except AddressError:
        return None
    return None if address.zone else f"{entry}/{address.width}"


def _finding(context: Context, bare: dict[str, str]) -> Finding:
    addresses = join_names([f"`{full.rpartition('/')[0]}`" for full in bare.values()])
    dead = rejected_today(context) is not None
    changes = switched_on(context) if dead else changed_by_upgrade(context)
    denied = join_names(default_denies(context))
    if dead:
        why = f"the policy is not enforced today; once it is, Cilium denies {denied or 'nothing more'} by default"
    else:
        why = f"the whole policy stops being enforced at {BARE_ADDRESS_REJECTED}" + (
            f", and Cilium no longer denies {denied} by default" if denied else ""
        )
    operations: tuple[Operation, ...] = tuple(
        {"op": "replace", "path": route, "value": full} for route, full in bare.items()
    )
    return report(
        context,
        next(iter(bare)),
        decided((dead, UNSAFE), (changes.opens or changes.closes, EVIDENT), (OTHERWISE, SAFE)),
        f"{addresses} without a prefix length: Cilium {BARE_ADDRESS_REJECTED} rejects the policy",
        why,
        severity=Severity.ERROR,
        change=Change(operations, changes.opens, changes.closes),
        evidence=changes.evidence,
        versions=VERSIONS,
    )
