"""Published test vectors of the algorithms of ESP and AH."""

from __future__ import annotations

import pytest

from xfrmspec.wire.algorithms import encryption, integrity
from xfrmspec.wire.esp import EspKeys, Opened, open_sealed, seal
from xfrmspec.wire.secret import Secret


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def key(text: str) -> Secret:
    return Secret(octets(text))


PING = octets(
    "08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f1011121314151617"
    "18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"
)
PING_SEALED = octets(
    "f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856a4699e523a55db08"
    "0b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874aa269add047ad2d5913ac19b7cfbad4a6"
)


@pytest.mark.clause("XFRM-ESP-001", "XFRM-ESP-002")
def test_rfc_3602_case_5_a_transport_mode_ping() -> None:
    keys = EspKeys(encryption("cbc(aes)", key("90d382b410eeba7ad938c46cec1a82bf")))
    iv = octets("e96e8c08ab465763fd098d45dd3ff893")
    packet = octets("0000432100000001") + iv + PING_SEALED
    assert seal(keys, 0x4321, 1, 1, PING, iv) == packet
    assert open_sealed(keys, packet) == Opened(1, PING)


@pytest.mark.clause("XFRM-ESP-001")
@pytest.mark.parametrize(
    ("secret", "iv", "plain", "sealed"),
    [
        (
            "06a9214036b8a15b512e03d534120006",
            "3dafba429d9eb430b422da802c9fac41",
            b"Single block msg".hex(),
            "e353779c1079aeb82708942dbe77181a",
        ),
        (
            "c286696d887c9aa0611bbb3e2025a45a",
            "562e17996d093d28ddb3ba695a2e6f58",
            bytes(range(32)).hex(),
            "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1",
        ),
    ],
)
def test_rfc_3602_cases_1_and_2(secret: str, iv: str, plain: str, sealed: str) -> None:
    algorithm = encryption("cbc(aes)", key(secret))
    assert algorithm.encrypt(octets(iv), octets(plain), b"") == octets(sealed)
    assert algorithm.decrypt(octets(iv), octets(sealed), b"") == octets(plain)


@pytest.mark.clause("XFRM-ESP-007")
@pytest.mark.parametrize(
    ("secret", "nonce", "iv", "plain", "sealed"),
    [
        (
            "ae6852f8121067cc4bf7a5765577f39e",
            "00000030",
            "0000000000000000",
            b"Single block msg".hex(),
            "e4095d4fb7a7b3792d6175a3261311b8",
        ),
        (
            "7e24067817fae0d743d6ce1f32539163",
            "006cb6db",
            "c0543b59da48d90b",
            bytes(range(32)).hex(),
            "5104a106168a72d9790d41ee8edad388eb2e1efc46da57c8fce630df9141be28",
        ),
        (
            "776beff2851db06f4c8a0542c8696f6c6a81af1eec96b4d37fc1d689e6c1c104",
            "00000060",
            "db5672c97aa8f0b2",
            b"Single block msg".hex(),
            "145ad01dbf824ec7560863dc71e3e0c0",
        ),
    ],
)
def test_rfc_3686_vectors(secret: str, nonce: str, iv: str, plain: str, sealed: str) -> None:
    algorithm = encryption("rfc3686(ctr(aes))", key(secret + nonce))
    assert algorithm.encrypt(octets(iv), octets(plain), b"") == octets(sealed)


@pytest.mark.clause("XFRM-ESP-003")
def test_a_gcm_packet_with_extended_numbers_of_the_rfc_4106_family() -> None:
    keys = EspKeys(
        encryption("rfc4106(gcm(aes))", key("4c80cdefbb5d10da906ac73c3613a634" + "2e443b68")), extended=True
    )
    iv = octets("4956ed7e3b244cfe")
    payload = octets(
        "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000000000000"
        "45f736970045f756470037369700963796265726369747902646b0000210001"
    )
    sealed = octets(
        "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d"
        "15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732459018148f6cbe722fd04796562dfdb4"
    )
    packet = octets("0000432100000000") + iv + sealed
    assert open_sealed(keys, packet, 0x87654321) == Opened(1, payload)


@pytest.mark.clause("XFRM-ESP-001", "XFRM-ESP-003")
def test_rfc_7634_appendix_a_chacha20_poly1305() -> None:
    secret = bytes(range(0x80, 0xA0)) + bytes(range(0xA0, 0xA4))
    keys = EspKeys(encryption("rfc7539esp(chacha20,poly1305)", Secret(secret)))
    payload = octets("45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec1000073627") + bytes(
        range(8, 0x38)
    )
    sealed = octets(
        "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f7"
        "2aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e0"
        "76aaa8266b7fb0f7b11b369907e1ad43"
    )
    iv = octets("1011121314151617")
    packet = octets("0102030400000005") + iv + sealed
    assert seal(keys, 0x01020304, 5, 4, payload, iv) == packet
    assert open_sealed(keys, packet) == Opened(4, payload)


HELLO, QUESTION = b"Hi There", b"what do ya want for nothing?"


@pytest.mark.clause("XFRM-ESP-007")
@pytest.mark.parametrize(
    ("name", "secret", "text", "whole"),
    [
        ("hmac(md5)", b"\x0b" * 16, HELLO, "9294727a3638bb1c13f48ef8158bfc9d"),
        ("hmac(md5)", b"Jefe", QUESTION, "750c783e6ab0b503eaa86e310a5db738"),
        ("hmac(sha1)", b"\x0b" * 20, HELLO, "b617318655057264e28bc0b6fb378c8ef146be00"),
        ("hmac(sha1)", b"Jefe", QUESTION, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (
            "hmac(sha256)",
            b"\x0b" * 20,
            HELLO,
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            "hmac(sha256)",
            b"Jefe",
            QUESTION,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            "hmac(sha384)",
            b"\x0b" * 20,
            HELLO,
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
            "faea9ea9076ede7f4af152e8b2fa9cb6",
        ),
        (
            "hmac(sha512)",
            b"\x0b" * 20,
            HELLO,
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
            "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ),
    ],
)
def test_rfc_2202_and_4231_hmac(name: str, secret: bytes, text: bytes, whole: str) -> None:
    expected = octets(whole)
    full = integrity(name, Secret(secret), len(expected) * 8)
    assert full.icv(text) == expected
    cut = integrity(name, Secret(secret))
    assert cut.icv(text) == expected[: cut.icv_octets]
    assert cut.icv_octets in (12, 24, 32)
