"""A policy that patches change, as it is built, and what passes find in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter import yamltext
from rewriter.engine.documents.read import FoundPolicy, policies_in
from rewriter.engine.overlays.target import Target
from rewriter.engine.overlays.texts import Texts
from rewriter.engine.overlays.traced import Node, Origin, origin_of, plain, written_at
from rewriter.engine.pipeline.document import fix_document
from rewriter.engine.pipeline.hooks import FileHooks, Outcome
from rewriter.engine.results.result import Location, Reported
from rewriter.evidence.context import Context
from rewriter.finding import Finding
from rewriter.inventory.delivery.patched_policies import PatchedPolicy
from rewriter.inventory.texts.manifests import mapping
from rewriter.records import dataclass
from rewriter.yamltext.document import equal

_RULES = ("spec", "specs")


@dataclass(frozen=True, slots=True)
class Judged:
    """A built policy. `words` name the kustomization that builds it; `trace` says where its parts are written.

    `value` is what is built, at the position `index`; `left` says why no fix of it can be proved,
    `target` is what builds it.
    """

    policy: PatchedPolicy
    value: Mapping[str, Any]
    trace: Node
    words: str
    left: str = ""
    index: int = 0
    target: Target | None = None

    @property
    def document(self) -> yamltext.Document:
        """The built policy as a document of its own."""
        return yamltext.parse(json.dumps(self.value, indent=2) + "\n")[0]

    @property
    def is_traced(self) -> bool:
        """Whether the rules are those that base and patches make, so that each part of them is known to be written."""
        own = plain(self.trace)
        return all(equal(self.value.get(name), mapping(own).get(name)) for name in _RULES)

    def origin(self, route: str) -> Origin:
        """Where what stands at a route of the built policy is written."""
        return origin_of(self.trace, route)

    def located(self, reported: Reported, texts: Texts) -> Reported:
        """A finding of the built policy at its place in the text that causes it."""
        finding = reported.finding
        origin = self.origin(finding.route)
        at_key = finding.at_key and origin.exact
        line, column, end_line, end_column = texts.place(origin.at, origin.route, at_key=at_key)
        location = replace(
            reported.location,
            file=origin.at.path,
            line=line,
            column=column,
            end_line=end_line,
            end_column=end_column,
            document=origin.at.document,
        )
        route = origin.at.route or origin.route
        return replace(reported, location=location, finding=replace(finding, route=route), change=())


def judge(
    judged: Judged, hooks: FileHooks, texts: Texts, left_out: Callable[[Reported], str] = lambda _reported: ""
) -> Outcome:
    """What passes say of a built policy. Places of its findings are those of the built policy."""

    def there(finding: Finding, location: Location) -> Location:
        return judged.located(Reported(finding, location), texts).location

    def context(found: FoundPolicy, _comments: object, _comments_at: object) -> Context:
        """What passes see of the policy, with the comments of the texts: what is built has none."""
        at = judged.policy.base

        def comments_at(route: str) -> tuple[str, ...]:
            origin = written_at(judged.trace, route, found.policy.raw)
            return texts.comments_at(origin.at, origin.route) if origin is not None else ()

        return hooks.context(found, lambda: texts.comments(at), comments_at)

    own = replace(
        hooks,
        context=context,
        policies=lambda value: policies(value, hooks),
        silenced=lambda finding, location: hooks.silenced(finding, there(finding, location)),
        known=lambda batch: hooks.known([(finding, there(finding, location)) for finding, location in batch]),
        left_out=left_out,
        observe=None,
    )
    document = judged.document
    return fix_document(document, own, own.policies(document.value))


def policies(value: object, hooks: FileHooks) -> Sequence[FoundPolicy]:
    """The policy of a built document; one that is built without a namespace lands where its base does."""

    def namespace_of(manifest: dict[str, Any]) -> str | None:
        own = mapping(manifest.get("metadata")).get("namespace")
        if isinstance(own, str) and own:
            return own
        found = hooks.policies(manifest)
        return found[0].policy.namespace if found and found[0].namespace_known else None

    return policies_in(value, namespace_of)
