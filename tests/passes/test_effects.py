"""Every fix of the golden cases, through the verdict engine: it opens and closes exactly what its finding declares."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rewriter import yamltext
from rewriter.cilium.cidr import Prefix
from rewriter.cilium.compile import Entry
from rewriter.cilium.policy import Policy
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.settings import Settings
from rewriter.engine.documents.read import policies_in
from rewriter.engine.effects.claims import compile_claims
from rewriter.engine.effects.everybody import deny_everything
from rewriter.engine.effects.of_fixes import Effects
from rewriter.engine.effects.worlds import world_of
from rewriter.engine.pipeline import steps as engine_steps
from rewriter.engine.pipeline.hooks import FileHooks
from rewriter.engine.results.result import Reported
from rewriter.engine.run import opening
from rewriter.finding import Applicability, Finding, FlowClaim
from rewriter.passes import PASSES
from rewriter.reach.compare import reach
from rewriter.reach.difference import DIRECTIONS
from rewriter.reach.world import PolicyWorld
from tests.test_golden import GOLDEN, FixedClock, arguments_of, run_case

#: Nothing of theirs changes a flow that the golden cases could show, or they have no fix at all.
WITHOUT_EFFECT = {"deprecated-api", "shadowed-rule", "subject-namespace"}


class Step(NamedTuple):
    """A finding with its fix, made or only shown: the policy before and after."""

    finding: Finding
    before: Policy
    after: Policy
    effects: Effects


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """The steps that a run judges, as it goes."""
    seen: list[Step] = []
    judged = engine_steps.judge_finding

    def recorded(reported: Reported, before: Policy, after: Policy, rules: FileHooks) -> Any:
        seen.append(Step(reported.finding, before, after, rules.effects))
        return judged(reported, before, after, rules)

    monkeypatch.setattr(engine_steps, "judge_finding", recorded)
    return seen


def _cases() -> list[Path]:
    ids = {each.id for each in PASSES}
    found = [path for path in sorted(GOLDEN.glob("*/*/input.*")) if path.parent.parent.name in ids]
    # Templates have findings and no fix, and are no YAML before they are rendered.
    return [path.parent for path in found if yamltext.template_markup(path.read_text()) is None]


@pytest.mark.parametrize("case", _cases(), ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_fix_opens_and_closes_exactly_what_it_declares(
    case: Path,
    steps: list[Step],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "repository"
    shutil.copytree(case, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(opening, "datetime", FixedClock)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run_case([*arguments_of(case, folder), "--unsafe-fixes", "-j", "1"], capsys)
    made = list(_policies([folder / path.name for path in case.glob("input.*")], steps))
    for step in steps:
        final = (policy for policy in made if _name(policy) == _name(step.before))
        _check(step, next(final, step.after) if step.finding.fix else step.after)


def _policies(paths: Iterable[Path], steps: Sequence[Step]) -> Iterator[Policy]:
    """The policies of files, each in the namespace in which a step has seen it."""
    names = {(step.before.kind, step.before.name): step.before.namespace for step in steps}
    for path in paths:
        for document in yamltext.parse(path.read_text()):
            for found in policies_in(document.value, lambda manifest: None):
                policy, known = found.policy, "namespace" in (found.policy.raw.get("metadata") or {})
                yield policy if known else replace(policy, namespace=names.get((policy.kind, policy.name)))


def _name(policy: Policy) -> tuple[str | None, ...]:
    return policy.kind, policy.namespace, policy.route, policy.name


def _check(step: Step, final: Policy) -> None:
    """Holds a step against its finding; `final` is what all the steps of its policy make of it."""
    finding, effects = step.finding, step.effects
    declared = effects.compile_claims(finding, step.before)
    found = effects.judge_step(step.before, step.after, declared)
    if finding.applicability is Applicability.SAFE:
        assert (finding.opens, finding.closes) == ((), ())
    assert found.undeclared.opened == (), "opens what is not declared"
    assert found.undeclared.closed == (), "closes what is not declared"
    if effects.rejected(step.after):
        return  # Another fix has to come first; then this one is judged again.
    rests = []
    for said, flows in ((finding.opens, found.flows.opened), (finding.closes, found.flows.closed)):
        for item in said:
            done = _does_something(step, item, flows) or _is_let_through(step, item)
            if item.rest:
                rests.append(done)
            else:
                assert done, f"nothing of what is declared: {item}"
    assert not rests or any(rests), "nothing of what is declared beyond what stays"
    for item in (each for each in finding.opens if not each.rest):
        for version in ("source", "target"):
            assert _not_let_through(step, item, version) == [], f"declared as opened, and still closed: {item}"
    for item in finding.closes:
        if not item.rest:
            assert _still_let_through(step, item, final) == [], f"declared as closed, and still open: {item}"


def _does_something(step: Step, item: FlowClaim, flows: tuple[str, ...]) -> bool:
    """Whether some of the flows are of one declared item: without it more would be undeclared than with it alone."""
    opens = item in step.finding.opens
    only = replace(step.finding, opens=(item,) if opens else (), closes=() if opens else (item,))
    undeclared = step.effects.judge_step(
        step.before, step.after, step.effects.compile_claims(only, step.before)
    ).undeclared
    return (undeclared.opened if opens else undeclared.closed) != flows


def _entries(step: Step, item: FlowClaim, settings: Settings, *, deny: bool) -> PolicySet:
    """The rules that a declared item stands for under these settings, which only allow or only deny."""
    finding = replace(step.finding, applicability=Applicability.UNSAFE, opens=(item,), closes=())
    facts = step.effects.facts_of((step.before,))
    declared = compile_claims(finding, step.before, settings, settings, facts)
    assert declared is not None

    def rule(entry: Entry) -> Entry:
        return replace(_without_limits(entry) if deny else entry, deny=deny, default_deny=False)

    return replace(
        declared.opens, entries=tuple((index, rule(entry)) for index, entry in declared.opens.entries), rejections=()
    )


def _without_limits(entry: Entry) -> Entry:
    return replace(entry, ports=tuple(grant._replace(limits=()) for grant in entry.ports))


def _world(step: Step, policy: Policy, settings: Settings) -> PolicyWorld:
    return world_of([policy], settings, step.effects.facts_of((policy,)))


def _is_let_through(step: Step, item: FlowClaim) -> bool:
    """Whether flows that are declared as opened pass already: no pass looks whether a rule is of any use."""
    before, wanted = (
        _world(step, step.before, step.effects.source),
        _entries(step, item, step.effects.source, deny=False),
    )
    free = replace(wanted, entries=tuple((index, _without_limits(entry)) for index, entry in wanted.entries))
    return item in step.finding.opens and not reach(before, PolicyWorld((*before.sets, free))).opened


def _not_let_through(step: Step, item: FlowClaim, version: str) -> list[str]:
    """Flows that are declared as opened, and that the fixed policy denies, or does not allow where it has to."""
    settings: Settings = getattr(step.effects, version)
    wanted, fixed = _entries(step, item, settings, deny=False), _world(step, step.after, settings)
    if item.policy is not None:
        fixed = PolicyWorld((*fixed.sets, *_world(step, item.policy, settings).sets))
    if any(fixed.rejections):
        return []
    inside = step.effects.inside
    nothing = PolicyWorld((deny_everything(settings, DIRECTIONS),))
    denied = set(_closed_beside(fixed, PolicyWorld((wanted, *nothing.sets)), inside))
    denied -= set(_closed_beside(fixed, nothing, inside))  # The host is let in beside policies that deny everything.
    of_deny_rule = "Deny" in step.finding.route
    missing = () if of_deny_rule else reach(fixed, PolicyWorld((*fixed.sets, wanted)), inside=inside).opened
    return [*denied, *map(str, missing)]


def _closed_beside(fixed: PolicyWorld, others: PolicyWorld, inside: Sequence[Prefix]) -> tuple[str, ...]:
    return tuple(map(str, reach(others, PolicyWorld((*others.sets, *fixed.sets)), inside=inside).closed))


def _still_let_through(step: Step, item: FlowClaim, final: Policy) -> list[str]:
    """Flows that are declared as closed, and that the policy lets through once all its fixes are made."""
    fixed = _world(step, final, step.effects.target)
    both = PolicyWorld((*fixed.sets, _entries(step, item, step.effects.target, deny=True)))
    return list(map(str, reach(fixed, both, inside=step.effects.inside).closed))


def test_every_pass_that_changes_flows_has_such_cases() -> None:
    shown = {case.parent.name for case in _cases() if '"opened": [\n' in (case / "findings.json").read_text()}
    shown |= {case.parent.name for case in _cases() if '"closed": [\n' in (case / "findings.json").read_text()}
    assert shown == {each.id for each in PASSES} - WITHOUT_EFFECT
