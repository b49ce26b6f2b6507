"""How much work the proofs of one policy's fixes may be: a run ends in time, whatever the text says.

Each fix of a policy is proved on all of its rules, so that the work grows with the fixes times the rules. The largest
policies that people write are far below the bound; beyond it nothing of the document is written, and its findings say
why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rewriter.cilium.policy import Policy
from rewriter.engine.proofs.manifest import ProofError

#: Fixes times rules, peers and ports: some minutes. A policy of 1,000 rules that are all fixed takes 3,000,000.
MOST_WORK = 10_000_000
TOO_LARGE = "too large to prove"


def size_of(policy: Policy) -> int:
    """The rules of a policy, their peers and their ports, counted together."""
    count = 0
    for rule in policy.rules():
        count += 1 + sum(len(field.entries) for field in rule.peers)
        for name in ("toPorts", "ports", "icmps"):
            items = rule.raw.get(name)
            count += len(items) if isinstance(items, list) else 0
    return count


def check_work(fixes: Iterable[int], sizes: dict[int, int], spent: Counter[int], most: int) -> None:
    """Adds up the work of fixes, each given by the position of its policy, before any of them is made.

    `sizes` are those of the policies, `spent` what earlier fixes took of each. Raises ProofError beyond the bound.
    """
    for index, count in Counter(fixes).items():
        spent[index] += count * sizes[index]
        if spent[index] > most:
            raise ProofError(
                TOO_LARGE,
                f"the policy has {sizes[index]:,} rules, peers and ports, and each of {count:,} findings has to be "
                f"proved on all of them; split the policy into several",
            )
