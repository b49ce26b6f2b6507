"""A rejection in words: the setting that decides it, and how its policy reads."""

from __future__ import annotations

from rewriter import patterns as re
from rewriter.cilium.policy import KNP, Policy
from rewriter.cilium.port_validation import portless_since
from rewriter.cilium.validation import Rejection
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.enforced.enforcement import (
    value_at,
)
from rewriter.passes.kit.enforced.repair import Repaired

_INVALID_PROTOCOL = re.compile(r'invalid protocol "([^"]+)"')


def rejected_finding(
    context: Context,
    reason: Rejection,
    severity: Severity,
    message: str,
    why: str,
    advice: str = "",
    made: Repaired | None = None,
) -> Finding:
    route, value = value_at(context.policy, reason.route)
    setting = setting_text(context, reason, value)
    if setting:
        message = f"{message} ({setting})"
    advice = advice or reading_text(context.policy, route, value)
    if not advice and (made is None or made.rejected is not None):
        advice = "correct it, or delete the policy if it is unused"
    if "enable-node-selector-labels" in reason.message:
        advice = advice.replace("correct it", "set Helm `nodeSelectorLabels`")
    if made is not None and made.rejected is not None:
        advice += f"; once mended it is rejected for another reason as well: {made.rejected.message}"
    return report(
        context,
        route,
        Applicability.MANUAL if made is None else made.applicability,
        message,
        why,
        change=made.change if made else None,
        severity=severity,
        evidence=made.evidence if made else (),
        advice=advice,
    )


def setting_text(context: Context, reason: Rejection, value: object) -> str:
    """The agents' setting that would make a rejected form valid, in words."""
    port = value if isinstance(value, dict) else None
    if "ort must be specified" in reason.message and port is not None:
        protocol = str(port.get("protocol") or "ANY")
        since = portless_since("VRRP" if protocol.upper() == "ANY" else protocol)
        if since is not None:
            return f"valid with enable-extended-ip-protocols from Cilium {since} on, which is off by default"
    named = _INVALID_PROTOCOL.search(reason.message)
    since = portless_since(named[1]) if named else None
    return f"known from Cilium {since} on, with enable-extended-ip-protocols" if since is not None else ""


def reading_text(policy: Policy, route: str, value: object) -> str:
    """Both readings of an empty mapping where a list of rules is wanted."""
    name = route.rpartition("/")[2]
    if value != {} or name not in ("ingress", "egress", "ingressDeny", "egressDeny"):
        return ""
    if policy.kind == KNP:
        return f"`{name}: []` denies all {name}, `{name}: [{{}}]` allows all of it: write the one that is meant"
    return (
        f"`{name}: [{{}}]` denies all {name} that nothing else allows, `{name}: []` says nothing: write what is meant"
    )
