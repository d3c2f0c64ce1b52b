"""`xfrmspec explain`: the whole story of one flow."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from xfrmspec.cli.explain_report import explanation_object, print_explanation
from xfrmspec.cli.inputs import (
    OutputFormat,
    ProfileName,
    UsageError,
    print_json,
    read_configuration,
    warn_unknown,
)
from xfrmspec.configuration import Configuration
from xfrmspec.explain import explain
from xfrmspec.flow_text import FlowWords, parse_flow, parse_number
from xfrmspec_terms.policy import Direction


class DirectionName(StrEnum):
    """The directions as `ip xfrm` writes them."""

    IN = "in"
    OUT = "out"
    FWD = "fwd"

    @property
    def direction(self) -> Direction:
        """The direction itself."""
        return Direction[self.name]


def run(
    dumps: Annotated[list[Path], typer.Argument(help="Text of `ip xfrm policy` and `ip xfrm state`.")],
    source: Annotated[str, typer.Option("--src", help="Source address of the flow.")],
    destination: Annotated[str, typer.Option("--dst", help="Destination address of the flow.")],
    protocol: Annotated[str, typer.Option("--proto", help="Upper-layer protocol, by name or number.")],
    direction: Annotated[DirectionName, typer.Option("--dir", help="Which way the packet goes.")] = (
        DirectionName.OUT
    ),
    source_port: Annotated[int | None, typer.Option("--sport", min=0, max=65535)] = None,
    destination_port: Annotated[int | None, typer.Option("--dport", min=0, max=65535)] = None,
    mobility_type: Annotated[int | None, typer.Option("--mh-type", min=0, max=255)] = None,
    icmp_type: Annotated[int | None, typer.Option("--icmp-type", min=0, max=255)] = None,
    icmp_code: Annotated[int | None, typer.Option("--icmp-code", min=0, max=255)] = None,
    mark: Annotated[str, typer.Option("--mark", help="Packet mark, decimal or 0x.")] = "0",
    if_id: Annotated[str, typer.Option("--if-id", help="XFRM interface id, decimal or 0x.")] = "0",
    interface: Annotated[
        str, typer.Option("--oif", help="Outgoing interface: a name from the dump, or an index.")
    ] = "",
    profile: Annotated[
        ProfileName, typer.Option("--profile", help="Whose rules to follow.")
    ] = ProfileName.LINUX_6_1,
    output: Annotated[OutputFormat, typer.Option("--format")] = OutputFormat.TEXT,
) -> None:
    """Say which policies a flow met, why each lost, what is applied in which order, and what comes out."""
    configuration, dump = read_configuration(dumps, profile.profile)
    words = FlowWords(
        source,
        destination,
        protocol,
        source_port,
        destination_port,
        mobility_type,
        icmp_type,
        icmp_code,
        parse_number("--mark", mark),
        parse_number("--if-id", if_id),
        _interface_index(interface, configuration),
    )
    explanation = explain(configuration, parse_flow(words), direction.direction)
    if output is OutputFormat.JSON:
        print_json(explanation_object(explanation, configuration))
    else:
        print_explanation(explanation, configuration)
    warn_unknown(dump)


def _interface_index(name: str, configuration: Configuration) -> int:
    """Return the index that stands for an interface name of the dump; UsageError for an unknown name."""
    if not name:
        return 0
    if name in configuration.interfaces:
        return configuration.interfaces[name]
    if name.isascii() and name.isdigit():
        return int(name)
    known = ", ".join(configuration.interfaces) or "none"
    raise UsageError(f"--oif {name}: the dump names no such interface (it names: {known}); give an index")
