"""Every picture by its name, and how a picture is written: the door for the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from xfrmspec_diagrams.attack_table import attack_table
from xfrmspec_diagrams.dot import to_dot
from xfrmspec_diagrams.figure_six import FIGURE_PICTURES
from xfrmspec_diagrams.ir import Picture
from xfrmspec_diagrams.life_pictures import LIFE_PICTURES
from xfrmspec_diagrams.machine_pictures import (
    bundle_cache,
    inbound_check,
    output_decision,
    policy_lifecycle,
    state_lifecycle,
)
from xfrmspec_diagrams.mermaid import to_mermaid
from xfrmspec_diagrams.mobility_pictures import MOBILITY_PICTURES
from xfrmspec_diagrams.packet_picture import SAMPLES, packet_picture
from xfrmspec_diagrams.policymap import policy_map
from xfrmspec_diagrams.processing import (
    acquire_sequence,
    inbound_processing,
    outbound_processing,
    replay_window,
)
from xfrmspec_diagrams.samples import HOME_AGENT
from xfrmspec_diagrams.svg import SvgResult, draw_svg
from xfrmspec_diagrams.table import to_table
from xfrmspec_diagrams.template_order import template_classes, template_order
from xfrmspec_terms.profile import PROFILES

_POLICIES: Mapping[str, Callable[[], Picture]] = {
    "inbound-check": inbound_check,
    "output-decision": output_decision,
    "policy-lifecycle": policy_lifecycle,
    "policy-map-home-agent": partial(policy_map, HOME_AGENT),
    "template-classes": template_classes,
    **{f"template-order-{name}": partial(template_order, PROFILES[name]) for name in sorted(PROFILES)},
}
_STATES: Mapping[str, Callable[[], Picture]] = {
    "acquire-sequence": acquire_sequence,
    "bundle-cache": bundle_cache,
    "inbound-processing": inbound_processing,
    "outbound-processing": outbound_processing,
    **{name: partial(packet_picture, packet, title) for name, (packet, title) in SAMPLES.items()},
    "replay-window": replay_window,
    "state-lifecycle": state_lifecycle,
}
_GROUPS: Mapping[str, Mapping[str, Callable[[], Picture]]] = {
    "Policies and templates": _POLICIES,
    "States and packets": _STATES,
    "Machines of Mobile IPv6": MOBILITY_PICTURES,
    "A life of a mobile node": LIFE_PICTURES,
    "The daemon, and attacks": {**FIGURE_PICTURES, "attacks": attack_table},
}
_PICTURES = {name: draw for group in _GROUPS.values() for name, draw in group.items()}

_RENDERERS: Mapping[str, Callable[[Picture], str]] = {
    "dot": to_dot,
    "mermaid": to_mermaid,
    "table": to_table,
}


def picture_names() -> tuple[str, ...]:
    """Return the names of all pictures, sorted."""
    return tuple(sorted(_PICTURES))


def picture_groups() -> Mapping[str, tuple[str, ...]]:
    """Return the names of all pictures by subject, sorted within each; every picture is in one of them."""
    return {title: tuple(sorted(group)) for title, group in _GROUPS.items()}


def picture(name: str) -> Picture:
    """Return a picture by name; KeyError's text lists the names that exist."""
    if name not in _PICTURES:
        raise KeyError(f"no picture is named {name!r}; there are: {', '.join(picture_names())}")
    return _PICTURES[name]()


def render(drawn: Picture, output: str) -> str:
    """Write a picture as text, `output` being `dot`, `mermaid` or `table`; ValueError for anything else."""
    if output not in _RENDERERS:
        raise ValueError(f"no text format is named {output!r}; there are: {', '.join(sorted(_RENDERERS))}")
    return _RENDERERS[output](drawn)


def render_svg(drawn: Picture) -> SvgResult:
    """Draw a picture as SVG with Graphviz, or return a note that says why that was not possible."""
    return draw_svg(to_dot(drawn))
