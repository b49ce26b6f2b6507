"""What is built to see a policy as a cluster gets it: a kustomization, with what Flux or Argo CD write into it."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from rewriter.engine.overlays.texts import Texts
from rewriter.inventory.delivery.patched_policies import PatchedPolicies, PatchedPolicy
from rewriter.inventory.delivery.patches import Patch
from rewriter.inventory.delivery.transform import Labels, Transform, transformed
from rewriter.inventory.render.kept import digest_of
from rewriter.inventory.texts.manifests import mapping
from rewriter.records import dataclass

#: The folder of the kustomization that stands for an applier's step; no repository has one of this name.
TOP = "cnpfix-applied"
#: The folder beside TOP that holds the tree: within it, TOP would stand below a kustomization at the top of the tree.
TREE = "tree"


@dataclass(frozen=True, slots=True)
class Target:
    """A kustomization by its inner folder (`root`), or the `files` of a folder without one that an applier lists.

    `step` is what the applier does, None where it does nothing; `on_top` is what it does in a kustomization that it
    makes around these, where there is none to write into. Two targets are the same where `name` is, which holds all of
    that: one applier that several others apply, each with variables of its own, does several things.
    """

    name: str
    root: str | None = field(compare=False)
    files: tuple[str, ...] = field(default=(), compare=False)
    step: Transform | None = field(default=None, compare=False)
    on_top: Transform | None = field(default=None, compare=False)

    @property
    def words(self) -> str:
        """How people name the build."""
        folder = self.root or posixpath.dirname(self.files[0] if self.files else "") or "."
        return f"kubectl kustomize {folder}" + (f" under {self.step.source}" if self.step else "")

    def filled_in(self, value: Any) -> Any:
        """A built manifest with the labels and the variables of the applier, which come after the build."""
        step = self.step
        if step is None or not isinstance(value, dict):
            return value
        after = Transform(step.source, labels=step.labels, variables=step.variables, complete=step.complete)
        return transformed(value, () if after.changes_nothing else (after,))

    @property
    def components(self) -> tuple[str, ...]:
        """The inner folders of the components that the applier puts beside those of the kustomization."""
        return () if self.step is None else self.step.components

    def top(self, texts: Texts) -> Mapping[str, Any] | None:
        """The kustomization, in the folder TOP, that the applier makes around what it applies; None for none.

        Raises TextError for a patch that is not there any more.
        """
        if self.on_top is None and self.root is not None:
            return None
        below = (self.root,) if self.root is not None else self.files
        made: dict[str, Any] = {"resources": [f"../{TREE}/{folder}" for folder in below]}
        if self.root is None and self.components:
            made["components"] = [f"../{TREE}/{component}" for component in self.components]
        return made if self.on_top is None else _with_step(made, self.on_top, texts)

    @property
    def inserts(self) -> bool:
        """Whether the applier writes into the kustomization of `root`."""
        return self.root is not None and self.step is not None and bool(self.step.inserted or self.components)

    def with_inserted(self, kustomization: Mapping[str, Any], texts: Texts) -> Mapping[str, Any]:
        """The kustomization of `root` with what the applier writes into it: lists behind its own, the rest instead.

        Raises TextError for a patch that is not there any more.
        """
        made = dict(kustomization)
        if self.components:
            more = [posixpath.relpath(component, self.root) for component in self.components]
            made["components"] = [*_list(kustomization, "components"), *more]
        inserted = None if self.step is None else self.step.inserted
        return made if inserted is None else _with_step(made, inserted, texts)


def target_of(policy: PatchedPolicy, patched: PatchedPolicies) -> Target | None:
    """What is built for one way in which a policy is applied; None where nothing of the tree builds it."""
    placement = policy.placement
    steps = [transform for transform in placement.chain[-2:] if transform.applies]
    on_top = next((transform for transform in steps if _is_kustomization(transform)), None)
    step = next((transform for transform in reversed(steps) if not _leaves(transform)), None)
    if placement.root is not None:
        if placement.root not in patched.kustomizations:
            return None
        return _target(placement.root, (), step, on_top)
    if step is None:
        return None
    return _target(None, tuple(patched.placed_alike(placement)), step, on_top)


def _target(root: str | None, files: tuple[str, ...], step: Transform | None, on_top: Transform | None) -> Target:
    name = digest_of(repr((root, files, step, on_top)).encode("utf-8", "surrogatepass"))
    return Target(name, root, files, step, on_top)


def _leaves(step: Transform) -> bool:
    """Whether a build is the same with the step and without."""
    changes = _is_kustomization(step) or step.labels or step.components or step.inserted
    return not changes and step.variables is None


def _is_kustomization(step: Transform) -> bool:
    """Whether a step is one that an applier makes a kustomization for."""
    return bool(step.namespace or step.prefix or step.suffix or step.patches or step.late_patches)


def _with_step(kustomization: Mapping[str, Any], step: Transform, texts: Texts) -> dict[str, Any]:
    made = dict(kustomization)
    named = {"namespace": step.namespace, "namePrefix": step.prefix, "nameSuffix": step.suffix}
    made |= {key: value for key, value in named.items() if value}
    lists = {
        "labels": [_labels(label) for label in step.labels],
        "patches": [_patch(patch, texts) for patch in step.patches],
        "patchesJson6902": [_patch(patch, texts) for patch in step.late_patches],
    }
    return made | {name: [*_list(made, name), *more] for name, more in lists.items() if more}


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    own = value.get(name)
    return own if isinstance(own, list) else []


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
