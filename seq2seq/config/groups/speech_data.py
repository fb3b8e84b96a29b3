"""`data`: formats of utterances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from seq2seq.config.fields import (
    Choice,
    Group,
    choice_of,
    files,
    group,
    not_negative,
    number,
    numbers,
    option,
    positive,
)
from seq2seq.config.groups.data import DataConfig, required_splits
from seq2seq.config.ranges import shown
from seq2seq.config.tables import DATA_FORMATS


class BrokenAudio(Choice):
    error = "error", "names the file and stops"
    skip = "skip", "leaves the utterance out, names and counts it"


@dataclass
class WaveformAugmentConfig(Group):
    """What is done to waveforms before their features are computed, in training only."""

    speeds: list[float] = numbers(
        1.0,
        about="one of these factors for each utterance; one that is listed twice is drawn twice as often",
        at_least=0.1,
        at_most=10,
        items=range(1, 1000),
    )
    noise_snr: list[float] = numbers(
        about="dB: white noise at a ratio from the first to the second; none without them",
        at_least=-200,
        at_most=200,
        items=(0, 2),
    )
    gain: float = number(0.0, "dB: louder or softer by up to this", at_least=0, at_most=200)
    from_epoch: int = positive(1, "nothing is changed in the epochs before")

    def problems(self, config: Any) -> Iterator[str]:
        if self.noise_snr and self.noise_snr[0] > self.noise_snr[1]:
            yield (
                f"data.augment.noise_snr={shown(self.noise_snr)}: the first ratio must not be above the second"
            )


@dataclass
class SpeechDataConfig(DataConfig):
    """What all formats of utterances share; a split is a file or a folder, relative to `root`."""

    #: Whether a split is a file, and not a folder.
    is_file: ClassVar[bool] = True

    train: Any = files("the training data")
    val: Any = files("the same for validation")
    test: Any = files("the same for the test at the end; may be left out")
    max_target_length: int = not_negative(
        600, "tokens; longer training utterances are left out and counted; 0: no limit"
    )
    max_seconds: float = positive(30.0, "longer training utterances are left out and counted")
    broken_audio: BrokenAudio = option(BrokenAudio.error, "what a file that cannot be decoded does")
    cache: bool = option(True, "keep decoded audio in the index, 2 bytes a sample")
    augment: WaveformAugmentConfig = group(WaveformAugmentConfig)

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        yield from required_splits(self, can_be_split=self.is_file)

    @property
    def names(self) -> dict[str, str]:
        """What columns or fields are called; nothing where the format has no names for them."""
        return {}


def _names(config: SpeechDataConfig, kind: str) -> dict[str, str]:
    """What the columns or fields of a manifest are called."""
    return {name: getattr(config, f"{name}_{kind}") for name in ("audio", "text", "speaker", "id")}


@dataclass
class AudioTableConfig(SpeechDataConfig):
    """TSV or CSV (by the file's ending) with a header."""

    reader = "seq2seq.tasks.readers:audio_table"

    format: str = choice_of(DATA_FORMATS, "audio_table", "set by the choice of data=")
    audio_column: str = option("audio", "name of the column with the path of the audio")
    text_column: str = option("text", "name of the column with what is said")
    speaker_column: str = option("speaker", "name of the column with the speaker; may be missing")
    id_column: str = option("id", "name of the column with the utterance's name; may be missing")

    names = property(lambda self: _names(self, "column"))


@dataclass
class AudioJsonlConfig(SpeechDataConfig):
    """One JSON object a line."""

    reader = "seq2seq.tasks.readers:audio_jsonl"

    format: str = choice_of(DATA_FORMATS, "audio_jsonl", "set by the choice of data=")
    audio_field: str = option("audio", "name of the field with the path of the audio")
    text_field: str = option("text", "name of the field with what is said")
    speaker_field: str = option("speaker", "name of the field with the speaker; may be missing")
    id_field: str = option("id", "name of the field with the utterance's name; may be missing")

    names = property(lambda self: _names(self, "field"))


@dataclass
class LibriSpeechConfig(SpeechDataConfig):
    """Folders laid out as speaker/chapter/*.flac with *.trans.txt."""

    reader = "seq2seq.tasks.readers:librispeech"
    is_file = False

    format: str = choice_of(DATA_FORMATS, "librispeech", "set by the choice of data=")


@dataclass
class CommonVoiceConfig(SpeechDataConfig):
    """A language's folder with train.tsv, dev.tsv, test.tsv and clips/; a split is one of these files."""

    reader = "seq2seq.tasks.readers:common_voice"

    format: str = choice_of(DATA_FORMATS, "common_voice", "set by the choice of data=")


@dataclass
class KaldiConfig(SpeechDataConfig):
    """Folders with wav.scp, text and, where there are, segments and utt2spk."""

    reader = "seq2seq.tasks.readers:kaldi"
    is_file = False

    format: str = choice_of(DATA_FORMATS, "kaldi", "set by the choice of data=")
