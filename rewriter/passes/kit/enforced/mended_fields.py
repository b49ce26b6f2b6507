"""A policy as it is once its unknown fields stand where they were meant to: what CNP016 reports is one mistake."""

from __future__ import annotations

from rewriter.cilium.policy import Policy, read_policy
from rewriter.cilium.version import Version
from rewriter.evidence.context import Context
from rewriter.finding import Operation
from rewriter.passes.kit.enforced.enforcement import rejected
from rewriter.passes.kit.enforced.field_faults import faults_of
from rewriter.passes.kit.enforced.repair import applied
from rewriter.passes.kit.enforced.schema_fix import field_fixes


def with_fields_mended(context: Context) -> Policy | None:
    """The policy with each unknown field in the one place where it fits; None where there is no such field."""
    policy = context.policy
    key = ("fields mended", context.from_version, context.to_version)
    if key not in policy.answers:
        policy.answers[key] = _mended(context)
    known: Policy | None = policy.answers[key]
    return known


def accepted_with_fields(context: Context, version: Version) -> bool:
    """Whether a release rejects the policy for its unknown fields alone, which CNP016 reports."""
    mended = with_fields_mended(context)
    return mended is not None and rejected(mended, version, context.flags) is None


def _mended(context: Context) -> Policy | None:
    policy = context.policy
    operations: list[Operation] = []
    covered: set[str] = set()
    for fault in faults_of(context):
        if fault.problem.unknown and fault.problem.route not in covered:
            fixes = field_fixes(context, fault.problem, fault.releases[-1])
            covered.update(route for fix in fixes for route in fix.covers)
            if len(fixes) == 1:
                operations[:0] = fixes[0].operations  # The last field goes first: the routes of the others stay.
    if not operations:
        return None
    made = applied(policy.raw, operations, policy.route)
    return read_policy(made, namespace=policy.namespace, base=policy.route)
