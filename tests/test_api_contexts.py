"""Bodies about contexts as other programs send them."""

from __future__ import annotations

import msgspec

from kfwd.api_contexts import SwitchRequest


def test_a_switch_leaves_connections_alone_unless_that_is_asked() -> None:
    body = b'{"source":"a","to":"b","kubeconfig":["/k"]}'
    assert msgspec.json.decode(body, type=SwitchRequest) == SwitchRequest(
        source="a", to="b", kubeconfig=("/k",), end=False
    )
