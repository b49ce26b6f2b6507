"""What an upgrade widens in a policy that a fix keeps from being rejected: the fix keeps that alive too."""

from __future__ import annotations

from rewriter.passes import authentication, fqdn_double_star, removed_l7
from rewriter.passes.base import Context

_WIDENING = (authentication.PASS, fqdn_double_star.PASS, removed_l7.PASS)


def widened_by_upgrade(context: Context) -> tuple[str, ...]:
    """What the rules of the policy let through after the upgrade and do not today, one text each; mostly nothing."""
    return tuple(
        f"what the upgrade widens: {finding.message}"
        for each in _WIDENING
        if each.concerns(context.from_version, context.to_version)
        for finding in each.find(context)
    )
