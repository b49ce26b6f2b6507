"""What may change an applier on its way, and whether it may apply another folder then."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.inventory.delivery.changed_appliers import way_of
from rewriter.inventory.delivery.patches import Patch
from rewriter.inventory.delivery.transform import Transform
from rewriter.inventory.delivery.unfollowed import Unfollowed
from rewriter.inventory.facts.model import Source

SOURCE = Source("kustomization.yaml", 1)
#: Without a namespace it may land in `default`: whether a patch for that namespace is for it is not clear.
APPLIER = {
    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
    "kind": "Kustomization",
    "metadata": {"name": "apps"},
    "spec": {"path": "./apps"},
}


def patch(merge: dict[str, Any], **target: str) -> Patch:
    return Patch(SOURCE, target=target or {"namespace": "default"}, merge=merge)


@pytest.mark.parametrize(
    ("merges", "changed", "elsewhere"),
    [
        ([{"spec": {"prune": True}}], False, False),
        ([{"metadata": {"labels": {"a": "b"}}}], False, False),
        ([{"spec": {"targetNamespace": "shop"}}], True, False),
        ([{"spec": {"path": "./other"}}], True, True),
        ([{"spec": {"path": "./other"}}, {"spec": {"targetNamespace": "shop"}}], True, True),
        ([{"spec": {"targetNamespace": "shop"}}, {"spec": {"path": "./other"}}], True, True),
        ([{"$patch": "delete"}], True, True),
        ([{"spec": {"$patch": "replace", "prune": True}}], True, True),
        ([{"spec": None}], True, True),
    ],
)
def test_a_patch_that_may_be_for_an_applier_changes_what_decides_what_it_applies(
    merges: list[dict[str, Any]], changed: bool, elsewhere: bool
) -> None:
    way = way_of(APPLIER, [Transform(SOURCE, patches=tuple(patch(merge) for merge in merges))])
    assert [change.words for change in way.changes] == [
        "a patch of kustomization.yaml:1, on the way of Kustomization apps,"
    ] * changed
    assert all(change.of_applier for change in way.changes)
    assert way.elsewhere is elsewhere


def test_a_patch_for_an_applier_is_made() -> None:
    way = way_of(APPLIER, [Transform(SOURCE, patches=(patch({"spec": {"path": "./other"}}, kind="Kustomization"),))])
    assert (way.changes, way.elsewhere, way.value["spec"]) == ((), False, {"path": "./other"})


def test_what_is_not_read_may_lead_anywhere() -> None:
    way = way_of(APPLIER, [Transform(SOURCE, patches=(Patch(SOURCE, unread=True),))])
    assert (len(way.changes), way.elsewhere) == (1, True)


def test_a_patch_may_select_an_applier_by_labels_that_something_writes() -> None:
    writes = Transform(SOURCE, unfollowed=(Unfollowed("a plugin", fields=("metadata/labels",)),))
    selecting = Transform(SOURCE, patches=(patch({"spec": {"path": "./other"}}, labelSelector="team=shop"),))
    assert way_of(APPLIER, [selecting]).changes == ()
    way = way_of(APPLIER, [writes, selecting])
    (change,) = way.changes
    assert change.words.startswith(
        "a patch of kustomization.yaml:1, which may select it by what a plugin writes, on the"
    )
    assert way.elsewhere
