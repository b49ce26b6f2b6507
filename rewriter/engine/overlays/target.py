"""What is built to see a policy as a cluster gets it: a kustomization, and over it what Flux or Argo CD lay on top."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rewriter.engine.overlays.texts import Texts
from rewriter.inventory.delivery.patched_policies import PatchedPolicies, PatchedPolicy
from rewriter.inventory.delivery.patches import Patch
from rewriter.inventory.delivery.substitution import is_disabled, substituted
from rewriter.inventory.delivery.transform import Labels, Transform
from rewriter.inventory.texts.manifests import mapping

#: The folder of the kustomization that stands for an applier's step; no repository has one of this name.
TOP = "cnpfix-applied"
#: The folder beside TOP that holds the tree: within it, TOP would stand below a kustomization at the top of the tree.
TREE = "tree"


@dataclass(frozen=True, slots=True)
class Target:
    """A kustomization by its inner folder (`root`), or the `files` of a folder without one that an applier lists.

    `step` is what the applier does on top, None where it does nothing. Two targets are the same where `name` is.
    """

    name: str
    root: str | None = field(compare=False)
    files: tuple[str, ...] = field(default=(), compare=False)
    step: Transform | None = field(default=None, compare=False)

    @property
    def words(self) -> str:
        """How people name the build."""
        folder = self.root or posixpath.dirname(self.files[0] if self.files else "") or "."
        return f"kubectl kustomize {folder}" + (f" under {self.step.source}" if self.step else "")

    def filled_in(self, value: Any) -> Any:
        """A built manifest with the variables of the applier filled in."""
        step = self.step
        if step is None or step.variables is None or is_disabled(mapping(mapping(value).get("metadata"))):
            return value
        return substituted(value, step.variables, step.complete)

    @property
    def components(self) -> tuple[str, ...]:
        """The inner folders of the components that the applier puts beside those of the kustomization."""
        return () if self.step is None else self.step.components

    def top(self, texts: Texts) -> Mapping[str, Any] | None:
        """The kustomization, in the folder TOP, that does what the applier does; None where it does nothing.

        Components of the applier are in it where it lists files: where there is a kustomization, they come before what
        that does, and `with_components` puts them there. Raises TextError for a patch that is not there any more.
        """
        step = self.step
        if step is None:
            return None
        below = (self.root,) if self.root is not None else self.files
        made: dict[str, Any] = {"resources": [f"../{TREE}/{each}" for each in below]}
        if self.root is None and step.components:
            made["components"] = [f"../{TREE}/{each}" for each in step.components]
        named = {"namespace": step.namespace, "namePrefix": step.prefix, "nameSuffix": step.suffix}
        made |= {key: value for key, value in named.items() if value}
        if step.labels:
            made["labels"] = [_labels(label) for label in step.labels]
        if step.patches:
            made["patches"] = [_patch(patch, texts) for patch in step.patches]
        return made

    def with_components(self, kustomization: Mapping[str, Any]) -> Mapping[str, Any]:
        """The kustomization of `root` with the components of the applier behind its own."""
        own = kustomization.get("components")
        more = [posixpath.relpath(each, self.root) for each in self.components]
        return {**kustomization, "components": [*(own if isinstance(own, list) else ()), *more]}


def target_of(policy: PatchedPolicy, patched: PatchedPolicies) -> Target | None:
    """What is built for one way in which a policy is applied; None where nothing of the tree builds it."""
    placement = policy.placement
    last = placement.chain[-1] if placement.chain else None
    step = last if last is not None and last.applies and not _leaves(last) else None
    if placement.root is not None:
        if placement.root not in patched.kustomizations:
            return None
        return Target(f"{placement.root} {step.source if step else ''}", placement.root, (), step)
    if step is None:
        return None
    files = tuple(patched.placed_alike(placement))
    return Target(f"{' '.join(files)} {step.source}", None, files, step)


def _leaves(step: Transform) -> bool:
    """Whether a build is the same with the step and without."""
    changes = step.namespace or step.prefix or step.suffix or step.labels or step.patches or step.components
    return not changes and step.variables is None


def _labels(labels: Labels) -> dict[str, Any]:
    return {
        "pairs": dict(labels.pairs),
        "includeSelectors": labels.selectors,
        "includeTemplates": labels.templates,
    }


def _patch(patch: Patch, texts: Texts) -> dict[str, Any]:
    if patch.at is None:
        value: Any = patch.merge if patch.merge is not None else list(patch.operations)
    else:
        value = texts.value(patch.at)
    made: dict[str, Any] = {"patch": json.dumps(value)}
    if patch.target:
        made["target"] = dict(mapping(patch.target))
    return made
