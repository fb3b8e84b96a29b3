"""`masking`: what happens to padding."""

from __future__ import annotations

from dataclasses import dataclass

from seq2seq.config.fields import Choice, Group, option, positive


class MaskingPolicy(Choice):
    strict = "strict", "padding is never seen"
    cudnn = "cudnn", "the same, with masks that a GPU's fused kernels take"
    static = "static", "the same, in a few fixed shapes, for XLA"
    none = "none", "padding is data, except in the loss"


@dataclass
class MaskingConfig(Group):
    """What happens to padding."""

    policy: MaskingPolicy = option(MaskingPolicy.strict, "how padding is kept out of the results")
    shapes: int = positive(8, "static: how many shapes of batches there are at most, each a graph of its own")
