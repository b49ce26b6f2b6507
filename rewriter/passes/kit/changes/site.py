"""Where a pass looks: a rule set, a rule of it, or an entry of one of the rule's peer fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rewriter.cilium.peers import names_init
from rewriter.cilium.policy import PeerField, Rule, Spec
from rewriter.cilium.selector import Selector
from rewriter.cilium.terms import Term
from rewriter.evidence.context import Context
from rewriter.evidence.once import once
from rewriter.finding import FlowClaim
from rewriter.passes.kit.changes.change import Change, flows_of, patch
from rewriter.passes.kit.changes.coverage import sibling, uncovered_rules
from rewriter.passes.kit.changes.forms import Form, members_of
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class RuleSite:
    """One item of ingress, ingressDeny, egress or egressDeny, with all that may be known about it."""

    context: Context
    spec: Spec
    rule: Rule

    @property
    def route(self) -> str:
        return self.rule.route

    @property
    def deny(self) -> bool:
        return self.rule.deny


@dataclass(frozen=True, slots=True)
class Site:
    """One entry of a peer field of a rule. `selector` is set where the entry is a label selector that can be read."""

    context: Context
    spec: Spec
    rule: Rule
    field: PeerField
    index: int
    selector: Selector | None = None

    @property
    def route(self) -> str:
        return self.field.entry_route(self.index)

    @property
    def deny(self) -> bool:
        return self.rule.deny

    @property
    def entry(self) -> object:
        """The entry as written: a string, or a mapping."""
        return self.field.entries[self.index]

    @property
    def text(self) -> str:
        """An entry that is a string; empty for one that is a mapping."""
        return self.entry if isinstance(self.entry, str) else ""

    @property
    def members(self) -> Form:
        """The members of an entry that is a mapping; none of one that is a string."""
        return members_of(self.entry)

    @property
    def rest(self) -> list[object]:
        """The other entries of the field."""
        return [entry for index, entry in enumerate(self.field.entries) if index != self.index]

    def becomes(self, new: object, words: str, *, instead_of: str = "") -> Change:
        """The entry becomes another: opens what the new one means.

        With `instead_of` it closes what the old one meant, but for what the new one means as well.
        """
        closes = (self.flows(instead_of, self.entry, rest=True),) if instead_of else ()
        return Change(tuple(patch(self.route, self.entry, new)), (self.flows(words, new),), closes)

    def flows(self, words: str, entry: object, terms: Iterable[Term] | None = None, *, rest: bool = False) -> FlowClaim:
        """The flows of the rule with one entry as its only peer, in words about that peer.

        With `rest`, what the policy still allows once it is fixed is not meant.
        """
        only = sibling(self.rule, {self.field.name: [entry]})
        return flows_of(self.context, self.spec, self.rule, words, only, terms=terms, rest=rest)

    def is_covered(self, new: Mapping[str, object] | str) -> bool:
        """Whether other entries of the field, or other rules of the list, mean already what a new entry would."""
        besides = [{**self.rule.raw, self.field.name: self.rest}] if self.rest else []
        wanted = sibling(self.rule, {self.field.name: [new]})
        return not uncovered_rules(self.context, self.rule, [wanted], besides=besides)


@once
def rule_sites(context: Context) -> Iterator[RuleSite]:
    """Every rule of the policy, deny rules included."""
    for spec in context.policy.specs:
        for rule in spec.rules:
            yield RuleSite(context, spec, rule)


@once
def entries(context: Context, *names: str) -> Iterator[Site]:
    """The entries of these peer fields, of rules that every release reads: one kind of peer, none of them empty.

    Malformed selectors are left out. In a NetworkPolicy the fields are `from` and `to`.
    """
    for spec in context.policy.specs:
        for rule in spec.rules:
            fields = [field for field in rule.peers if field.entries]
            if rule.selects_nobody or len(fields) != 1 or fields[0].name not in names:
                continue
            field = fields[0]
            for index in range(len(field.entries)):
                selector = field.selectors[index] if field.selectors else None
                if not field.selectors or selector is not None:
                    yield Site(context, spec, rule, field, index, selector)


def selectors(context: Context, *names: str) -> Iterator[Site]:
    """The entries that are label selectors, of rule sets whose subject has an identity of its own (not `init`)."""
    for site in entries(context, *names):
        if site.selector is not None and not names_init(site.spec.subject):
            yield site
