"""The paths of HTTP rules: where they stand, and a rule with others in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rewriter.cilium.nodes import HttpRule
from rewriter.cilium.policy import Rule
from rewriter.passes.kit.changes.forms import Form, changed, copied, list_of, members_of


def paths_of(rule: Rule) -> Iterator[tuple[str, str]]:
    """The paths of a rule with their routes."""
    for rules in rule.l7_rules:
        for http in rules.http:
            path = http.written.get("path") if isinstance(http, HttpRule) else None
            if isinstance(http, HttpRule) and isinstance(path, str):
                yield f"{http.route}/path", path


def with_paths(rule: Rule, paths: Mapping[str, str]) -> Form:
    """The rule with other paths, each by its route; what has none of them is as it was."""
    items: list[object] = []
    for index, item in enumerate(list_of(rule.raw["toPorts"])):
        base = f"{rule.route}/toPorts/{index}/rules/http"
        own = {route: path for route, path in paths.items() if route.startswith(f"{base}/")}
        items.append(_item(members_of(item), base, own) if own else item)
    return changed(rule, toPorts=items)


def _item(item: Form, base: str, paths: Mapping[str, str]) -> Form:
    rules = members_of(item["rules"])
    http = [
        copied(members_of(each), path=path) if (path := paths.get(f"{base}/{index}/path")) else each
        for index, each in enumerate(list_of(rules["http"]))
    ]
    return copied(item, rules=copied(rules, http=http))
