"""Charts whose pods are not all known, by how many policies they concern: what a run could not look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rewriter.engine.results.result import NotChecked
from rewriter.engine.run.workspace import Workspace
from rewriter.inventory.render.renderer import find_helm
from rewriter.inventory.texts.manifests import mapping

_MOST_NAMED = 3


def unrendered(workspace: Workspace) -> NotChecked | None:
    """The charts of the tree that are not rendered, the ones beside more policies first; None where there are none.

    A policy is about a chart that makes pods in its namespace. Charts that no policy is about are left out.
    """
    releases = [made.release for made in workspace.inventory.releases if "not rendered" in made.reason]
    if not releases:
        return None
    policies = Counter(_namespace(policy.manifest) for policy in workspace.inventory.policies)
    charts: dict[str, set[str]] = {}
    for release in releases:
        if release.namespace and policies[release.namespace]:
            charts.setdefault(release.chart.name or release.name, set()).add(release.namespace)
    if not charts:
        return None
    weight = {name: sum(policies[place] for place in where) for name, where in charts.items()}
    ranked = sorted(weight, key=lambda name: (-weight[name], name))
    named = ", ".join(f"{name} (beside {_policies(weight[name])})" for name in ranked[:_MOST_NAMED])
    more = f" and {len(ranked) - _MOST_NAMED} more" if len(ranked) > _MOST_NAMED else ""
    need = "--render-fetch lets helm pull them" if find_helm() else "put helm on PATH; --render-fetch lets it pull them"
    return NotChecked(f"all pods of {named}{more}", "these charts are not rendered", need)


def _namespace(manifest: Mapping[str, Any]) -> str:
    namespace = mapping(manifest.get("metadata")).get("namespace")
    return namespace if isinstance(namespace, str) else ""


def _policies(number: int) -> str:
    return "1 policy" if number == 1 else f"{number} policies"
