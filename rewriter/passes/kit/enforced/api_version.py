"""The finding on a policy whose API version no API server has."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.crd.served import unserved
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.report import report


def not_served(context: Context) -> Iterator[Finding]:
    """An `apiVersion` in which no API server has the kind. One that a placeholder fills in is not judged."""
    missing = unserved(context.policy.raw, context.to_version)
    if missing and not any(mark in context.policy.api_version for mark in "${<"):
        yield report(
            context,
            f"{context.policy.route}/apiVersion",
            Applicability.MANUAL,
            f"refused by the API server: {missing}",
            "the API server refuses the manifest, whoever sends it: the policy is not enforced and protects no pod",
            severity=Severity.ERROR,
            evidence=[f"the API versions of {context.policy.kind}"],
            advice="write that one; the policy is switched on with it",
        )
