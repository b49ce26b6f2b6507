"""What findings declare, compiled so that the flows of a step can be held against it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter.cilium.compile import Entry, PortGrant
from rewriter.cilium.peers import canonical_json
from rewriter.cilium.policy import Policy, Spec
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.ports import EVERYTHING
from rewriter.cilium.settings import Facts, Settings
from rewriter.cilium.terms import ANYTHING, LabelTerm, Term, label_term
from rewriter.engine.effects.readings import readings
from rewriter.finding import Applicability, Finding, FlowClaim
from rewriter.reach.difference import DIRECTIONS
from rewriter.reach.world import CompiledClaims


def compile_claims(
    finding: Finding, policy: Policy, source: Settings, target: Settings, facts: Facts
) -> CompiledClaims | None:
    """The flows that a finding of a policy declares; None where it declares that no flow changes."""
    if finding.applicability is Applicability.SAFE or not (finding.opens or finding.closes):
        return None

    known: _Readings = {}

    def read(of: Policy, spec: Spec, direction: str, rule: Mapping[str, Any]) -> list[Sequence[Entry]]:
        key = (id(of), spec.route, direction, canonical_json(rule))
        if key not in known:
            known[key] = readings(of, spec, direction, rule, (source, target), facts)
        return known[key]

    def compiled(claims: Iterable[FlowClaim]) -> PolicySet:
        entries = [entry for claim in claims for entry in _entries(claim, policy, read)]
        return PolicySet(target, tuple(enumerate(dict.fromkeys(entries))), ())

    return CompiledClaims(compiled(finding.opens), compiled(finding.closes))


def merge_claims(claims: Sequence[CompiledClaims | None]) -> CompiledClaims | None:
    """All that several steps of one policy declare."""
    given = [claim for claim in claims if claim is not None]
    if not given:
        return None

    def joined(sets: Sequence[PolicySet]) -> PolicySet:
        entries = dict.fromkeys(entry for policies in sets for _, entry in policies.entries)
        return PolicySet(sets[0].settings, tuple(enumerate(entries)), ())

    return CompiledClaims(
        joined([compiled_claims.opens for compiled_claims in given]),
        joined([compiled_claims.closes for compiled_claims in given]),
    )


_Readings = dict[tuple[int, str, str, str], list[Sequence[Entry]]]
_Read = Callable[[Policy, Spec, str, Mapping[str, Any]], list[Sequence[Entry]]]
"""One rule of a rule set by itself, as today's settings read it and as those of the target do."""


def _entries(claim: FlowClaim, policy: Policy, read: _Read) -> Iterator[Entry]:
    policy = claim.policy or policy
    directions = [claim.direction] if claim.direction else DIRECTIONS
    specs = [spec for spec in policy.specs if spec.route == claim.spec]
    for direction in directions:
        if not claim.spec:
            for is_node in (False, True):
                yield Entry("", direction, False, True, ANYTHING, is_node, _peers(claim), _EVERY_PORT)
        for spec in specs:
            yield from _of_spec(claim, policy, spec, direction, read)


_EVERY_PORT = (PortGrant(EVERYTHING),)


def _peers(claim: FlowClaim) -> tuple[Term, ...]:
    return (ANYTHING,) if claim.peers is None else claim.peers


def _of_spec(claim: FlowClaim, policy: Policy, spec: Spec, direction: str, read: _Read) -> Iterator[Entry]:
    """The flows with the subject of one rule set, read as each of the settings reads them.

    Requirements narrow the rules that are declared with them, as the same settings read these.
    """
    rules = ({},) if claim.rules is None else claim.rules
    readings = [read(policy, spec, direction, rule) for rule in rules]
    for reading in zip(*readings, strict=True):
        # Rules that are declared several times are read once, and count once.
        entries = list({id(entry): entry for found in reading for entry in found}.values())
        required = [term for entry in entries for term in entry.required]
        for entry in entries:
            if claim.rules is None:
                yield replace(entry, peers=_peers(claim), ports=_EVERY_PORT)
            elif claim.peers is not None:
                yield replace(entry, peers=claim.peers, required=(), endpoint_peers=False)
            else:
                yield _narrowed(entry, required)


def _narrowed(entry: Entry, required: Sequence[LabelTerm]) -> Entry:
    """An entry whose peers meet requirements, and that has none of its own."""
    if entry.endpoint_peers and required:
        conditions = [condition for term in required for condition in term.conditions]
        pods = [peer for peer in entry.peers if isinstance(peer, LabelTerm)]
        entry = replace(entry, peers=tuple(label_term([*peer.conditions, *conditions]) for peer in pods))
    return replace(entry, required=(), endpoint_peers=False)
