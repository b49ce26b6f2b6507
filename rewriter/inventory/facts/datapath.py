"""How an installation of Cilium moves packets, as far as policies depend on it."""

from __future__ import annotations

from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Datapath:
    """Settings of the datapath; every one is known, because defaults hold for what the values leave out.

    `socket_lb` says whether Service addresses are turned into backends at the socket of every pod (not only of the
    host), `tunnel_port` is 0 for native routing.
    """

    socket_lb: bool = False
    dsr: bool = False
    host_firewall: bool = False
    tunnel_port: int = 0
    wireguard: bool = False
