"""How the checks of a manifest report the first thing that is wrong with it."""

from __future__ import annotations

#: What a null where Cilium expects a value does to its parser.
NIL_POINTER = "runtime error: invalid memory address or nil pointer dereference"


class RejectedError(Exception):
    """Cilium rejects the manifest: `message` is its wording, `route` the JSON pointer of the culprit."""

    def __init__(self, message: str, route: str) -> None:
        super().__init__(message)
        self.message = message
        self.route = route
