"""What a pass is: its name, the policies it reads, the upgrades it concerns, and the function that finds.

A pass is a function under `@antipattern`, one to a module of `rewriter.passes`; `discovered` finds them all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules

from rewriter.cilium.policy import CCNP, CNP, KNP, Policy, Spec
from rewriter.cilium.version import Version
from rewriter.evidence.context import Context
from rewriter.finding import Finding
from rewriter.passes.kit.changes.forms import Form, with_specs
from rewriter.records import dataclass

#: The kinds of policy that Cilium defines, and with them Kubernetes' own.
CILIUM_KINDS = frozenset({CNP, CCNP})
EVERY_KIND = frozenset({CNP, CCNP, KNP})

Find = Callable[[Context], Iterator[Finding]]
#: A rule set with what a pass reports set right, as far as the release would reject it for that.
Repairs = Callable[[Spec, Version], Form]


class RegistryError(Exception):
    """Two passes of one name, or an order that names no pass or goes in a circle."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One anti-pattern: its code and id, the kinds of policy it reads, and the function that finds it.

    `change` is the release that brings what the pass reports (`rewriter.cilium.version`; None: every release does).
    The pass concerns upgrades to that release or a later one, and with `crossing` only those that come from before
    it; `spans` narrows that further. `after` names the passes whose fixes this one wants to see. With `any_types` it
    also reads policies that hold values of types that no release decodes; other passes never get such a policy. One
    that `drops` finds rules that allow less than they mean: where another policy lets that through, its findings are
    notes. One that `exposes` finds policies that protect no pod or let every peer in: its findings come before
    others of their severity. What a pass that `guesses` finds is mended by a guess or by hand: its fixes are unsafe or
    manual. A pass that reports why a release rejects a policy gives by `repairs` the rule set that the release takes,
    so that `rejected` sees what else is wrong. The documentation of a pass is the docstring of its module.
    """

    code: str
    id: str
    title: str
    function: Find
    kinds: frozenset[str] = CILIUM_KINDS
    change: Version | None = None
    crossing: bool = False
    spans: Callable[[Version, Version], bool] | None = None
    after: tuple[str, ...] = ()
    any_types: bool = False
    drops: bool = False
    exposes: bool = False
    guesses: bool = False
    repairs: Repairs | None = None

    def find(self, context: Context) -> Iterator[Finding]:
        """The findings of the pass on one policy, under its code and id."""
        for finding in self.function(context):
            yield replace(finding, code=self.code, id=self.id, drops=self.drops or finding.drops, exposes=self.exposes)

    def concerns(self, before: Version, after: Version) -> bool:
        """Whether the pass runs for an upgrade: whether a policy can have the anti-pattern there."""
        if self.spans is not None:
            return self.spans(before, after)
        if self.change is None:
            return True
        return self.change <= after and not (self.crossing and before >= self.change)

    def set_right(self, policy: Policy, version: Version) -> Policy:
        """The policy without that for which a release rejects it and which this pass reports."""
        repairs = self.repairs
        return policy if repairs is None else with_specs(policy, lambda spec: repairs(spec, version))

    @property
    def upgrades(self) -> str:
        """The upgrades that the pass concerns, in words."""
        if self.change is None:
            return "every upgrade"
        return f"upgrades across {self.change}" if self.crossing else f"upgrades to {self.change} or later"

    @property
    def documentation(self) -> str:
        """The pass's page: the docstring of the module that defines it (Markdown)."""
        return sys.modules[self.function.__module__].__doc__ or ""


def antipattern(
    *,
    code: str,
    id: str,  # noqa: A002 - the field's own name
    title: str,
    kinds: frozenset[str] = CILIUM_KINDS,
    change: Version | None = None,
    crossing: bool = False,
    spans: Callable[[Version, Version], bool] | None = None,
    after: tuple[str, ...] = (),
    any_types: bool = False,
    drops: bool = False,
    exposes: bool = False,
    guesses: bool = False,
    repairs: Repairs | None = None,
) -> Callable[[Find], Pass]:
    """Makes a pass of the function that finds the anti-pattern; see `Pass` for the arguments."""

    def made(function: Find) -> Pass:
        places = (kinds, change, crossing, spans, after, any_types, drops, exposes, guesses, repairs)
        return Pass(code, id, title, function, *places)

    return made


def discovered(package: str, path: Iterable[str]) -> tuple[Pass, ...]:
    """Every pass of a package's modules, in the order in which they run.

    That is the order of their codes, but each follows the passes of its `after`. Raises RegistryError.
    """
    modules = [import_module(f"{package}.{info.name}") for info in iter_modules(path) if not info.ispkg]
    found = [
        item
        for module in modules
        for item in vars(module).values()
        if isinstance(item, Pass) and item.function.__module__ == module.__name__
    ]
    return in_order(found)


def in_order(passes: Iterable[Pass]) -> tuple[Pass, ...]:
    """Passes by code, each after those of its `after`. Raises RegistryError for a name used twice and for circles."""
    named: dict[str, Pass] = {}
    for pass_ in sorted(passes, key=lambda item: item.code):
        for name in (pass_.code, pass_.id):
            if name in named:
                raise RegistryError(f"{name} is the name of two passes: {named[name].title}; {pass_.title}")
            named[name] = pass_
    placed: dict[str, Pass] = {}

    def place(item: Pass, below: tuple[str, ...]) -> None:
        if item.id in below:
            raise RegistryError(f"passes that wait for each other: {', '.join(below)}")
        for name in item.after:
            if name not in named:
                raise RegistryError(f"{item.id} runs after {name}, which is not a pass")
            place(named[name], (*below, item.id))
        placed.setdefault(item.id, item)

    for pass_ in named.values():
        place(pass_, ())
    return tuple(placed.values())
