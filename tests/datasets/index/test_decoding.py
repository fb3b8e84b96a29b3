"""What is decoded of an index, how much at a time, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from seq2seq.audio import reading as module
from seq2seq.audio.features import FeatureOptions, LogMel
from seq2seq.datasets.batches.pairs import Shape
from seq2seq.datasets.batches.speech import SpeechBatchMaker
from seq2seq.datasets.index.waveforms import Waveforms
from seq2seq.datasets.readers.audio_table import AudioTable
from seq2seq.datasets.readers.utterance_reader import Utterance
from seq2seq.errors import UserError
from seq2seq.tasks.speech.training import feature_sums
from tests.datasets.index.test_utterance_index import RATE, TOKENIZER, audio, counts, index, table


def test_what_is_too_long_or_has_no_use_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its header tells, even where the manifest says that it is short."""
    rows = [
        ("a", 0.2, "ab"),
        ("long", 0.5, "b"),
        ("silent", 0.2, ""),
        ("wordy", 0.2, "abcd"),
        ("b", 0.3, "c"),
    ]
    table(tmp_path, rows)
    lines = ["audio\ttext\tseconds", *(f"{name}.wav\t{text}\t0.2" for name, _, text in rows)]
    (tmp_path / "train.tsv").write_text("".join(f"{line}\n" for line in lines))
    decoded: list[str] = []
    blocks = module._blocks
    monkeypatch.setattr(
        module,
        "_blocks",
        lambda file, *part: (decoded.append(Path(file.name).stem), blocks(file, *part))[1],
    )
    for _ in range(2):
        found = index(
            AudioTable([tmp_path / "train.tsv"]), tmp_path / "cache", max_seconds=0.3, max_target_length=3
        )
        assert [(u.id, u.seconds) for u in found.utterances] == [("a", 0.2), ("b", 0.3)]
        assert [len(found.waveform(row)) for row in range(2)] == [800, 1200]
        assert found.counts == counts(utterances=2, read=5, empty=1, long_audio=1, long_text=1)
        assert sorted(decoded) == ["a", "b"]  # and none of them the second time
        assert [record.getMessage() for record in caplog.records] == [
            "train: 1 utterances without text, left out",
            "train: 1 utterances longer than data.max_seconds=0.3, left out",
            "train: 1 utterances with more than data.max_target_length=3 tokens of text, left out",
        ]
        caplog.clear()
    other = index(AudioTable([tmp_path / "train.tsv"]), tmp_path / "cache", max_seconds=0.6)
    assert [u.id for u in other.utterances] == ["a", "long", "wordy", "b"]


def test_so_many_seconds_are_decoded_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = [
        Utterance(str(n), tmp_path / f"{n}.wav", seconds, "a")
        for n, seconds in enumerate([200.0, 300.0, 200.0, 3600.0, 1.0, 2.0, 3.0])
    ]
    for utterance in read:
        utterance.audio.touch()
    waveforms = Waveforms(read, RATE, None)
    assert list(waveforms._groups(range(7))) == [[0, 1], [2], [3], [4, 5, 6]]
    monkeypatch.setattr("seq2seq.datasets.index.waveforms.FILES_AT_ONCE", 2)
    assert list(waveforms._groups(range(7))) == [[0, 1], [2], [3], [4, 5], [6]]


def test_channels_that_cancel_out_are_said_with_a_cache_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = audio(tmp_path / "a.wav")
    one, _ = soundfile.read(path)
    soundfile.write(path, np.stack([one, -one], axis=1), RATE)
    (tmp_path / "train.tsv").write_text("audio\ttext\na.wav\tab\n")
    sentence = f"{path}: its 2 channels cancel out; channel 1 is used, and not their mean."
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        found = index(AudioTable([tmp_path / "train.tsv"]), cache, keep_all=True)
        np.testing.assert_allclose(found.waveform(0), one, atol=1e-3)
        assert [record.getMessage() for record in caplog.records] == [sentence]
        caplog.clear()


def test_what_takes_the_place_of_broken_sound_fits_its_shape(tmp_path: Path) -> None:
    rows = [("a", 0.2, "ab"), ("b", 0.5, "a"), ("c", 0.2, "abcd"), ("d", 0.1, "c")]
    found = index(table(tmp_path, rows), None, skip_broken=True)
    (tmp_path / "a.wav").write_bytes(b"no audio")
    maker = SpeechBatchMaker(found, TOKENIZER)
    shape = Shape(source=found.samples(24), target=4, rows=2)
    assert maker(np.array([0, 3])).example_ids.tolist() == [1, 3]
    assert maker(np.array([0, 3]), shape=shape).example_ids.tolist() == [3, 3]  # b is too long, c's text is
    (tmp_path / "d.wav").unlink()
    with pytest.raises(
        UserError, match="The audio of all 4 utterances that fit into 1,040 samples and 4 tokens is"
    ):
        maker(np.array([3]), shape=shape)


def test_statistics_of_features_pass_over_broken_sound(tmp_path: Path) -> None:
    found = index(table(tmp_path, [("a", 0.2, "ab"), ("b", 0.3, "c")]), None, skip_broken=True)
    features = LogMel(FeatureOptions(sample_rate=RATE, mel_bins=8))
    (tmp_path / "a.wav").write_bytes(b"no audio")
    (tmp_path / "whole").mkdir()
    whole = index(table(tmp_path / "whole", [("x", 0.3, "c"), ("y", 0.3, "c")]), None)
    np.testing.assert_allclose(feature_sums(features, found), feature_sums(features, whole), rtol=1e-6)
