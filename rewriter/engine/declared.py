"""What findings declare, compiled so that the flows of a step can be held against it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from rewriter.cilium.compile import Entry, PortGrant, compile_policy
from rewriter.cilium.policy import Policy, Spec, read_policy
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.ports import EVERYTHING
from rewriter.cilium.settings import Facts, Settings
from rewriter.cilium.terms import ANYTHING, LabelTerm, Term, label_term
from rewriter.cilium.validation import rejection
from rewriter.cilium.version import BARE_ADDRESS_REJECTED, REQUIRES_REMOVED, SUPPORTED, Version
from rewriter.finding import Applicability, Declared, Finding
from rewriter.passes.bare_address import bare_addresses
from rewriter.passes.placeholders import has_placeholder, substituted
from rewriter.passes.rules import alone
from rewriter.reach.difference import DIRECTIONS
from rewriter.reach.world import Declaration


def declaration(
    finding: Finding, policy: Policy, source: Settings, target: Settings, facts: Facts
) -> Declaration | None:
    """The flows that a finding of a policy declares; None where it declares that no flow changes."""
    if finding.applicability is Applicability.SAFE or not (finding.opens or finding.closes):
        return None

    def compiled(said: Iterable[Declared]) -> PolicySet:
        entries = [entry for each in said for entry in _entries(each, policy, source, target, facts)]
        return PolicySet(target, tuple(enumerate(dict.fromkeys(entries))), ())

    return Declaration(compiled(finding.opens), compiled(finding.closes))


def together(declarations: Sequence[Declaration | None]) -> Declaration | None:
    """All that several steps of one policy declare."""
    given = [each for each in declarations if each is not None]
    if not given:
        return None

    def joined(sets: Sequence[PolicySet]) -> PolicySet:
        entries = dict.fromkeys(entry for each in sets for _, entry in each.entries)
        return PolicySet(sets[0].settings, tuple(enumerate(entries)), ())

    return Declaration(joined([each.opens for each in given]), joined([each.closes for each in given]))


def _entries(said: Declared, policy: Policy, source: Settings, target: Settings, facts: Facts) -> Iterator[Entry]:
    policy = said.policy or policy
    directions = [said.direction] if said.direction else DIRECTIONS
    specs = [spec for spec in policy.specs if spec.route == said.spec]
    for direction in directions:
        if not said.spec:
            for is_node in (False, True):
                yield Entry("", direction, False, True, ANYTHING, is_node, _peers(said), _EVERY_PORT)
        for spec in specs:
            yield from _of_spec(said, policy, spec, direction, (source, target), facts)


_EVERY_PORT = (PortGrant(EVERYTHING),)
_REQUIREMENTS = frozenset({"fromRequires", "toRequires"})


def _peers(said: Declared) -> tuple[Term, ...]:
    return (ANYTHING,) if said.peers is None else said.peers


def _of_spec(
    said: Declared, policy: Policy, spec: Spec, direction: str, settings: Sequence[Settings], facts: Facts
) -> Iterator[Entry]:
    """The flows with the subject of one rule set, read as each of the settings reads them.

    Requirements narrow the rules that are declared with them, as the same settings read these.
    """
    rules = ({},) if said.rules is None else said.rules
    read = [_readings(policy, spec, direction, rule, settings, facts) for rule in rules]
    for reading in zip(*read, strict=True):
        entries = [entry for found in reading for entry in found]
        required = [term for entry in entries for term in entry.required]
        for entry in entries:
            if said.rules is None:
                yield replace(entry, peers=_peers(said), ports=_EVERY_PORT)
            elif said.peers is not None:
                yield replace(entry, peers=said.peers, required=(), endpoint_peers=False)
            else:
                yield _narrowed(entry, required)


def _narrowed(entry: Entry, required: Sequence[LabelTerm]) -> Entry:
    """An entry whose peers meet requirements, and that has none of its own."""
    if entry.endpoint_peers and required:
        conditions = [condition for term in required for condition in term.conditions]
        pods = [peer for peer in entry.peers if isinstance(peer, LabelTerm)]
        entry = replace(entry, peers=tuple(label_term([*peer.conditions, *conditions]) for peer in pods))
    return replace(entry, required=(), endpoint_peers=False)


def _readings(
    policy: Policy, spec: Spec, direction: str, rule: Mapping[str, Any], settings: Sequence[Settings], facts: Facts
) -> list[Sequence[Entry]]:
    """One rule by itself, as each of the settings reads it; where all reject it, as some release does.

    A rule of a policy that is not enforced may be one that no release between the two accepts.
    """
    manifest = alone(policy, spec, direction, [rule])
    if has_placeholder(manifest):
        manifest = substituted(manifest)
    readings = [_read(manifest, each, facts) for each in settings]
    if not any(readings):
        others = (replace(settings[-1], version=version) for version in reversed(SUPPORTED))
        readings[-1] = next((found for each in others if (found := _read(manifest, each, facts))), ())
    return readings


def _read(manifest: Mapping[str, Any], settings: Settings, facts: Facts) -> Sequence[Entry]:
    """The entries of a manifest; none where it is rejected for more than what fixes mend.

    Requirements, gone since 1.19, narrow what they narrowed before: that is what a fix makes of them.
    """
    if _accepts(manifest, settings):
        return compile_policy(read_policy(manifest), settings, facts)
    mended = _mended(manifest, settings.version)
    if not _accepts(mended, settings):
        return ()
    # Of every cluster: the fix writes the requirement into selectors, which say themselves which clusters they mean.
    before = replace(settings, version=REQUIRES_REMOVED.previous, default_local_cluster=False)
    required = compile_policy(read_policy(_with_rules(manifest, _requirements)), before)
    entries = compile_policy(read_policy(mended), settings, facts)
    return [replace(entry, required=narrowed.required) for entry, narrowed in zip(entries, required, strict=True)]


def _mended(manifest: Mapping[str, Any], version: Version) -> dict[str, Any]:
    """The manifest without what a release rejects and a fix takes away: requirements, and bare addresses."""
    gone = _REQUIREMENTS if version >= REQUIRES_REMOVED else frozenset()
    made = _with_rules(manifest, lambda rule: {name: item for name, item in rule.items() if name not in gone})
    if version >= BARE_ADDRESS_REJECTED:
        for rule in read_policy(made).rules():
            raw: Any = rule.raw
            for route, full in bare_addresses(rule).items():
                name, index = route.rsplit("/", 2)[1:]
                raw[name][int(index)] = full
    return made


def _requirements(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in rule.items() if name in _REQUIREMENTS}


def _with_rules(manifest: Mapping[str, Any], change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """A copy of a manifest with something else for each rule."""
    spec = {
        name: [change(rule) for rule in value] if isinstance(value, list) else value
        for name, value in deepcopy(manifest["spec"]).items()
    }
    return {**manifest, "spec": spec}


def _accepts(manifest: Mapping[str, Any], settings: Settings) -> bool:
    return rejection(manifest, settings.version, node_selector_labels=True) is None
