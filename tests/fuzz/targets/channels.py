"""One connection over `v4.channel.k8s.io`: the same story however it is cut, with one end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kfwd.errors import ProtocolError
from kfwd.wire import channels, websocket
from kfwd.wire.portforward import MAX_TEXT
from tests.fuzz.reading import CUTS, cut
from tests.wire.pieces import pieces
from tests.wire.test_channels import CLOSED, MASK, binary, opened


def seeds() -> Iterator[bytes]:
    yield CUTS + opened() + binary(b"\0hello") + websocket.control_frame(9, b"?", None) + CLOSED
    yield CUTS + opened() + binary(b"\0part") + binary(b"\1connection refused") + CLOSED
    fragments = binary(b"\0ab", fin=False) + binary(b"cd", opcode=0)
    yield CUTS + opened() + fragments + binary(b"\2x") + websocket.close_frame(1011, "no", None)


def check(data: bytes) -> bool:
    sizes, stream = cut(data)
    whole = read(stream, (max(1, len(stream)),))
    assert read(stream, sizes) == whole
    sent(stream[: channels.MAX_DATA])
    return not isinstance(whole, str)


def read(stream: bytes, sizes: Sequence[int]) -> list[object] | str:
    """The bytes and all else that is told, or why nothing is."""
    machine = channels.ClientChannels(80)
    carried, told = b"", list[object]()
    try:
        for piece in pieces(stream, sizes):
            for event in machine.receive(piece):
                assert not any(isinstance(each, channels.Ended) for each in told)
                if isinstance(event, channels.Received):
                    assert event.data
                    carried += event.data
                else:
                    told.append(event)
    except ProtocolError:
        return "refused"
    told += machine.lost("cut")
    assert sum(isinstance(each, channels.Complained) for each in told) <= 1
    ends = [each for each in told if isinstance(each, channels.Ended)]
    assert len(ends) == 1
    assert len(ends[0].text or "") <= MAX_TEXT
    assert not (ends[0].text and ends[0].reason)
    return [carried, *told]


def sent(data: bytes) -> None:
    """What goes up is one message, which a server reads as it was meant."""
    frames = b"".join(channels.message(memoryview(data), MASK))
    (message, *more) = websocket.Decoder(masked=True).feed(frames)
    assert isinstance(message, websocket.Binary)
    assert (message.first, message.last, more) == (True, True, [])
    assert bytes(message.payload) == b"\0" + data
