"""Decision tables: how far a fix may be trusted, read from the top, where the first row that holds decides.

decided(
    (doubts, MANUAL),
    (gap or site.deny, UNSAFE),
    (OTHERWISE, EVIDENT),
)
"""

from __future__ import annotations

from typing import Final

from rewriter.finding import Applicability

SAFE: Final = Applicability.SAFE
EVIDENT: Final = Applicability.EVIDENT
UNSAFE: Final = Applicability.UNSAFE
MANUAL: Final = Applicability.MANUAL

#: The condition of the last row, which holds wherever no row above it does.
OTHERWISE: Final = True


def decided(*rows: tuple[object, Applicability]) -> Applicability:
    """The applicability of the first row whose condition is true, as Python counts truth: an empty list is not.

    Raises ValueError where no row holds: a table ends with OTHERWISE.
    """
    for condition, applicability in rows:
        if condition:
            return applicability
    raise ValueError("no row of the decision table holds: it needs a last row with OTHERWISE")
