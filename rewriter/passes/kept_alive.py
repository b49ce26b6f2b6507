"""What an upgrade widens in a policy that a fix keeps from being rejected: the fix keeps that alive too."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.finding import Declared
from rewriter.passes import authentication, fqdn_double_star, removed_l7
from rewriter.passes.base import Context
from rewriter.passes.declared import declared

_WIDENING = (authentication.PASS, fqdn_double_star.PASS, removed_l7.PASS)


def widened_by_upgrade(context: Context) -> tuple[Declared, ...]:
    """What the rules of the policy let through after the upgrade and do not today; mostly nothing."""
    return tuple(_widened(context))


def _widened(context: Context) -> Iterator[Declared]:
    for each in _WIDENING:
        if not each.concerns(context.from_version, context.to_version):
            continue
        for finding in each.find(context):
            spec, rule = next(
                (spec, rule)
                for spec in context.policy.specs
                for rule in spec.rules
                if finding.route.startswith(f"{rule.route}/")
            )
            yield declared(f"what the upgrade widens: {finding.message}", spec, rule)
