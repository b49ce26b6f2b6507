"""Which files of a tree may hold a fact: never one too few, in their order, however often the index is asked."""

from __future__ import annotations

import pytest

from rewriter.inventory.delivery.transform import Added
from rewriter.inventory.files.offered import OfferedFile
from rewriter.inventory.index.file_index import FileIndex

PODS = frozenset({b"Deployment", b"Pod"})
#: More questions than the index answers by a look at each file.
MANY = 20


def file(path: str, text: str, *kinds: bytes, holds_list: bool = False, unknown: bool = False) -> OfferedFile:
    data = text.encode()
    return OfferedFile(path, frozenset(kinds), data, holds_list, unknown)


WEB = file("web.yaml", "kind: Deployment\nlabels: {app: web, tier: front}", b"Deployment")
API = file("api.yaml", 'kind: Deployment\nlabels: {app: "api"}', b"Deployment")
LIST = file("list.yaml", "kind: List\napp: web", holds_list=True)
CUSTOM = file("custom.yaml", "kind: Rollout\napp: web", b"Rollout", unknown=True)
MAP = file("map.yaml", "kind: ConfigMap\napp: web", b"ConfigMap")
FILES = [WEB, API, LIST, CUSTOM, MAP]


def asked(
    wanted: list[bytes],
    *,
    times: int,
    unknown: bool = False,
    added: dict[str, Added] | None = None,
    always: frozenset[bytes] = frozenset(),
) -> list[str]:
    index = FileIndex(FILES, added or {}, always)
    for number in range(times - 1):
        index.holding(PODS, [f"other-{number}".encode()], unknown=unknown)
    return [each.path for each in index.holding(PODS, wanted, unknown=unknown)]


@pytest.mark.parametrize("times", [1, MANY])
@pytest.mark.parametrize(
    "wanted, expected",
    [
        ([], ["web.yaml", "api.yaml", "list.yaml"]),
        ([b"web"], ["web.yaml", "list.yaml"]),
        ([b"api"], ["api.yaml"]),
        ([b"web", b"front"], ["web.yaml"]),
        ([b"web", b"api"], []),
        ([b"nowhere"], []),
    ],
)
def test_files_that_name_a_kind_and_hold_every_text(wanted: list[bytes], expected: list[str], times: int) -> None:
    assert asked(wanted, times=times) == expected


@pytest.mark.parametrize("times", [1, MANY])
def test_objects_of_kinds_that_are_not_read_count_where_they_are_asked_for(times: int) -> None:
    assert asked([b"web"], times=times, unknown=True) == ["web.yaml", "list.yaml", "custom.yaml"]


@pytest.mark.parametrize("times", [1, MANY])
@pytest.mark.parametrize(
    "added",
    [Added(words=b"team shop"), Added(renames=True)],
    ids=["labels that a kustomization adds", "new names"],
)
def test_what_a_file_gains_on_its_way_counts(added: Added, times: int) -> None:
    assert asked([b"shop"], times=times, added={"api.yaml": added}) == ["api.yaml"]


@pytest.mark.parametrize("times", [1, MANY])
def test_kinds_whose_facts_hold_words_that_no_file_does_are_always_there(times: int) -> None:
    assert asked([b"nowhere"], times=times, always=frozenset({b"Deployment"})) == ["web.yaml", "api.yaml"]
