"""Port names of egress rules as numbers: one for all pods up to 1.19, one for each destination from 1.20."""

from __future__ import annotations

import pytest

from rewriter.cilium.compile import Entry, PortGrant
from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.labels import pod_labels
from rewriter.cilium.policy import EGRESS, INGRESS
from rewriter.cilium.policy_set import LoadedEntry
from rewriter.cilium.ports import PortMatch
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import ANYTHING
from rewriter.cilium.version import Version
from rewriter.reach.compare import reach
from rewriter.reach.port_names import with_numbers
from rewriter.reach.world import policy_world
from tests.reach.policies import cnp

OLDER, NEWER = Version(1, 19), Version(1, 20)
WEB, API, OTHER = 1, 2, 4
HTTP = PortGrant(PortMatch("TCP", name="http"))
PLAIN = PortGrant(PortMatch("TCP", 443, 443))


def pod(name: str, *ports: NamedPort) -> Identity:
    return Identity(name, frozenset(), named_ports=ports)


def loaded(*grants: PortGrant, direction: str = EGRESS) -> LoadedEntry:
    entry = Entry("/spec/egress/0", direction, False, True, ANYTHING, False, (ANYTHING,), grants)
    return LoadedEntry(0, entry, WEB | API | OTHER, WEB | API | OTHER)


def covered(entries: list[LoadedEntry]) -> set[tuple[int, int]]:
    """The peers and ports that entries cover with plain numbers."""
    return {
        (bit, grant.match.low)
        for item in entries
        for grant in item.entry.ports
        if not grant.match.name
        for bit in (WEB, API, OTHER)
        if item.peers & bit
    }


GIVEN = [(WEB, pod("web", NamedPort("http", 8080))), (API, pod("api", NamedPort("http", 9000)))]
ONE = [(WEB, pod("web", NamedPort("http", 8080)))]


@pytest.mark.parametrize(
    ("version", "given", "ports"),
    [
        (OLDER, ONE, {(WEB, 8080), (API, 8080), (OTHER, 8080)}),
        (OLDER, GIVEN, set()),
        (NEWER, ONE, {(WEB, 8080)}),
        (NEWER, GIVEN, {(WEB, 8080), (API, 9000)}),
    ],
)
def test_a_name_on_egress(version: Version, given: list[tuple[int, Identity]], ports: set[tuple[int, int]]) -> None:
    assert covered(list(with_numbers([loaded(HTTP)], version, (), given, 0))) == ports


@pytest.mark.parametrize("version", [OLDER, NEWER])
def test_numbers_beside_names_stay(version: Version) -> None:
    found = covered(list(with_numbers([loaded(HTTP, PLAIN)], version, (), GIVEN, 0)))
    assert {(WEB, 443), (API, 443), (OTHER, 443)} <= found


def test_a_name_with_several_numbers_lets_nothing_through_up_to_one_release() -> None:
    (found,) = with_numbers([loaded(HTTP, PLAIN)], OLDER, (), GIVEN, 0)
    assert found.entry.ports == (PLAIN,)


def test_pods_elsewhere_count_up_to_one_release() -> None:
    elsewhere = (NamedPort("http", 7000),)
    assert covered(list(with_numbers([loaded(HTTP)], OLDER, elsewhere, ONE, 0))) == set()


@pytest.mark.parametrize("version", [OLDER, NEWER])
def test_ingress_is_left_as_it_is(version: Version) -> None:
    item = loaded(HTTP, direction=INGRESS)
    assert list(with_numbers([item], version, (), GIVEN, 0)) == [item]


@pytest.mark.parametrize("version", [OLDER, NEWER])
def test_another_protocol_is_another_name(version: Version) -> None:
    udp = [(WEB, pod("web", NamedPort("http", 8080, "UDP")))]
    assert covered(list(with_numbers([loaded(HTTP)], version, (), udp, 0))) == set()


def test_a_name_with_several_numbers_stays_one_for_pods_that_are_not_known_from_one_release() -> None:
    *_, item = with_numbers([loaded(HTTP)], NEWER, (), GIVEN, OTHER)
    assert [(grant.match.name, grant.match.protocol) for grant in item.entry.ports] == [("http", "TCP")]
    assert item.peers == OTHER


def test_what_a_name_of_several_numbers_lets_through_opens_at_the_release_that_reads_it_per_destination() -> None:
    labels = {app: pod_labels(cluster="a", namespace="shop", labels={"app": app}) for app in ("web", "db", "api")}
    ports = {"db": 8080, "api": 9000}
    pods = [
        Identity(app, found, named_ports=(NamedPort("http", ports[app]),) if app in ports else ())
        for app, found in labels.items()
    ]
    policy = cnp(egress=[{"toEndpoints": [{}], "toPorts": [{"ports": [{"port": "http", "protocol": "TCP"}]}]}])
    older, newer = (policy_world([policy], Settings(version, local_cluster="a")) for version in (OLDER, NEWER))
    found = reach(older, newer, pods)
    assert found.closed == () and {name for each in found.opened for name in each.peer_workloads} == {"db", "api"}
    assert list(map(str, reach(newer, older, pods).closed)) == list(map(str, found.opened))
