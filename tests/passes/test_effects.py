"""Every fix of the golden cases, through the verdict engine: it opens and closes flows exactly where it says so."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import jsonpatch
import pytest
import yaml

from rewriter.cilium.policy import Policy, is_policy, read_policy
from rewriter.cilium.settings import Settings
from rewriter.cilium.validation import rejection
from rewriter.cilium.version import DEFAULT_TO, Version, parse_version
from rewriter.finding import Applicability, Finding
from rewriter.passes import PASSES
from rewriter.passes.base import Context, Pass
from rewriter.passes.placeholders import substituted
from rewriter.reach.effect import Effect, policy_effect
from tests.passes.support import CONFIG, Facts

GOLDEN = Path(__file__).parent.parent.parent / "golden"
#: The passes that need no facts of a cluster.
ALONE = [each for each in PASSES if each.code in {"CNP001", "CNP007", "CNP008", "CNP009", "CNP010", "CNP011", "CNP012"}]


class Step(NamedTuple):
    """A policy of a golden case, and what a pass says of it."""

    name: str
    old: dict[str, Any]
    findings: list[Finding]
    source: Version
    target: Version
    others: list[dict[str, Any]]


def _steps(each: Pass) -> Iterator[Step]:
    for case in sorted((GOLDEN / each.id).iterdir()):
        source, target = _upgrade(case)
        if not each.concerns(source, target):
            continue
        texts = [path.read_text() for path in sorted(case.glob("input.*")) + sorted(case.glob("tree/*"))]
        own, *rest = [list(_policies(text)) for text in texts]
        for index, old in enumerate(own):
            others = [other for position, other in enumerate(own) if position != index]
            others += chain.from_iterable(rest)
            findings = list(each.find(_context(old, source, target, others)))
            if any(finding.fix or finding.candidate for finding in findings):
                yield Step(f"{each.id}/{case.name}/{index}", old, findings, source, target, others)


def _upgrade(case: Path) -> tuple[Version, Version]:
    arguments = shlex.split((case / "args").read_text()) if (case / "args").exists() else []
    given = dict(pairwise(arguments))
    target = parse_version(given.get("--to", str(DEFAULT_TO)))
    return parse_version(given.get("--from", str(target.previous))), target


def _policies(text: str) -> Iterator[dict[str, Any]]:
    for document in yaml.safe_load_all(text):
        items = document.get("items") if isinstance(document, dict) else None
        for manifest in items if isinstance(items, list) else [document]:
            if is_policy(manifest):
                # Without shared nodes, which the engine leaves alone, and with what stands in for placeholders.
                yield json.loads(json.dumps(substituted(manifest)))


def _context(manifest: dict[str, Any], source: Version, target: Version, others: list[dict[str, Any]]) -> Context:
    return Context(
        policy=read_policy(manifest),
        path="policy.yaml",
        cluster=None,
        inventory=Facts(),
        config=CONFIG,
        from_version=source,
        to_version=target,
        comments=("# deny",),
        others=lambda: [_read(other) for other in others],
    )


def _read(manifest: dict[str, Any]) -> Policy:
    return read_policy(manifest)


STEPS = [step for each in ALONE for step in _steps(each)]


def _effect(step: Step) -> Effect:
    new = step.old
    for finding in reversed(step.findings):
        fix = finding.fix or finding.candidate
        assert fix is not None
        new = jsonpatch.apply_patch(new, [dict(operation) for operation in fix.operations])
    assert rejection(new, step.target, node_selector_labels=True) is None
    source, target = (
        Settings(version, local_cluster="a", default_local_cluster=False, node_selector_labels=True)
        for version in (step.source, step.target)
    )
    enforced = [other for other in step.others if rejection(other, step.target) is None]
    return policy_effect(step.old, new, source, target, others=enforced)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_fix_opens_and_closes_what_it_declares(step: Step) -> None:
    effect = _effect(step)
    opens = [text for finding in step.findings for text in finding.opens]
    closes = [text for finding in step.findings for text in finding.closes]
    assert bool(effect.opened) == bool(opens), (list(map(str, effect.opened)), opens)
    assert bool(effect.closed) == bool(closes), (list(map(str, effect.closed)), closes)
    for finding in step.findings:
        if finding.applicability is Applicability.SAFE:
            assert not finding.opens
            assert not finding.closes


def test_every_pass_with_fixes_is_tried() -> None:
    tried = {step.name.split("/")[0] for step in STEPS}
    assert tried == {each.id for each in ALONE}
