"""The shell that every stand-alone reproduction has around it: namespaces, clean-up, verdicts."""

from __future__ import annotations

HEAD = """\
#!/bin/sh
# shellcheck disable=SC2317  # some functions are called by a trap, or by the name they are passed by
# {name}: {rule}
#
# Says PASS where the kernel follows the clean rule and FAIL where it departs from it.
# Exit code: 0 all passed, 1 something failed, 4 skipped.
# Needs root, {tools}.

NODE=xfrm-node-$$
OUTSIDE=xfrm-outside-$$
INSIDE=xfrm-inside-$$
DIR=
helpers=
result=0

cleanup() {{
	for helper in $helpers; do
		kill "$helper" 2>/dev/null
	done
	for space in "$NODE" "$OUTSIDE" "$INSIDE"; do
		ip netns del "$space" 2>/dev/null
	done
	[ -n "$DIR" ] && rm -rf "$DIR"
}}
trap cleanup EXIT
trap 'exit 130' INT TERM

skip() {{
	echo "SKIP: $*"
	exit 4
}}

need() {{
	command -v "$1" >/dev/null || skip "$1 is not installed"
}}

# check WHAT EXPECTED SEEN
check() {{
	if [ "$2" = "$3" ]; then
		echo "PASS: $1: $3"
	else
		echo "FAIL: $1: $3 (the clean rule: $2)"
		result=1
	fi
}}

"""

NODES = """\
[ "$(id -u)" = 0 ] || skip "not root"
need ip
need ping
need awk
DIR=$(mktemp -d)
for space in "$NODE" "$OUTSIDE" "$INSIDE"; do
	ip netns add "$space" 2>/dev/null || skip "no network namespaces"
	ip netns exec "$space" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
done

# Both ends of a link have one MAC address, and there is no neighbour discovery and no multicast: no packet
# but those of the test meets a policy.
configure() {{
	ip -n "$1" -6 -batch - || skip "$1 cannot be set up"
}}
configure "$NODE" <<EOF
link add outer address 02:00:00:00:00:01 type veth peer name outer netns $OUTSIDE address 02:00:00:00:00:01
link add inner address 02:00:00:00:00:01 type veth peer name inner netns $INSIDE address 02:00:00:00:00:01
link set dev outer addrgenmode none multicast off arp off
link set dev inner addrgenmode none multicast off arp off
link set dev lo up
link set dev outer up
link set dev inner up
EOF
configure "$OUTSIDE" <<EOF
link set dev outer addrgenmode none multicast off arp off
link set dev lo up
link set dev outer up
route add default dev outer
{outside}EOF
configure "$INSIDE" <<EOF
link set dev inner addrgenmode none multicast off arp off
link set dev lo up
link set dev inner up
route add default dev inner
{inside}EOF
# Only now: a router joins multicast groups on interfaces that still have multicast.
ip netns exec "$NODE" sh -c 'cd /proc/sys/net/ipv6/conf
	echo 1 >all/accept_source_route
	echo 1 >outer/accept_source_route
	echo 1 >all/forwarding'
configure "$NODE" <<EOF
route add default dev outer
route add 2001:db8:f::/48 dev inner
{node}EOF
"""

PROBES = """\
ip netns exec "$NODE" cat /proc/net/xfrm_stat >/dev/null 2>&1 || skip "no /proc/net/xfrm_stat"
ping_from() {
	ip netns exec "$1" ping -6 -c 1 -W 0.5 -I "$2" "$3" >/dev/null 2>&1
}

tries=20
until ping_from "$OUTSIDE" 2001:db8:b::1 2001:db8::1 && ping_from "$OUTSIDE" 2001:db8:b::1 2001:db8:f::1; do
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || skip "nothing gets through without policies"
done

larval_states() {
	ip -n "$NODE" xfrm state | grep -c -e 'proto esp spi 0x00000000' -e 'proto route2'
}

# observe COMMAND...: runs it, and puts the counters that grew into $seen, and "acquire" for a larval state.
observe() {
	ip netns exec "$NODE" cat /proc/net/xfrm_stat >"$DIR/before"
	larval_before=$(larval_states)
	"$@"
	sleep 0.1
	ip netns exec "$NODE" cat /proc/net/xfrm_stat >"$DIR/after"
	seen=$(awk 'NR == FNR {old[$1] = $2; next} $2 != old[$1] {printf "%s%s", space, $1; space = " "}' \\
		"$DIR/before" "$DIR/after")
	[ "$(larval_states)" = "$larval_before" ] || seen="${seen:+$seen }acquire"
	seen=${seen:-"nothing counted"}
}
"""

CONFIGURE = """\
policy() {
	ip -n "$NODE" xfrm policy add "$@" || skip "policy refused: $*"
}

state() {
	ip -n "$NODE" xfrm state add "$@" || skip "state refused: $*"
}
"""

EMPTY_TABLES = """\
configure "$NODE" <<EOF
xfrm state flush
xfrm policy flush
xfrm policy flush ptype sub
xfrm policy set hthresh6 128 128
EOF
"""

LISTENER = """\
ip netns exec "$NODE" ip xfrm monitor acquire >/dev/null 2>&1 &
helpers="$helpers $!"
sleep 0.2
"""

SEND_UDP = """\
# ping has no ports: python3 sends where they matter.
send_udp() {
	ip netns exec "$NODE" python3 -c '
import socket, sys
sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sender.bind((sys.argv[1], int(sys.argv[2])))
sender.sendto(bytes(8), (sys.argv[3], int(sys.argv[4])))
' "$@" 2>/dev/null
}
"""

INJECT = """\
# No tool of iproute2 writes extension headers: python3 sends a packet that is given octet by octet.
inject() {
	ip netns exec "$OUTSIDE" python3 -c '
import socket, sys
packet = bytes.fromhex(sys.argv[1])
sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
sender.sendto(packet, (socket.inet_ntop(socket.AF_INET6, packet[24:40]), 0))
' "$1"
}
"""

REQUEST = """\
# No tool of iproute2 writes this request: python3 sends it as it is, and fails when the kernel refuses it.
request() {
	ip netns exec "$NODE" python3 -c '
import socket, struct, sys
asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
asking.send(bytes.fromhex(sys.argv[1]))
sys.exit(bool(struct.unpack_from("=i", asking.recv(65536), 16)[0]))
' "$1"
}
"""

TAIL = """\
exit "$result"
"""
