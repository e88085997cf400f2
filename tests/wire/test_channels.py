"""One connection over channels: what the server's messages mean, however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given

from kfwd.errors import ProtocolError, WebSocketError
from kfwd.wire import channels, websocket
from kfwd.wire.channels import Asked, ClientChannels, Complained, Ended, Received
from kfwd.wire.portforward import MAX_TEXT
from tests.wire.pieces import cuts, pieces

MASK = b"\x01\x02\x03\x04"


def binary(body: bytes, *, fin: bool = True, opcode: int = websocket.BINARY) -> bytes:
    """A frame as the server sends it."""
    return websocket.encode_frame(opcode, len(body), None, fin) + body


def opened(port: int = 80) -> bytes:
    """What the server says first (protocol notes E.2)."""
    low, high = port.to_bytes(2, "little")
    return binary(bytes((0, low, high))) + binary(bytes((1, low, high)))


CLOSED = websocket.close_frame(1000, "", None)


def told(data: bytes, *, sizes: list[int] | None = None) -> tuple[bytes, list[object]]:
    """The bytes that were carried, and the other events."""
    machine = ClientChannels(80)
    carried, others = b"", list[object]()
    for piece in pieces(data, sizes or [len(data)]):
        for event in machine.receive(piece):
            if isinstance(event, Received):
                carried += event.data
            else:
                others.append(event)
    return carried, others


@given(sizes=cuts())
def test_in_any_pieces_the_same_is_told(sizes: list[int]) -> None:
    talk = opened() + binary(b"\x00hello ") + binary(b"\x00") + binary(b"\x00world") + CLOSED
    assert told(talk, sizes=sizes) == (b"hello world", [Ended()])


@given(sizes=cuts())
def test_a_text_makes_the_end_due_and_explains_it(sizes: list[int]) -> None:
    talk = (
        opened() + binary(b"\x00part") + binary(b"\x01error ") + binary(b"\x01forwarding") + CLOSED
    )
    assert told(talk, sizes=sizes) == (b"part", [Complained(), Ended(text="error forwarding")])


def test_ports_are_little_endian_and_cut_off_of_both_channels() -> None:
    machine = ClientChannels(8080)
    assert list(machine.receive(b"\x82\x03\x00\x90\x1f\x82\x03\x01\x90\x1f")) == []
    assert list(machine.receive(binary(b"\x00x"))) == [Received(memoryview(b"x"))]


def test_another_port_than_the_one_asked_for_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="another port"):
        list(ClientChannels(80).receive(opened(81)))


def test_a_fragmented_message_has_one_channel_byte() -> None:
    parts = [
        binary(b"\x00ab", fin=False),
        binary(b"", fin=False, opcode=0),
        binary(b"cd", opcode=0),
    ]
    assert told(opened() + b"".join(parts)) == (b"abcd", [])


def test_unknown_channels_and_empty_messages_mean_nothing() -> None:
    assert told(opened() + binary(b"\x02what") + binary(b"") + binary(b"\x00")) == (b"", [])


@pytest.mark.parametrize("code", [1001, 1005, 1011])
def test_only_1000_is_an_end(code: int) -> None:
    close = b"\x88\x00" if code == 1005 else websocket.close_frame(code, "why", None)
    _, (end,) = told(opened() + close)
    assert isinstance(end, Ended)
    assert str(code) in str(end.reason)
    assert end.text is None


def test_a_connection_that_is_lost_is_a_cut_unless_its_text_has_come() -> None:
    machine = ClientChannels(80)
    list(machine.receive(opened()))
    assert machine.lost("gone") == [Ended(reason="gone")]
    assert machine.lost("gone") == []
    machine = ClientChannels(80)
    list(machine.receive(opened() + binary(b"\x01refused")))
    assert machine.lost("gone") == [Ended(text="refused")]


def test_what_follows_the_end_is_not_told() -> None:
    machine = ClientChannels(80)
    list(machine.receive(opened()))
    machine.lost("gone")
    assert list(machine.receive(binary(b"\x00late") + CLOSED)) == []


def test_a_text_is_kept_up_to_its_bound() -> None:
    long = b"".join(binary(b"\x01" + b"x" * 60_000) for _ in range(4))
    _, (_, end) = told(opened() + long + CLOSED)
    assert isinstance(end, Ended)
    assert len(str(end.text)) == MAX_TEXT


def test_a_ping_is_answered_masked() -> None:
    assert told(opened() + websocket.control_frame(websocket.PING, b"are you", None))[1] == [
        Asked(b"are you")
    ]
    (pong,) = websocket.Decoder(masked=True).feed(channels.pong(b"are you", MASK))
    assert pong == websocket.Pong(b"are you")


@pytest.mark.parametrize("bad", [binary(b"\x00x", opcode=websocket.TEXT), b"\x82\x81abcdx"])
def test_text_and_masked_frames_are_refused(bad: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(ClientChannels(80).receive(bad))
    assert issubclass(WebSocketError, ProtocolError)


@pytest.mark.parametrize("size", [1, 124, 125, 126, 65534, 65535, channels.MAX_DATA])
def test_what_goes_up_is_one_masked_frame_with_the_data_channel_first(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    begin, payload = channels.message(memoryview(data)[:size], MASK)
    events = websocket.Decoder(masked=True).feed(begin + payload)
    pieces = [event for event in events if isinstance(event, websocket.Binary)]
    assert len(events) == 1
    assert (pieces[0].first, pieces[0].last) == (True, True)
    assert bytes(pieces[0].payload) == b"\x00" + data[:size]


def test_a_message_has_a_bound() -> None:
    with pytest.raises(ValueError, match="too long"):
        channels.message(memoryview(bytes(channels.MAX_DATA + 1)), MASK)


def test_the_other_frames_are_what_they_are_called() -> None:
    decoder = websocket.Decoder(masked=True)
    assert decoder.feed(channels.ping(MASK)) == [websocket.Ping(b"")]
    (empty,) = decoder.feed(channels.nothing(MASK))
    assert isinstance(empty, websocket.Binary)
    assert not empty.payload
    assert decoder.feed(channels.goodbye(1000, MASK)) == [websocket.Close(1000, "")]


def test_the_port_is_in_the_path_if_there_is_one() -> None:
    assert channels.path("/x/portforward", 8080) == "/x/portforward?ports=8080"
    assert channels.path("/x/portforward", None) == "/x/portforward"


@pytest.mark.parametrize(
    ("status", "text", "proof"),
    [
        (400, 'query parameter "port" is required', True),
        (400, "Upgrade request required", False),
        (403, 'query parameter "port" is required', False),
    ],
)
def test_only_the_nodes_own_words_prove_that_it_would_serve(
    status: int, text: str, proof: bool
) -> None:
    assert channels.only_lacks_port(status, text) is proof
