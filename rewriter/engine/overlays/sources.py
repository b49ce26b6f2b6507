"""From a fix of a built policy to one of the text that it comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import jsonpointer

from rewriter.cilium.digits import is_number
from rewriter.engine.overlays.texts import TextError, Texts
from rewriter.engine.overlays.traced import NotTracedError, origin_of, plain, traced, translated, written
from rewriter.engine.proofs.manifest import ProofError, patched
from rewriter.finding import Operation
from rewriter.inventory.delivery.patched_policies import PatchedPolicy
from rewriter.inventory.delivery.patches import Patch, TextAt
from rewriter.inventory.delivery.post_renderers import value_at
from rewriter.inventory.delivery.substitution import rewritten
from rewriter.inventory.texts.manifests import mapping
from rewriter.text import join_names
from rewriter.yamltext.document import equal

_RULE_SETS = ("spec", "specs")
_RULES = frozenset({"ingress", "egress", "ingressDeny", "egressDeny"})


def reread(policy: PatchedPolicy, texts: Texts) -> PatchedPolicy:
    """A policy with what its texts say by now. Raises TextError."""
    manifest = jsonpointer.resolve_pointer(texts.value(policy.base), policy.item, None)
    if not isinstance(manifest, dict):
        raise TextError("the policy cannot be found again")
    patches = tuple(_with_value(patch, texts.value(patch.at)) for patch in policy.patches if patch.at)
    return replace(policy, manifest=manifest, patches=patches)


def translated_fix(
    policy: PatchedPolicy, built: Any, operations: Sequence[Operation], *, append: bool = False
) -> tuple[TextAt, list[Operation]]:
    """The text that a fix of the built policy goes to, and its operations there.

    A new rule goes to the end of its list if `append` says so, or where a patch would count others otherwise.

    Raises NotTracedError where the fix goes to more than one text, or where base and patches make something else of
    one of its operations.
    """
    found: dict[TextAt, list[Operation]] = {}
    left = list(operations)
    while left:
        operation = left.pop(0)
        try:
            built = patched(built, [operation])
        except ProofError as error:
            raise NotTracedError(str(error)) from None
        at, made = translated(traced(policy), operation)
        if "${" in str(old := _replaced(policy, operation)):
            made = {**made, "value": _literal(policy, old, operation)}
        changed = _changed(policy, at, made)
        as_it_is = same_rules(plain(traced(changed)), built, ordered=True)
        if append or not as_it_is:
            # Patches count items: what stands before those that they mean moves them, what stands behind does not.
            appended = _appended(policy, at, made)
            if appended is not None:
                made, changed = dict(appended), _changed(policy, at, appended)
            own = plain(traced(changed))
            if not same_rules(own, built, ordered=appended is None):
                raise NotTracedError(f"{_changing(policy)} turns the fix into something else")
            if appended is not None:
                left = [_moved(later, operation, built, own) for later in left]
                built = {**built, **{name: own[name] for name in _RULE_SETS if name in own}}
        found.setdefault(at, []).append(made)
        policy = changed
    if len(found) != 1:
        raise NotTracedError("the fix would change more than one text")
    return next(iter(found.items()))


def _changing(policy: PatchedPolicy) -> str:
    """The patches that change the rules of a policy, in words."""
    return (
        join_names(dict.fromkeys(patch.words for patch in policy.patches if patch.changes_rules)) or "what applies it"
    )


def same_rules(value: Any, other: Any, *, ordered: bool = False) -> bool:
    """Whether two policies say the same; unless `ordered`, with the rules of a list in any order: none comes first."""
    first, second = ({name: mapping(version).get(name) for name in _RULE_SETS} for version in (value, other))
    return equal(first, second) or (not ordered and equal(_sorted(first), _sorted(second)))


def _sorted(rule_sets: Mapping[str, Any]) -> Any:
    """Rule sets with the lists of their rules in an order of their own."""
    return {name: [_in_order(rule) for rule in _as_list(value)] for name, value in rule_sets.items()}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _in_order(rule_set: Any) -> Any:
    return {
        name: sorted(value, key=lambda rule: json.dumps(rule, sort_keys=True, default=str))
        if name in _RULES and isinstance(value, list)
        else value
        for name, value in mapping(rule_set).items()
    } or rule_set


def _appended(policy: PatchedPolicy, at: TextAt, operation: Operation) -> Operation | None:
    """An insertion into a list of rules of the base at the end of it; None for any other operation.

    Nor where a transformer counts rules, or a patch that means policies by labels or by a pattern: whom it counts in is
    then for other files to say.
    """
    above, _, token = str(operation["path"]).rpartition("/")
    rules = above.rpartition("/")[2] in _RULES and is_number(token) and operation["op"] == "add"
    named = all(_is_plain(patch) for patch in policy.patches if patch.changes_rules)
    return {**operation, "path": f"{above}/-"} if rules and named and at == policy.base else None


def _moved(operation: Operation, added: Operation, before: Any, now: Any) -> Operation:
    """An operation that counts rules, one of which was added, where that rule came to stand elsewhere than `added`.

    Raises NotTracedError where no operation on the list as it is now means the same rule.
    """
    above, _, token = str(added["path"]).rpartition("/")
    at, old, new = int(token), value_at(before, above), value_at(now, above)
    rest = [*old[:at], *old[at + 1 :]]
    places = [n for n in range(len(new)) if equal(new[n], old[at]) and equal([*new[:n], *new[n + 1 :]], rest)]
    if not places:
        raise NotTracedError("a patch would turn the fix into something else")

    def mapped(path: str) -> str:
        start, slash, below = path.removeprefix(f"{above}/").partition("/")
        if not path.startswith(f"{above}/") or not is_number(start):
            return path
        index = int(start) - (int(start) > at)
        index = places[-1] if int(start) == at else index + (index >= places[-1])
        return f"{above}/{index}{slash}{below}"

    return {**operation, **{name: mapped(str(operation[name])) for name in ("path", "from") if name in operation}}


def _is_plain(patch: Patch) -> bool:
    selected = any(patch.target.get(key) for key in ("labelSelector", "annotationSelector"))
    return (
        not selected
        and not patch.by_transformer
        and re.fullmatch(r"[\w.-]*", str(patch.target.get("name") or "")) is not None
    )


def _replaced(policy: PatchedPolicy, operation: Operation) -> Any:
    """What an operation takes away, as it is written."""
    if operation["op"] not in ("replace", "remove", "move"):
        return None
    found = origin_of(written(policy), str(operation.get("from", operation["path"])))
    if found.at == policy.base:
        return jsonpointer.resolve_pointer(policy.manifest, found.route.removeprefix(policy.item), None)
    value: Any = None
    for patch in policy.patches:
        value = _value(patch) if patch.at == found.at else value
    return jsonpointer.resolve_pointer(value, found.route, None)


def _literal(policy: PatchedPolicy, old: Any, operation: Operation) -> str:
    """The text with variables that makes the value of an operation, where it differs in what is no variable."""
    new = operation.get("value")
    if operation["op"] == "replace" and isinstance(old, str) and isinstance(new, str):
        made = rewritten(old, *(policy.variables or ({}, False)), new)
        if made is not None:
            return made
    raise NotTracedError("the fix would overwrite a variable that Flux fills in")


def _changed(policy: PatchedPolicy, at: TextAt, operation: Operation) -> PatchedPolicy:
    """A policy with an operation made in one of its texts."""
    try:
        if at == policy.base:
            inside = {**operation, "path": str(operation["path"]).removeprefix(policy.item)}
            if "from" in operation:
                inside["from"] = str(operation["from"]).removeprefix(policy.item)
            return replace(policy, manifest=patched(policy.manifest, [inside]))
        return replace(
            policy,
            patches=tuple(
                _with_value(patch, patched(_value(patch), [operation])) if patch.at == at else patch
                for patch in policy.patches
            ),
        )
    except ProofError as error:
        raise NotTracedError(str(error)) from None


def _value(patch: Patch) -> Any:
    return patch.merge if patch.merge is not None else [dict(operation) for operation in patch.operations]


def _with_value(patch: Patch, value: Any) -> Patch:
    if patch.merge is not None and isinstance(value, dict):
        return replace(patch, merge=value)
    if patch.merge is None and isinstance(value, list):
        return replace(patch, operations=tuple(value))
    raise TextError("a patch cannot be found again")
