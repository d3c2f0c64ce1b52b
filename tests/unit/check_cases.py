"""Dumps that break a rule of the checks, each with twins that do not."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec_proofs.checks import (
    Severity,
)

ESP_TUNNEL = "\ttmpl src 2001:db8:f::1 dst 2001:db8:f::2\n\t\tproto esp reqid 1 mode tunnel\n"
ESP = "\ttmpl src :: dst ::\n\t\tproto esp reqid 1 mode transport\n"
AH = "\ttmpl src :: dst ::\n\t\tproto ah reqid 1 mode transport\n"
HAO = "\ttmpl src :: dst ::\n\t\tproto hao reqid 0 mode ro\n\t\tlevel use \n"
ESP4 = "\ttmpl src 192.0.2.1 dst 198.51.100.1\n\t\tproto esp reqid 1 mode tunnel\n"
MOBILITY = "proto mobility-header type 5"


def policy(
    selector: str,
    direction: str = "out",
    priority: int | str = 10,
    *templates: str,
    kind: str = "main",
    action: str = "",
) -> str:
    return f"src {selector} \n\tdir {direction} {action}priority {priority} ptype {kind} \n" + "".join(
        templates
    )


def anywhere(rest: str = "") -> str:
    return f"::/0 dst ::/0 {rest}".strip()


def esp_state(reqid: int, source: str = "2001:db8:f::1", destination: str = "2001:db8:f::2") -> str:
    return (
        f"src {source} dst {destination}\n\tproto esp spi 0x00000100 reqid {reqid} mode tunnel\n"
        "\treplay-window 0 \n"
    )


PAIR = "2001:db8::/64 dst 2001:db8:1::/64"
WIDE = "2001:db8::/32 dst 2001:db8::/32"
HOSTS = "2001:db8::1/128 dst 2001:db8::2/128"


@dataclass(frozen=True)
class Case:
    """A rule with dumps that break it and dumps that do not."""

    rule: str
    broken: str
    fixed: str
    severity: Severity
    profile: str = "linux-6.1"


CASES = {
    "tie block against allow": Case(
        "undecided-tie",
        policy(PAIR) + policy(WIDE, action="action block "),
        policy(PAIR, priority=9) + policy(WIDE, action="action block "),
        Severity.ERROR,
    ),
    "tie of two tunnels": Case(
        "undecided-tie",
        policy(PAIR, "out", 10, ESP_TUNNEL) + policy(WIDE, "out", 10, ESP_TUNNEL.replace("f::2", "f::3")),
        policy(PAIR, "out", 10, ESP_TUNNEL) + policy(WIDE, "out", 10, ESP_TUNNEL),
        Severity.WARNING,
    ),
    "tie under a stronger policy": Case(
        "undecided-tie",
        policy(HOSTS, priority=1) + policy(PAIR) + policy(WIDE, action="action block "),
        policy(WIDE, priority=1) + policy(PAIR) + policy(WIDE + " proto tcp", action="action block "),
        Severity.ERROR,
    ),
    "shadow of one": Case(
        "shadowed-policy",
        policy(PAIR, priority=20, action="action block ") + policy(WIDE),
        policy(PAIR, priority=5, action="action block ") + policy(WIDE),
        Severity.WARNING,
    ),
    "shadow of a union": Case(
        "shadowed-policy",
        policy(PAIR, priority=20, action="action block ")
        + policy("2001:db8::/65 dst 2001:db8:1::/64")
        + policy("2001:db8:0:0:8000::/65 dst 2001:db8:1::/64"),
        policy(PAIR, priority=20, action="action block ")
        + policy("2001:db8::/65 dst 2001:db8:1::/64")
        + policy("2001:db8:0:0:8000::/66 dst 2001:db8:1::/64"),
        Severity.WARNING,
    ),
    "shadow without harm": Case(
        "shadowed-policy",
        policy(PAIR, priority=20) + policy(WIDE),
        policy(PAIR, priority=20, kind="sub") + policy(WIDE),
        Severity.NOTE,
    ),
    "signalling in a tunnel": Case(
        "signalling-captured",
        policy(f"{HOSTS} {MOBILITY}", "out", 10, ESP)
        + policy("2001:db8::1/128 dst ::/0", "out", 5, ESP_TUNNEL),
        policy(f"{HOSTS} {MOBILITY}", "out", 2, ESP)
        + policy("2001:db8::1/128 dst ::/0", "out", 5, ESP_TUNNEL),
        Severity.ERROR,
    ),
    "signalling tied with a tunnel": Case(
        "signalling-captured",
        policy(f"{HOSTS} {MOBILITY}", "out", 5, ESP)
        + policy("2001:db8::1/128 dst ::/0", "out", 5, ESP_TUNNEL),
        policy(f"{HOSTS} {MOBILITY}", "out", 4, ESP)
        + policy("2001:db8::1/128 dst ::/0", "out", 5, ESP_TUNNEL),
        Severity.ERROR,
    ),
    "required template that cannot be": Case(
        "unsatisfiable-template",
        policy(PAIR, "out", 10, HAO.replace("mode ro", "mode transport").replace("\t\tlevel use \n", "")),
        policy(PAIR, "out", 10, HAO.replace("\t\tlevel use \n", "")),
        Severity.ERROR,
    ),
    "trigger": Case(
        "unsatisfiable-template",
        policy(PAIR, "out", 10, HAO.replace("mode ro", "mode in_trigger"), kind="sub"),
        policy(PAIR, "out", 10, HAO, kind="sub"),
        Severity.NOTE,
    ),
    "another reqid": Case(
        "unsatisfiable-template",
        policy(PAIR, "out", 10, ESP_TUNNEL) + esp_state(2),
        policy(PAIR, "out", 10, ESP_TUNNEL) + esp_state(1),
        Severity.WARNING,
    ),
    "no state": Case(
        "unsatisfiable-template",
        policy(PAIR, "in", 10, ESP_TUNNEL)
        + policy(PAIR, "fwd", 10)
        + esp_state(1, "2001:db8:f::8", "2001:db8:f::9"),
        policy(PAIR, "in", 10, ESP_TUNNEL) + policy(PAIR, "fwd", 10) + esp_state(1),
        Severity.NOTE,
    ),
    "seven together": Case(
        "too-many-templates",
        policy(PAIR, "out", 10, *[ESP] * 3, kind="sub") + policy(PAIR, "out", 10, *[ESP] * 4),
        policy(PAIR, "out", 10, *[ESP] * 2, kind="sub") + policy(PAIR, "out", 10, *[ESP] * 4),
        Severity.ERROR,
        "clean",
    ),
    "three and three on input": Case(
        "too-many-templates",
        policy(PAIR, "in", 10, *[ESP] * 3, kind="sub") + policy(PAIR, "in", 10, *[ESP] * 3),
        policy(PAIR, "in", 10, *[ESP] * 3, kind="sub")
        + policy(WIDE.replace("db8", "db9"), "in", 10, *[ESP] * 3),
        Severity.ERROR,
    ),
    "six stored, five used": Case(
        "profile-quirk-template-limit",
        policy(PAIR, "out", 10, *[ESP] * 6),
        policy(PAIR, "out", 10, *[ESP] * 5),
        Severity.ERROR,
    ),
    "optional protection out": Case(
        "optional-cleartext",
        policy(PAIR, "out", 10, ESP + "\t\tlevel use \n"),
        policy(PAIR, "out", 10, ESP),
        Severity.WARNING,
    ),
    "optional protection in": Case(
        "optional-cleartext",
        policy(PAIR, "in", 10, ESP + "\t\tlevel use \n"),
        policy(PAIR, "in", 10, ESP + "\t\tlevel use \n", AH),
        Severity.WARNING,
    ),
    "optional protection beside a required one": Case(
        "optional-cleartext",
        policy(WIDE, "in", 10, ESP + "\t\tlevel use \n", kind="sub") + policy(PAIR, "in", 10, ESP),
        policy(PAIR, "in", 10, ESP + "\t\tlevel use \n", kind="sub") + policy(WIDE, "in", 10, ESP),
        Severity.WARNING,
    ),
    "bypass in a tunnel range": Case(
        "bypass-inside-protected",
        policy(PAIR, priority=5) + policy(WIDE, "out", 10, ESP_TUNNEL),
        policy(PAIR, priority=15) + policy(WIDE, "out", 10, ESP_TUNNEL),
        Severity.WARNING,
    ),
    "customary bypass": Case(
        "bypass-inside-protected",
        policy(anywhere("proto ipv6-icmp type 135"), priority=5) + policy(WIDE, "out", 10, ESP_TUNNEL),
        policy(anywhere("proto ipv6-icmp type 135"), priority=5, kind="sub")
        + policy(WIDE, "out", 10, ESP_TUNNEL),
        Severity.NOTE,
    ),
    "route optimisation alone": Case(
        "sub-without-main",
        policy(WIDE, "out", 10, HAO, kind="sub") + policy(PAIR, "out", 10, ESP),
        policy(PAIR, "out", 10, HAO, kind="sub") + policy(WIDE, "out", 10, ESP),
        Severity.NOTE,
    ),
    "tunnel without fwd": Case(
        "tunnel-in-without-fwd",
        policy(WIDE, "in", 10, ESP_TUNNEL) + policy(PAIR, "fwd", 10, ESP_TUNNEL),
        policy(WIDE, "in", 10, ESP_TUNNEL) + policy(WIDE, "fwd", 10, ESP_TUNNEL),
        Severity.WARNING,
    ),
    "tunnel to one host without fwd": Case(
        "tunnel-in-without-fwd",
        policy("::/0 dst 2001:db8::9/128", "in", 10, ESP_TUNNEL),
        policy("::/0 dst 2001:db8:f::2/128", "in", 10, ESP_TUNNEL),
        Severity.NOTE,
    ),
    "AH before ESP beside SUB": Case(
        "order-refused-by-peer",
        policy(PAIR, "out", 10, HAO, kind="sub") + policy(PAIR, "out", 10, AH, ESP),
        policy(PAIR, "out", 10, HAO, kind="sub") + policy(PAIR, "out", 10, ESP, AH),
        Severity.ERROR,
    ),
    "ESP after route optimisation": Case(
        "order-refused-by-peer",
        policy(PAIR, "out", 10, HAO.replace("\t\tlevel use \n", ""), ESP),
        policy(PAIR, "out", 10, ESP, HAO.replace("\t\tlevel use \n", "")),
        Severity.ERROR,
        "clean",
    ),
    "IPv4 only": Case(
        "family-left-open",
        policy("0.0.0.0/0 dst 0.0.0.0/0", "out", 10, action="action block "),
        policy("0.0.0.0/0 dst 0.0.0.0/0", "out", 10, action="action block ")
        + policy(anywhere(), "out", 10, action="action block "),
        Severity.WARNING,
    ),
    "port of a protocol without ports": Case(
        "selector-matches-nothing",
        policy(f"{PAIR} proto esp sport 500"),
        policy(f"{PAIR} proto udp sport 500"),
        Severity.WARNING,
    ),
    "the same policy twice": Case(
        "duplicate-identity",
        policy(PAIR, priority=7) + policy(PAIR, priority=8),
        policy(PAIR, priority=7) + policy(PAIR, "in", priority=8),
        Severity.NOTE,
    ),
    "masked priorities": Case(
        "masked-values",
        policy(PAIR, priority="PRIORITY") + policy(WIDE, "out", "PRIORITY", ESP_TUNNEL),
        policy(PAIR, "in", priority="PRIORITY") + policy(WIDE, "out", "PRIORITY", ESP_TUNNEL),
        Severity.NOTE,
    ),
    "port behind an extension header": Case(
        "profile-quirk-ports-behind-extension-header",
        policy(f"{WIDE} proto udp dport 5000", "in", 10, ESP),
        policy(f"{WIDE} proto udp", "in", 10, ESP),
        Severity.ERROR,
    ),
    "blocked port behind an extension header": Case(
        "profile-quirk-ports-behind-extension-header",
        policy(f"{WIDE} proto udp dport 5000", "in", 5, action="action block "),
        policy(f"{WIDE} proto udp dport 5000", "in", 5, action="action block ") + policy(WIDE, "in", 10, ESP),
        Severity.ERROR,
    ),
    "type of a bare mobility header": Case(
        "profile-quirk-mobility-type-inbound",
        policy(f"{HOSTS} proto mobility-header type 1", "fwd", 10, ESP_TUNNEL),
        policy(f"{HOSTS} proto mobility-header", "fwd", 10, ESP_TUNNEL),
        Severity.ERROR,
    ),
    "type behind a home address option": Case(
        "profile-quirk-mobility-type-inbound",
        policy(anywhere(MOBILITY), "in", 9, HAO, kind="sub"),
        policy(anywhere("proto mobility-header"), "in", 9, HAO, kind="sub"),
        Severity.WARNING,
        "linux-6.18",
    ),
    "MAIN fwd block passed over": Case(
        "profile-quirk-fwd-pairing",
        policy(PAIR, "fwd", 10, kind="sub") + policy(PAIR, "fwd", 10, action="action block "),
        policy(PAIR, "fwd", 10) + policy(PAIR, "fwd", 11, action="action block "),
        Severity.ERROR,
    ),
    "MAIN in block applied": Case(
        "profile-quirk-fwd-pairing",
        policy(PAIR, "fwd", 10, kind="sub") + policy(PAIR, "in", 10, action="action block "),
        policy(PAIR, "fwd", 10, kind="sub")
        + policy(PAIR, "in", 10, action="action block ")
        + policy(PAIR, "fwd", 10, action="action block "),
        Severity.WARNING,
    ),
    "first unhashed policy ties": Case(
        "profile-quirk-exact-tie",
        policy(HOSTS) + policy(WIDE, action="action block "),
        policy(HOSTS)
        + policy(WIDE, action="action block ")
        + policy("2001:db9::/64 dst 2001:db9::/64", priority=1),
        Severity.WARNING,
    ),
}
