"""## What it does

Finds paths of HTTP rules that are written as globs, as `/api/*`.

## Why it matters

`path` is a regular expression that has to match the whole path of a request. `*` repeats what stands before it, so that
`/api/*` means `/api` and any number of slashes: a request for `/api/users` gets 403. Any characters are `.*`.

## Example

```diff
   rules:
     http:
       - method: GET
-        path: /api/*
+        path: /api/.*
```

## Fix safety

The fix is unsafe: it lets through every path below, which the rule does not do today, and no longer the path without
the slash. Only a star behind the last slash of a path without any other sign of a regular expression is taken for a
glob and rewritten. Where the star stands between two slashes (`/api/*/items`) the finding is manual, since it may mean
one part of a path or several.

## References

- Cilium documentation, "Layer 7 Policies", section "HTTP"
- Cilium source, `pkg/policy/api/http.go`, `PortRuleHTTP`
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rewriter.cilium.nodes import HttpRule
from rewriter.cilium.policy import Rule, Spec
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding
from rewriter.passes.kit.changes.change import Change, flows_of, in_place
from rewriter.passes.kit.changes.forms import Form, changed, copied, list_of, members_of
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names

#: A star behind a slash, in a path in which nothing else is a sign of a regular expression.
_LAST = re.compile(r"(?P<above>(?:/[-\w.~%@:,;=&!']+)*)/\*")
_BETWEEN = re.compile(r"(?:/[-\w.~%@:,;=&!']+|/\*)*")


@antipattern(code="CNP036", id="http-path", title="a path of an HTTP rule that is written as a glob")
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        for rule in spec.rules:
            paths = dict(_paths(rule)) if rule.l7_rules else {}
            meant = {route: f"{match['above']}/.*" for route, text in paths.items() if (match := _LAST.fullmatch(text))}
            if meant:
                yield _fixed(context, spec, rule, paths, meant)
            for route, text in paths.items():
                if route not in meant and "/*" in text and _BETWEEN.fullmatch(text):
                    yield _left(context, route, text)


def _paths(rule: Rule) -> Iterator[tuple[str, str]]:
    """The paths of the HTTP rules with their routes."""
    for rules in rule.l7_rules:
        for http in rules.http:
            path = http.written.get("path") if isinstance(http, HttpRule) else None
            if isinstance(http, HttpRule) and isinstance(path, str):
                yield f"{http.route}/path", path


def _fixed(context: Context, spec: Spec, rule: Rule, paths: Mapping[str, str], meant: Mapping[str, str]) -> Finding:
    words = join_names(f"`{paths[route]}`" for route in meant)
    several = len({paths[route] for route in meant}) > 1
    return report(
        context,
        next(iter(meant)),
        Applicability.UNSAFE,
        f"{words} {'are' if several else 'is'} no glob: a path is a regular expression, and `/*` means any number of "
        "slashes",
        "the whole path has to match, so that requests for what is below are answered with 403",
        change=_change(context, spec, rule, meant),
        rule=rule,
    )


def _change(context: Context, spec: Spec, rule: Rule, meant: Mapping[str, str]) -> Change:
    """The rule with other paths: each item of toPorts is copied only where one of its paths changes."""
    items: list[object] = []
    for index, item in enumerate(list_of(rule.raw["toPorts"])):
        base = f"{rule.route}/toPorts/{index}/rules/http"
        found = {route: path for route, path in meant.items() if route.startswith(f"{base}/")}
        items.append(_item(members_of(item), base, found) if found else item)
    new = changed(rule, toPorts=items)
    opens = flows_of(context, spec, rule, "its peers on the paths below", new)
    closes = flows_of(context, spec, rule, "its peers on the paths as written", rule.raw, rest=True)
    return Change(in_place(rule, new), (opens,), (closes,))


def _item(item: Mapping[str, object], base: str, meant: Mapping[str, str]) -> Form:
    rules = members_of(item["rules"])
    http = [
        copied(members_of(each), path=path) if (path := meant.get(f"{base}/{index}/path")) else each
        for index, each in enumerate(list_of(rules["http"]))
    ]
    return copied(item, rules=copied(rules, http=http))


def _left(context: Context, route: str, text: str) -> Finding:
    return report(
        context,
        route,
        Applicability.MANUAL,
        f"`{text}` is no glob: a path is a regular expression, and `/*` means any number of slashes",
        "the whole path has to match, so that requests for what is below are answered with 403",
        advice="write `/[^/]+` for one part of the path, or `/.*` for any",
    )
