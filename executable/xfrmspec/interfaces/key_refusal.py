"""Why PF_KEY refuses a message, and with which error number."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from xfrmspec_terms.outcome import Errno


class KeyRefusal(Enum):
    """Why a message was refused."""

    NOT_HANDLED = "this message type is not for requests"
    NO_ADDRESSES = "source and destination address must be there and of one family"
    NO_POLICY = "the policy extension is missing"
    BAD_KIND = "the policy is neither discard, none nor ipsec"
    BAD_DIRECTION = "the direction is neither in, out nor forward"
    TOO_MANY_REQUESTS = "more than six requests"
    BAD_REQUEST_MODE = "a request has mode any or an unknown one"
    BAD_REQUEST_PROTOCOL = "a request has a protocol that no state can have"
    OPTIONAL_ENDPOINT_MODE = "an outbound request of mode tunnel or beet has level use"
    NO_ENDPOINTS = "a tunnel request lacks its endpoints"
    EXISTS = "the same object exists"
    NO_SUCH_POLICY = "there is no such policy"
    NOTHING_TO_LIST = "there is nothing to list"
    BAD_INDEX = "the index belongs to no direction of the databases"
    NOT_DESCRIBABLE = "PF_KEY has no words for this object"
    NO_SA = "the SA extension is missing"
    NO_KEY = "the key of the protocol is missing"
    EMPTY_KEY = "a key has no bits although its algorithm needs some"
    ONE_LIFETIME = "hard and soft lifetime must be given together"
    BAD_SA_TYPE = "the kernel has no states of this type"
    NO_TRANSFORM = "no transformation has this protocol"
    BAD_ALGORITHM_NUMBER = "the number is beyond those of all algorithms"
    UNKNOWN_ALGORITHM = "no algorithm of PF_KEY has this number"
    BAD_STATE_MODE = "the mode is unknown to PF_KEY"
    REGISTERED = "the socket is registered for this type already"
    BAD_PROMISCUITY = "promiscuous mode is neither on nor off"
    BAD_STATE = "the algorithms do not make a state of this protocol"


_ERRNOS: Mapping[KeyRefusal, Errno] = {
    KeyRefusal.NOT_HANDLED: Errno.EOPNOTSUPP,
    KeyRefusal.TOO_MANY_REQUESTS: Errno.ELOOP,
    KeyRefusal.EXISTS: Errno.EEXIST,
    KeyRefusal.REGISTERED: Errno.EEXIST,
    KeyRefusal.NO_SUCH_POLICY: Errno.ENOENT,
    KeyRefusal.NOTHING_TO_LIST: Errno.ENOENT,
    KeyRefusal.NO_TRANSFORM: Errno.EPROTONOSUPPORT,
    KeyRefusal.UNKNOWN_ALGORITHM: Errno.ENOSYS,
}


def errno_of(refusal: KeyRefusal) -> Errno:
    """Return the error number of a refusal; most are EINVAL."""
    return _ERRNOS.get(refusal, Errno.EINVAL)
