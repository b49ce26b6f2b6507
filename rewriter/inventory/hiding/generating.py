"""Objects that policies of Kyverno generate: ClusterPolicy and Policy with `generate` rules, GeneratingPolicy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from rewriter import patterns as re
from rewriter.inventory.delivery.appliers import api_group, texts_of
from rewriter.inventory.objects.kubernetes import is_namespace
from rewriter.inventory.texts.manifests import Manifest, items, mapping
from rewriter.inventory.texts.understood import INERT_NAMES, is_inert

GENERATING_KINDS = frozenset({b"ClusterPolicy", b"Policy", b"GeneratingPolicy", b"NamespacedGeneratingPolicy"})

_CEL_KIND = re.compile(r"""["']kind["']\s*:\s*(?:dyn\(\s*)?["'](\w+)["']""")


def generated_in(manifest: Manifest, inert_kinds: Collection[str] = ()) -> Iterator[str | None]:
    """The namespaces (None: any) in which a policy generates objects that may be pods or Services, or make some."""
    group, spec = api_group(manifest.value), mapping(manifest.value.get("spec"))
    if group == "kyverno.io" and manifest.kind in ("ClusterPolicy", "Policy"):
        for rule in items(spec.get("rules")):
            yield from _generated(mapping(rule.get("generate")), inert_kinds)
    elif group == "policies.kyverno.io" and manifest.kind.endswith("GeneratingPolicy"):
        kinds = _CEL_KIND.findall(str(spec.get("generate")) + str(spec.get("variables")))
        if not kinds or any(kind.encode() not in INERT_NAMES for kind in kinds):
            yield None


def _generated(generate: Mapping[str, Any], inert_kinds: Collection[str]) -> Iterator[str | None]:
    made = [(str(generate.get("apiVersion", "v1")), str(generate["kind"]))] if "kind" in generate else []
    for text in texts_of(mapping(generate.get("cloneList")).get("kinds")):
        version, _, kind = text.rpartition("/")
        made.append((version, kind))
    namespace = generate.get("namespace", mapping(generate.get("cloneList")).get("namespace"))
    if any(not is_inert({"apiVersion": version, "kind": kind}, inert_kinds) for version, kind in made):
        yield namespace if is_namespace(namespace) else None
    for item in items(generate.get("foreach")):
        yield from _generated(item, inert_kinds)
