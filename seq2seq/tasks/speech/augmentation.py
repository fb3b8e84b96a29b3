"""What is done to waveforms in training."""

from __future__ import annotations

import numpy as np

from seq2seq.audio.augmentation import add_noise, change_gain, change_speed
from seq2seq.config.groups.speech_data import WaveformAugmentConfig
from seq2seq.datasets.batches.speech import Augment
from seq2seq.datasets.index.utterance_index import UtteranceIndex


def build_augment(config: WaveformAugmentConfig) -> Augment | None:
    """What changes a waveform, from the configuration; None where nothing does."""
    steps: list[Augment] = []
    if list(config.speeds) != [1.0]:
        steps.append(lambda waveform, generator: change_speed(waveform, config.speeds, generator))
    if config.noise_snr:
        low, high = config.noise_snr
        steps.append(lambda waveform, generator: add_noise(waveform, (low, high), generator))
    if config.gain:
        steps.append(lambda waveform, generator: change_gain(waveform, config.gain, generator))
    if not steps:
        return None

    def augment(waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        for step in steps:
            waveform = step(waveform, generator)
        return waveform

    return augment


def longest_frames(index: UtteranceIndex, config: WaveformAugmentConfig) -> np.ndarray:
    """``[N]`` int32 frames of the utterances at the lowest speed, for which fixed shapes must have room."""
    return np.ceil(index.frames / min(1.0, *config.speeds)).astype(np.int32)
