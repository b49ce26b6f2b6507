"""The ConfigMaps that app-template makes of its values, and which pods read them: in their environment and as files.

Source: bjw-s-labs/helm-charts, `charts/library/common/templates` (classes/_configmap.tpl, lib/container, lib/pod).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.inventory.charts.naming import NotKnownError, rendered
from rewriter.inventory.releases.model import Release
from rewriter.inventory.texts.manifests import items, mapping, texts


def map_data(values: Mapping[str, Any]) -> dict[str, str]:
    """What a ConfigMap of these values holds; a text with a template stays as it is written."""
    return {str(key): value for key, value in texts(values.get("data")).items()}


def environment_of_maps(release: Release, written: Any, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """`envFrom` of a container; `names` are those of the release's own ConfigMaps, by identifier."""
    found = []
    for item in items(written):
        reference = mapping(item.get("configMapRef"))
        own = item.get("configMap", item.get("config")) if not reference else reference.get("identifier")
        name = names.get(str(own)) or _known(release, reference.get("name"))
        if name:
            found.append({"configMapRef": {"name": name}})
    return found


def volumes_of_maps(
    release: Release, persistence: Mapping[str, Any], controller: str, names: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """The volumes of a controller's pods that are ConfigMaps."""
    for values in map(mapping, persistence.values()):
        mounts = values.get("advancedMounts")
        elsewhere = isinstance(mounts, dict) and controller not in mounts and not values.get("globalMounts")
        if values.get("enabled") is False or values.get("type") != "configMap" or elsewhere:
            continue
        name = names.get(str(values.get("identifier"))) or _known(release, values.get("name"))
        if name:
            yield {"name": name, "configMap": {"name": name}}


def _known(release: Release, text: Any) -> str:
    try:
        return rendered(text, release) if isinstance(text, str) else ""
    except NotKnownError:
        return ""
