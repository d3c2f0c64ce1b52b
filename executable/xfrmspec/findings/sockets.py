"""Findings about sockets that stay connected: the decisions they keep when policies are gone.

A scenario sends every packet from a fresh socket, so these are written for the shell. No tool of iproute2
keeps a socket open between two changes of the configuration: python3 does it here.
"""

from __future__ import annotations

from xfrmspec.findings.tables import BOTH
from xfrmspec.findings.terms import Finding, Needs, ShellExhibit

_SOCKET = """\
need python3
# Nobody has the address 2001:db8:b::9, so no answer disturbs the socket.
start_sender() {
	pipes=$(mktemp -d "$DIR/XXXXXX")
	mkfifo "$pipes/commands" "$pipes/answers"
	ip netns exec "$NODE" python3 -c '
import socket, sys
sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sender.bind(("2001:db8::1", 0))
sender.connect(("2001:db8:b::9", 4002))
for _ in sys.stdin:
    try:
        sender.send(b"x")
        print("sent", flush=True)
    except PermissionError:
        print("refused", flush=True)
' <"$pipes/commands" >"$pipes/answers" &
	helpers="$helpers $!"
	exec 8>"$pipes/commands" 9<"$pipes/answers"
}
connected_socket_sends() {
	echo go >&8
	read -r answer <&9
	[ -n "$answer" ]
}
"""

_DELETED_MAIN = (
    _SOCKET
    + """\
policy src 2001:db8::1 dst 2001:db8:b::9 dir out ptype sub priority 10 tmpl proto hao mode ro
policy src 2001:db8::1 dst 2001:db8:b::9 dir out priority 10 tmpl proto esp mode transport reqid 1
state src 2001:db8::1 dst 2001:db8:b::9 proto hao mode ro coa 2001:db8::2
state src 2001:db8::1 dst 2001:db8:b::9 proto esp spi 0x1001 mode transport reqid 1 \\
	enc "ecb(cipher_null)" "" auth digest_null ""
protected() {
	ip -n "$NODE" -s xfrm state get src 2001:db8::1 dst 2001:db8:b::9 proto esp spi 0x1001 |
		sed -n 's/.*bytes), \\([0-9]*\\)(packets).*/\\1/p' | tail -n 1
}
start_sender
connected_socket_sends
[ "$(protected)" = 1 ] || skip "the first packet was not protected"
ip -n "$NODE" xfrm policy delete src 2001:db8::1 dst 2001:db8:b::9 dir out
connected_socket_sends
if [ "$(protected)" = 1 ]; then seen="in clear"; else seen="under ESP"; fi
check "a connected socket, after the MAIN policy with ESP was deleted, sends" "in clear" "$seen"
"""
)

_DELETED_EXCEPTION = (
    _SOCKET
    + """\
policy src ::/0 dst ::/0 dir out priority 20 action block
policy src ::/0 dst 2001:db8:b::/64 dir out priority 10
start_sender
connected_socket_sends
[ "$answer" = sent ] || skip "the exception does not let the socket send"
ip -n "$NODE" xfrm policy delete src ::/0 dst 2001:db8:b::/64 dir out
observe ping_from "$NODE" 2001:db8::1 2001:db8:b::9
[ "$seen" = XfrmOutPolBlock ] || skip "a new socket is not blocked"
connected_socket_sends
check "a connected socket, after the exception to a block was deleted, is" refused \\
	"$(echo "$answer" | sed 's/sent/let through/')"

ip -n "$NODE" xfrm policy delete src ::/0 dst ::/0 dir out
policy src ::/0 dst ::/0 dir out priority 20 tmpl proto esp mode transport reqid 1
policy src ::/0 dst 2001:db8:b::/64 dir out priority 10
connected_socket_sends
ip -n "$NODE" xfrm policy delete src ::/0 dst 2001:db8:b::/64 dir out
observe ping_from "$NODE" 2001:db8::1 2001:db8:b::9
[ "$seen" = XfrmOutNoStates ] || skip "a new socket does not look for a state"
observe connected_socket_sends
check "a connected socket, after the exception to required ESP was deleted, sends" XfrmOutNoStates "$seen"
"""
)

_NEW_STATE = (
    _SOCKET
    + """\
policy src 2001:db8::1 dst 2001:db8:b::9 dir out priority 10 tmpl proto esp mode transport reqid 1 level use
protected() {
	ip -n "$NODE" -s xfrm state get src 2001:db8::1 dst 2001:db8:b::9 proto esp spi 0x1001 |
		sed -n 's/.*bytes), \\([0-9]*\\)(packets).*/\\1/p' | tail -n 1
}
start_sender
connected_socket_sends
[ "$answer" = sent ] || skip "the optional template does not let the socket send"
state src 2001:db8::1 dst 2001:db8:b::9 proto esp spi 0x1001 mode transport reqid 1 \\
	enc "ecb(cipher_null)" "" auth digest_null ""
ping_from "$NODE" 2001:db8::1 2001:db8:b::9
[ "$(protected)" = 1 ] || skip "a new socket is not protected"
connected_socket_sends
if [ "$(protected)" = 1 ]; then seen="in clear"; else seen="under ESP"; fi
check "a connected socket, after the state for an optional template arrived, sends" "under ESP" "$seen"
"""
)

F_012 = Finding(
    "F-012",
    "A deleted MAIN policy stays in force for connected sockets whose first policy is a SUB policy.",
    "bundle_checks_first_policy_only",
    BOTH,
    (ShellExhibit(_DELETED_MAIN, Needs.STATES),),
)
F_013 = Finding(
    "F-013",
    "A deleted exception stays in force for connected sockets, although a block or ESP is what remains.",
    "delete_bumps_route_generation",
    BOTH,
    (ShellExhibit(_DELETED_EXCEPTION, Needs.POLICIES),),
)
F_021 = Finding(
    "F-021",
    "A connected socket whose optional template was skipped goes on in clear after the state has arrived.",
    "cache_misses_state_changes",
    BOTH,
    (ShellExhibit(_NEW_STATE, Needs.STATES),),
)
