"""`task=speech`, and its model: features, augmentation, an acoustic encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seq2seq.config.fields import (
    Choice,
    Group,
    choice_of,
    group,
    not_negative,
    number,
    numbers,
    option,
    positive,
    rate,
)
from seq2seq.config.groups.model import ENCODERS, EncoderConfig, ModelConfig, Tie
from seq2seq.config.groups.search import SearchName
from seq2seq.config.groups.speech_data import SpeechDataConfig
from seq2seq.config.groups.task import TaskConfig, metric_names
from seq2seq.config.ranges import shown
from seq2seq.config.tables import TASKS


class FeatureNormalization(Choice):
    none = "none"
    utterance = "utterance", "mean 0, variance 1 of every bin over the utterance"
    corpus = "corpus", "the same over the training data"


class Front(Choice):
    none = "none"
    strided = "strided"
    vgg = "vgg"


class Reduction(Choice):
    concat = "concat", "two neighbouring steps side by side (arXiv:1508.01211)"
    skip = "skip", "every second step"


@dataclass
class FeatureConfig(Group):
    """Log-mel energies."""

    sample_rate: int = positive(16000, "Hz; audio of another rate is resampled")
    window_ms: float = positive(25.0, "length of a frame")
    hop_ms: float = positive(10.0, "from a frame to the next")
    mel_bins: int = positive(80, "energies of a frame")
    lower_hz: float = not_negative(20.0, "where the lowest bin begins")
    upper_hz: float = not_negative(0.0, "where the highest bin ends; 0: half of the sample rate")
    pre_emphasis: float = rate(0.97, "share of the sample before that is taken away")
    dither: float = not_negative(0.0, "standard deviation of noise added in training")
    normalization: FeatureNormalization = option(FeatureNormalization.utterance, "of every bin")

    def problems(self, config: Any) -> Iterator[str]:
        for name, milliseconds, least in (("window_ms", self.window_ms, 2), ("hop_ms", self.hop_ms, 1)):
            if round(self.sample_rate * milliseconds / 1000) < least:
                yield (
                    f"model.features.{name}={milliseconds:g}: must be at least {least} samples at"
                    f" model.features.sample_rate={self.sample_rate}"
                )
        upper = self.upper_hz or self.sample_rate / 2
        if upper > self.sample_rate / 2 or upper <= self.lower_hz:
            yield (
                f"model.features.upper_hz={self.upper_hz:g}: must be above lower_hz and at most half of"
                f" sample_rate={self.sample_rate}"
            )


@dataclass
class SpecAugmentConfig(Group):
    """Masks over features in training (arXiv:1904.08779)."""

    frequency_masks: int = not_negative(0, "masks over bins")
    frequency_width: int = not_negative(27, "bins that one covers, at most")
    time_masks: int = not_negative(0, "masks over frames")
    time_width: int = not_negative(40, "frames that one covers, at most")
    max_mask_ratio: float = number(
        0.2, "of an utterance's frames, at most, for each mask", at_least=0, at_most=1
    )
    time_warp: int = not_negative(0, "frames that a point is moved by, at most; 0 is off")
    warmup_steps: int = not_negative(0, "over which the widths grow from 0: alignment is learnt first")


@dataclass
class AcousticEncoderConfig(EncoderConfig):
    """What reads the features."""

    kind: str = choice_of(ENCODERS, "acoustic", "what it is made of")
    front: Front = option(Front.strided, "convolutions before the recurrent layers")
    front_channels: list[int] = numbers(
        32, 32, about="one stage each, which halves time; [] without", above=0, items=range(17)
    )
    front_size: int = positive(256, "of what the front hands to the first layer")
    front_dropout: float = rate(0.0, "on what the front hands to the first layer")
    projection: int = not_negative(0, "of each layer's output, with a tanh; 0: none")
    reduce_after: list[int] = numbers(
        about="layers, from 1, after which time is halved", above=0, unique=True
    )
    reduction: Reduction = option(Reduction.concat, "how time is halved")

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        if (self.front is Front.none) is bool(self.front_channels):
            needed = "none without channels, " if self.front_channels else ""
            yield (
                f"model.encoder.front={self.front}: with front_channels={shown(self.front_channels)};"
                f" {needed or 'strided or vgg have '}one number a stage"
            )
        if any(not 1 <= layer <= self.layers for layer in self.reduce_after):
            yield f"model.encoder.reduce_after={shown(self.reduce_after)}: layers are numbered 1 to {self.layers}"


@dataclass
class SpeechModelConfig(ModelConfig):
    """Sizes and parts of an encoder-decoder over speech."""

    features: FeatureConfig = group(FeatureConfig)
    spec_augment: SpecAugmentConfig = group(SpecAugmentConfig)
    encoder: AcousticEncoderConfig = group(AcousticEncoderConfig)

    def tie_problems(self, config: Any) -> Iterator[str]:
        tie = self.embedding.tie
        if tie in (Tie.all, Tie.source_target):
            yield f"model.embedding.tie={tie}: audio has no embedding; none or target_output"


@dataclass
class SpeechTaskConfig(TaskConfig):
    """Speech in, text out."""

    implementation = "seq2seq.tasks.speech.task:SpeechTask"
    model = SpeechModelConfig
    metrics = ("wer", "cer")
    reads = SpeechDataConfig

    name: str = choice_of(TASKS, "speech", "set by the choice of task=")
    metric: str = choice_of(metric_names, "wer", "picks the best checkpoint, on the validation data")
    ctc_weight: float = number(
        0.3, "CTC's part of the loss; 0: attention only, 1: CTC only", at_least=0, at_most=1
    )
    worst_shown: int = not_negative(20, "utterances with most errors, written with their alignment")

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        if type(config.model) is self.model and not config.model.decoder.attention.attends:
            yield "model.decoder.attention.kind=none: no state holds an utterance; take a kind that attends"
        weight = config.search.ctc_weight
        if weight and not self.ctc_weight:
            yield f"search.ctc_weight={weight:g}: a model trained with task.ctc_weight=0 has no CTC"
        if self.ctc_weight == 1 and weight not in (None, 1):
            yield f"search.ctc_weight={weight:g}: a model trained with task.ctc_weight=1 has nothing but CTC"
        if (self.ctc_weight if weight is None else weight) == 1:
            if config.search.name is SearchName.sampling:
                yield "search.name=sampling: CTC alone (a weight of 1) is not sampled from; greedy or beam"
            if config.search.language_model is not None:
                yield f"search.language_model={config.search.language_model}: CTC alone (a weight of 1) takes none"
            if config.search.scorers:
                yield f"search.scorers={shown(config.search.scorers)}: CTC alone (a weight of 1) takes none"
