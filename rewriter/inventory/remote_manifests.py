"""What is known of manifests that a URL names and that no run fetches: of few, that none of it is in question."""

from __future__ import annotations

import re

#: Definitions of resources only, which are no pods and no Services.
_DEFINITIONS = re.compile(r"(?i)crds?(?=[^a-z]|$)|/gateway-api/(?:releases|.*config/crd)|customresourcedefinition")
#: What the documentation of Talos names: each makes pods that carry its own name, and runs beside the system's.
_OF_THE_SYSTEM = re.compile(r"kubelet-serving-cert-approver|metrics-server")


def may_make_pods(url: str) -> bool:
    """Whether the manifests of a URL may make pods or Services that a policy's selector could mean."""
    return _DEFINITIONS.search(url) is None and _OF_THE_SYSTEM.search(url) is None
