"""The first minute with xfrmspec: check a home agent, explain its flows, draw its policies, play a life."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DUMPS = ["home-agent/xfrm-policy.txt", "home-agent/xfrm-state.txt"]
MAP = Path("build") / "home-agent.svg"
LIFE = "life-cycle.toml"
STAGE = "stage: mobile node "

HOME_AGENT = "2001:db8:100::1"
GOOD_NODE = "2001:db8:100::a1"
BAD_NODE = "2001:db8:100::b2"
CORRESPONDENT = "2001:db8:c::2"


def main() -> int:
    """Run the tour; return 1 when a step did not end as it should."""
    print("A home agent with two mobile nodes. One of them is configured with a mistake.")
    flows = [
        ("A binding acknowledgement to the first node", GOOD_NODE, ["--proto", "mh", "--mh-type", "6"]),
        (
            "The same to the second node: not the SA that was meant",
            BAD_NODE,
            ["--proto", "mh", "--mh-type", "6"],
        ),
    ]
    steps = [_run("What is wrong with it?", ["check", *DUMPS], expected=1)]
    for title, node, protocol in flows:
        words = ["explain", *DUMPS, "--src", HOME_AGENT, "--dst", node, *protocol]
        steps.append(_run(title, words, expected=0))
    forwarded = ["explain", *DUMPS, "--dir", "fwd", "--src", GOOD_NODE, "--dst", CORRESPONDENT]
    steps.append(
        _run("What the first node sends on through the home agent", [*forwarded, "--proto", "udp"], 0)
    )
    MAP.parent.mkdir(exist_ok=True)
    words = ["diagram", "policy-map", "--dump", DUMPS[0], "--format", "svg", "--to", str(MAP.resolve())]
    drawn = _run("Which policy owns which traffic", words, expected=None)
    print(
        f"\nThe picture is {MAP}." if drawn and MAP.exists() else "\nNo picture: install graphviz for `dot`."
    )
    steps.append(_live())
    return 0 if all(steps) else 1


def _live() -> bool:
    """Play the life of a mobile node, and show its stages out of all that happened."""
    words = ["simulate", LIFE]
    print(f"\n--- A mobile node leaves home, moves on, and comes back\n$ xfrmspec {shlex.join(words)}\n")
    finished = subprocess.run(_command(words), cwd=HERE, check=False, capture_output=True, text=True)
    lines = finished.stdout.splitlines()
    stages = [line.replace(STAGE, "") for line in lines if STAGE in line]
    print("\n".join(stages))
    print(
        f"\nThese are the stages of the mobile node; the command prints {len(lines)} lines, frame by frame."
    )
    if finished.returncode == 0 and stages:
        return True
    print(f"\nthis step ended with {finished.returncode}: {finished.stderr}", file=sys.stderr)
    return False


def _command(words: list[str]) -> list[str]:
    return [sys.executable, "-c", "from xfrmspec.cli import main; main()", *words]


def _run(title: str, words: list[str], expected: int | None) -> bool:
    """Run one command and show it; `expected` is its exit code, None for any."""
    print(f"\n--- {title}\n$ xfrmspec {shlex.join(words)}\n", flush=True)
    finished = subprocess.run(_command(words), cwd=HERE, check=False)
    if expected is None or finished.returncode == expected:
        return finished.returncode == 0 or expected is not None
    print(f"\nthis step ended with {finished.returncode} instead of {expected}", file=sys.stderr)
    return False


if __name__ == "__main__":
    sys.exit(main())
