"""How a binding update is acknowledged."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec.mipv6.binding_request import LIFETIME_UNIT, BindingRequest
from xfrmspec.mipv6.tokens import authorised
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Say
from xfrmspec_terms.mobility import BindingAcknowledgement, BindingStatus


@clause("XFRM-CN-009", "XFRM-CN-028", "XFRM-HA-024")
def acknowledgement(request: BindingRequest, message: BindingAcknowledgement) -> Say:
    """Return an acknowledgement on its way to whoever sent the update. Source: RFC 6275 9.5.4."""
    return Say(message, request.own, request.home_address, routed_by=request.wire_source, path=request.path)


@clause("XFRM-CN-029")
def signed(say: Say, request: BindingRequest, key: Secret | None) -> Say:
    """Return the acknowledgement with authorization data under the key of the update, if there is one."""
    if key is None or not isinstance(say.message, BindingAcknowledgement):
        return say
    return replace(say, message=authorised(say.message, key, request.covered_address, request.own))


@clause("XFRM-CN-027", "XFRM-HA-023")
def refusal(request: BindingRequest, status: BindingStatus, sequence: int) -> Say:
    """Return the acknowledgement that refuses an update, with the sequence number that it names."""
    return acknowledgement(request, BindingAcknowledgement(status, sequence=sequence))


@clause("XFRM-CN-027", "XFRM-HA-023")
def success(
    request: BindingRequest, granted: int, status: BindingStatus = BindingStatus.ACCEPTED
) -> Say | None:
    """Return the acknowledgement of an accepted update, None if it asks for none; `granted` is in ms."""
    if not request.update.acknowledge:
        return None
    message = BindingAcknowledgement(
        status, sequence=request.update.sequence, lifetime=granted // LIFETIME_UNIT
    )
    return acknowledgement(request, message)
