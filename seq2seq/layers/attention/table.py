"""The attention mechanisms by name."""

from __future__ import annotations

from typing import Any

from seq2seq.layers.attention.bahdanau import BahdanauAttention
from seq2seq.layers.attention.location import LocationAttention
from seq2seq.layers.attention.luong import LuongAttention
from seq2seq.layers.attention.mechanism import AttentionMechanism
from seq2seq.layers.attention.monotonic import BahdanauMonotonicAttention, LuongMonotonicAttention

MECHANISMS: dict[str, type[AttentionMechanism]] = {
    "luong": LuongAttention,
    "bahdanau": BahdanauAttention,
    "luong_monotonic": LuongMonotonicAttention,
    "bahdanau_monotonic": BahdanauMonotonicAttention,
    "location": LocationAttention,
}


def build_mechanism(
    kind: str, *, units: int, scaled: bool, memory_depth: int, query_depth: int, **options: Any
) -> AttentionMechanism:
    """A mechanism with its weights made.

    Args:
      kind: one of ``MECHANISMS``.
      units, scaled, memory_depth, query_depth: see ``AttentionMechanism``.
      options: of that kind alone.
    """
    if kind not in MECHANISMS:
        raise ValueError(f"attention kind {kind!r} is not one of {', '.join(MECHANISMS)}")
    return MECHANISMS[kind](
        units, scaled=scaled, memory_depth=memory_depth, query_depth=query_depth, **options
    )
