"""Datagrams as a kernel sent them (Linux 6.18), and what they mean for the way to a server."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.wire import rtnetlink
from kfwd.wire.rtnetlink import Network

ADDRESS = bytes.fromhex(
    "4c0000001400000076970b6b204c00000218800003000000080001000a090002080002000a090002"
    "0700030076300000080008008000000014000600fffffffffffffffffd280300fd280300"
)
"""10.9.0.2/24 on the third interface."""

CONNECTED = bytes.fromhex(
    "3c00000018000006000000000000000002180000fe02fd010000000008000f00fe00000008000100"
    "0a090000080007000a0900020800040003000000"
)
DEFAULT = bytes.fromhex(
    "340000001800000676970b6b224c000002000000fe0300010000000008000f00fe00000008000500"
    "0a0900010800040003000000"
)
"""The default route, by 10.9.0.1."""

ANOTHER_GATEWAY = bytes.fromhex(
    "340000001800000176970b6b254c000002000000fe0300010000000008000f00fe00000008000500"
    "0a0900030800040003000000"
)
ADDRESS_6 = bytes.fromhex(
    "480000001400000000000000000000000a408200030000001400010020010db80000000000000000"
    "0000000214000600ffffffffffffffff1e2903001e2903000800080082000000"
)
"""2001:db8::2/64, and below the same with other times to live, as a router advertises it."""

REFRESHED_6 = bytes.fromhex(
    "480000001400000000000000000000000a400000030000001400010020010db80000000000000000"
    "0000000214000600e8030000e80300001e290300282903000800080000000000"
)
OF_NO_INTEREST = {
    "a loopback address": (
        "4c000000140000000000000000000000020880fe01000000080001007f000001080002007f000001"
        "070003006c6f0000080008008000000014000600ffffffffffffffff1628030016280300"
    ),
    "a local route": (
        "3c00000018000006000000000000000002200000ff02fe020000000008000f00ff00000008000100"
        "0a090002080007000a0900020800040003000000"
    ),
    "a broadcast route": (
        "3c00000018000006000000000000000002200000ff02fd030000000008000f00ff00000008000100"
        "0a0900ff080007000a0900020800040003000000"
    ),
    "a link-local address": (
        "500000001400000000000000000000000a4080fd0300000014000100fe80000000000000ccaf68ff"
        "fe407f1714000600ffffffffffffffff2028030020280300080008008000000005000b0003000000"
    ),
    "a link-local route": (
        "740000001800000600000000000000000a400000fe0200010000000008000f00fe00000014000100"
        "fe8000000000000000000000000000000800060000010000080004000200000024000c0000000000"
        "000000000000000000000000000000000000000000000000000000000500140000000000"
    ),
    "a multicast route": (
        "740000001800000600000000000000000a080000ff0200050000000008000f00ff00000014000100"
        "ff0000000000000000000000000000000800060000010000080004000200000024000c0000000000"
        "000000000000000000000000000000000000000000000000000000000500140000000000"
    ),
}


def gone(message: bytes) -> bytes:
    """The same, as the kernel tells that it is no more."""
    (kind,) = struct.unpack_from("=H", message, 4)
    return message[:4] + struct.pack("=H", kind + 1) + message[6:]


def link(interface: int, flags: int, kind: int = 16) -> bytes:
    body = struct.pack("=BxHiII", 0, 1, interface, flags, 0)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


@pytest.mark.parametrize("message", [ADDRESS, CONNECTED, DEFAULT, ADDRESS_6])
def test_an_address_and_a_route_that_come_and_go_are_changes(message: bytes) -> None:
    network = Network()
    assert network.changed(message)
    assert network.changed(gone(message))
    assert network.changed(message)


@pytest.mark.parametrize("what", OF_NO_INTEREST)
def test_what_leads_nowhere_is_no_change(what: str) -> None:
    message = bytes.fromhex(OF_NO_INTEREST[what])
    assert not Network().changed(message)
    assert not Network().changed(gone(message))


@pytest.mark.parametrize("again", [ADDRESS_6, REFRESHED_6])
def test_an_address_that_is_told_again_is_no_change(again: bytes) -> None:
    network = Network()
    network.changed(ADDRESS_6)
    assert not network.changed(again)


def test_an_address_counts_once_it_may_be_used() -> None:
    tentative = ADDRESS_6.replace(b"\x08\x00\x08\x00\x82\0\0\0", b"\x08\x00\x08\x00\xc0\0\0\0")
    network = Network()
    assert not network.changed(tentative)
    assert network.changed(ADDRESS_6)


def test_a_route_that_leads_elsewhere_is_a_change_and_so_is_the_way_back() -> None:
    network = Network()
    assert network.changed(DEFAULT)
    assert not network.changed(DEFAULT)
    assert network.changed(ANOTHER_GATEWAY)
    assert network.changed(DEFAULT)


@pytest.mark.parametrize("down", [link(3, 0x1003), link(3, 0x11043, kind=17)])
def test_routes_that_come_back_with_their_link_are_a_change(down: bytes) -> None:
    network = Network()
    network.changed(DEFAULT)
    assert not network.changed(link(3, 0x11043))  # still running
    assert not network.changed(DEFAULT)
    assert not network.changed(down)
    assert network.changed(DEFAULT)


def test_a_link_that_goes_down_says_nothing_about_the_others() -> None:
    network = Network()
    network.changed(DEFAULT)
    network.changed(link(2, 0))
    assert not network.changed(DEFAULT)


def test_several_messages_in_a_datagram_are_all_read() -> None:
    network = Network()
    quiet = bytes.fromhex(OF_NO_INTEREST["a local route"])
    assert network.changed(quiet + ADDRESS + DEFAULT)
    assert not network.changed(ADDRESS)
    assert not network.changed(DEFAULT)


def test_what_the_kernel_could_not_keep_is_a_change() -> None:
    assert Network().changed(struct.pack("=IHHII", 16, 4, 0, 0, 0))


@given(st.integers(1, len(DEFAULT) - 1))
def test_a_message_that_is_cut_short_counts_as_a_change(length: int) -> None:
    network = Network()
    network.changed(DEFAULT)
    assert network.changed(DEFAULT[:length])


@given(st.lists(st.binary(max_size=64), max_size=4))
def test_no_bytes_do_any_harm(datagrams: list[bytes]) -> None:
    network = Network()
    for data in datagrams:
        network.changed(data)
        network.changed(struct.pack("=IHHII", 16 + len(data), 24, 0, 0, 0) + data)


def test_the_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtnetlink, "FACTS_MAX", 10)
    network = Network()
    for number in range(100):
        network.changed(DEFAULT.replace(b"\x03\0\0\0", struct.pack("=I", number)))
        table = DEFAULT.replace(b"\x08\x00\x0f\x00\xfe", b"\x08\x00\x0f\x00" + bytes([number]))
        assert network.changed(table)
    assert len(network._known) <= 10
