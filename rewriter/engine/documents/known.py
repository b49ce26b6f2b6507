"""The policies of documents that a run looks at again and again, read once."""

from __future__ import annotations

from rewriter.engine.documents.filled import is_filled
from rewriter.engine.documents.holders import held_policies
from rewriter.engine.documents.read import FoundPolicy, NamespaceOf, policies_in

#: The policies of so many values are remembered.
_MOST = 16


class KnownPolicies:
    """The policies of the values that were read last, by the path of their file and the very value; none changes.

    What fixes make of a document, its new text and the second run all have one value: then the policies are the same
    ones, with what is remembered of them.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[object, list[FoundPolicy]]] = {}

    def of(self, path: str, value: object, namespace_of: NamespaceOf) -> list[FoundPolicy]:
        """The policies of a document: itself, the items of a List, or those inside a manifest of another kind.

        Of the last ones markup fills none in: what it makes of their rules is not known.
        """
        key = path, id(value)
        if key not in self._known:
            found = policies_in(value, namespace_of) or [
                found_policy
                for found_policy in held_policies(value, namespace_of)
                if not is_filled(found_policy.policy.raw)
            ]
            self._known[key] = value, found
            if len(self._known) > _MOST:
                del self._known[next(iter(self._known))]
        return self._known[key][1]
