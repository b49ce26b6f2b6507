"""What observed traffic says of findings and of a run: flows restored, kept, dropped, and fixes without any."""

from __future__ import annotations

from rewriter.inventory.hubble.flows import ObservedFlow, ObservedFlows
from rewriter.records import dataclass
from rewriter.text import join_flows

#: How many flows one line names.
FLOWS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Observed:
    """What Hubble saw of one finding, by what its fix does to it on the target version.

    `restored` was dropped and passes again; `kept` was forwarded, and the upgrade would drop it without the fix;
    `dropped` was forwarded and the fix drops it. `seen` counts the kinds of flow of the policy's own pods.
    """

    restored: tuple[ObservedFlow, ...] = ()
    kept: tuple[ObservedFlow, ...] = ()
    dropped: tuple[ObservedFlow, ...] = ()
    seen: int = 0
    period: str = ""

    @property
    def evidence(self) -> tuple[str, ...]:
        """One line for each kind of change, or one that says that nothing seen depends on it."""
        lines = []
        for flows, words in (
            (self.restored, "was dropped and passes again"),
            (self.kept, "passes today and would be dropped by the upgrade without this"),
            (self.dropped, "passes today and is dropped by this"),
        ):
            if flows:
                lines.append(f"Hubble, {self.period}: {words}: {join_flows(flows, most=FLOWS_SHOWN)}")
        if lines:
            return tuple(lines)
        if not self.seen:
            return (f"Hubble, {self.period}: no flow of the policy's pods was seen",)
        return (f"Hubble, {self.period}: no flow seen depends on this",)


@dataclass(frozen=True, slots=True)
class TrafficSummary:
    """A whole run against what was seen, in kinds of flow.

    `unexplained` was dropped though the policies allow it, `contradicted` forwarded though they deny it: there the
    policies are not those that ran. `lost` is what the upgrade drops and no fix keeps.
    """

    observed: ObservedFlows
    judged: int = 0
    restored: tuple[ObservedFlow, ...] = ()
    still_dropped: tuple[ObservedFlow, ...] = ()
    unexplained: tuple[ObservedFlow, ...] = ()
    contradicted: tuple[ObservedFlow, ...] = ()
    kept: tuple[ObservedFlow, ...] = ()
    lost: tuple[ObservedFlow, ...] = ()
    dropped: tuple[ObservedFlow, ...] = ()


def period(observed: ObservedFlows) -> str:
    """When the flows were seen, and what is missing from them."""
    missing = observed.lost + observed.left_out
    return f"{observed.first} to {observed.last}" + (f", without {missing} events that were lost" if missing else "")
