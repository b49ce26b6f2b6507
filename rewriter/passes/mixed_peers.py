"""## What it does

Finds rules that name more than one kind of peer: `fromEndpoints` and `fromCIDR` in one list item, for example.

## Why it matters

Cilium takes one kind of peer in a rule. It rejects the whole policy otherwise, in every release (deny rules are
checked from 1.17 on), and a rejected policy is not enforced at all: if no other policy selects its pods, they are
open.

## Example

```diff
   ingress:
   - fromEndpoints:
     - matchLabels:
         app: web
-    fromCIDR:
+    toPorts:
+    - ports: [{port: "80"}]
+  - fromCIDR:
     - 203.0.113.0/24
     toPorts:
     - ports: [{port: "80"}]
```

## Fix safety

Each kind gets a rule of its own, with the same ports, ICMP types and authentication. While the policy is rejected
that switches enforcement on, so the fix is unsafe, and the finding says who enters default deny. Where the source
release still enforces the policy (deny rules before 1.17), nothing changes and the fix is safe; it is evident where
the upgrade widens other rules of the policy, which the fix keeps alive.

A rule that also has an empty peer list is manual: such a list selects no peer, and it is not clear what was
meant.

## References

- Cilium documentation, "Layer 3 Policies"
- Cilium source, `pkg/policy/api/rule_validation.go`
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.policy import PeerField, Rule
from rewriter.cilium.version import DENY_PEERS_EXCLUSIVE, NODE_PEERS, SUPPORTED, Version
from rewriter.evidence.context import Context
from rewriter.finding import Finding, Operation, Severity
from rewriter.passes.kit.changes.applicability import EVIDENT, MANUAL, OTHERWISE, SAFE, UNSAFE, decided
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.coverage import add_after, sibling, uncovered_rules
from rewriter.passes.kit.changes.forms import Form, with_rules, without
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.enforced.enforcement import FlowChanges, default_denies, rejected_today, switched_on
from rewriter.passes.kit.enforced.upgrade_semantics import changed_by_upgrade
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names

_REQUIRES = frozenset({"fromRequires", "toRequires"})
_SINCE_NODE_PEERS = frozenset({"fromNodes", "toNodes", "fromGroups"})


def mixed_kinds(rule: Rule, version: Version) -> list[PeerField]:
    """The peer fields of a rule, in written order, when a release rejects them together; else nothing."""
    if rule.deny and version < DENY_PEERS_EXCLUSIVE:
        return []
    written = rule.members
    fields = [field for field in rule.peers if field.entries and _counts(field.name, rule, version)]
    fields.sort(key=lambda field: written.index(field.name))
    return fields if len(fields) > 1 else []


def _counts(name: str, rule: Rule, version: Version) -> bool:
    if name in _REQUIRES or (rule.deny and name == "toFQDNs"):
        return False
    return version >= NODE_PEERS or name not in _SINCE_NODE_PEERS


def _first_kind_alone(rule: Rule, version: Version) -> Form:
    return without(rule, *(field.name for field in mixed_kinds(rule, version)[1:]))


@antipattern(
    code="CNP001",
    id="mixed-peers",
    title="more than one kind of peer in a rule",
    exposes=True,
    repairs=lambda spec, version: with_rules(spec, lambda rule: _first_kind_alone(rule, version)),
)
def find(context: Context) -> Iterator[Finding]:
    for rule in context.policy.rules():
        fields = mixed_kinds(rule, context.to_version) or mixed_kinds(rule, context.from_version)
        if fields:
            yield _finding(context, rule, fields)


def _finding(context: Context, rule: Rule, fields: list[PeerField]) -> Finding:
    enforced = rejected_today(context) is None
    why = f"the whole policy is {'enforced until then' if enforced else 'not enforced'}"
    if not enforced and default_denies(context):
        why += f"; once it is, Cilium denies {join_names(default_denies(context))} by default"
    undecided = _undecided(context, rule, fields, enforced)
    changes = changed_by_upgrade(context) if enforced else switched_on(context)
    if undecided:
        changes = FlowChanges()
    return report(
        context,
        fields[1],
        decided(
            (undecided, MANUAL),
            (not enforced, UNSAFE),
            (changes.opens or changes.closes, EVIDENT),
            (OTHERWISE, SAFE),
        ),
        f"{join_names([f'`{field.name}`' for field in fields])} in one rule: {_rejected_by(rule)} rejects the policy",
        why,
        severity=Severity.ERROR,
        change=None if undecided else Change(_split(context, rule, fields), changes.opens, changes.closes),
        evidence=changes.evidence,
        advice=undecided,
        at_key=True,
    )


def _undecided(context: Context, rule: Rule, fields: list[PeerField], enforced: bool) -> str:
    """Why it is not clear what a rule was meant to be, and what to do; empty where one can."""
    advice = "give each kind of peer that was meant a rule of its own"
    if rule.selects_nobody:
        empty = join_names([f"`{field.name}`" for field in rule.peers if not field.entries])
        return f"{empty} is empty and selects no peer, so it is not clear what was meant; {advice}"
    unread = [f"`{field.name}`" for field in fields if field.name in _SINCE_NODE_PEERS]
    if enforced and unread and context.from_version < NODE_PEERS:
        return (
            f"Cilium {context.from_version} does not read {join_names(unread)}, so the rule would allow more; {advice}"
        )
    return ""


def _rejected_by(rule: Rule) -> str:
    first = next(version for version in SUPPORTED if mixed_kinds(rule, version))
    return "every release" if first == SUPPORTED[0] else f"Cilium {first} and later"


def _split(context: Context, rule: Rule, fields: list[PeerField]) -> tuple[Operation, ...]:
    """The first kind stays where it is; each other one moves to a rule of its own, unless one says the same."""
    siblings = {field.name: sibling(rule, {field.name: list(field.entries)}) for field in fields[1:]}
    added = uncovered_rules(context, rule, siblings.values())
    moves: list[Operation] = []
    for field in fields[1:]:
        if siblings[field.name] in added:
            place = f"{rule.list_route}/{rule.index + 1 + added.index(siblings[field.name])}/{field.name}"
            moves.append({"op": "move", "from": field.route, "path": place})
        else:
            moves.append({"op": "remove", "path": field.route})
    return (*add_after(rule, added), *moves)
