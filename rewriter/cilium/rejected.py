"""How the checks of a manifest report the first thing that is wrong with it."""

from __future__ import annotations


class RejectedError(Exception):
    """Cilium rejects the manifest: `message` is its wording, `route` the JSON pointer of the culprit."""

    def __init__(self, message: str, route: str) -> None:
        super().__init__(message)
        self.message = message
        self.route = route
