"""What a run does beside reading, and which passes it runs on a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rewriter.cilium.version import Version
from rewriter.config.model import Config, PathRule
from rewriter.discovery import Globs
from rewriter.engine.proofs.budget import MOST_WORK
from rewriter.engine.results.baseline import NOTHING_KNOWN, Baseline
from rewriter.passes.kit.registry import Pass
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """What a run does beside reading: versions, passes by id (`select` None: all), and what may be applied.

    Without `safe_fixes`, only unsafe ones are: for a change of their own, to be reviewed by itself. `most_work` bounds
    the proofs of one policy. With `only_fixes`, what counts of a run is what its fixes make of the files: they are
    proved as ever, and nothing is worked out that only readers of findings look at.
    """

    from_version: Version
    to_version: Version
    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    unsafe_fixes: bool = False
    safe_fixes: bool = True
    as_clusterwide: bool = False
    baseline: Baseline = NOTHING_KNOWN
    most_work: int = MOST_WORK
    only_fixes: bool = False


def rules_for(path: Path, config: Config) -> tuple[PathRule, ...]:
    """The per-path rules of a configuration that hold for a file."""
    return tuple(rule for rule in config.per_path if Globs(config.root, rule.paths).match(path))


def passes_for(rules: Iterable[PathRule], options: Options, passes: Sequence[Pass]) -> tuple[Pass, ...]:
    """Those of all passes that run on a file: selected, spanned by the upgrade, and allowed by its per-path rules."""
    select = {pass_.id for pass_ in passes} if options.select is None else set(options.select)
    ignore = set(options.ignore)
    for rule in rules:
        ignore |= set(rule.ignore)
        select &= select if rule.select is None else set(rule.select)
    return tuple(
        pass_
        for pass_ in passes
        if pass_.id in select - ignore and pass_.concerns(options.from_version, options.to_version)
    )


def idle_passes(passes: Iterable[Pass], config: Config, options: Options) -> frozenset[str]:
    """The passes of which a run that is for fixes alone fixes nothing: their fixes are guesses, which it leaves out."""
    if not options.only_fixes or options.unsafe_fixes:
        return frozenset()
    return frozenset(pass_.id for pass_ in passes if pass_.guesses and pass_.id not in config.applicability)
