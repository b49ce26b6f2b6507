"""## What it does

Finds paths of HTTP rules that are written as globs, such as `/api/*`.

## Why it matters

`path` is a regular expression that has to match the whole path of a request. `*` repeats what stands before it, so
that `/api/*` means `/api` and any number of slashes: a request for `/api/users` gets 403. `.*` stands for any
characters.

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
from collections.abc import Iterator, Sequence

from rewriter.cilium.policy import Rule, Spec
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding
from rewriter.passes.kit.changes.change import Change, flows_of, in_place
from rewriter.passes.kit.changes.forms import changed
from rewriter.passes.kit.changes.http_paths import paths_of, with_paths
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names

#: A star behind a slash, in a path in which nothing else is a sign of a regular expression.
_LAST = re.compile(r"(?:/[-\w.~%@:,;=&!']+)*/\*")
_BETWEEN = re.compile(r"(?:/[-\w.~%@:,;=&!']+|/\*)*")
_REGEX = "a path is a regular expression, and `/*` means any number of slashes"
_WHY = "the whole path has to match, so that requests for what is below are answered with 403"


@antipattern(code="CNP036", id="http-path", title="a path of an HTTP rule that is written as a glob")
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        for rule in spec.rules:
            paths = [*paths_of(rule)] if rule.l7_rules else []
            globs = [(route, text) for route, text in paths if _LAST.fullmatch(text)]
            if globs:
                yield _fixed(context, spec, rule, globs)
            for route, text in paths:
                if "/*" in text and _BETWEEN.fullmatch(text) and not _LAST.fullmatch(text):
                    yield _left(context, route, text)


def _fixed(context: Context, spec: Spec, rule: Rule, globs: Sequence[tuple[str, str]]) -> Finding:
    new = with_paths(rule, {route: f"{text[:-2]}/.*" for route, text in globs})
    opens = flows_of(context, spec, rule, "its peers on the paths below", new)
    closes = flows_of(context, spec, rule, "its peers on the paths as written", changed(rule), rest=True)
    texts = [*{text: None for _, text in globs}]
    named = f"{join_names(f'`{text}`' for text in texts)} {'are not globs' if len(texts) > 1 else 'is not a glob'}"
    return report(
        context,
        globs[0][0],
        Applicability.UNSAFE,
        f"{named}: {_REGEX}",
        _WHY,
        change=Change(in_place(rule, new), (opens,), (closes,)),
        rule=rule,
    )


def _left(context: Context, route: str, text: str) -> Finding:
    return report(
        context,
        route,
        Applicability.MANUAL,
        f"`{text}` is not a glob: {_REGEX}",
        _WHY,
        advice="write `/[^/]+` for one part of the path, or `/.*` for any",
    )
