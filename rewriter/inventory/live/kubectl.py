"""A cluster's API through `kubectl get --raw`: its contexts, its login plugins, and nothing to install beside it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from urllib.parse import urlencode

from rewriter import patterns as re
from rewriter.inventory.live.errors import ClusterError, LostError
from rewriter.inventory.live.listing import Answer
from rewriter.records import dataclass

_TIMEOUT = 120.0
_MOST_SAID = 300
#: What kubectl says of an answer that is none, by the reason of the API's status.
_STATUSES = {
    "NotFound": 404,
    "Forbidden": 403,
    "Unauthorized": 401,
    "Expired": 410,
    "Gone": 410,
    "TooManyRequests": 429,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "Timeout": 504,
}
_REASON = re.compile(r"Error from server \((\w+)\)")


@dataclass(frozen=True, slots=True)
class KubectlApi:
    """One context of the kubeconfig, read-only."""

    context: str

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """The answer to a GET. Raises LostError where there is none, and ClusterError without kubectl."""
        address = f"{path}?{urlencode(query)}" if query else path
        done = run_kubectl("--context", self.context, "get", "--raw", address)
        if done.returncode == 0:
            return Answer(200, done.stdout)
        answer = done.stderr.decode("utf-8", "replace").strip()
        reason = _REASON.search(answer)
        if reason and reason[1] in _STATUSES:
            return Answer(_STATUSES[reason[1]])
        if "the server could not find the requested resource" in answer:
            return Answer(404)
        if "You must be logged in" in answer or "Unauthorized" in answer:
            return Answer(401)
        lines = answer.splitlines() or ["it gave no reason"]
        raise LostError(f"kubectl failed: {lines[-1][:_MOST_SAID]}", final=True)


def run_kubectl(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """A command of kubectl that only reads. Raises ClusterError where kubectl is missing or does not end."""
    try:
        return subprocess.run(
            ["kubectl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_TIMEOUT
        )
    except FileNotFoundError:
        raise ClusterError("kubectl is not on PATH; --live asks the cluster with it") from None
    except subprocess.TimeoutExpired:
        raise ClusterError(f"kubectl {arguments[0]} took more than {_TIMEOUT:.0f} seconds") from None


def current_context() -> str:
    """The context that kubectl uses where none is named. Raises ClusterError."""
    done = run_kubectl("config", "current-context")
    context = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode != 0 or not context:
        raise ClusterError("the kubeconfig has no current context; give --context, or `kubectl config use-context`")
    return context
