"""Exports of Hubble, added up."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewriter.inventory.hubble import lines, read, table
from rewriter.inventory.hubble.flows import ObservedFlow
from rewriter.inventory.hubble.lines import LineReader, Skipped
from rewriter.inventory.hubble.read import HubbleError, read_exports
from tests.hubble.flows import WORLD, export, flow, line, pod

WEB, DB = pod("web", "shop"), pod("db", "prod", "cluster-b")


def texts(flows: tuple[ObservedFlow, ...]) -> list[str]:
    return [f"{each.verdict} {each.direction} {each}" for each in flows]


def test_the_same_flow_is_one_with_a_count(tmp_path: Path) -> None:
    path = export(
        tmp_path / "flows.json",
        flow(WEB, DB, 3306, "DROPPED", at="2026-01-31T12:00:05.1Z"),
        flow(WEB, DB, 3306, "DROPPED", at="2026-01-31T12:00:09.1Z"),
        flow(WEB, DB, 3306, "DROPPED", at="2026-01-31T12:00:07.1Z"),
        flow(WEB, DB, 3307, at="2026-01-31T11:59:00.1Z"),
    )
    seen = read_exports([path])
    assert texts(seen.flows) == [
        "DROPPED ingress cluster-a/shop/web → cluster-b/prod/db 3306/TCP (3 times, last 2026-01-31T12:00:09Z)",
        "FORWARDED ingress cluster-a/shop/web → cluster-b/prod/db 3307/TCP (once, last 2026-01-31T11:59:00Z)",
    ]
    assert (seen.events, seen.first, seen.last) == (4, "2026-01-31T11:59:00Z", "2026-01-31T12:00:09Z")
    assert seen.complete and seen.skipped == {}


def test_gzip_several_files_and_a_pipe_of_names(tmp_path: Path) -> None:
    plain = export(tmp_path / "a.json", flow(WEB, DB))
    packed = tmp_path / "b.json.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert [each.count for each in read_exports([plain, packed]).flows] == [2]


def test_an_export_still_written_is_read_to_where_it_is_cut(tmp_path: Path) -> None:
    good = line(flow(WEB, DB)) + b"\n"
    plain = tmp_path / "a.json"
    plain.write_bytes(good * 3 + good[:200])
    seen = read_exports([plain])
    assert [each.count for each in seen.flows] == [3] and seen.skipped == {"unreadable": 1}
    packed = tmp_path / "b.gz"
    packed.write_bytes(gzip.compress(good * 3000)[:-20])
    assert read_exports([packed]).flows[0].count > 0


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (flow(WEB, DB, is_reply=True), "replies"),
        ({"flow": {**flow(WEB, DB)["flow"], "reply": True}}, "replies"),
        (flow(WEB, DB, verdict="AUDIT"), "other verdicts"),
        (flow(WEB, DB, verdict="TRACED"), "other verdicts"),
        (
            flow(WEB, DB, verdict="DROPPED", drop_reason_desc="INVALID_SOURCE_IP", drop_reason=132),
            "drops for other reasons than policy",
        ),
        (flow(WEB, DB, Type="L7", l7={"http": {}}), "requests inside a connection (L7)"),
        (flow(WEB, DB, direction="TRAFFIC_DIRECTION_UNKNOWN"), "no direction"),
        (flow({"namespace": "shop", "pod_name": "web-1"}, DB), lines.NO_LABELS.reason),
        (flow(WEB, DB, l4={}), "no port"),
        ({"node_status": {"state_change": "NODE_CONNECTED"}}, "other messages"),
        (b"hubble: rate limited", "unreadable"),
        (b"[1]", "unreadable"),
        (b"[" * 100_000, "unreadable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_says_nothing_of_policies_is_counted_and_left_out(message: Any, reason: str, tmp_path: Path) -> None:
    seen = read_exports([export(tmp_path / "f", flow(WEB, DB), message)])
    assert seen.skipped == {reason: 1} and len(seen.flows) == 1


def test_drops_by_deny_rules_and_by_number_count(tmp_path: Path) -> None:
    denied = flow(WEB, DB, verdict="DROPPED", drop_reason_desc="POLICY_DENY", drop_reason=181)
    numbered = flow(WEB, DB, verdict="DROPPED")
    del numbered["flow"]["drop_reason_desc"]
    seen = read_exports([export(tmp_path / "f", denied, numbered)]).flows
    assert sorted(each.verdict for each in seen) == ["DENIED", "DROPPED"]


def test_redirected_to_a_proxy_is_let_through(tmp_path: Path) -> None:
    assert read_exports([export(tmp_path / "f", flow(WEB, DB, verdict="REDIRECTED"))]).flows[0].verdict == "FORWARDED"


def test_older_clients_and_log_collectors(tmp_path: Path) -> None:
    bare = flow(WEB, DB)["flow"]
    collected = b"2026-01-31T12:00:00.1Z stdout F " + line(flow(WEB, DB))
    spaced = json.dumps(flow(WEB, DB)).encode()
    assert [each.count for each in read_exports([export(tmp_path / "f", bare, collected, spaced)]).flows] == [3]


def test_addresses_and_names_of_the_world_and_none_of_pods(tmp_path: Path) -> None:
    path = export(
        tmp_path / "f",
        flow(WEB, WORLD, 443, addresses=("10.1.0.1", "203.0.113.7"), destination_names=["api.example.com"]),
        flow(WEB, WORLD, 443, addresses=("10.1.0.2", "203.0.113.7")),
        flow(WORLD, WEB, 443, addresses=("198.51.100.9", "10.1.0.2")),
        flow({"identity": 1, "labels": ["reserved:host"]}, WEB, addresses=("172.16.0.1", "10.1.0.1")),
    )
    seen = {(str(each.source), str(each.destination)) for each in read_exports([path]).flows}
    assert seen == {
        ("cluster-a/shop/web", "api.example.com (203.0.113.7)"),
        ("world (198.51.100.9)", "cluster-a/shop/web"),
        ("host (172.16.0.1)", "cluster-a/shop/web"),
    }


def test_udp_and_icmp(tmp_path: Path) -> None:
    dns = flow(WEB, DB, l4={"UDP": {"source_port": 1, "destination_port": 53}})
    ping = flow(WEB, DB, l4={"ICMPv4": {"type": 8}})
    assert sorted(each.port_text for each in read_exports([export(tmp_path / "f", dns, ping)]).flows) == [
        "53/UDP",
        "ICMP type 8",
    ]


def test_labels_beside_the_list_are_added(tmp_path: Path) -> None:
    bare = {"namespace": "shop", "cluster_name": "cluster-a", "labels": ["k8s:app=web"]}
    source = read_exports([export(tmp_path / "f", flow(bare, DB))]).flows[0].source
    assert (source.namespace, source.cluster) == ("shop", "cluster-a")


def test_lost_events_are_told(tmp_path: Path) -> None:
    lost = {"lost_events": {"source": "PERF_EVENT_RING_BUFFER", "num_events_lost": "37"}, "node_name": "n"}
    seen = read_exports([export(tmp_path / "f", flow(WEB, DB), lost)])
    assert seen.lost == 37 and not seen.complete


def test_kinds_beyond_the_limit_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_KINDS", 10)
    seen = read_exports([export(tmp_path / "f", *(flow(WEB, DB, port) for port in range(1, 15)))])
    assert (len(seen.flows), seen.left_out, seen.complete) == (10, 4, False)
    hosts = (flow(WORLD, DB, addresses=(f"198.51.100.{n}", "10.1.0.1")) for n in range(1, 15))
    seen = read_exports([export(tmp_path / "f", *hosts)])
    assert len(seen.flows) + seen.left_out == 14 and not seen.complete


def test_a_line_without_end_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(line(flow(WEB, DB)) + b"\n" + b"x" * (24 << 20) + b"\n" + line(flow(WEB, DB)) + b"\n")
    tracemalloc.start()
    try:
        seen = read_exports([path])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen.flows[0].count == 2 and peak < 8 << 20


@pytest.mark.parametrize("content", [b"", b"kind: Pod\n", b"\x00\x01\x02", b"{}\n"], ids=str)
def test_a_file_that_is_no_export(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    if content == b"{}\n":
        assert read_exports([path]).skipped == {"other messages": 1}
        return
    with pytest.raises(HubbleError, match=r"x.json: holds no flows"):
        read_exports([path])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HubbleError, match="No such file"):
        read_exports([tmp_path / "none"])


_LABELS = st.lists(
    st.sampled_from(
        [
            "k8s:app=web",
            "k8s:io.kubernetes.pod.namespace=shop",
            "k8s:io.cilium.k8s.policy.cluster=a",
            "reserved:world",
            "reserved:host",
            "cidr:198.51.100.0/24",
            'k8s:a="]}',
            "k8s:\\x",
            '"source":{',
            "é",
        ]
    ),
    max_size=4,
)
_END = st.fixed_dictionaries(
    {}, optional={"labels": _LABELS, "namespace": st.just("shop"), "workloads": st.just([{"name": "labels"}])}
)


@given(
    source=_END,
    destination=_END,
    verdict=st.sampled_from(["FORWARDED", "DROPPED", "REDIRECTED", "AUDIT"]),
    direction=st.sampled_from(["INGRESS", "EGRESS", "TRAFFIC_DIRECTION_UNKNOWN"]),
    layer=st.sampled_from(
        [
            {"TCP": {"source_port": 1, "destination_port": 65535, "flags": {}}},
            {"UDP": {"source_port": 1, "destination_port": 53}},
            {"SCTP": {"source_port": 1, "destination_port": 9}},
            {"ICMPv6": {"type": 128}},
            {"TCP": {"source_port": 5}},
            {},
        ]
    ),
    more=st.fixed_dictionaries(
        {},
        optional={
            "is_reply": st.booleans(),
            "Type": st.sampled_from(["L3_L4", "L7", "SOCK"]),
            "Summary": st.sampled_from(['"is_reply":true', '"labels":["k8s:app=x"]', '"drop_reason_desc":"POLICY_DEN']),
            "destination_names": st.just(["api.example.com"]),
            "drop_reason_desc": st.sampled_from(["POLICY_DENIED", "POLICY_DENY", "UNSUPPORTED"]),
        },
    ),
)
def test_the_quick_way_and_the_parser_agree(
    source: Any, destination: Any, verdict: str, direction: str, layer: Any, more: Any
) -> None:
    message = flow(source, destination, 80, verdict, direction, l4=layer, **more)
    written = line(message)
    quick, parsed = LineReader().read(written), lines.parsed_line(written)
    if isinstance(quick, Skipped) or isinstance(parsed, Skipped):
        assert quick == parsed
    else:
        assert json.loads(b"[" + quick.source + b"]") == json.loads(b"[" + parsed.source + b"]")
        assert json.loads(b"[" + quick.destination + b"]") == json.loads(b"[" + parsed.destination + b"]")
        assert quick._replace(source=b"", destination=b"") == parsed._replace(source=b"", destination=b"")


def _varied(chance: random.Random, count: int) -> bytes:
    """Lines of an export: flows of a few kinds, replies, the world with its names, blanks, and what is no flow."""
    made = []
    for number in range(count):
        names = [f"n{chance.randrange(30)}.example.com" for _ in range(chance.randrange(1, 4))]
        made.append(
            chance.choice(
                [
                    line(flow(WEB, DB, chance.randrange(4), at=f"2026-01-31T12:00:{chance.randrange(60):02}.1Z")),
                    line(flow(DB, WEB, verdict="DROPPED", is_reply=number % 3 == 0)),
                    line(flow(WEB, WORLD, 443, addresses=("10.1.0.1", "203.0.113.7"), destination_names=names)),
                    line({"lost_events": {"num_events_lost": "3"}}),
                    b"x" * chance.choice((0, 1, 700, 3000)),
                ]
            )
        )
    return b"\n".join(made) + chance.choice((b"", b"\n", b"\n{"))


@pytest.mark.parametrize("seed", range(6))
def test_several_processes_find_what_one_finds(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "BLOCK", 256)
    monkeypatch.setattr(read, "LARGE", 4)
    monkeypatch.setattr(read, "LEAST", 1)
    monkeypatch.setattr(read, "LONGEST_LINE", 1500)
    if seed == 5:
        monkeypatch.setattr(table, "MOST_KINDS", 3)
    chance = random.Random(seed)
    paths = [tmp_path / f"{number}.json" for number in range(4)]
    for path in paths:
        path.write_bytes(line(flow(WEB, DB)) + b"\n" + _varied(chance, chance.choice((0, 3, 40))))
    paths[2].write_bytes(gzip.compress(paths[2].read_bytes()))
    paths[3].write_bytes(gzip.compress(paths[3].read_bytes() * 900)[: -chance.randrange(1, 9)])
    steps: list[int] = []
    seen = read_exports(paths, steps.append, jobs=2)
    assert seen == read_exports(paths)
    assert seed == 5 or sum(steps) == seen.events


def test_several_processes_name_the_file_without_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "BLOCK", 256)
    monkeypatch.setattr(read, "LARGE", 1)
    monkeypatch.setattr(read, "LEAST", 1)
    good, bad = export(tmp_path / "a.json", *[flow(WEB, DB)] * 9), tmp_path / "b.json"
    bad.write_bytes(b"no\n" * 900)
    for paths in ([good, bad], [bad, good], [good, good, bad]):
        with pytest.raises(HubbleError, match=r"b.json: holds no flows"):
            read_exports(paths, jobs=2)
