from __future__ import annotations

from kfwd.sim.protoschema import MESSAGES, fields

SCALARS = {"str", "int", "int?", "bool", "bool?", "bytes", "map", "bytesmap", "IntOrString"}


def test_every_message_that_is_named_is_there_and_every_field_has_its_own_number() -> None:
    for message in MESSAGES:
        found = fields(message)
        assert len(found) == MESSAGES[message].count(" | ") + 1
        for _, kind in found.values():
            assert kind.lstrip("*") in SCALARS | set(MESSAGES)
