"""Who may talk to whom under a policy, today and after the rewrite: what a reviewer wants to see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rewriter import yamltext
from rewriter.cilium.policy import Policy
from rewriter.cilium.settings import Facts
from rewriter.engine.documents.read import FoundPolicy, policies_in
from rewriter.engine.results.result import FileResult
from rewriter.engine.run.workspace import Workspace
from rewriter.evidence.settings import facts_of, settings_of
from rewriter.inventory.facts.model import Cluster
from rewriter.reach.permitted import Permitted, permitted
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """What one policy lets through by itself, today on the source release and rewritten on the target release.

    `first_line` and `last_line` are those of its document in the file as it was read, 1-based.
    """

    path: str
    document: int
    namespace: str
    name: str
    first_line: int
    last_line: int
    flows: Permitted


def pictures(workspace: Workspace, results: Iterable[FileResult]) -> Iterator[Picture]:
    """The pictures of all policies that something was found in, file by file."""
    inventory = workspace.inventory
    facts = facts_of(inventory.all_services(), inventory.cidr_groups(), inventory)
    for result in results:
        wanted = {(item.location.document, item.location.namespace, item.location.name) for item in result.findings}
        if not wanted:
            continue
        cluster = inventory.cluster_of(result.path)
        before = _policies(workspace, result.path, result.before)
        after = _policies(workspace, result.path, result.after)
        for old, new in zip(before, after, strict=True):
            policy = old.found.policy
            if (old.document.index, policy.namespace or "", policy.name) in wanted:
                yield _picture(workspace, result.path, cluster, facts, old, new.found.policy)


@dataclass(frozen=True, slots=True)
class _Placed:
    document: yamltext.Document
    found: FoundPolicy


def _policies(workspace: Workspace, path: str, text: str) -> list[_Placed]:
    try:
        documents = yamltext.parse(text)
    except yamltext.YamlTextError:
        return []
    return [
        _Placed(document, found)
        for document in documents
        if yamltext.template_markup(text[document.span.start : document.span.end]) is None
        for found in policies_in(document.value, lambda manifest: workspace.namespace_of(path, manifest))
    ]


def _picture(
    workspace: Workspace, path: str, cluster: Cluster | None, facts: Facts, old: _Placed, new: Policy
) -> Picture:
    policy = old.found.policy
    where = yamltext.locate(old.document, "")
    today, then = workspace.from_version, workspace.to_version
    source, target = settings_of(cluster, today), settings_of(cluster, then, target=then > today)
    return Picture(
        path=path,
        document=old.document.index,
        namespace=policy.namespace or "",
        name=policy.name,
        first_line=where.line,
        last_line=where.end_line,
        flows=permitted(policy.raw, new.raw, source, target, facts, namespace=policy.namespace),
    )
