"""What came of a run of `impact`, by file and policy, in a form that is kept between runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from rewriter import yamltext
from rewriter.cilium.policy import read_policy
from rewriter.engine.again.slices import Plain, Slice
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.run.impact_result import Change, Impact, PolicyImpact
from rewriter.evidence.resting import same
from rewriter.finding import Flows
from rewriter.reach.pairs import MeshDifference, PairChange
from rewriter.reach.port_line import PortRange
from rewriter.records import dataclass

#: What bytes of the right checksum and the wrong form end in.
MALFORMED = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)


class Result(NamedTuple):
    """What came of one policy: of which slice it is, what it is called, and on which questions its impact rests.

    `impact` is None where the upgrade does nothing to it. Its `namespace` is None for one of all namespaces.
    """

    slice: int
    document: int
    line: int
    kind: str
    namespace: str | None
    name: str
    asked: frozenset[str]
    fixes: tuple[str, ...]
    rewritten: bool
    impact: PolicyImpact | None


@dataclass(frozen=True, slots=True)
class FileResults:
    """What came of a file: `after` has the new texts of slices that are fixed, `asked` is for the file as a whole.

    `line` are the bytes that all of it was read from, if it was.
    """

    path: str
    digest: str
    record: str
    slices: Sequence[Slice]
    after: Mapping[int, str]
    asked: frozenset[str]
    results: Sequence[Result]
    line: bytes = b""


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of a run. `ground` is a digest of all that it read but the files here.

    `changes` says that the rules of a known workload let other flows through, before or after the fixes. `nowhere` are
    questions about all policies to which the answer is no.
    """

    ground: str
    beside: Mapping[str, str | None]
    remotes: Sequence[str] | None
    partly: bool
    files: Iterable[FileResults]
    impact: Impact
    changes: bool
    nowhere: Sequence[str]


def encoded(kept: Kept) -> bytes:
    """The bytes of what is kept: a line for all of it, and one for each file. Raises ValueError for what is no JSON."""
    impact = kept.impact
    head = {
        "ground": kept.ground,
        "beside": dict(kept.beside),
        "remotes": kept.remotes,
        "partly": kept.partly,
        "changes": kept.changes,
        "nowhere": list(kept.nowhere),
        "clusters": impact.clusters,
        "total": impact.total,
        "workloads": impact.workloads,
        "mesh": impact.mesh,
        "alone": impact.alone,
        "undone": _mesh(impact.undone),
        "fixed": _mesh(impact.fixed),
        "left_out": impact.left_out,
        "not_enforced": impact.not_enforced,
        "unread_settings": impact.unread_settings,
    }
    return b"\n".join((_json(head), *(file.line or _line(file) for file in kept.files)))


def decoded(data: bytes) -> Kept:
    """What is kept in bytes. Raises one of MALFORMED."""
    first, *lines = data.split(b"\n")
    head = json.loads(first)
    files = [_file(line) for line in lines]
    impact = Impact(
        clusters=tuple(head["clusters"]),
        total=head["total"],
        policies=tuple(one.impact for file in files for one in file.results if one.impact is not None),
        undone=_mesh_of(*head["undone"]),
        fixed=_mesh_of(*head["fixed"]),
        workloads=head["workloads"],
        mesh=head["mesh"],
        alone=tuple(head["alone"]),
        left_out=tuple(head["left_out"]),
        not_enforced=tuple(head["not_enforced"]),
        unread_settings=tuple(head["unread_settings"]),
    )
    beside, remotes, partly = head["beside"], head["remotes"], head["partly"]
    return Kept(head["ground"], beside, remotes, partly, files, impact, head["changes"], head["nowhere"])


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _line(file: FileResults) -> bytes:
    questions: dict[str, int] = {}

    def numbered(asked: Iterable[str]) -> list[int]:
        return [questions.setdefault(question, len(questions)) for question in sorted(asked)]

    slices = [[part.digest, part.plain] for part in file.slices]
    results = [
        [*one[:6], numbered(one.asked), one.fixes, one.rewritten, one.impact and _impact(one.impact)]
        for one in file.results
    ]
    shared = numbered(file.asked)
    head = [file.path, file.digest, file.record, slices, sorted(file.after.items())]
    return _json([*head, list(questions), shared, results])


def _file(line: bytes) -> FileResults:
    path, digest, record, slices, after, questions, shared, results = json.loads(line)
    return FileResults(
        path,
        digest,
        record,
        [Slice(part, plain and _plain(*plain)) for part, plain in slices],
        dict(after),
        same(questions[number] for number in shared),
        [_result(questions, path, *one) for one in results],
        line,
    )


def _plain(home: str, names: list[str] | None, traits: list[str], called: str) -> Plain:
    return Plain(home, None if names is None else tuple(names), tuple(traits), called)


def _result(
    questions: list[str],
    path: str,
    number: int,
    document: int,
    line: int,
    kind: str,
    namespace: str | None,
    name: str,
    asked: Any,
    fixes: Any,
    rewritten: bool,
    impact: Any,
) -> Result:
    made = None
    if impact is not None:
        located = stand_in(path, document, kind, namespace, name)
        cluster, undone, fixed, unseen = impact
        changes = [_change_of(*change) for change in (undone, undone if fixed is None else fixed)]
        made = PolicyImpact(located, line, cluster, changes[0], changes[1], unseen, tuple(fixes), rewritten)
    return Result(
        number,
        document,
        line,
        kind,
        namespace,
        name,
        same(questions[number] for number in asked),
        tuple(fixes),
        rewritten,
        made,
    )


_NOWHERE = yamltext.parse("{}")[0]


@cache
def _document(index: int) -> yamltext.Document:
    return yamltext.Document(_NOWHERE.text, index, _NOWHERE.span, None, _NOWHERE.lines)


def stand_in(path: str, document: int, kind: str, namespace: str | None, name: str) -> LocatedPolicy:
    """What reports say of a policy whose file is not read: what it is called, and where it is."""
    metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    policy = read_policy({"apiVersion": "", "kind": kind, "metadata": metadata}, namespace=namespace)
    return LocatedPolicy(path, _document(document), policy)


def _impact(impact: PolicyImpact) -> list[Any]:
    same = impact.fixed == impact.undone
    return [impact.cluster, _change(impact.undone), None if same else _change(impact.fixed), impact.unseen]


def _change(change: Change) -> list[Any]:
    flows = change.flows
    if flows.upgrade is not None or flows.kept or flows.kept_closed:
        raise ValueError("flows of a fix, not of an upgrade")
    return [flows.opened, flows.closed, flows.exact, sorted(flows.possible), change.state, change.reason]


def _change_of(opened: Any, closed: Any, exact: bool, possible: Any, state: str, reason: str) -> Change:
    return Change(Flows(tuple(opened), tuple(closed), exact=exact, possible=frozenset(possible)), state, reason)


def _mesh(difference: MeshDifference) -> list[Any]:
    pairs = [[p.change, p.sources, p.destinations, p.ports, p.port_ranges] for p in difference.pairs]
    return [pairs, difference.released]


def _mesh_of(pairs: Any, released: Any) -> MeshDifference:
    return MeshDifference(
        tuple(
            PairChange(change, tuple(sources), tuple(ends), ports, tuple(PortRange(*found) for found in ranges))
            for change, sources, ends, ports, ranges in pairs
        ),
        tuple(released),
    )
