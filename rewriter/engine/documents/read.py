"""From a file's bytes to its policies, with their place in the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rewriter import yamltext
from rewriter.cilium.policy import RULES, Policy, is_policy, read_policy
from rewriter.finding import Fix
from rewriter.records import dataclass

#: How a namespaceless manifest's namespace is found: the namespace, or None where it is unknown.
NamespaceOf = Callable[[dict[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class FoundPolicy:
    """A policy of a document, and whether the namespace that it lands in is known.

    `holder` is the manifest of another kind that holds it, None where it stands by itself. `whole` is False where only
    its rules stand at its route, and what names it elsewhere. `left` says why it is not rewritten, whatever is found.
    `text_route` is the route of the holder's text that it stands in, empty where it is no text there.
    """

    policy: Policy
    namespace_known: bool
    holder: Mapping[str, Any] | None = None
    whole: bool = True
    left: str = ""
    text_route: str = ""


def policies_in(value: Any, namespace_of: NamespaceOf) -> list[FoundPolicy]:
    """The policies of one document: the document itself, or the items of a List (nested Lists too).

    None where the document is encrypted.
    """
    if is_encrypted(value):
        return []
    return [_found(manifest, route, namespace_of) for manifest, route in _manifests(value, "", 0)]


def is_encrypted(value: Any) -> bool:
    """Whether a document is encrypted by SOPS: then its values are not what the cluster gets."""
    return isinstance(value, dict) and isinstance(value.get("sops"), dict)


def _found(manifest: dict[str, Any], route: str, namespace_of: NamespaceOf) -> FoundPolicy:
    namespace = namespace_of(manifest)
    policy = read_policy(manifest, namespace=namespace, base=route, known=RULES)
    return FoundPolicy(policy, namespace is not None)


def _manifests(value: Any, route: str, depth: int) -> Iterator[tuple[dict[str, Any], str]]:
    if is_policy(value):
        yield value, route
    elif isinstance(value, dict) and depth < 4:
        kind, items = value.get("kind"), value.get("items")
        if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
            item_kind = kind.removesuffix("List")
            for index, item in enumerate(items):
                if isinstance(item, dict) and item_kind and "kind" not in item:
                    item = {"apiVersion": value.get("apiVersion"), "kind": item_kind, **item}
                yield from _manifests(item, f"{route}/items/{index}", depth + 1)


def why_left(found: FoundPolicy, fix: Fix) -> str:
    """Why a fix does not go to a policy's text, in words; empty where it may."""
    if found.left or found.whole:
        return found.left
    rules = (f"{found.policy.route}/spec/", f"{found.policy.route}/specs/")
    outside = any(not str(operation["path"]).startswith(rules) for operation in fix.operations)
    return "the fix changes more than the rules, and only they stand here" if outside else ""


def slice_of(document: yamltext.Document) -> str:
    """A document's own text, which parses alone to the same value."""
    return document.text[document.span.start : document.span.end]
