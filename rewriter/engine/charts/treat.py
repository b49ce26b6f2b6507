"""One template of a chart: its findings with every value set, and fixes of its literal text that all of them prove."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import partial

from rewriter import yamltext
from rewriter.engine.charts.edits import LineEdit, NotLiteralError, apply_edits, template_edits
from rewriter.engine.charts.guards import as_values, enabling, in_words, unrendered_branches
from rewriter.engine.charts.merge import Seen, merged
from rewriter.engine.charts.own_pods import against, counts, of_value_sets, policies_here
from rewriter.engine.charts.partial import ALONE, PARTIAL, missing_rows, whole_rule
from rewriter.engine.charts.places import Places
from rewriter.engine.charts.proof import Expected, NotProvedError, prove
from rewriter.engine.charts.renderings import RenderedDocument, Rendering, render_traced
from rewriter.engine.charts.value_sets import ValueSet
from rewriter.engine.documents.read import FoundPolicy
from rewriter.engine.documents.templates import BESIDE
from rewriter.engine.pipeline.document import fix_document
from rewriter.engine.pipeline.hooks import FileHooks, Outcome
from rewriter.engine.pipeline.isolation import Failure
from rewriter.engine.results.result import Location, Reported
from rewriter.engine.results.suppression import covers, suppressions
from rewriter.finding import Finding
from rewriter.inventory.questions.inventory import Inventory
from rewriter.inventory.releases.values import over
from rewriter.inventory.render.chart_copy import ChartCopy
from rewriter.passes import PASS_IDS
from rewriter.records import dataclass
from rewriter.suppress import Suppression
from rewriter.yamltext.go_template import TemplateLine

#: A fix at a line of the template: the pass and the line (0-based).
Key = tuple[str, int]
_MOST_TRIED = 12
#: As many value sets are made up for one template.
_MOST_ENABLED = 8


@dataclass(frozen=True, slots=True)
class Source:
    """A template: where it is, its text and lines, and the copy of its chart in which it is rendered."""

    path: str
    template: str
    text: str
    lines: Sequence[TemplateLine]
    chart: ChartCopy


@dataclass(frozen=True, slots=True)
class Judge:
    """How the policies that a value set renders are treated.

    `hooks` are those of the release's place in the tree; `policies` finds the policies of a rendered manifest.
    `alone` gives the hooks for what the chart makes by itself.
    """

    hooks: Callable[[ValueSet], FileHooks]
    policies: Callable[[ValueSet, object], Sequence[FoundPolicy]]
    alone: Callable[[Inventory], FileHooks]


@dataclass(slots=True)
class ChartOutcome:
    """What became of a template. `text` is its new text (None: unchanged).

    `covered` are the template lines (0-based) that some value set renders into a document with a policy, `problems`
    say why value sets render nothing, `used` which suppressions were met by which pass. `rendered`: helm was asked.
    `unjudged` are the lines (0-based) of rules that stand under an `else` which no values render. `beside` are findings
    in policies that are rendered in part only: lines of these are not covered.
    """

    findings: list[Reported] = field(default_factory=list)
    text: str | None = None
    covered: frozenset[int] = frozenset()
    policies: int = 0
    problems: tuple[str, ...] = ()
    silences: tuple[Suppression, ...] = ()
    used: set[tuple[Suppression, str]] = field(default_factory=set)
    failures: list[tuple[Failure, int]] = field(default_factory=list)
    rendered: bool = False
    unjudged: tuple[int, ...] = ()
    beside: list[Reported] = field(default_factory=list)

    @property
    def why_not(self) -> str:
        """Why some policies of the template are not rendered, in words; empty for a file that is no template."""
        if self.problems:
            return self.problems[0]
        return "no values in the repository render it" if self.rendered else ""


@dataclass(frozen=True, slots=True)
class _Item:
    """A rendered document with policies."""

    rendering: Rendering
    index: int
    document: yamltext.Document
    places: Places
    policies: Sequence[FoundPolicy]
    hooks: FileHooks

    @property
    def rendered(self) -> RenderedDocument:
        return self.rendering.own[self.index]


def treat_chart_template(source: Source, sets: Sequence[ValueSet], judge: Judge, left: str) -> ChartOutcome:
    """Findings and fixes of a template. `left` says why nothing is rewritten, whatever is found."""
    renderings = [_rendering(source, value_set) for value_set in sets]
    if any(rendering.problem for rendering in renderings) and source.chart.reduce(source.template):
        renderings = [_rendering(source, value_set) for value_set in sets]
    if all(value_set.release is None for value_set in sets):
        if all(rendering.problem for rendering in renderings):
            named = [_rendering(source, value_set.for_chart(source.chart.name)) for value_set in sets]
            renderings = named if not all(rendering.problem for rendering in named) else renderings
        renderings += _enabled(source, renderings)
    problems = tuple(rendering.problem for rendering in renderings if rendering.problem)
    partial = [
        rendering for rendering in renderings if rendering.values.made_up and not _is_whole(source, rendering, judge)
    ]
    renderings = [rendering for rendering in renderings if rendering not in partial]
    outcome = ChartOutcome(problems=problems, rendered=True)
    items = [item for rendering in renderings for item in _items(source, rendering, judge, outcome)]
    outcome.covered = frozenset(line for item in items for line in item.rendered.lines if line is not None)
    if all(value_set.release is None for value_set in sets):
        outcome.unjudged = tuple(unrendered_branches(source.lines, outcome.covered))
    outcome.policies = max(
        (sum(len(i.policies) for i in items if i.rendering is rendering) for rendering in renderings), default=0
    )
    if items:
        _Template(source, renderings, items, left or (problems[0] if problems else "")).treat(outcome)
    outcome.beside = _in_partial(source, partial, judge, outcome) + _of_own_pods(source, renderings, judge, outcome)
    return outcome


def _of_own_pods(source: Source, made: Sequence[Rendering], judge: Judge, outcome: ChartOutcome) -> list[Reported]:
    """Findings that rest on the pods which a chart that nothing installs makes itself. None of them is fixed."""
    seen = []
    own = ChartOutcome()
    for found in of_value_sets(source.chart, source.path, source.template, source.text, source.lines, made):
        values, shown = found.rendering.values, _covered([found.rendering])
        alone = replace(judge, hooks=partial(_alone, judge, found.inventory), policies=policies_here)
        for item in _items(source, found.rendering, alone, own):
            for reported in fix_document(item.document, against(item.hooks), item.policies).findings:
                location = item.places.of(reported.location)
                if counts(reported.finding, item.document, location.line - 1, source.chart, source.lines, shown):
                    seen.append(Seen(values, location, item.places, reported, item.policies))
    outcome.used |= own.used
    return merged(seen, source.lines)


def _alone(judge: Judge, inventory: Inventory, _values: ValueSet) -> FileHooks:
    return judge.alone(inventory)


def _is_whole(source: Source, rendering: Rendering, judge: Judge) -> bool:
    """Whether what values which are made up render may be judged: nothing in the policies is missing, or made up."""
    rows = (
        missing_rows(source.lines, rendered_document)
        for rendered_document in rendering.own
        if "NetworkPolicy" in rendered_document.text
    )
    return not any(rows) and not any(True for _ in _made_up_peers(rendering, judge))


def _made_up_peers(rendering: Rendering, judge: Judge) -> Iterator[str]:
    """The routes of rules in which made-up peers stand beside others, so that it is not known which they are."""
    made_up = [name for name, _ in rendering.values.stand_ins]
    for rendered in rendering.own:
        try:
            documents = yamltext.parse(rendered.text) if "NetworkPolicy" in rendered.text else []
        except yamltext.YamlTextError:
            yield ""
            continue
        policies = [
            found.policy for document in documents for found in judge.policies(rendering.values, document.value)
        ]
        rules = [rule for policy in policies for rule in policy.rules() if len(rule.peers) > 1]
        for rule in rules:
            if any(name in str(peer.entries) for name in made_up for peer in rule.peers):
                yield rule.route


def _in_partial(source: Source, renderings: Sequence[Rendering], judge: Judge, outcome: ChartOutcome) -> list[Reported]:
    """Findings in rules of which nothing is missing, in policies of which something is. None of them is fixed."""
    seen = []
    own = ChartOutcome()
    for rendering in renderings:
        unclear = frozenset(_made_up_peers(rendering, judge))
        for item in _items(source, rendering, judge, own):
            missing = missing_rows(source.lines, item.rendered)
            passes = tuple(pass_ for pass_ in item.hooks.passes if pass_.id in ALONE)
            hooks = replace(item.hooks, passes=passes, left_out=lambda _: PARTIAL, skip_reason=lambda _: PARTIAL)
            for reported in fix_document(item.document, hooks, item.policies).findings:
                rule = whole_rule(item.document, reported.finding.route, missing)
                location = item.places.of(reported.location)
                made_up = any(name in reported.finding.message for name in rendering.values.unknown)
                if rule and rule not in unclear and location.line - 1 not in outcome.covered and not made_up:
                    seen.append(Seen(rendering.values, location, item.places, reported, item.policies))
    outcome.used |= own.used
    return merged(seen, source.lines)


def _rendering(source: Source, values: ValueSet) -> Rendering:
    return render_traced(source.chart, source.template, source.text, source.lines, values)


def _enabled(source: Source, renderings: Sequence[Rendering]) -> Iterator[Rendering]:
    """What a chart that nothing installs renders beyond its own values: policies that those leave out."""
    base = next((rendering.values for rendering in renderings if not rendering.problem), None)
    if base is None:
        return
    covered = _covered(renderings)
    prefix, defaults = source.chart.defaults(source.template)
    tried = 0
    for inner in (False, True):
        for guard in enabling(source.text, source.lines, covered, defaults, inner=inner):
            if guard.lines <= covered or tried == _MOST_ENABLED:
                continue
            tried += 1
            values = over([base.values, as_values(guard.wanted, prefix)])
            words = f"{base.words} and {in_words(guard.wanted, prefix)}"
            names = tuple((one.name, f"{{{{ .Values.{'.'.join(one.path)} }}}}") for one in guard.stand_ins)
            made = replace(base, words=words, values=values, made_up=True, stand_ins=names)
            found = _rendering(source, made)
            if not found.problem and not _covered([found]) <= covered:
                covered |= _covered([found])
                yield found


def _covered(renderings: Iterable[Rendering]) -> frozenset[int]:
    """The template lines that renderings show."""
    return frozenset(
        line for rendering in renderings for own in rendering.own for line in own.lines if line is not None
    )


def _items(source: Source, rendering: Rendering, judge: Judge, outcome: ChartOutcome) -> Iterator[_Item]:
    for index, rendered in enumerate(rendering.own):
        if "NetworkPolicy" not in rendered.text:
            continue
        try:
            documents = yamltext.parse(rendered.text)
        except yamltext.YamlTextError as error:
            outcome.problems += (f"{rendering.values.words} renders text that is not YAML: {error.message}",)
            continue
        if len(documents) != 1:
            continue
        policies = judge.policies(rendering.values, documents[0].value)
        if not policies:
            continue
        places = Places(source.path, source.lines, rendered, documents[0])
        here = suppressions(rendered.text, documents, PASS_IDS)
        silences = tuple((one, places.suppression(one)) for one in here)
        outcome.silences += tuple(there for _, there in silences if there not in outcome.silences)
        hooks = replace(_hooks_of(judge, rendering.values, places), silenced=partial(_silenced, silences, outcome))
        yield _Item(rendering, index, documents[0], places, policies, hooks)


def _hooks_of(judge: Judge, values: ValueSet, places: Places) -> FileHooks:
    hooks = judge.hooks(values)
    apart = not values.release and (values.stand_ins or _steered(places))
    beside = BESIDE if apart else frozenset()
    return replace(
        hooks,
        path=places.path,
        passes=tuple(pass_ for pass_ in hooks.passes if pass_.id not in beside),
        policies=partial(judge.policies, values),
        known=lambda batch: hooks.known([(finding, places.of(location)) for finding, location in batch]),
        observe=None,
    )


def _steered(places: Places) -> bool:
    """Whether the template of a document has lines that are there only under conditions that others are not under."""
    lines = [line for line in places.rendered.lines if line is not None]
    return len({line.blocks for line in places.template[min(lines) : max(lines) + 1]}) > 1


def _silenced(
    own: Sequence[tuple[Suppression, Suppression]], outcome: ChartOutcome, finding: Finding, location: Location
) -> bool:
    """Whether a comment of the document silences a finding, or one of the template that is for the whole file."""
    covering = [there for here, there in own if covers(here, finding, location)]
    covering += [silence for silence in outcome.silences if silence.whole_file and covers(silence, finding, location)]
    outcome.used.update((suppression, finding.id) for suppression in covering)
    return bool(covering)


class _Template:
    def __init__(self, source: Source, renderings: Sequence[Rendering], items: Sequence[_Item], left: str) -> None:
        self._source = source
        self._renderings = renderings
        self._items = items
        self._left = left

    def treat(self, outcome: ChartOutcome) -> None:
        """Puts the findings, and the text with all fixes that are proved, into the outcome."""
        found = self._outcomes({})
        refused: dict[Key, str] = {}
        keys = self._fixed(found)
        if keys:
            try:
                outcome.text = self._proved(found)
            except NotProvedError as error:
                refused = self._refused(keys, str(error))
                found = self._outcomes(refused)
                if self._fixed(found):
                    try:
                        outcome.text = self._proved(found, refused)
                    except NotProvedError as again:
                        found = self._outcomes(dict.fromkeys(keys, str(again)))
        seen = [
            Seen(item.rendering.values, item.places.of(reported.location), item.places, reported, item.policies)
            for item, outcome in zip(self._items, found, strict=True)
            for reported in outcome.findings
            if not any(name in reported.finding.message for name in item.rendering.values.unknown)
        ]
        outcome.findings = merged(seen, self._source.lines)
        outcome.failures = [
            (failure, item.places.line(1))
            for item, outcome in zip(self._items, found, strict=True)
            for failure in outcome.failures
        ]

    def _refused(self, keys: Sequence[Key], why: str) -> dict[Key, str]:
        """Which fixes cannot be made, each with the reason; those that can be made together are not among them."""
        if len(keys) == 1 or len(keys) > _MOST_TRIED:
            return dict.fromkeys(keys, why)
        refused: dict[Key, str] = {}
        accepted: set[Key] = set()
        for key in keys:
            out = {other: refused.get(other, "tried apart") for other in keys if other != key and other not in accepted}
            found = self._outcomes(out)
            try:
                self._proved(found, out)
                accepted.add(key)
            except NotProvedError as error:
                refused[key] = str(error)
        return refused

    def _outcomes(self, refused: Mapping[Key, str]) -> list[Outcome]:
        return [fix_document(item.document, self._hooks(item, refused), item.policies) for item in self._items]

    def _hooks(self, item: _Item, refused: Mapping[Key, str]) -> FileHooks:
        def left_out(reported: Reported) -> str:
            if any(name in reported.finding.message for name in item.rendering.values.unknown):
                return "it rests on a name that nothing in the tree gives"
            return self._left or refused.get((reported.finding.id, item.places.line(reported.location.line)), "")

        return replace(item.hooks, left_out=left_out)

    def _fixed(self, found: Sequence[Outcome]) -> list[Key]:
        """The fixes that outcomes hold."""
        return list(
            dict.fromkeys(
                (reported.finding.id, item.places.line(reported.location.line))
                for item, outcome in zip(self._items, found, strict=True)
                if outcome.text is not None
                for reported in outcome.findings
                if reported.fixed
            )
        )

    def _proved(self, found: Sequence[Outcome], refused: Iterable[Key] = ()) -> str:
        """The template's text with the fixes of outcomes. Raises NotProvedError."""
        expected: dict[int, dict[int, Expected]] = {id(rendering): {} for rendering in self._renderings}
        left = frozenset(pass_id for pass_id, _ in refused)
        edits: list[LineEdit] = []
        for item, outcome in zip(self._items, found, strict=True):
            if outcome.text is None:
                continue
            span, text = item.document.span, item.rendered.text
            changed = text[: span.start] + outcome.text + text[span.end :]
            expected[id(item.rendering)][item.index] = Expected(changed, self._hooks(item, {}), left)
            try:
                edits += template_edits(self._source.lines, item.rendered, changed)
            except NotLiteralError as error:
                raise NotProvedError(str(error)) from None
        try:
            made = apply_edits(self._source.text, self._source.lines, edits)
        except NotLiteralError as error:
            raise NotProvedError(str(error)) from None
        for rendering in self._renderings:
            prove(
                self._source.chart, self._source.template, self._source.text, made, rendering, expected[id(rendering)]
            )
        return made
