"""Which known workloads a selection means, how far the knowledge goes, and the workloads in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial

from rewriter.cilium.label_syntax import is_label_value, name_problems
from rewriter.cilium.labels import (
    ANY,
    CLUSTER_LABEL,
    K8S,
    NAMESPACE_LABEL,
    NAMESPACE_LABELS_PREFIX,
    NAMESPACE_NAME_KEY,
    NAMESPACE_NAME_LABEL,
    SERVICE_ACCOUNT_LABEL,
    LabelSet,
    pod_labels,
)
from rewriter.cilium.peers import with_namespace
from rewriter.cilium.policy import Policy, Spec
from rewriter.cilium.selector import Selector
from rewriter.cilium.terms import Condition, LabelTerm, conditions_of, label_term
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import member_clusters
from rewriter.inventory.facts.completeness import LIFT, SERVICES, Completeness, Hidden, union
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.questions.inventory import Inventory
from rewriter.records import dataclass

_MOST_SHOWN = 6
_ADDED_BY_CILIUM = frozenset({NAMESPACE_LABEL, CLUSTER_LABEL, SERVICE_ACCOUNT_LABEL})


@dataclass(frozen=True, slots=True)
class Matches:
    """The known workloads that a term selects, and why there may be others.

    `workloads` are those whose pods it selects for certain, `undecided` those for which a fact that decides it is not
    known (the labels of their namespace, their cluster). `hidden` is what may make more pods that it selects; `look`
    finds it when it is first asked for, since that takes a look at every workload there is, and `glance` what of it can
    be seen before. Only where a match is `certain` may a fix rest on it that no other workload is selected; where it is
    not, `reasons` say in one line each what is not known, and `lifts` what would make it known: the fix steps down to
    `unsafe`, or the pass stays silent.
    """

    workloads: tuple[Workload, ...]
    undecided: tuple[Workload, ...] = ()
    look: Callable[[], tuple[Hidden, ...]] = tuple
    glance: Callable[[], tuple[Hidden, ...]] = tuple

    @property
    def hidden(self) -> tuple[Hidden, ...]:
        return self.look()

    @property
    def certain(self) -> bool:
        """Whether these are all workloads, and nothing unread may hold more."""
        return not self.undecided and not self.glance() and not self.hidden

    @property
    def reasons(self) -> tuple[str, ...]:
        undecided = (
            f"{workload}, where a deciding fact is not known, {workload.source}" for workload in self.undecided
        )
        return tuple(dict.fromkeys((*Completeness(self.hidden).reasons, *undecided)))

    @property
    def lifts(self) -> tuple[str, ...]:
        return Completeness(self.hidden).lifts or ((LIFT,) if self.undecided else ())


def matches(context: Context, term: LabelTerm, clusters: Sequence[str] | None = None) -> Matches:
    """The workloads that a term selects in these clusters, together with what may hide others.

    `clusters` are names; by default those whose pods have identities where the policy is applied (its own and the
    meshed ones). The namespaces are those that the term names, else all.

        found = matches(context, endpoint_term(selector, context.policy, spec.subject, settings))
        if not found.workloads and found.certain:
            ...  # No pod is selected: the facts of the place are complete.
        elif not found.workloads:
            ...  # Nothing that is known: a note at most, with listed(found.reasons, most=3).
    """
    names = tuple(cluster.name for cluster in member_clusters(context)) if clusters is None else tuple(clusters)
    selected, undecided = _remembered(context, term)
    return Matches(
        tuple(workload for workload in selected if not names or workload.cluster in (None, *names)),
        tuple(workload for workload in undecided if not names or workload.cluster in (None, *names)),
        _Asked(partial(hidden_from, context.inventory, term, names)),
        _Asked(partial(hidden_from, context.inventory, term, names, soon=True)),
    )


class _Asked:
    """What may hide others, found when it is first asked for. Passes make many, of which few are asked."""

    __slots__ = ("_found", "_look")

    def __init__(self, look: Callable[[], tuple[Hidden, ...]]) -> None:
        self._look = look
        self._found: tuple[Hidden, ...] | None = None

    def __call__(self) -> tuple[Hidden, ...]:
        if self._found is None:
            self._found = self._look()
        return self._found


def hidden_from(
    inventory: Inventory,
    term: LabelTerm,
    clusters: Sequence[str] = (),
    *,
    also: Sequence[str] = (),
    leaving_out: Sequence[str] = (),
    soon: bool = False,
) -> tuple[Hidden, ...]:
    """What may make pods that a term selects in these clusters (none given: in any) beside the known workloads.

    Of the namespaces of `also` it is asked what is unknown of them by themselves, where the term names none. Namespaces
    of `leaving_out` do not count: what can only make pods there is left out. With `soon` only what is seen before every
    workload is read.
    """
    namespaces: Iterable[str | None] = _namespaces(term) or (None, *also)
    answers = [
        inventory.completeness(namespace, cluster, soon=soon)
        for namespace in namespaces
        for cluster in (clusters or (None,))
    ]
    return tuple(
        gap
        for gap in union(answers).hidden
        if _may_make(gap, term) and not (gap.namespaces is not None and gap.namespaces <= set(leaving_out))
    )


def hidden_services(context: Context, namespaces: Iterable[str] | None) -> tuple[Hidden, ...]:
    """What may make Services of these namespaces (None: of any), in the clusters of the policy, beside known ones."""
    names = tuple(cluster.name for cluster in member_clusters(context)) or (None,)
    places: Sequence[str | None] = (None,) if namespaces is None else sorted(set(namespaces))
    answers = [
        context.inventory.completeness(namespace, cluster, SERVICES) for namespace in places for cluster in names
    ]
    # What only concerns the labels of pods makes no Service.
    return tuple(gap for gap in union(answers).hidden if gap.keys is None and gap.labels is None)


def _may_make(hidden: Hidden, term: LabelTerm) -> bool:
    """Whether something hidden may make pods that a term selects, as far as its labels are known."""
    if hidden.lacks and any(_is_lacking(hidden.lacks, key, value) for key, value in _fixed_labels(term).items()):
        return False
    if hidden.keys is not None:
        return _may_add(hidden.keys, term)
    if hidden.labels is not None:
        return all(_may_carry(hidden.labels, key, value) for key, value in _fixed_labels(term).items())
    return True


def _is_lacking(lacks: Iterable[tuple[str, str]], key: str, value: str) -> bool:
    """Whether a label is among those that pods lack, by itself or for a text that its value holds."""
    return any((own, text) == (key, value) or (not own and text in value) for own, text in lacks)


def _may_add(keys: Iterable[str], term: LabelTerm) -> bool:
    """Whether labels that something may add to known pods may make a term select these.

    A key is a pattern; one with `=` has the value too, and no other can be added under that key.
    """
    found = False
    for condition in term.conditions:
        key = condition.key
        if condition.source not in (ANY, K8S) or key in _ADDED_BY_CILIUM or condition.operator not in ("In", "Exists"):
            continue
        values = [pattern.partition("=")[2] for pattern in keys if pattern.startswith(f"{key}=")]
        if values and condition.operator == "In":
            if not any(fnmatchcase(wanted, value) for wanted in condition.values for value in values):
                return False
            found = True
        found = found or bool(values) or any(fnmatchcase(key, pattern) for pattern in keys)
    return found


def _may_carry(labels: Iterable[tuple[str, str]], key: str, value: str) -> bool:
    """Whether pods with labels as they are written may carry a label: a placeholder may become any key or value."""
    return any(
        (key == own or any(name_problems(own))) and (value == text or not is_label_value(text)) for own, text in labels
    )


def workloads_of(context: Context, term: LabelTerm) -> tuple[Workload, ...] | None:
    """The known workloads, of any cluster, whose pods a term selects; None where a fact that decides it is unknown.

    For what is *there*. Where a finding rests on what is not there, ask `matches`. Pods on the host network have the
    node's identity and are left out.
    """
    selected, undecided = _remembered(context, term)
    return None if undecided else selected


def on_host_network(context: Context, term: LabelTerm) -> tuple[Workload, ...]:
    """The known workloads on the host network with the labels of a term: Cilium sees nodes there, no pods."""
    selected, _ = _remembered(context, term, host_network=True)
    if not selected:
        return ()
    names = {cluster.name for cluster in member_clusters(context)}
    return tuple(workload for workload in selected if not names or workload.cluster in (None, *names))


def _remembered(
    context: Context, term: LabelTerm, *, host_network: bool = False
) -> tuple[tuple[Workload, ...], tuple[Workload, ...]]:
    """The selection of a term, which many passes ask for; made once a run."""
    key = ("selection", term, host_network)
    if key not in context.answers:
        context.answers[key] = _selection(context.inventory, term, host_network=host_network)
    made: tuple[tuple[Workload, ...], tuple[Workload, ...]] = context.answers[key]
    return made


def _selection(
    inventory: Inventory, term: LabelTerm, *, host_network: bool = False
) -> tuple[tuple[Workload, ...], tuple[Workload, ...]]:
    """The known workloads that a term selects, and those for which that is not known."""
    labels = _fixed_labels(term)
    if host_network:
        candidates = inventory.workloads_on_nodes()
    else:
        candidates = inventory.workloads_with(labels) if labels else inventory.all_workloads()
    namespaces = _namespaces(term)
    found: list[Workload] = []
    undecided: list[Workload] = []
    for workload in candidates:
        # Comparing names first keeps a selection of a namespace cheap where there are thousands of workloads.
        if workload.host_network is not host_network or (
            namespaces is not None and workload.namespace not in namespaces
        ):
            continue
        selected = _selects(inventory, term, workload)
        if selected is not False:
            (undecided if selected is None else found).append(workload)
    return tuple(found), tuple(undecided)


def subject_term(policy: Policy, spec: Spec) -> LabelTerm | None:
    """The pods that a rule set applies to; None where it applies to nodes or its selector is malformed."""
    if spec.subject is None:
        return None
    key = ("subject term", spec.route)
    known = policy.answers.get(key)
    if known is None or known[0] is not spec:
        known = policy.answers[key] = spec, _subject_term(policy, spec.subject)
    made: LabelTerm = known[1]
    return made


def _subject_term(policy: Policy, subject: Selector) -> LabelTerm:
    conditions = conditions_of(subject.requirements)
    if policy.namespace is None:
        return label_term(conditions)
    kept = [condition for condition in conditions if condition.key != NAMESPACE_LABEL]
    return label_term(with_namespace(kept, policy.namespace))


def workloads_evidence(workloads: Iterable[Workload]) -> tuple[str, ...]:
    """One line a workload with its source; of many, how many are left out."""
    lines = [_line(workload) for workload in workloads]
    if len(lines) <= _MOST_SHOWN:
        return tuple(lines)
    return (*lines[:_MOST_SHOWN], f"and {len(lines) - _MOST_SHOWN} more workloads")


def _line(workload: Workload) -> str:
    where = f" in {workload.cluster}" if workload.cluster else ""
    return f"{workload}{where}, {workload.source}"


def _fixed_labels(term: LabelTerm) -> Mapping[str, str]:
    """The pods' own labels that a term demands with one value each."""
    return {
        condition.key: condition.values[0]
        for condition in term.conditions
        if condition.source in (ANY, K8S)
        and condition.operator == "In"
        and len(condition.values) == 1
        and condition.key not in _ADDED_BY_CILIUM
        and not condition.key.startswith(NAMESPACE_LABELS_PREFIX)
    }


def _namespaces(term: LabelTerm) -> frozenset[str] | None:
    """The namespaces that a term names; None where any will do."""
    named = [c.values for c in term.conditions if c.key in (NAMESPACE_LABEL, NAMESPACE_NAME_KEY) and c.operator == "In"]
    return frozenset(named[0]).intersection(*named[1:]) if named else None


def _selects(inventory: Inventory, term: LabelTerm, workload: Workload) -> bool | None:
    undecided: list[Condition] = []
    for condition in term.conditions:
        if _asks_namespace_labels(condition) or (condition.key == CLUSTER_LABEL and workload.cluster is None):
            undecided.append(condition)
        elif not condition.meets(_values(workload, condition)):
            return False
    if not undecided:
        return True
    if any(condition.key == CLUSTER_LABEL for condition in undecided):
        return None
    answers = [_holds_in(undecided, labels) for labels in _namespace_labels(inventory, workload)]
    return answers[0] if answers and len(set(answers)) == 1 else None


def _values(workload: Workload, condition: Condition) -> tuple[str, ...]:
    """The values that pods of a workload have of a condition's label; as of `LabelSet(pod_labels(...))`, but cheap."""
    if condition.source not in (ANY, K8S):
        return ()
    key = condition.key
    if key in (NAMESPACE_LABEL, NAMESPACE_NAME_KEY):
        return (workload.namespace,)
    if key == CLUSTER_LABEL:
        return (workload.cluster or "",)
    if key == SERVICE_ACCOUNT_LABEL:
        return (workload.service_account,)
    value = workload.labels.get(key)
    return () if value is None else (value,)


def _asks_namespace_labels(condition: Condition) -> bool:
    prefix, _, label = condition.key.partition(NAMESPACE_LABELS_PREFIX)
    return not prefix and bool(label) and label != NAMESPACE_NAME_LABEL


def _namespace_labels(inventory: Inventory, workload: Workload) -> Iterator[LabelSet]:
    for namespace in inventory.namespaces(workload.namespace):
        if namespace.cluster is None or namespace.cluster == workload.cluster:
            yield LabelSet(
                pod_labels(
                    cluster=workload.cluster or "",
                    namespace=workload.namespace,
                    labels=workload.labels,
                    namespace_labels=namespace.labels,
                )
            )


def _holds_in(conditions: Sequence[Condition], labels: LabelSet) -> bool:
    return all(_holds(condition, labels) for condition in conditions)


def _holds(condition: Condition, labels: LabelSet) -> bool:
    return condition.meets(labels.values(condition.source, condition.key))
