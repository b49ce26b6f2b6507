"""`cnpfix validate`: which releases of Cilium accept a manifest, and whose API server takes it in.

Two judges, in this order: the API server refuses a manifest by the CRD's schema, or drops what the schema does not
know; the agent ignores a whole policy that its parser rejects.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import typer

from rewriter.cilium.cidr_group import cidr_group_rejection, is_cidr_group
from rewriter.cilium.crd.check import OK, PRUNED, STRICT, SchemaProblem, pruned, schema_problems, schema_state
from rewriter.cilium.crd.meaning import without_field
from rewriter.cilium.crd.served import unserved
from rewriter.cilium.digits import is_number
from rewriter.cilium.policy import KNP
from rewriter.cilium.tiers import is_cluster_network_policy, tiers_rejection
from rewriter.cilium.validation import rejection
from rewriter.cilium.version import SUPPORTED, Version, parse_version
from rewriter.cli.errors import UsageError
from rewriter.cli.options import REPORT, CacheDir, Color, ColorOption, Config, NoCache, Paths, cache_for, open_for
from rewriter.cli.printing import say, say_json, warn
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.run.workspace import Request, Workspace
from rewriter.evidence.settings import settings_of
from rewriter.output.style import Style, one_line, style_for
from rewriter.yamltext import has_substitution

#: What the line of the API server's marks is called.
SERVER = "  API server"
_SCHEMA_MARKS: dict[str, tuple[str, ...]] = {
    OK: ("takes", "green"),
    PRUNED: ("drops", "yellow"),
    STRICT: ("refuses", "red", "bold"),
}


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def validate(
    paths: Paths = None,
    versions: Annotated[
        list[str] | None,
        typer.Option("--versions", metavar="LIST", help="Releases to check, as in 1.18,1.19. Default: all known."),
    ] = None,
    to_version: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="VERSION",
            help="Exit 1 if this release rejects a policy. Default: as configured, else the one after the "
            "release that runs.",
        ),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="A table, or JSON.", rich_help_panel=REPORT)
    ] = Format.TEXT,
    config: Config = None,
    cache_dir: CacheDir = None,
    no_cache: NoCache = False,
    color: ColorOption = Color.AUTO,
) -> int:
    """Say which Cilium releases accept each policy, what the API server refuses or drops of it, and why.

    Exit codes: 0 fine, 1 the release of `--to` rejects a policy, 2 usage or unreadable input.
    """
    asked = _read_versions(versions or ())
    cache = cache_for(cache_dir, none=no_cache)
    workspace = open_for(Request(names=tuple(paths or (".",)), config_file=config, to_version=to_version, cache=cache))
    rows = [
        Row(
            located,
            {version: _rejects(workspace, located, version) for version in asked},
            {version: _schema(located, version) for version in asked},
        )
        for located in (
            *workspace.applied_policies(),
            *workspace.text_policies(),
            *workspace.cluster_network_policies(None),
            *workspace.cidr_groups(),
        )
    ]
    target = workspace.to_version
    totals = _totals(workspace, rows, target)
    if format_ is Format.JSON:
        say_json([_as_json(row) for row in rows])
    else:
        style = style_for(sys.stdout, color.value)
        say([*_table(rows, asked, style), *_summary(totals, target, style)])
    workspace.keep()
    for place in workspace.templates:
        warn(f"{place}: holds a policy in a template, which is left alone; render it")
    for problem in workspace.errors:
        warn(problem)
    if workspace.errors:
        return 2
    return 1 if totals.rejected else 0


class Why(NamedTuple):
    """Why a release rejects a policy, and `file:line`; `unknown` where what is wrong is still to be replaced."""

    message: str
    place: str
    unknown: bool = False


class Schema(NamedTuple):
    """How the API server judges a policy by a release's schema: `strict`, `pruned` or `ok`, and why."""

    state: str
    errors: tuple[Why, ...] = ()


Answers = dict[Version, Why | None]
"""For each version, None where the agent accepts."""


class Row(NamedTuple):
    """A policy, and for each release what the agent and what the API server say of it."""

    located: LocatedPolicy
    answers: Answers
    schema: dict[Version, Schema]


class Totals(NamedTuple):
    """How many policies the target's agent rejects (`unknown`: undecided), and its API server refuses or cuts."""

    policies: int
    rejected: int
    unknown: int
    refused: int
    cut: int


def _read_versions(texts: Sequence[str]) -> tuple[Version, ...]:
    """The releases of comma lists, in order and once each; all known ones for none."""
    try:
        asked = [parse_version(part) for text in texts for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise UsageError(f"--versions: {error}") from None
    return tuple(dict.fromkeys(asked)) or SUPPORTED


def _rejects(workspace: Workspace, located: LocatedPolicy, version: Version) -> Why | None:
    settings = settings_of(workspace.cluster_of(located), version)
    stored = pruned(located.policy.raw, version)
    if is_cidr_group(stored):
        why = cidr_group_rejection(stored)
    elif is_cluster_network_policy(stored):
        why = tiers_rejection(stored, settings)
    else:
        why = rejection(stored, version, base=located.policy.route, flags=settings.flags)
    if why is None:
        return None
    culprit = _value_at(located.value, why.route)
    if isinstance(culprit, str) and has_substitution(culprit):
        return Why(f"cannot be decided before {culprit} is replaced", located.place(why.route), unknown=True)
    return Why(why.message, located.place(_in_document(located, why.route)))


def _in_document(located: LocatedPolicy, route: str) -> str:
    """A route of the document; judges of other kinds than policies give one of the manifest, which may be in a List."""
    base = located.policy.route
    return route if route.startswith(base) else base + route


def _schema(located: LocatedPolicy, version: Version) -> Schema:
    """What the API server says, but for what a `${PLACEHOLDER}` decides."""
    policy = located.policy
    problems = tuple(
        problem
        for problem in schema_problems(policy.raw, version, policy.route)
        if problem.unknown or not _undecided(located, problem.route)
    )
    errors = [Why(_schema_message(problem, located, version), located.place(problem.route)) for problem in problems]
    state = schema_state(problems)
    # NetworkPolicy is a type of the API server's own: whatever is wrong with its values, the API server refuses.
    why = rejection(policy.raw, version, base=policy.route) if policy.kind == KNP else None
    unknown_kind = unserved(policy.raw, version)
    if unknown_kind:
        return Schema(STRICT, (Why(unknown_kind, located.place(f"{policy.route}/apiVersion")),))
    if why is not None and not _undecided(located, why.route):
        state = STRICT
    if (
        why is not None
        and state == STRICT
        and why.route not in {problem.route for problem in problems if not problem.unknown}
    ):
        errors.append(Why(why.message, located.place(why.route)))
    return Schema(state, tuple(errors))


def _schema_message(problem: SchemaProblem, located: LocatedPolicy, version: Version) -> str:
    if not problem.unknown:
        return problem.message
    left = without_field(located.policy.raw, version, problem, located.policy.route)
    then = f"; then {left}" if left else ""
    return f"{problem.message}: strict validation refuses the field, and any other drops it{then}"


def _undecided(located: LocatedPolicy, route: str) -> bool:
    culprit = _value_at(located.value, route)
    return isinstance(culprit, str) and has_substitution(culprit)


def _totals(workspace: Workspace, rows: Sequence[Row], target: Version) -> Totals:
    verdicts = [_rejects(workspace, row.located, target) for row in rows]
    states = [_schema(row.located, target).state for row in rows]
    return Totals(
        policies=len(rows),
        rejected=sum(why is not None and not why.unknown for why in verdicts),
        unknown=sum(why is not None and why.unknown for why in verdicts),
        refused=states.count(STRICT),
        cut=states.count(PRUNED),
    )


def _value_at(value: Any, pointer: str) -> Any:
    """What a JSON pointer leads to; None where it leads nowhere."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and is_number(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _as_json(row: Row) -> dict[str, object]:
    located, answers, schema = row
    return {
        "file": located.path,
        "document": located.document.index,
        "kind": located.policy.kind,
        "namespace": located.policy.namespace or "",
        "name": located.policy.name,
        "accepted": {str(version): why is None for version, why in answers.items() if not (why and why.unknown)},
        "errors": {str(version): why.message for version, why in answers.items() if why and not why.unknown},
        "schema": {str(version): judged.state for version, judged in schema.items()},
        "schema_errors": {
            str(version): [f"{why.place}: {why.message}" for why in judged.errors]
            for version, judged in schema.items()
            if judged.errors
        },
    }


def _table(rows: list[Row], versions: Sequence[Version], style: Style) -> Iterator[str]:
    """A line per policy with the agent's mark per version, and one with the API server's where it does not take all.

    Below them each reason once, with its place and releases.
    """
    if not rows:
        return
    names = [
        one_line("/".join(filter(None, (p.policy.namespace, p.policy.name))) or p.path)
        for p in (r.located for r in rows)
    ]
    width = min(max(len(SERVER), *map(len, names)), max(6, style.width - 8 * len(versions)))
    yield style.paint(f"{'policy':<{width}}" + "".join(f"{version!s:>8}" for version in versions), "dim")
    for name, row in zip(names, rows, strict=True):
        marks = "".join(_mark(why, style) for why in row.answers.values())
        if len(name) > width:
            yield name
            name = ""
        yield f"{name:<{width}}{marks}"
        if any(judged.state != OK for judged in row.schema.values()):
            yield f"{SERVER:<{width}}" + "".join(_schema_mark(judged, style) for judged in row.schema.values())
        yield from _reasons(row, style)


def _mark(why: Why | None, style: Style) -> str:
    if why is None:
        return style.paint(f"{'yes':>8}", "green")
    return style.paint(f"{'?':>8}", "yellow") if why.unknown else style.paint(f"{'no':>8}", "red", "bold")


def _schema_mark(judged: Schema, style: Style) -> str:
    word, *how = _SCHEMA_MARKS[judged.state]
    return style.paint(f"{word:>8}", *how)


def _reasons(row: Row, style: Style) -> Iterator[str]:
    """Each reason once, in the words of the newest release that gives it: some only changed a capital letter."""
    agent: dict[Version, tuple[Why, ...]] = {version: (why,) if why else () for version, why in row.answers.items()}
    server = {version: judged.errors for version, judged in row.schema.items()}
    heads = ("refused by the API server: ", "ignored by the agent: ")
    shown: set[tuple[str, str]] = set()
    for head, reasons in zip(heads, (server, agent), strict=True):
        same: dict[tuple[str, str], dict[Version, Why]] = {}
        for version, whys in reasons.items():
            for why in whys:
                same.setdefault((why.message.lower(), why.place), {})[version] = why
        for key, where in same.items():
            if key in shown:
                continue
            shown.add(key)
            why = where[max(where)]
            unknown = why.message.startswith("unknown field")
            start = "" if unknown or why.unknown else head
            yield from style.wrap(
                f"{why.place}: {start}{why.message} ({_releases(tuple(where), tuple(row.answers))})", 2
            )


def _releases(some: Sequence[Version], every: Sequence[Version]) -> str:
    """`1.17 to 1.20`, `1.15, 1.16`, or `every release` of those asked."""
    if len(some) == len(every) > 1:
        return "every release"
    if len(some) > 2 and tuple(some) == tuple(version for version in every if some[0] <= version <= some[-1]):
        return f"{some[0]} to {some[-1]}"
    return ", ".join(map(str, some))


def _summary(totals: Totals, target: Version, style: Style) -> Iterator[str]:
    if not totals.policies:
        yield "no policies found"
        return
    yield ""
    count = f"{totals.policies} {'policy' if totals.policies == 1 else 'policies'}"
    rest = f", {totals.unknown} cannot be decided" if totals.unknown else ""
    if totals.rejected:
        ignored = f"{count}; Cilium {target} rejects {totals.rejected}: not enforced at all"
        yield style.paint(ignored, "red", "bold") + rest
    else:
        yield f"{count}; Cilium {target} rejects none{rest}"
    if totals.refused:
        yield style.paint(f"the API server with the CRDs of {target} refuses {totals.refused}", "red", "bold")
    if totals.cut:
        whose = "1 policy" if totals.cut == 1 else f"{totals.cut} policies"
        yield style.paint(
            f"the API server with the CRDs of {target} refuses {whose} under strict validation, "
            "and drops fields otherwise",
            "yellow",
        )
