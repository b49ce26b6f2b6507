"""Which directions a rule set denies, and which of its rules say nothing."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.cilium.nodes import DefaultDeny
from rewriter.cilium.policy import EGRESS, INGRESS, Policy, Spec
from rewriter.evidence.context import Context
from rewriter.finding import FlowClaim
from rewriter.passes.kit.changes.claims import all_other
from rewriter.text import short_text, subject_text

LISTS = ("ingress", "ingressDeny", "egress", "egressDeny")


_DENYING = re.compile(r"deny|denie|lock-?down|isolat|default", re.IGNORECASE)


def has_no_rules(spec: Spec) -> bool:
    """Whether a rule set has no item in any of its lists. A malformed list counts as one with items."""
    lists = [spec.raw.get(name) for name in LISTS]
    return all(items is None or items == [] for items in lists) and any(
        name in spec.members for name in ("endpointSelector", "nodeSelector")
    )


def denied_claims(policy: Policy, spec: Spec) -> Iterator[FlowClaim]:
    """What rule sets without a rule deny once they have one: this one, then others that are waiting for the same."""
    waiting = [other for other in policy.specs if other is not spec and has_no_rules(other)]
    for other in (spec, *waiting):
        subject = subject_text(policy, other)
        for direction in directions_of(other):
            yield all_other(f"all {direction} of {subject}", other, direction)


def directions_of(spec: Spec) -> list[str]:
    """The directions that the rule set names, ingress where it names none, without those never denied."""
    denied = denied_by_name(spec)
    spoken = [n for n in (INGRESS, EGRESS) if n in spec.members or f"{n}Deny" in spec.members or n in denied]
    types = spec.raw.get("policyTypes")
    if not spoken and isinstance(types, list):
        spoken = [name for name in (INGRESS, EGRESS) if name.capitalize() in types]
    return [name for name in spoken or [INGRESS] if name not in opened_by_name(spec)]


def denied_by_name(spec: Spec) -> list[str]:
    """The directions for which `enableDefaultDeny` is written true."""
    written = spec.default_deny
    return [name for name in (INGRESS, EGRESS) if isinstance(written, DefaultDeny) and name in written.denied]


def opened_by_name(spec: Spec) -> list[str]:
    """The directions for which `enableDefaultDeny` is written and not true: no rule makes a default deny there."""
    written = spec.default_deny
    return [name for name in written.members if name not in written.denied] if isinstance(written, DefaultDeny) else []


def says_deny(context: Context, spec: Spec) -> tuple[str, ...]:
    """What says that denying was meant, as evidence."""
    described = [spec.raw.get("description"), *context.policy.annotations.values()]
    sources = [(context.policy.name, "the name `{}`")]
    sources += [(f"enableDefaultDeny.{direction}: true", "`{}` of the rule set") for direction in denied_by_name(spec)]
    sources += [(text, 'the description "{}"') for text in described if isinstance(text, str)]
    sources += [(text, 'the comment "{}"') for text in context.comments() if "cnpfix:" not in text]
    return tuple(words.format(short_text(text.strip("# "))) for text, words in sources if _DENYING.search(text))[:3]
