"""Findings about the configuration interfaces: what PF_KEY answers."""

from __future__ import annotations

from xfrmspec.findings.tables import BOTH
from xfrmspec.findings.terms import Finding, Needs, ShellExhibit

_PF_KEY = """\
need python3
# ask OCTETS: sends a PF_KEY message in hexadecimal, and prints what comes back in a tenth of a second.
ask() {
	ip netns exec "$NODE" python3 -c 'import socket, sys
key = socket.socket(15, socket.SOCK_RAW, 2)
key.settimeout(0.1)
key.send(bytes.fromhex(sys.argv[1]))
try:
    while True:
        print(key.recv(65536).hex())
except TimeoutError:
    pass' "$1" 2>/dev/null
}
[ -n "$(ask 02120000020000000000000000000000)" ] || skip "no PF_KEY"
"""

_DUMP_BEHIND_ROUTE_OPTIMISATION = (
    _PF_KEY
    + """\
ip -n "$NODE" xfrm policy add dir out src 2001:db8::/64 dst 2001:db8:b::/64
ip -n "$NODE" xfrm policy add dir out src 2001:db8::/48 dst 2001:db8:b::/48 tmpl proto hao mode ro ||
	skip "no template of mode ro"
listed=$(ask 02120000020000000000000000000000 | grep -c '^021200')
check "policies in a dump behind one of mode ro" "1 listed" "$listed listed"
"""
)

_TUNNEL_OF_ANOTHER_FAMILY = (
    _PF_KEY
    + """\
message=020e000016000000000000000000000005000500ff8000000a0000000000000020010db800000000
message=${message}0000000000000001000000000000000005000600ff8000000a0000000000000020010db8000b0000
message=${message}000000000000000100000000000000000a0012000200020000000000000000003000320002020000
message=${message}0000000000000000020000000a0000010000000000000000020000000a0000020000000000000000
message=${message}10003200010200000000000000000000
answer=$(ask "$message")
units=$(printf '%d' "0x$(echo "$answer" | cut -c 9-10)")
check "length of the answer in octets" "$((${#answer} / 2))" "$((units * 8))"
"""
)

F_022 = Finding(
    "F-022",
    "A dump of PF_KEY ends at the first policy or state that PF_KEY has no words for.",
    "key_dump_is_cut",
    BOTH,
    (ShellExhibit(_DUMP_BEHIND_ROUTE_OPTIMISATION, Needs.STATES),),
)
F_023 = Finding(
    "F-023",
    "PF_KEY announces a wrong length when a request without endpoints follows a tunnel of another family.",
    "key_length_of_last_tunnel",
    BOTH,
    (ShellExhibit(_TUNNEL_OF_ANOTHER_FAMILY, Needs.STATES),),
)
