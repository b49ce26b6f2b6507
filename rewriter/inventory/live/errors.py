"""What can go wrong with a live cluster, each as one line for people. No line holds a token or an address."""

from __future__ import annotations


class ClusterError(Exception):
    """A cluster that cannot be read: its context, and what to do."""


class ListError(Exception):
    """One list of a cluster that could not be read whole; the message names the right that is missing, if one is."""


class LostError(Exception):
    """No complete answer: the connection failed, broke or took too long. Worth another try unless `final`."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final
