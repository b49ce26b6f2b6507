"""The labels of known pods that are nearest to one that no pod has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches

from rewriter.cilium.selector import Requirement, Selector
from rewriter.cilium.terms import conditions_of
from rewriter.evidence.context import Context
from rewriter.inventory.facts.completeness import Hidden
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.index.label_shapes import shape_of

#: From which similarity on a label may be meant (difflib's ratio).
_NEAR = 0.8
#: From which similarity on two values are alike, where the keys are too.
_ALIKE = 0.8
#: Names of applications that are a letter or two from each other: each is spelled as it is meant.
_OWN_NAMES = frozenset(("bazarr", "lidarr", "mylarr", "prowlarr", "radarr", "readarr", "sonarr", "whisparr"))
_OPPOSITES = frozenset(
    frozenset(pair) for pair in (("external", "internal"), ("private", "public"), ("reader", "writer"), ("in", "out"))
)
#: Shorter values are near to too many others.
_LEAST = 4
#: The keys under which people write what an application is called, the most usual ones first.
NAME_KEYS = ("app.kubernetes.io/name", "app", "k8s-app", "name", "app.kubernetes.io/instance")
#: Whose pods carry the labels that are written, and no others.
_CONTROLLERS = frozenset({"CronJob", "DaemonSet", "Deployment", "Job", "StatefulSet"})


def near_label(context: Context, key: str, value: str, namespaces: Collection[str] | None) -> dict[str, Workload]:
    """The label `key=value` of known workloads of these namespaces (None: of any) that is nearest to a given one.

    That is one with the same value, else one that is written nearly like it. Empty where none is, or one is the same.
    """
    written = f"{key}={value}"
    if not may_be_near(context, key, value):
        return {}
    labels, by_value = _labels(context, None if namespaces is None else frozenset(namespaces))
    if written in labels:
        return {}
    near = (
        sorted(by_value.get(value, []), key=lambda text: -SequenceMatcher(None, written, text).ratio())[:1]
        or [
            text
            for text in get_close_matches(written, labels, n=3, cutoff=_NEAR)
            if _alike(value, text.partition("=")[2])
        ][:1]
    )
    return {text: labels[text] for text in near}


def _alike(value: str, other: str) -> bool:
    """Whether two values are alike by themselves: long keys in common make any two labels alike.

    They are where letters changed places, where few differ, or where one is the other with a word more.
    """
    if are_opposites(value, other) or value in _OWN_NAMES:
        return False
    ratio = SequenceMatcher(None, value, other).ratio()
    return ratio >= _ALIKE or sorted(value) == sorted(other) or _is_longer(value, other)


def _is_longer(value: str, other: str) -> bool:
    """Whether one of two names is the other with more after it, or before it after a dash."""
    short, long = sorted((value, other), key=len)
    return len(short) >= _LEAST and (long.startswith(short) or long.endswith(f"-{short}"))


def slips_of(context: Context, selector: Selector, namespace: str) -> dict[str, Workload]:
    """The labels of known workloads of a namespace that a selector's values miss by a slip of the pen, each with one.

    The key is the same, the value differs by a letter or two, and only one such label is known. Numbers are no slips:
    `shard-1` beside `shard-2` is another pod. Where pods are hidden, this separates a mistake from a stranger.
    """
    return slips_of_labels(context, selector.requirements, namespace)


def slips_of_labels(context: Context, requirements: Iterable[Requirement], namespace: str) -> dict[str, Workload]:
    """The same, of some conditions of a selector."""
    labels, _ = _labels(context, frozenset((namespace,)))
    found: dict[str, Workload] = {}
    for requirement in requirements:
        if requirement.operator != "In" or len(requirement.values) != 1:
            continue
        key, value = requirement.key, requirement.values[0]
        values = [text.partition("=")[2] for text in labels if text.partition("=")[0] == key]
        if value in values:
            continue
        near = [near for near in get_close_matches(value, values, n=2, cutoff=_NEAR) if is_a_slip(value, near)]
        if len(near) == 1:
            text = f"{key}={near[0]}"
            found[text] = labels[text]
    return found


def same_name_of(
    context: Context, selector: Selector, namespace: str, hidden: Collection[Hidden]
) -> dict[str, Workload]:
    """The label by which known pods carry the name that a selector asks for under another key; empty where none does.

    Charts label pods with their own name, and with that of the release as the instance: `app.kubernetes.io/name` with
    the name of the release is a usual mistake. What hides may make pods of that name where its words have it, unless
    it is what makes the pods that are found.
    """
    wrong = [
        requirement
        for requirement in selector.requirements
        if requirement.key in NAME_KEYS and requirement.operator == "In" and len(requirement.values) == 1
    ]
    inside = context.inventory.workloads_in(frozenset((namespace,)))
    wrong = [each for each in wrong if all(pod.labels.get(each.key) != each.values[0] for pod in inside)]
    if len(wrong) != 1 or len(value := wrong[0].values[0]) < _LEAST:
        return {}
    rest = [requirement for requirement in selector.requirements if requirement is not wrong[0]]
    for pod in inside:
        own = f"{pod.source.path}:{pod.source.line}"
        keys = [key for key in NAME_KEYS if pod.labels.get(key) == value]
        if not keys or pod.kind not in _CONTROLLERS or pod.host_network:
            continue
        if any(value in _named(gap) and own not in gap.words for gap in hidden):
            return {}
        if all(
            conditions_of([each])[0].meets((pod.labels[each.key],) if each.key in pod.labels else ()) for each in rest
        ):
            return {f"{keys[0]}={value}": pod}
    return {}


def _named(gap: Hidden) -> str:
    """What hides, in words, without the file where it stands: a folder often has the name of its application."""
    what, separator, _ = gap.words.rpartition(", ")
    return what if separator else gap.words


def is_a_slip(value: str, other: str) -> bool:
    """Whether a value differs from another by a letter or two, as a slip of the pen does."""
    if are_opposites(value, other) or value in _OWN_NAMES:
        return False
    letters = [[letter for letter in text if not letter.isdigit()] for text in (value, other)]
    return min(len(value), len(other)) >= _LEAST and abs(len(value) - len(other)) <= 1 and letters[0] != letters[1]


def are_opposites(value: str, other: str) -> bool:
    """Whether two values differ by words that are near to each other and never meant for each other."""
    words = [frozenset(re.split(r"[^a-z0-9]+", text.lower())) for text in (value, other)]
    return (words[0] ^ words[1]) in _OPPOSITES


def _labels(context: Context, namespaces: frozenset[str] | None) -> tuple[dict[str, Workload], dict[str, list[str]]]:
    """The labels of the workloads of namespaces, and those of each value. Made once a run."""
    answer = ("labels of", namespaces)
    if answer not in context.answers:
        inventory = context.inventory
        inside = inventory.all_workloads() if namespaces is None else inventory.workloads_in(namespaces)
        labels = {f"{key}={value}": workload for workload in inside for key, value in workload.labels.items()}
        by_value: dict[str, list[str]] = {}
        for text in labels:
            by_value.setdefault(text.partition("=")[2], []).append(text)
        context.answers[answer] = labels, by_value
    made: tuple[dict[str, Workload], dict[str, list[str]]] = context.answers[answer]
    return made


def may_be_near(context: Context, key: str, value: str) -> bool:
    """Whether a label may be near `key=value`, by the shapes of all that there may be: no workload is read for that.

    No ratio is larger than twice the characters that two texts have in common, in any order, by those of both.
    """
    shape, value_shape = shape_of(f"{key}={value}"), shape_of(value)
    question = ("near", shape, value_shape)
    if question not in context.answers:
        wanted = Counter(shape)
        context.answers[question] = any(
            other.endswith(f"={value_shape}") or _most_alike(wanted, len(shape), count, len(other)) >= _NEAR
            for other, count in _shapes(context)
        )
    near: bool = context.answers[question]
    return near


def _shapes(context: Context) -> Sequence[tuple[str, Counter[str]]]:
    key = ("label shapes",)
    if key not in context.answers:
        context.answers[key] = [
            (label_shape, Counter(label_shape)) for label_shape in sorted(context.inventory.label_shapes)
        ]
    made: Sequence[tuple[str, Counter[str]]] = context.answers[key]
    return made


def _most_alike(wanted: Counter[str], length: int, count: Counter[str], other: int) -> float:
    if 2 * min(length, other) < _NEAR * (length + other):
        return 0.0
    common = sum(min(number, count[letter]) for letter, number in wanted.items() if letter in count)
    return 2 * common / (length + other)
