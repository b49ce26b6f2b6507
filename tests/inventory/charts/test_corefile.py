"""CoreDNS's configuration as its chart makes it, and what values say of the resolver of pods."""

from __future__ import annotations

from rewriter.inventory.charts.dns_servers import corefile, dns_config

SERVERS = [
    {
        "zones": [{"zone": ".", "scheme": "dns://", "use_tcp": True}],
        "port": 53,
        "plugins": [
            {"name": "errors"},
            {"name": "kubernetes", "parameters": "cluster.local", "configBlock": "pods verified\nttl 30"},
            {"name": "autopath", "parameters": "@kubernetes"},
        ],
    },
    {"zones": [{"zone": "home.example."}], "port": 53, "plugins": [{"name": "forward", "parameters": ". 192.0.2.1"}]},
]


def test_blocks_have_their_zones_and_plugins() -> None:
    lines = [line.strip() for line in corefile(SERVERS).split("\n")]
    assert lines[:6] == [
        ".:53 {",
        "errors",
        "kubernetes cluster.local",
        "pods verified",
        "ttl 30",
        "autopath @kubernetes",
    ]
    assert lines[6:] == ["}", "home.example.:53 {", "forward . 192.0.2.1", "}"]


def test_what_is_no_list_of_blocks_says_nothing() -> None:
    assert corefile("servers") == ""
    assert corefile([{"port": 53, "plugins": "errors"}]) == ".:53 {\n}"


def test_a_resolver_is_found_wherever_values_have_it() -> None:
    options = {"options": [{"name": "ndots", "value": "1"}]}
    assert dns_config({"controller": {"podDnsConfig": options}}) == {"dnsConfig": options}
    assert dns_config({"dnsConfig": {}, "image": "web"}) == {}
