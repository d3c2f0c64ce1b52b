"""How large a packet may be inside a chain of transforms on a real Linux 6.1: its arithmetic is ours."""

from __future__ import annotations

import pytest

from kernel.conftest import output_of_script
from xfrmspec.wire.mtu import EspRoom, PlainRoom, Room, bundle_mtu
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mode

DEVICE_MTUS = (1380, 1383, 1384, 1405, 1500)
IV, ICV, TUNNEL_HEADER = 16, 12, 40
AUTHENTICATION_HEADER = PlainRoom(24)
CHAINS: dict[tuple[str, ...], tuple[Room, ...]] = {
    ("esp aes transport",): (EspRoom(8 + IV, 16, ICV, Mode.TRANSPORT),),
    ("esp aes tunnel",): (EspRoom(8 + IV + TUNNEL_HEADER, 16, ICV, Mode.TUNNEL),),
    ("esp null transport",): (EspRoom(8, 1, ICV, Mode.TRANSPORT),),
    ("ah - transport",): (AUTHENTICATION_HEADER,),
    ("esp aes tunnel", "ah - transport"): (
        EspRoom(8 + IV + TUNNEL_HEADER, 16, ICV, Mode.TUNNEL),
        AUTHENTICATION_HEADER,
    ),
}
"""Protocol, cipher and mode of each state, innermost first, and what it adds."""

SETUP = """\
ip link add outer type veth peer name far || exit 4
for device in outer far; do ip link set $device addrgenmode none multicast off arp off up; done
ip -6 addr add 2001:db8::1/128 dev outer nodad
ip -6 route add default dev outer
zeros() { printf '0x%0*d' "$1" 0; }
ENDS='src 2001:db8::1 dst 2001:db8:b::1'
state() {
	case $1-$2 in
	esp-aes) set -- "$@" enc 'cbc(aes)' "$(zeros 32)" ;;
	esp-null) set -- "$@" enc 'ecb(cipher_null)' '' ;;
	esac
	protocol=$1 mode=$3
	shift 3
	ip xfrm state add $ENDS proto $protocol spi 0x1001 mode $mode "$@" \\
		auth-trunc 'hmac(sha1)' "$(zeros 40)" 96 || exit 4
}
cat >/run/measure.py <<'EOF'
import socket, subprocess, sys
IPV6_AND_UDP = 48
for mtu in sys.argv[1:]:
    subprocess.run(["ip", "link", "set", "outer", "mtu", mtu], check=True)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IPV6, 23, 2)
        sender.connect(("2001:db8:b::1", 9))
        room = sender.getsockopt(socket.IPPROTO_IPV6, 24)
        answers = []
        for size in (room - IPV6_AND_UDP, room - IPV6_AND_UDP + 1):
            try:
                sender.send(bytes(size))
                answers.append(0)
            except OSError as error:
                answers.append(error.errno)
    print(room, *answers)
EOF
"""


def script() -> str:
    """For every chain: its states and policy, then one line for each MTU of the device."""
    lines = [SETUP]
    for chain in CHAINS:
        words = [state.split() for state in chain]
        templates = " ".join(f"tmpl $ENDS proto {protocol} mode {mode}" for protocol, _, mode in words)
        lines += [f"state {state}\n" for state in chain]
        lines.append(f"ip xfrm policy add src ::/0 dst ::/0 dir out {templates} || exit 4\n")
        lines.append(f"python3 /run/measure.py {' '.join(map(str, DEVICE_MTUS))}\n")
        lines.append("ip xfrm state flush; ip xfrm policy flush\n")
    return "".join(lines)


@pytest.mark.clause("XFRM-MTU-001")
def test_the_mtu_of_a_bundle_is_what_the_kernel_says_and_keeps_to() -> None:
    """A connected socket is told the MTU; a packet of that size leaves, one octet more gives EMSGSIZE."""
    output = output_of_script(script())
    rooms = [bundle_mtu(chain, mtu) for chain in CHAINS.values() for mtu in DEVICE_MTUS]
    assert len(set(rooms)) > len(CHAINS)
    assert output.splitlines() == [f"{room} 0 {int(Errno.EMSGSIZE)}" for room in rooms]
