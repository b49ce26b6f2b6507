"""Policies beside others: those of the same pods, and those of the pods that they name as peers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rewriter.cilium.policy import Policy
from rewriter.reach.world import PolicyWorld


class Ends(NamedTuple):
    """The policies of peers, as they are today and later."""

    policies: Sequence[Policy]
    worlds: tuple[PolicyWorld, PolicyWorld]


class Among(NamedTuple):
    """Two policies beside the others of the same pods: each alone, both beside the others as they are and will be.

    `today` and `first` are beside those that are there today, `last` and `then` beside those of later.
    """

    others: Sequence[Policy]
    own: Sequence[PolicyWorld]
    today: PolicyWorld
    first: PolicyWorld
    last: PolicyWorld
    then: PolicyWorld
