"""From a fix of a built policy to one of the text that it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rewriter.engine.overlays.texts import TextError, Texts
from rewriter.engine.overlays.traced import NotTracedError, plain, traced, translated
from rewriter.engine.proofs import ProofError, patched
from rewriter.finding import Operation
from rewriter.inventory.manifests import mapping
from rewriter.inventory.patched_policies import PatchedPolicy
from rewriter.inventory.patches import Patch, TextAt
from rewriter.yamltext.document import equal


def reread(policy: PatchedPolicy, texts: Texts) -> PatchedPolicy:
    """A policy with what its texts say by now. Raises TextError."""
    manifest = texts.value(policy.base)
    if not isinstance(manifest, dict):
        raise TextError("the policy cannot be found again")
    patches = tuple(_with_value(each, texts.value(each.at)) for each in policy.patches if each.at)
    return replace(policy, manifest=manifest, patches=patches)


def translated_fix(
    policy: PatchedPolicy, built: Any, operations: Sequence[Operation]
) -> tuple[TextAt, list[Operation]]:
    """The text that a fix of the built policy goes to, and its operations there.

    Raises NotTracedError where the fix goes to more than one text, or where base and patches make something else of
    one of its operations.
    """
    found: dict[TextAt, list[Operation]] = {}
    for operation in operations:
        at, made = translated(traced(policy), operation)
        found.setdefault(at, []).append(made)
        policy = _changed(policy, at, made)
        try:
            built = patched(built, [operation])
        except ProofError as error:
            raise NotTracedError(str(error)) from None
        told = plain(traced(policy))
        if any(not equal(told.get(name), mapping(built).get(name)) for name in ("spec", "specs")):
            raise NotTracedError("a patch makes something else of the fix")
    if len(found) != 1:
        raise NotTracedError("the fix would change more than one text")
    return next(iter(found.items()))


def _changed(policy: PatchedPolicy, at: TextAt, operation: Operation) -> PatchedPolicy:
    """A policy with an operation made in one of its texts."""
    try:
        if at == policy.base:
            return replace(policy, manifest=patched(policy.manifest, [operation]))
        return replace(
            policy,
            patches=tuple(
                _with_value(each, patched(_value(each), [operation])) if each.at == at else each
                for each in policy.patches
            ),
        )
    except ProofError as error:
        raise NotTracedError(str(error)) from None


def _value(patch: Patch) -> Any:
    return patch.merge if patch.merge is not None else [dict(each) for each in patch.operations]


def _with_value(patch: Patch, value: Any) -> Patch:
    if patch.merge is not None and isinstance(value, dict):
        return replace(patch, merge=value)
    if patch.merge is None and isinstance(value, list):
        return replace(patch, operations=tuple(value))
    raise TextError("a patch cannot be found again")
