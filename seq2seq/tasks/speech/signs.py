"""Signs of a training of speech that goes wrong: CTC without a word, masks without an utterance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seq2seq.audio.augmentation import SpecAugment
from seq2seq.tasks.signs import SIGNS, share_sign

SILENT = 0.9
MAX_MASKED = 0.5


silent_ctc = share_sign(
    "ctc_silent",
    SILENT,
    "CTC gives nothing but blanks for {:.0%} of the validation utterances: try smaller batches (data.batch.size) or"
    " more epochs, a longer optimizer.schedule.warmup_steps, or model.spec_augment.warmup_steps, and make sure that"
    " texts belong to their audio (`seq2seq check`).",
)
"""CTC that gives nothing but blanks."""

SPEECH_SIGNS = {**SIGNS, "silent_ctc": silent_ctc}


def heavy_masks(masks: SpecAugment, frames: np.ndarray, mel_bins: int) -> Iterator[str]:
    """Masks that cover half of an utterance and more on average.

    Args:
      frames: ``[N]``, lengths of the utterances, of which the median one counts.
      mel_bins: of a frame.
    """
    length = max(float(np.median(frames)), 1.0)
    widest = min(masks.time_width, masks.max_mask_ratio * length)
    masked = mean_masked(masks.time_masks, widest / length)
    if masked >= MAX_MASKED:
        yield (
            f"SpecAugment masks {masked:.0%} of the frames of a median utterance ({length:.0f}), on average; lower"
            f" model.spec_augment.time_masks={masks.time_masks}, time_width={masks.time_width} or"
            f" max_mask_ratio={masks.max_mask_ratio:g}."
        )
    masked = mean_masked(masks.frequency_masks, min(masks.frequency_width, mel_bins) / mel_bins)
    if masked >= MAX_MASKED:
        yield (
            f"SpecAugment masks {masked:.0%} of the {mel_bins} bins of a frame, on average; lower"
            f" model.spec_augment.frequency_masks={masks.frequency_masks} or frequency_width={masks.frequency_width}."
        )


def mean_masked(count: int, widest: float) -> float:
    """What masks cover together, on average, each of a width drawn evenly up to the widest; parts of the whole."""
    return 1.0 - (1.0 - widest / 2.0) ** count
