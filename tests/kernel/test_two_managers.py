"""Two key managers on one kernel: whose number a larval state keeps. PF_KEY is loaded late, to tell."""

from __future__ import annotations

import shutil

import pytest

from kernel.conftest import absent, output_of_script
from xfrmspec.kernel.uml import KernelMissingError, find_kernel

SCRIPT = """\
rmmod af_key || exit 4
ip link set lo up
ip -6 addr add 2001:db8::1/128 dev lo nodad
ip -6 route add default dev lo
ip xfrm policy add src ::/0 dst ::/0 dir out tmpl proto esp mode transport
python3 -c '
import socket, struct, subprocess, sys

NETLINK_XFRM, ACQUIRE_GROUP, DUMP_STATES, PF_KEY = 6, 1, 0x12, 15
HEADER, NUMBER_OF_ACQUIRE, NUMBER_OF_STATE = 16, 276, 204

ear = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
ear.bind((0, ACQUIRE_GROUP))
ear.settimeout(2)

def send():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.bind(("2001:db8::1", 0))
        sender.sendto(b"x", ("2001:db8:b::1", 9))

def word(octets, at):
    return struct.unpack_from("=I", octets, at)[0]

def asked_by_netlink():
    return word(ear.recv(65536), HEADER + NUMBER_OF_ACQUIRE)

def kept():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM) as asking:
        asking.send(struct.pack("=IHHII", HEADER, DUMP_STATES, 0x301, 1, 0))
        return word(asking.recv(65536), HEADER + NUMBER_OF_STATE)

send()
print("alone", asked_by_netlink(), kept())
subprocess.run(["ip", "xfrm", "state", "flush"], check=True)
subprocess.run(["insmod", sys.argv[1]], check=True)
key = socket.socket(PF_KEY, socket.SOCK_RAW, 2)
key.settimeout(2)
key.send(struct.pack("=BBBBHHII", 2, 7, 0, 3, 2, 0, 1, 0))
key.recv(65536)
send()
print("both", asked_by_netlink(), word(key.recv(65536), 8), kept())
' DRIVER
"""


@pytest.mark.clause("XFRM-ACQ-002")
def test_a_larval_state_keeps_the_number_of_the_manager_asked_last() -> None:
    """Netlink's second number is 2 when PF_KEY, which registered later, draws its first."""
    if shutil.which("insmod") is None:
        absent("the script needs more tools: apt-get install kmod")
    try:
        kernel = find_kernel()
    except KernelMissingError as missing:
        absent(str(missing))
    tree = next(place for place in kernel.modules[0].parents if (place / "modules.dep").exists())
    (driver,) = tree.rglob("af_key.ko")
    output = output_of_script(SCRIPT.replace("DRIVER", str(driver)))
    assert output.splitlines() == ["alone 1 1", "both 2 1 1"]
