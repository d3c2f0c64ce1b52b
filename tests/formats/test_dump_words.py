"""Words that no sample has: each is understood, means what it should, and prints back equal."""

from __future__ import annotations

import pytest
from dump_samples import LIFETIME, PLAIN_POLICY, PLAIN_STATE

from xfrmspec.formats import Dump, combine, print_dump, read_dump
from xfrmspec_terms.association import Lifecycle, StateFlag
from xfrmspec_terms.policy import (
    Action,
    Direction,
    Mark,
    Mode,
    Policy,
    PolicyFlag,
    PolicyType,
    Share,
)
from xfrmspec_terms.selector import PortMatch, Protocol


def _understood(text: str) -> Dump:
    dump = read_dump(text, "x")
    assert dump.unknown == ()
    assert print_dump(dump).split() == text.split()
    return dump


def _policy(text: str) -> Policy:
    return _understood(text).policies[0].policy


def _with_selector(words: str) -> str:
    return PLAIN_POLICY.replace("\n", f" {words}\n", 1)


def test_mark_and_interface_id_of_a_policy() -> None:
    text = PLAIN_POLICY.replace("\ttmpl", "\tmark 0x1/0xff \n\ttmpl", 1) + "\tif_id 0x2\n"
    policy = _policy(text)
    assert policy.mark == Mark(1, 0xFF)
    assert policy.if_id == 2


@pytest.mark.parametrize(
    "text", ["mark 0/0xff", "mark 1/0xff", "mark 0x1/0xff output-mark 0x3/0xf", "output-mark 0x3"]
)
def test_forms_of_marks(text: str) -> None:
    _policy(PLAIN_POLICY.replace("\ttmpl", f"\t{text}\n\ttmpl", 1))
    _understood(PLAIN_STATE.replace("\tenc", f"\t{text}\n\tenc"))


def test_flags_and_security_context_of_a_policy() -> None:
    text = PLAIN_POLICY.replace("\tdir", "\tsecurity context system_u:object_r:ipsec_spd_t:s0 \n\tdir")
    policy = _policy(text.replace("ptype main", "ptype sub flag localok icmp"))
    assert policy.security_context == "system_u:object_r:ipsec_spd_t:s0"
    assert policy.flags == PolicyFlag.LOCALOK | PolicyFlag.ICMP
    assert policy.type is PolicyType.SUB


def test_policy_without_a_type_is_of_the_main_database() -> None:
    assert _policy(PLAIN_POLICY.replace(" ptype main", "")).type is PolicyType.MAIN


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("protocol", ["esp", "ah", "comp", "hao", "route2", "4", "41"])
def test_modes_and_protocols_of_templates(mode: Mode, protocol: str) -> None:
    text = PLAIN_POLICY.replace("proto esp", f"proto {protocol}").replace("tunnel", mode.name.lower())
    assert _policy(text).templates[0].mode is mode


def test_template_with_spi_and_level() -> None:
    text = PLAIN_POLICY.replace("reqid", "spi 0xc0000001 reqid") + "\t\tlevel use \n"
    template = _policy(text).templates[0]
    assert (template.spi, template.optional) == (0xC0000001, True)


@pytest.mark.clause("XFRM-SEL-002")
@pytest.mark.parametrize(
    ("words", "source", "destination"),
    [
        ("proto tcp sport 22", PortMatch.exactly(22), PortMatch()),
        ("proto udp dport 500", PortMatch(), PortMatch.exactly(500)),
        ("proto udp sport 4096/0xf000 dport 0", PortMatch(4096, 0xF000), PortMatch.exactly(0)),
        ("proto ipv6-icmp type 0", PortMatch.exactly(0), PortMatch()),
        ("proto icmp type 8 code 0", PortMatch.exactly(8), PortMatch.exactly(0)),
        ("proto gre key 65538", PortMatch.exactly(1), PortMatch.exactly(2)),
        ("proto mobility-header type 5", PortMatch.exactly(5), PortMatch()),
        ("proto 200", PortMatch(), PortMatch()),
        ("proto icmpv6 type 128", PortMatch.exactly(128), PortMatch()),
    ],
)
def test_port_slots(words: str, source: PortMatch, destination: PortMatch) -> None:
    selector = _policy(_with_selector(words)).selector
    assert (selector.source_port, selector.destination_port) == (source, destination)


def test_long_policy_of_every_word() -> None:
    text = (
        "src 2001:db8::/32 dst ::/0 proto mobility-header type 5 (dport) 0x0100 dev eth0 uid 1000\n"
        "\tsocket out action block index 132 priority 0 ptype main share unique flag icmp (0x00000010)\n"
        + LIFETIME
        + "\tmark 0x1/0xff output-mark 0x3/0xf\n"
        "\ttmpl src 2001:db8::1 dst 2001:db8::2\n"
        "\t\tproto ah spi 0x00000007(7) reqid 9(0x00000009) mode beet\n"
        "\t\tlevel required share session \n"
        "\t\tenc-mask ffffffff auth-mask 00000008 comp-mask ffffffff\n"
        "\tcrypto offload parameters: dev eth0 mode packet\n"
    )
    record = _understood(text).policies[0]
    policy = record.policy
    assert record.socket
    assert (policy.action, policy.share, policy.index) == (Action.BLOCK, Share.UNIQUE, 132)
    assert policy.selector.destination_port == PortMatch.exactly(1)
    assert (policy.selector.ifindex, record.interface, policy.selector.user) == (1, "eth0", 1000)
    assert policy.templates[0].authentication_mask == 8
    assert policy.templates[0].share is Share.SESSION
    assert (policy.limits.soft_bytes, policy.limits.hard_bytes) == (None, 5000)
    assert (policy.limits.soft_packets, policy.limits.hard_use_seconds) == (7, 30)
    assert record.usage is not None
    assert record.usage.added == "2026-11-23 09:54:10"


def test_long_state_of_every_word() -> None:
    text = (
        "src 192.0.2.1 dst 192.0.2.2\n"
        "\tproto esp spi 0x00001001(4097) reqid 1(0x00000001) mode beet\n"
        "\treplay-window 32 seq 0x00000007 flag noecn decap-dscp nopmtudisc wildrecv icmp af-unspec align4 "
        "esnextra_flag dont-encap-dscp oseq-may-wrap (0x11111111)\n"
        "\tmark 0x1/0xff output-mark 0x3\n"
        "\tauth-trunc hmac(sha1) 0xHASHKEY (160 bits) 96\n"
        "\tenc ecb(cipher_null) \n"
        "\tcomp deflate \n"
        "\tencap type espinudp sport 4500 dport 4501 addr 0.0.0.0\n"
        "\tlastused 2026-11-23 09:54:12\n"
        "\tanti-replay context: seq 0x1, oseq 0x2, bitmap 0x00000003\n"
        "\tcrypto offload parameters: dev eth0 dir out mode packet\n"
        "\tif_id 0x2\n"
        "\ttfcpad 128\n"
        "\tdir out\n"
        "\tpcpu-num 3\n"
        "\tsel src 10.0.0.0/8 dst 10.1.0.0/16 proto icmp type 8 code 0 dev eth1 uid 0\n"
        + LIFETIME
        + "\tstats:\n\t  replay-window 1 replay 2 failed 3\n"
        "\tsecurity context system_u:system_r:ipsec_t:s0 \n"
    )
    record = _understood(text).states[0]
    state = record.state
    assert state.flags == StateFlag(255)
    assert (state.mark, state.if_id, state.mode) == (Mark(1, 255), 2, Mode.BEET)
    assert state.authentication_bit == 3
    assert state.added == 1795427650
    assert state.selector is not None
    assert (record.interface, state.selector.ifindex) == ("eth1", 1)


@pytest.mark.parametrize("flags", ["flag extra_flag dont-encap-dscp (0x00000000)", "flag 80 (0x10000000)"])
def test_odd_flags_of_a_long_state(flags: str) -> None:
    text = (
        "src ::1 dst ::2\n\tproto hao spi 0x00000000(0) reqid 0(0x00000000) mode ro\n"
        f"\treplay-window 0 seq 0x00000000 {flags}\n\tcoa 2001:db8::5\n{LIFETIME}"
        "\tstats:\n\t  replay-window 0 replay 0 failed 0\n"
    )
    dump = read_dump(text, "x")
    assert str(dump.states[0].state.care_of) == "2001:db8::5"
    assert [entry.text for entry in dump.unknown] == (["80"] if "80" in flags else [])


def test_addresses_that_end_in_a_dotted_quad() -> None:
    text = PLAIN_STATE.replace("192.0.2.1", "::ffff:192.0.2.1").replace("192.0.2.2", "::192.0.2.2")
    _understood(text)
    spelled = PLAIN_STATE.replace("192.0.2.1", "::ffff:c000:201").replace("192.0.2.2", "2001:0db8::2")
    _understood(spelled)


def test_one_line_form_reads_like_the_other() -> None:
    joined = PLAIN_POLICY.rstrip("\n").replace("\n", "\\") + "\n"
    assert read_dump(joined, "x").policies[0].policy == read_dump(PLAIN_POLICY, "x").policies[0].policy


def test_headings_comments_and_command_echoes_are_kept() -> None:
    text = (
        "# the home agent\n$ ip -s xfrm state\nroot@ha:~# ip xfrm policy\n"
        + PLAIN_POLICY
        + "# end\nXFRM policy:\n"
    )
    dump = _understood(text)
    assert dump.lists_states
    assert dump.lists_policies
    assert len(dump.headings) == 5


def test_interfaces_keep_one_index_per_name_over_files() -> None:
    first = read_dump(_with_selector("dev eth0") + _with_selector("dev eth1"), "a")
    second = read_dump(_with_selector("dev eth1") + _with_selector("dev eth2"), "b")
    joined = combine([first, second])
    assert [record.policy.selector.ifindex for record in joined.policies] == [1, 2, 2, 3]
    assert joined.interfaces == {"eth0": 1, "eth1": 2, "eth2": 3}
    assert print_dump(joined) == print_dump(first) + print_dump(second)


def test_setkey_policies_of_linux_and_the_bsds() -> None:
    text = (
        "10.0.0.0/8[any] 10.1.2.3[53] udp\n"
        "\tfwd prio high + 1073739480 ipsec\n"
        "\tesp/transport//use\n"
        "\tah/tunnel/10.0.0.1-10.0.0.2/unique:145\n"
        "\tcreated: Nov 23 09:54:10 2026  lastused:\n"
        "\tlifetime: 30(s) validtime: 0(s)\n"
        "\tspid=18 seq=1 pid=99\n"
        "\trefcnt=1\n"
        "::/0 ::/0 icmp6 135,0\n"
        "\tout discard\n"
        "\tspid=5 seq=1 pid=872 scope=ifnet ifname=ipsec0\n"
        "\trefcnt=1\n"
        "(per-socket policy)\n"
        "\tin(socket) none\n"
        "\tspid=3 seq=0 pid=872\n"
        "\trefcnt=1\n"
    )
    first, second, third = _understood(text).policies
    assert first.policy.direction is Direction.FWD
    assert first.policy.priority == 0x40000000 - 1073739480
    assert first.policy.selector.destination_port == PortMatch.exactly(53)
    assert [template.optional for template in first.policy.templates] == [True, False]
    assert first.policy.templates[1].reqid == 145
    assert first.policy.limits.hard_add_seconds == 30
    assert second.policy.action is Action.BLOCK
    assert second.policy.selector.source_port == PortMatch.exactly(135)
    assert third.socket
    assert third.masked[0].field == "selector"


def test_setkey_state_behind_nat() -> None:
    text = (
        "10.0.0.1[4500] 10.0.0.2[4501]\n"
        "\tesp-udp mode=transport spi=256(0x00000100) reqid=3(0x00000003)\n"
        "\tNAT: OAI=10.9.9.9 OAR=10.9.9.8\n"
        "\tE: null \n"
        "\tseq=0x00000002 replay=4 flags=0x00000000 state=dying \n"
        "\tcreated: Nov 23 09:54:10 2026\tcurrent: Nov 23 09:55:10 2026\n"
        "\tdiff: 60(s)\thard: 30(s)\tsoft: 20(s)\n"
        "\tlast:                     \thard: 0(s)\tsoft: 0(s)\n"
        "\tcurrent: 9(bytes)\thard: 1000(bytes)\tsoft: 0(bytes)\n"
        "\tallocated: 1\thard: 0\tsoft: 0\n"
        "\tsadb_seq=0 pid=872 refcnt=1\n"
    )
    state = _understood(text).states[0].state
    assert state.protocol is Protocol.ESP
    assert (state.lifecycle, state.dying) == (Lifecycle.VALID, True)
    assert (state.limits.hard_bytes, state.limits.soft_bytes) == (1000, None)
    assert state.replay_window == 32


def test_empty_lists_of_other_systems() -> None:
    setkey = _understood("No SAD entries.\nNo SPD entries.\n")
    assert setkey.lists_states
    assert setkey.lists_policies
    openbsd = _understood("FLOWS:\nNo flows\n\nSAD:\nNo entries\n")
    assert openbsd.lists_states
    assert openbsd.lists_policies


def test_ipsecctl_flows_of_every_kind() -> None:
    text = (
        "FLOWS:\n"
        "flow esp in proto tcp from 10.0.0.0/24 port 22 to 10.0.1.1 local 192.0.2.1 "
        "peer 192.0.2.2 type acquire\n"
        "flow ah out from ::/0 to 2001:db8::/32 peer 2001:db8::9 type dontacq\n"
        "flow esp out from 10.0.0.0/8 to 10.1.0.0/16 type bypass\n"
        "flow esp in from 10.0.0.0/8 to 10.1.0.0/16 type deny\n"
        "SAD:\n"
        "esp transport from ::1 to ::2 spi 0x00001000 udpencap 4500 auth hmac-sha2-256 "
        "enc aes-256 comp deflate\n"
    )
    dump = _understood(text)
    policies = [record.policy for record in dump.policies]
    assert [len(policy.templates) for policy in policies] == [1, 1, 0, 0]
    assert [policy.action for policy in policies][2:] == [Action.ALLOW, Action.BLOCK]
    assert policies[1].templates[0].optional
    assert policies[0].selector.source_port == PortMatch.exactly(22)
    assert dump.states[0].state.mode is Mode.TRANSPORT
