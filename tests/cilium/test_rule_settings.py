"""Rules are read once for all settings that mean the same for them: none that they are read by may be left out."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from rewriter.cilium import compile as rules
from rewriter.cilium import peers, services
from rewriter.cilium.identity_labels import label_filter
from rewriter.cilium.rule_settings import rule_settings
from rewriter.cilium.settings import Settings
from rewriter.cilium.version import Version

_MESH = Settings(Version(1, 19), default_local_cluster=True, mutual_authentication=False)
#: Another value of each setting that the modules ask for; of a property, that of the field which it follows from.
_OTHERS: dict[str, dict[str, Any]] = {
    "version": {"version": Version(1, 20)},
    "local_cluster": {"local_cluster": "other"},
    "adds_local_cluster": {"default_local_cluster": False},
    "authenticates": {"mutual_authentication": True},
    "single_cluster": {"single_cluster": True},
    "pod_labels": {"pod_labels": label_filter(Version(1, 19), ("app",))},
    "node_labels": {"node_labels": label_filter(Version(1, 19), ("app",))},
    "first_patch": {"first_patch": True},
    "patch": {"patch": 3},
}


def _asked(module: ModuleType) -> set[str]:
    """What a module asks of settings."""
    nodes = ast.walk(ast.parse(inspect.getsource(module)))
    return {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "settings"
    }


@pytest.mark.parametrize("module", [rules, peers, services], ids=lambda module: module.__name__)
def test_settings_that_rules_are_read_by_tell_apart(module: ModuleType) -> None:
    asked = _asked(module)
    assert asked
    for name in asked:
        assert rule_settings(replace(_MESH, **_OTHERS[name])) != rule_settings(_MESH), name


def test_settings_that_do_not_bear_on_rules_make_no_difference() -> None:
    assert rule_settings(replace(_MESH, audit=True, dual_stack=True, host_firewall=None)) is rule_settings(_MESH)
    alone = Settings(Version(1, 19))
    assert rule_settings(replace(alone, single_cluster=True)) is rule_settings(alone)
