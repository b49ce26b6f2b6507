"""Findings in the order of the harm that they speak of, equal ones of several policies taken together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from rewriter import patterns as re
from rewriter.engine.results.result import Reported
from rewriter.finding import Severity

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def by_harm(findings: Iterable[Reported]) -> list[Reported]:
    """Errors first, then warnings, then notes; of each, first what leaves pods unprotected or lets everybody in.

    Those of one file stay together, in the order of their lines.
    """
    return sorted(findings, key=lambda item: (_RANK[item.finding.severity], not item.finding.exposes))


def folded(findings: Sequence[Reported]) -> list[list[Reported]]:
    """Groups of findings that say the same of different policies, in the order of their first ones."""
    groups: dict[tuple[object, ...], list[Reported]] = {}
    for item in findings:
        groups.setdefault(_likeness(item), []).append(item)
    return list(groups.values())


def _likeness(item: Reported) -> tuple[object, ...]:
    """What equal findings have in common: everything that is shown of them but the names of their policy."""
    finding, flows = item.finding, item.flows
    upgrade = flows.upgrade
    texts = (finding.message, item.not_fixed or finding.advice, *flows.opened, "/", *flows.closed)
    again = (*upgrade.opened, "/", *upgrade.closed) if upgrade else ()
    names = _names(item.location.namespace, item.location.name)
    neutral = tuple(names.sub("*", text) for text in (*texts, "/", *again))
    return finding.id, finding.severity, finding.applicability, item.fixed, bool(item.not_fixed), neutral


@lru_cache(maxsize=1024)
def _names(namespace: str, name: str) -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in (namespace, name) if word)
    return re.compile(rf"(?<![\w.-])(?:{words})(?![\w.-])" if words else r"(?!)")


def others(group: Sequence[Reported]) -> str:
    """Where else the finding of a group is: `the same in 21 more policies: shop/web, shop/cart and 19 more`."""
    rest = group[1:]
    first = group[0].location
    names = [policy_name(item) for item in rest]
    where = list(dict.fromkeys(names))
    spaces = {item.location.namespace for item in rest} - {first.namespace}
    if len(where) < len(rest) or (where == [policy_name(group[0])]):
        lines = ", ".join(f"{item.location.file}:{item.location.line}" for item in rest[:3])
        more = f" and {len(rest) - 3} more" if len(rest) > 3 else ""
        return f"the same {'once' if len(rest) == 1 else f'{len(rest)} times'} more: {lines}{more}"
    if len(spaces) == len(rest) and all(item.location.name == first.name for item in rest):
        kind = "namespace" if len(rest) == 1 else "namespaces"
        return f"the same in {len(rest)} more {kind}: {_few(sorted(spaces))}"
    kind = "policy" if len(where) == 1 else "policies"
    return f"the same in {len(where)} more {kind}: {_few(where)}"


def _few(names: Sequence[str]) -> str:
    if len(names) <= 4:
        return ", ".join(names)
    return f"{', '.join(names[:3])} and {len(names) - 3} more (-v lists them)"


def policy_name(item: Reported) -> str:
    """A policy as `namespace/name`; its file where it has no name."""
    location = item.location
    return "/".join(filter(None, (location.namespace, location.name))) or location.file
