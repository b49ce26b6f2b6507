"""Custom resources whose operators run Jobs of their own for them, and which labels the pods of those may carry.

They hide no pod that a selector for an application's labels means: a backup or an upgrade is none.

- kopiur (`kopiur.home-operations.com`): the pods that move data are managed by `kopiur`.
- tuppr (`tuppr.home-operations.com`): the pods that upgrade a node are called `talos-upgrade` or `kubernetes-upgrade`.
- system-upgrade-controller (`upgrade.cattle.io`): the pods of a Plan carry keys of `upgrade.cattle.io`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Stands for a value that is not known; it is no value of a label.
_ANY = "${any}"
_OF_JOBS = frozenset({("job-name", _ANY), ("batch.kubernetes.io/job-name", _ANY)})


def _recommended(name: str, manager: str) -> frozenset[tuple[str, str]]:
    """The labels that Kubernetes recommends, with what an operator writes into them."""
    return _OF_JOBS | {
        ("app.kubernetes.io/name", name),
        ("app.kubernetes.io/instance", _ANY),
        ("app.kubernetes.io/component", _ANY),
        ("app.kubernetes.io/part-of", manager),
        ("app.kubernetes.io/managed-by", manager),
    }


_KOPIUR = frozenset(
    (f"kopiur.home-operations.com/{key}", _ANY)
    for key in ("cluster-repository", "policy", "repository", "restore", "schedule", "snapshot")
)
_LABELS: Mapping[str, Mapping[str, frozenset[tuple[str, str]]]] = {
    "kopiur.home-operations.com": {
        kind: _KOPIUR | _recommended("kopiur-mover", "kopiur")
        for kind in ("Maintenance", "Restore", "Snapshot", "SnapshotPolicy", "SnapshotSchedule")
    },
    "tuppr.home-operations.com": {
        "KubernetesUpgrade": _recommended("kubernetes-upgrade", "tuppr"),
        "TalosUpgrade": _recommended("talos-upgrade", "tuppr"),
    },
    "upgrade.cattle.io": {
        "Plan": _OF_JOBS | {(f"upgrade.cattle.io/{key}", _ANY) for key in ("controller", "node", "plan", "version")}
    },
}


def labels_of_helpers(value: Mapping[str, Any]) -> frozenset[tuple[str, str]] | None:
    """The labels that the pods of such a resource may carry; None for other resources, whose pods may carry any."""
    group = str(value.get("apiVersion", "")).rpartition("/")[0]
    return _LABELS.get(group, {}).get(str(value.get("kind")))
