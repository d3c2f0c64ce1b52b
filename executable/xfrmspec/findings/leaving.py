"""Findings about octets that leave. A scenario looks at header chains, so these are written for the shell."""

from __future__ import annotations

from xfrmspec.findings.pieces import HERE, HOME, THERE
from xfrmspec.findings.tables import BOTH
from xfrmspec.findings.terms import Finding, Needs, ShellExhibit

_LARGE, _PACKETS = 1992, 20

_WATCH_AND_SEND = """\
need python3
# watch CODE: Python code that gets the packets with a given next header which arrive outside, as `packets`.
watch() {
	rm -f "$DIR/ready"
	ip netns exec "$OUTSIDE" python3 -c '
import pathlib, socket, sys
listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD))
listener.bind(("outer", 0x86DD))
listener.settimeout(2)
pathlib.Path(sys.argv[1], "ready").touch()
packets = []
try:
    while len(packets) < int(sys.argv[3]):
        packet = listener.recv(2048)
        if packet[6] == int(sys.argv[2]):
            packets.append(packet)
except TimeoutError:
    print("nothing left")
    sys.exit()
'"$1" "$DIR" "$2" "$3" >"$DIR/watched" 2>&1 &
	watcher=$!
	helpers="$helpers $watcher"
	until [ -e "$DIR/ready" ]; do sleep 0.1; done
}

# send_random SOURCE DESTINATION OCTETS TIMES
send_random() {
	ip netns exec "$NODE" python3 -c '
import os, socket, sys
sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sender.bind((sys.argv[1], 0))
for _ in range(int(sys.argv[4])):
    sender.sendto(os.urandom(int(sys.argv[3])), (sys.argv[2], 9))
' "$@"
	wait "$watcher"
	seen=$(cat "$DIR/watched")
}
"""

_PADDING = f"""\
{_WATCH_AND_SEND}
policy src ::/0 dst ::/0 dir out tmpl proto ah mode transport
state src {HERE} dst {THERE} proto ah spi 0x1001 mode transport auth-trunc "hmac(sha256)" "" 128
watch '
print("zero" if not any(any(packet[68:72]) for packet in packets) else "not zero")
' 51 {_PACKETS}
send_random {HERE} {THERE} 40 {_PACKETS}
check "padding of AH in {_PACKETS} packets" "zero" "$seen"
"""

_FIRST_FRAGMENT = f"""\
{_WATCH_AND_SEND}
policy src ::/0 dst ::/0 dir out tmpl proto hao mode ro
state src {HOME} dst {THERE} proto hao mode ro coa {HERE}
watch '
print(len(packets[0]) - 72, "octets")
' 60 2
send_random {HOME} {THERE} {_LARGE} 1
check "first fragment behind a home address option" "1424 octets" "$seen"
ip -n "$NODE" xfrm policy flush
policy src ::/0 dst ::/0 dir out tmpl proto comp mode transport tmpl proto hao mode ro
state src {HOME} dst {THERE} proto comp spi 0x1001 mode transport comp deflate
watch '
print(len(packets[0]) - 72, "octets")
' 60 2
send_random {HOME} {THERE} {_LARGE} 1
check "first fragment once compression was tried" "1424 octets" "$seen"
"""

F_029 = Finding(
    "F-029",
    "The padding behind an integrity value of AH is whatever the memory held before.",
    "ah_padding_is_stale",
    BOTH,
    (ShellExhibit(_PADDING, Needs.STATES),),
)
F_030 = Finding(
    "F-030",
    "A sending socket leaves room for route optimisation headers twice, so its first fragment is too small.",
    "repeated_headers_reserved_twice",
    BOTH,
    (ShellExhibit(_FIRST_FRAGMENT, Needs.STATES),),
)
