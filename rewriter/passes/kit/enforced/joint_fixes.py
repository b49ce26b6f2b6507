"""Fixes of unknown fields that only together make a policy that the agent takes."""

from __future__ import annotations

from rewriter.evidence.context import Context
from rewriter.passes.kit.enforced.field_faults import Fault
from rewriter.passes.kit.enforced.repair import repaired
from rewriter.passes.kit.enforced.schema_fix import FieldFix, together

Fixes = list[tuple[Fault, FieldFix]]
"""The faults that are mended together, each with its fix."""


def joined(context: Context, found: list[Fixes]) -> list[Fixes]:
    """The fixes of all rules as one where the agent rejects the policy as long as any of them is missing."""
    every = [fix for fixes in found for fix in fixes]
    if len(found) < 2 or not any(_still_rejected(context, fixes) for fixes in found):
        return found
    return found if _still_rejected(context, every) else [every]


def _still_rejected(context: Context, fixes: Fixes) -> bool:
    fix = together([fix for _, fix in fixes])
    return repaired(context, fix.target, fix.operations, narrows=fix.narrows).rejected is not None
