"""Looking for commands and programs in a file takes time that grows with the file, whatever stands in it."""

from __future__ import annotations

import time

import pytest

from rewriter.inventory.files.programs import programs_in

_HEADS = ("", "kind: Job\n- kubectl\n", "apps:\nsettings:\n", 'resource "helm_release" "a" {\n')
_PARTS = (
    *("a: b\n", "-", "- ", "\n", "(", "[", "aa ", "kubectl ", "kind: Job\n", "apps:\n", ".pods(", "/"),
    *('", ', "helm", "{{/*", "\\\n", "/api/v1/namespaces/a/pods"),
)


@pytest.mark.parametrize("name", ["manifest.yaml", "main.tf", "Main.java", ".github/workflows/ci.yaml", "d.pl"])
def test_it_is_no_more_than_linear(name: str) -> None:
    started = time.process_time()
    for head in _HEADS:
        for part in _PARTS:
            list(programs_in(name, (head + part * (60_000 // len(part))).encode(), beside=True))
    # 64 files of 60,000 bytes: a search at every byte for what stands anywhere behind it takes minutes.
    assert time.process_time() - started < 20
