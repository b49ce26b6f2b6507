"""The pods, Services and policies that a chart makes by itself, as facts for the policies in its templates.

Nothing in the tree installs the chart: what its values leave out, and what runs beside it, is not known. Only what its
own pods contradict is reported, and what values may add is not called missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.engine.charts.guards import as_values, holding, in_words
from rewriter.engine.charts.renderings import Rendering, render, render_traced
from rewriter.engine.charts.value_sets import ValueSet
from rewriter.engine.documents.read import FoundPolicy, policies_in
from rewriter.engine.pipeline.hooks import FileHooks
from rewriter.finding import Finding
from rewriter.inventory.facts.completeness import Hidden
from rewriter.inventory.facts.model import Source
from rewriter.inventory.releases.model import Made, Release
from rewriter.inventory.releases.values import over
from rewriter.inventory.render.chart_copy import ChartCopy
from rewriter.inventory.texts.manifests import Manifest, items, mapping
from rewriter.inventory.texts.understood import is_fact, is_inert
from rewriter.inventory.tree.repository import TreeInventory
from rewriter.records import dataclass
from rewriter.yamltext.go_template import TemplateError, TemplateLine, template_lines

#: Passes that hold a policy against the pods that it is for.
OWN_PODS = frozenset(
    {
        "api-server",
        "dns-refused",
        "one-sided",
        "service-port",
        "unlistened-port",
        "unreached-service",
        "unscraped-pods",
        "unselected-subject",
    }
)
NOT_FIXED = "what the chart makes with other values is not known"
#: Of these, those that call something missing: values may add it.
_MISSING = frozenset({"api-server", "dns-refused", "one-sided", "unreached-service", "unscraped-pods"})
_MONITOR = re.compile(r"^kind:[ \t]*[\"']?(?:Service|Pod)Monitor[\"']?[ \t]*$")
#: The keys by which a selector says whose pods it means.
_NAMES = frozenset(
    {"app", "k8s-app", "name", "component", "app.kubernetes.io/name", "app.kubernetes.io/instance", "release"}
)
_HOOK = "helm.sh/hook"
_RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: chart, namespace: flux-system}
spec: {chart: {spec: {chart: chart}}}
"""
_RULES = re.compile(r"^(?P<lead>[ ]*)(?P<key>ingress|egress)(?:Deny)?:")


@dataclass(frozen=True, slots=True)
class OwnPods:
    """What one value set makes of a chart: the inventory of that alone, and what renders it."""

    rendering: Rendering
    inventory: TreeInventory


class _Alone(TreeInventory):
    """An inventory of one release, and of what is not known beside it."""

    def __init__(self, manifests: Sequence[Manifest], namespace: str, beside: Sequence[Hidden]) -> None:
        self._beside = tuple(beside)
        super().__init__(render=lambda release: Made(_in(release, namespace), tuple(manifests), complete=True))
        self.offer("chart", _RELEASE.encode())

    def _hidden_sources(self) -> Iterator[Hidden]:
        yield from self._beside


def of_value_sets(
    chart: ChartCopy, path: str, template: str, text: str, lines: Sequence[TemplateLine], found: Sequence[Rendering]
) -> Iterator[OwnPods]:
    """What each rendering of a template (at a path shown to people) makes, and what it makes with the chart's monitors.

    A release counts among the facts of the tree, and what is made up is no fact.
    """
    folder = path.removesuffix(template).rstrip("/")
    for rendering in found:
        if rendering.values.release or rendering.values.stand_ins or rendering.problem:
            continue
        more = _monitored(chart, template, text, rendering)
        traced = None if more is None else render_traced(chart, template, text, lines, more)
        for made in (rendering, traced):
            alone = None if made is None or made.problem else _own_pods(made, chart, folder, template)
            if alone is not None:
                yield alone


def against(hooks: FileHooks) -> FileHooks:
    """The hooks of a policy that is held against the pods of its chart. None of its findings is fixed."""
    passes = tuple(pass_ for pass_ in hooks.passes if pass_.id in OWN_PODS)
    return replace(hooks, passes=passes, left_out=lambda _: NOT_FIXED, skip_reason=lambda _: NOT_FIXED)


def counts(
    finding: Finding,
    document: yamltext.Document,
    line: int,
    chart: ChartCopy,
    lines: Sequence[TemplateLine],
    shown: frozenset[int],
) -> bool:
    """Whether a finding at a line (0-based) holds with other values too, as far as the templates show.

    `shown` are the lines that these values render.
    """
    if finding.id in _MISSING and _may_be_added(lines, shown, line):
        return False
    if finding.id == "unselected-subject" and "host network" in finding.message:
        return False  # Most charts have a value for that.
    if finding.id != "unlistened-port":
        return True
    port = yamltext.node_at(document, f"{finding.route}/port")
    return port is not None and not _is_named_elsewhere(chart, document.text[port.start : port.end].strip("\"'"))


def _own_pods(rendering: Rendering, chart: ChartCopy, folder: str, template: str) -> OwnPods | None:
    """What a rendering makes as facts; None where it makes no pods, or may make more than is rendered.

    `folder` is the chart's, as shown to people, `template` the path in it of the template that the rendering is of.
    """
    values = rendering.values
    texts = [(f"{chart.name}/{template}", own.text) for own in rendering.own] + list(rendering.others)
    try:
        manifests = [manifest for at, text in texts for manifest in _manifests(at, text, folder)]
    except yamltext.YamlTextError:
        return None
    pods = [manifest for manifest in manifests if is_fact(manifest.value) and manifest.kind != "Service"]
    if not pods:
        return None
    labels = {pair for pod in pods for pair in _labels(pod.value)}
    beside = Hidden("what runs beside the chart", lacks=frozenset({*labels, ("", values.name)}))
    unread = [manifest for manifest in manifests if not is_fact(manifest.value) and not is_inert(manifest.value)]
    more = [Hidden(f"{manifest.kind} {manifest.name}, {manifest.source}") for manifest in unread]
    more += [Hidden(f"chart {name}, which is not in the repository") for name in chart.left_out]
    return OwnPods(rendering, _Alone(manifests, values.namespace, [beside, *more]))


def _monitored(chart: ChartCopy, template: str, text: str, rendering: Rendering) -> ValueSet | None:
    """The values of a rendering with those for the monitors that they leave out; None where there are none."""
    if any(_has_monitor(other) for _, other in rendering.others):
        return None
    prefix, defaults = chart.defaults(template)
    for other in chart.texts():
        if not _has_monitor(other):
            continue
        try:
            wanted = holding(other, template_lines(other), _MONITOR, defaults)
        except TemplateError:
            continue
        if wanted:
            words = f"{rendering.values.words} and {in_words(wanted, prefix)}"
            values = over([rendering.values.values, as_values(wanted, prefix)])
            more = replace(rendering.values, words=words, values=values, made_up=True)
            made = render(chart, template, text, more)
            if not made.problem and any(_has_monitor(found) for _, found in made.others):
                return more
    return None


def policies_here(values: ValueSet, value: object) -> Sequence[FoundPolicy]:
    """The policies of a document that a value set renders, in its namespace where they name none."""

    def namespace_of(manifest: dict[str, Any]) -> str:
        own = mapping(manifest.get("metadata")).get("namespace")
        return own if isinstance(own, str) and own else values.namespace

    return policies_in(value, namespace_of)


def _may_be_added(lines: Sequence[TemplateLine], shown: frozenset[int], line: int) -> bool:
    """Whether the rules around a line, or those below it, print more than is shown: values may add what is missing."""
    first = next((n for n in range(line, -1, -1) if lines[n].text.startswith("---")), -1) + 1
    last = next((n for n in range(first + 1, len(lines)) if lines[n].text.startswith("---")), len(lines))
    starts = [n for n in range(first, last) if _RULES.match(lines[n].text)]
    start = next((n for n in reversed(starts) if n <= line), starts[0] if starts else first)
    end = next((n for n in starts if n > start), last)
    return any(n not in shown and _prints(lines[n]) for n in range(start, end))


def _prints(line: TemplateLine) -> bool:
    if line.is_text:
        return bool(line.text.strip()) and not line.text.lstrip().startswith("#")
    return any(action.prints for action in line.actions)


def _is_named_elsewhere(chart: ChartCopy, port: str) -> bool:
    """Whether templates of the chart without a policy, or its values, name a port: with some, pods may listen there."""
    word = re.compile(rf"(?<![\w.-]){re.escape(port)}(?![\w.-])")
    return any(word.search(text) for text in chart.texts(values=True) if "NetworkPolicy" not in text)


def _has_monitor(text: str) -> bool:
    return any(_MONITOR.match(line) for line in text.split("\n"))


def _in(release: Release, namespace: str) -> Release:
    return Release(release.name, namespace, release.chart, {}, release.source)


def _manifests(at: str, text: str, folder: str) -> Iterator[Manifest]:
    """The manifests of a rendered text that count outside of `helm test`."""
    inner = at.partition("/")[2]
    source = Source(f"{folder}/{inner}" if folder else inner)
    for document in yamltext.parse(text):
        value = mapping(document.value)
        for item in items(value.get("items")) if value.get("kind") == "List" else [value]:
            hook = mapping(mapping(item.get("metadata")).get("annotations")).get(_HOOK)
            if isinstance(item.get("kind"), str) and not str(hook or "").startswith("test"):
                yield Manifest(source, dict(item))


def _labels(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The labels of a workload's pods that say whose they are."""
    spec = mapping(value.get("spec"))
    template = mapping(mapping(mapping(spec.get("jobTemplate")).get("spec") or spec).get("template"))
    holder = value if value.get("kind") == "Pod" else template
    labels = mapping(mapping(holder.get("metadata")).get("labels"))
    yield from ((key, text) for key, text in labels.items() if key in _NAMES and isinstance(text, str))
