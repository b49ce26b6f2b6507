"""How often and how long the bot waits: bounded, without chance, and never longer than a pipeline can bear."""

from __future__ import annotations

import time
from collections.abc import Callable

from rewriter.records import dataclass

#: Seconds before each further try, when the server names none.
DELAYS = (1.0, 2.0, 4.0, 8.0)
#: Seconds that a server may ask to wait; for longer, the run ends and says when to come back.
LONGEST_WAIT = 120.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the bot knows it; tests bring their own."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
