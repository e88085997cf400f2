"""The table of keys fits the records it fills."""

from __future__ import annotations

from kfwd.model import ForwardSpec, ProfileSpec
from kfwd.profiles import keys


def test_every_field_of_a_forward_has_a_key() -> None:
    fields = {field.removesuffix("_s") for field in ForwardSpec.__struct_fields__}
    assert set(keys.FORWARD) == fields


def test_every_field_of_a_profile_has_a_key() -> None:
    fields = set(ProfileSpec.__struct_fields__) - {"name", "entries"}
    assert set(keys.PROFILE) - {"version"} == fields
