"""What passes say of policies in a template that is masked, not rendered: findings without fixes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from rewriter import yamltext
from rewriter.cilium.policy import Rule
from rewriter.engine.documents.masks import Masked
from rewriter.engine.documents.read import FoundPolicy
from rewriter.engine.documents.templates import BESIDE, Unread, filled_in, restored
from rewriter.engine.pipeline.document import fix_document
from rewriter.engine.pipeline.hooks import FileHooks
from rewriter.engine.results.result import Reported

_LEFT = "the policy stands in a template, and what becomes of an edit is not proved without rendering it"


def find_in_template(
    document: yamltext.Document, hooks: FileHooks, mask: Masked, why: str = ""
) -> tuple[list[Reported], list[Unread]]:
    """The findings of a masked document, and what of it cannot be read: a member of the rules that is filled in.

    `why` says why it is not rendered.
    """
    hooks = replace(hooks, policies=partial(_policies, hooks, f"{_LEFT} ({why})" if why else _LEFT))
    policies = hooks.policies(document.value)
    for policy in policies:
        name = filled_in(policy.policy.raw)
        if name:
            offset = _offset(document, mask)
            return [], [Unread(offset, f"the template fills in `{name}` as a whole")]
        if any(_is_mixed(rule, mask) for rule in policy.policy.rules()):
            return [], [Unread(_offset(document, mask), "the template fills in peers of a rule that has others")]
    passes = tuple(pass_ for pass_ in hooks.passes if not ((mask.steered or mask.rules) and pass_.id in BESIDE))
    own = replace(hooks, passes=passes, previews=True)
    # A baseline knows findings as they are shown: by what the template says, not by what is put there to read it.
    outcome = fix_document(document, replace(own, known=lambda batch: [False] * len(batch)), policies)
    found = [restored(item, mask) for item in outcome.findings if not _rests_on_a_value(item, mask)]
    known = hooks.known([(item.finding, item.location) for item in found])
    return [item for item, is_known in zip(found, known, strict=True) if not is_known], []


def _rests_on_a_value(found: Reported, mask: Masked) -> bool:
    """Whether a finding names what the template fills in: whether it holds is then for the value to say."""
    return any(name.removeprefix("$") in found.finding.message for name in mask.names)


def _is_mixed(rule: Rule, mask: Masked) -> bool:
    """Whether a rule has peers beside those that the template fills in, so that it is not known which they are."""
    return len(rule.peers) > 1 and any(name in str(peer.entries) for name in mask.rules for peer in rule.peers)


def _policies(hooks: FileHooks, left: str, value: object) -> Sequence[FoundPolicy]:
    return [replace(found_policy, left=found_policy.left or left) for found_policy in hooks.policies(value)]


def _offset(document: yamltext.Document, mask: Masked) -> int:
    """Where the first placeholder of a document stands."""
    places = [document.text.find(name, document.span.start) for name in mask.names]
    return min((place for place in places if place >= 0), default=document.span.start)
