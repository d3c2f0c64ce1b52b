"""How long the checks of a large configuration take, everything included; prints its figures."""

from __future__ import annotations

import random
import time
from ipaddress import IPv6Address

import pytest

from xfrmspec.formats.dump import Location
from xfrmspec_proofs.checks import PlacedPolicy, build_configuration, check_configuration
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import PortMatch, Prefix, Protocol, Selector

_BASE = int(IPv6Address("2001:db8::"))


def _prefix(source: random.Random) -> Prefix:
    length = source.choice((0, 32, 40, 48, 56, 64, 64, 96, 128, 128))
    if length == 0:
        return Prefix(IPv6Address(0), 0)
    number = _BASE | source.getrandbits(12) << 80 | source.getrandbits(4) << 64 | source.getrandbits(4)
    return Prefix(IPv6Address(number >> (128 - length) << (128 - length)), length)


def _template(source: random.Random) -> Template:
    mode = source.choice((Mode.TRANSPORT, Mode.TUNNEL))
    start, end = (IPv6Address(_BASE | 1 << 64 | source.randrange(1, 5)) for _ in range(2))
    protocol = source.choice((Protocol.ESP, Protocol.ESP, Protocol.AH))
    return Template(protocol, mode, start, end, reqid=source.randrange(4))


def _policy(source: random.Random) -> Policy:
    protocol = source.choice((0, 0, 0, 6, 17, 58, 135))
    port = PortMatch.exactly(source.randrange(1, 200)) if protocol in (6, 17) else PortMatch()
    kind = source.random()
    sub = source.random() < 0.2
    templates = (_template(source),) if kind < 0.6 and not sub else ()
    if sub:
        templates = (Template(Protocol.DESTINATION_OPTIONS, Mode.RO, optional=True),)
    return Policy(
        Selector(_prefix(source), _prefix(source), protocol, destination_port=port),
        source.choice(tuple(Direction)),
        PolicyType.SUB if sub else PolicyType.MAIN,
        Action.BLOCK if kind > 0.9 and not sub else Action.ALLOW,
        source.choice((source.randrange(1, 5000), 1000, 2000)),
        templates,
    )


def synthetic(count: int, seed: int = 1) -> list[PlacedPolicy]:
    """Return that many random policies, always the same ones for a seed."""
    source = random.Random(seed)
    return [PlacedPolicy(_policy(source), Location("synthetic", line)) for line in range(1, count + 1)]


@pytest.mark.bench
@pytest.mark.parametrize("count", [1000])
def test_checks_of_a_large_configuration(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    policies = synthetic(count)
    start = time.perf_counter()
    report = check_configuration(build_configuration(policies, LINUX_6_1))
    seconds = time.perf_counter() - start
    with capsys.disabled():
        print(f"\ncheck: {count} policies, {len(report.findings)} findings shown, {seconds:.2f} s")
    assert report.findings
    assert seconds < 10
