"""Readers of speech, on files made here in each format; what is wrong with manifests is gathered and placed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seq2seq.datasets import (
    AudioJsonl,
    AudioTable,
    CommonVoice,
    FieldNames,
    Kaldi,
    LibriSpeech,
    Utterance,
    UtteranceReader,
)
from seq2seq.errors import UserError


def write_wave(path: Path, seconds: float = 0.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(round(8000 * seconds), 0.1), 8000)
    return path


def write(path: Path, *lines: str) -> Path:
    content = "".join(line + "\n" for line in lines).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def refusal(reader: UtteranceReader, folder: Path) -> list[str]:
    with pytest.raises(UserError) as caught:
        reader.utterances()
    return str(caught.value).replace(f"{folder}/", "").split("\n")


# Tables


def test_table(tmp_path: Path) -> None:
    write_wave(tmp_path / "clips/a.wav"), write_wave(tmp_path / "clips/b.flac", 1.25)
    elsewhere = write_wave(tmp_path / "other/c.ogg", 2.0)
    table = write(
        tmp_path / "train.tsv",
        "accent\ttext\tid\tspeaker\taudio\tseconds",
        '\t"one two\tA-1\tAnna\tclips/a.wav\t0.490',
        f"\tthree\tC-1\t\t{elsewhere}\t",
        "",
        "\t\tB-1\tBert\tclips/b.flac\t",
    )
    reader = AudioTable([table])
    assert reader.files == (table,)
    assert reader.utterances() == [
        Utterance("A-1", tmp_path / "clips/a.wav", 0.49, '"one two', "Anna"),
        Utterance("C-1", elsewhere, 2.0, "three", ""),
        Utterance("B-1", tmp_path / "clips/b.flac", 1.25, "", "Bert"),
    ]


def test_table_with_other_names_and_no_more_than_it_needs(tmp_path: Path) -> None:
    for name in "ab":
        write_wave(tmp_path / f"{name}.wav")
    tables = [
        write(tmp_path / "1.csv.gz", "file,sentence", 'a.wav,"one, ""two"""'),
        write(tmp_path / "2.csv", "sentence,file", '"three', 'four",b.wav'),
    ]
    reader = AudioTable(tables, FieldNames(audio="file", text="sentence"))
    assert [(u.id, u.text, u.speaker) for u in reader.utterances()] == [
        ("a", 'one, "two"', ""),
        ("b", "three\nfour", ""),
    ]
    assert reader.settings != AudioTable(tables).settings


def test_parts_of_a_file(tmp_path: Path) -> None:
    audio = write_wave(tmp_path / "talk/1.wav", 10.0)
    table = write(
        tmp_path / "a.tsv",
        "audio\ttext\tstart\tend",
        "talk/1.wav\tone\t\t2.5",
        "talk/1.wav\ttwo\t2.5\t4",
        "talk/1.wav\tthree\t4.0\t",
    )
    assert AudioTable([table]).utterances() == [
        Utterance("talk/1-0-2.5", audio, 2.5, "one", "", 0.0, 2.5),
        Utterance("talk/1-2.5-4", audio, 1.5, "two", "", 2.5, 4.0),
        Utterance("talk/1-4-", audio, 6.0, "three", "", 4.0, None),
    ]


def test_what_is_wrong_with_tables_is_gathered(tmp_path: Path) -> None:
    write_wave(tmp_path / "a.wav")
    tables = [
        write(tmp_path / "1.tsv", "id\tfile\ttranscript", "1\ta.wav\tone"),
        write(
            tmp_path / "2.tsv",
            "id\taudio\ttext\tseconds\tstart\tend",
            "1\ta.wav\tone\t\t\t",
            "1\ta.wav\ttwo\t\t\t",
            "2\tb.wav\tthree\t\t\t",
            "3\tb.wav\tfour\t\t\t",
            "4\ta.wav\tfive",
            "5\t\tsix\t\t\t",
            "6\ta.wav\tseven\tlong\t\t",
            "7\ta.wav\teight\t-1\t\t",
            "8\ta.wav\tnine\t\t2\t1.5",
        ),
        write(tmp_path / "3.tsv", "audio\ttext"),
        write(tmp_path / "4.tsv"),
        tmp_path / "5.tsv",
        write(tmp_path / "6.csv", "audio,text", 'a.wav,"one"two'),
    ]
    assert refusal(AudioTable(tables), tmp_path) == [
        "1.tsv has no column audio, text; its header names id, file, transcript.",
        "2.tsv, line 6: 3 columns, where the header has 6.",
        "2.tsv, line 7: the field audio is empty.",
        "2.tsv, line 8: the field seconds holds long and not a number of seconds.",
        "2.tsv, line 9: its seconds -1 is negative.",
        "2.tsv, line 10: its end 1.5 is not behind its start 2.",
        "3.tsv has a header, but no utterance.",
        "4.tsv is empty.",
        "Cannot read 5.tsv: No such file or directory.",
        "6.csv, line 2: this is not comma-separated (',' expected after '\"').",
        "2.tsv, line 3: the id 1 is that of 2.tsv, line 2 too;"
        " give each an id of its own, which is otherwise its file's name.",
        "2.tsv, line 4: there is no file b.wav.",
    ]


def test_the_first_twenty_are_named(tmp_path: Path) -> None:
    rows = [f"{n}.wav\tone" for n in range(30)]
    lines = refusal(AudioTable([write(tmp_path / "a.tsv", "audio\ttext", *rows)]), tmp_path)
    assert lines[0] == "a.tsv, line 2: there is no file 0.wav."
    assert lines[19:] == ["a.tsv, line 21: there is no file 19.wav.", "… and 10 more."]


def test_damaged_sound_is_left_to_decoding(tmp_path: Path) -> None:
    whole = write_wave(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(whole.read_bytes()[:2000])
    table = write(tmp_path / "a.tsv", "audio\ttext", "a.wav\tone", "b.wav\ttwo")
    assert [u.seconds for u in AudioTable([table]).utterances()] == [0.5, 0.0]


# JSON lines


def test_json_lines(tmp_path: Path) -> None:
    write_wave(tmp_path / "a.wav"), write_wave(tmp_path / "b.wav")
    rows = [
        {"audio": "a.wav", "text": "one\u2028two", "id": 7, "speaker": 12, "seconds": 0.5, "noise": None},
        {"audio": str(tmp_path / "b.wav"), "text": "", "speaker": None, "start": 0.1, "end": 0.4},
    ]
    path = write(tmp_path / "a.jsonl.gz", *(json.dumps(row, ensure_ascii=False) for row in rows))
    first, second = AudioJsonl([path]).utterances()
    assert first == Utterance("7", tmp_path / "a.wav", 0.5, "one\u2028two", "12")
    assert (second.id, second.start, second.end) == (f"{tmp_path}/b-0.1-0.4", 0.1, 0.4)
    assert second.seconds == pytest.approx(0.3)


def test_what_is_wrong_with_json_lines_is_gathered(tmp_path: Path) -> None:
    write_wave(tmp_path / "a.wav")
    path = write(
        tmp_path / "a.jsonl",
        '{"audio_filepath": "a.wav", "text": "one"}',
        '{"audio": "a.wav", "text": 1}',
        '{"audio": "a.wav", "text": "\\ud83d"}',
        '{"audio": "a.wav", "text": "one", "seconds": NaN}',
        '{"audio": "a.wav", "text": "one", "id": [1]}',
        '{"audio": "b.wav", "text": "one"}',
        "[]",
    )
    assert refusal(AudioJsonl([path]), tmp_path) == [
        "a.jsonl, line 1: there is no field audio; the fields are audio_filepath, text.",
        "a.jsonl, line 2: the field text holds 1 and not a string.",
        "a.jsonl, line 3: the field text holds \\ud83d, half a character.",
        "a.jsonl, line 4: the field seconds holds nan and not a number of seconds.",
        "a.jsonl, line 5: the field id holds [1] and not a string.",
        "a.jsonl, line 7: this is not a JSON object with named fields.",
        "a.jsonl, line 6: there is no file b.wav.",
    ]


# LibriSpeech


def test_librispeech(tmp_path: Path) -> None:
    for chapter, name in (("84/121", "84-121-0000"), ("84/121", "84-121-0001"), ("9/5", "9-5-0000")):
        write_wave(tmp_path / "dev" / chapter / f"{name}.flac", 0.25)
    texts = [
        write(tmp_path / "dev/84/121/84-121.trans.txt", "84-121-0000 GO  ON", "84-121-0001 YES"),
        write(tmp_path / "dev/9/5/9-5.trans.txt", "9-5-0000 I'M HERE"),
    ]
    reader = LibriSpeech([tmp_path / "dev"])
    assert reader.files == texts
    assert reader.utterances() == [
        Utterance("84-121-0000", tmp_path / "dev/84/121/84-121-0000.flac", 0.25, "GO  ON", "84"),
        Utterance("84-121-0001", tmp_path / "dev/84/121/84-121-0001.flac", 0.25, "YES", "84"),
        Utterance("9-5-0000", tmp_path / "dev/9/5/9-5-0000.flac", 0.25, "I'M HERE", "9"),
    ]
    assert refusal(LibriSpeech([tmp_path / "test"]), tmp_path) == [
        "Cannot read test: there is no such folder."
    ]
    assert refusal(LibriSpeech([tmp_path / "dev/84"]), tmp_path) == [
        "dev/84 is not laid out as LibriSpeech: it has no speaker/chapter/*.trans.txt."
    ]
    write(texts[0], "84-121-0002 NO", "84-121-0001 YES", "84-121-0001 YES")
    assert refusal(reader, tmp_path) == [
        "dev/84/121/84-121.trans.txt, line 3: the id 84-121-0001 is that of dev/84/121/84-121.trans.txt, line 2 too;"
        " give each an id of its own, which is otherwise its file's name.",
        "dev/84/121/84-121.trans.txt, line 1: there is no file dev/84/121/84-121-0002.flac.",
    ]


SAMPLE = Path(__file__).parents[3] / "shared/data/librispeech_sample/dev-clean"


@pytest.mark.skipif(not SAMPLE.is_dir(), reason=f"the LibriSpeech sample is not in {SAMPLE}")
def test_librispeech_itself() -> None:
    utterances = LibriSpeech([SAMPLE]).utterances()
    assert len(utterances) == 128
    assert sum(u.seconds for u in utterances) / 60 == pytest.approx(20.5, abs=0.1)
    assert all(u.text and u.id.startswith(f"{u.speaker}-") for u in utterances)


AN4 = SAMPLE.parents[1] / "an4"


@pytest.mark.skipif(not AN4.is_dir(), reason=f"AN4 is not in {AN4}")
def test_an4_itself() -> None:
    assert len(AudioTable([AN4 / "train.tsv"]).utterances()) == 848
    dev = AudioTable([AN4 / "dev.tsv"])
    told = [u.seconds for u in dev.utterances()]
    measured = [u.seconds for u in AudioTable(dev.files, FieldNames(seconds="?")).utterances()]
    np.testing.assert_allclose(measured, told, atol=1e-3)


# Common Voice


def test_common_voice(tmp_path: Path) -> None:
    for name, seconds in (("cv_1", 0.5), ("cv_2", 1.0)):
        write_wave(tmp_path / f"clips/{name}.mp3", seconds)
    table = write(
        tmp_path / "dev.tsv",
        "client_id\tpath\tsentence\tup_votes",
        'ab12\tcv_1.mp3\t"Ja", sagte er.\t2',
        "cd34\tcv_2.mp3\tNein.\t3",
    )
    reader = CommonVoice([table])
    assert reader.files == (table,)
    assert reader.utterances() == [
        Utterance("cv_1", tmp_path / "clips/cv_1.mp3", 0.5, '"Ja", sagte er.', "ab12"),
        Utterance("cv_2", tmp_path / "clips/cv_2.mp3", 1.0, "Nein.", "cd34"),
    ]
    durations = write(tmp_path / "clip_durations.tsv", "clip\tduration[ms]", "cv_2.mp3\t1500")
    assert reader.files == (table, durations)
    assert [u.seconds for u in reader.utterances()] == [0.5, 1.5]
    write(durations, "clip\tduration[ms]", "cv_2.mp3\tlong")
    write(table, "client_id\tpath\tsentence", "ab12\tcv_3.mp3\tJa.")
    assert refusal(reader, tmp_path) == [
        "clip_durations.tsv, line 2: the field duration[ms] holds long and not a number of seconds.",
        "dev.tsv, line 2: there is no file clips/cv_3.mp3.",
    ]
    write(table, "client_id\tclip")
    assert (
        refusal(reader, tmp_path)[1]
        == "dev.tsv has no column path, sentence; its header names client_id, clip."
    )


# Kaldi


def test_kaldi_folder_of_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write_wave(tmp_path / "data/wav/a.wav"), write_wave(tmp_path / "a b.wav", 1.0)
    third = write_wave(tmp_path / "recipe/wav/c.wav", 0.25)
    files = [
        write(tmp_path / "data/wav.scp", "A-1 wav/a.wav", f"B-1\t{second} ", "C-1 wav/c.wav"),
        write(tmp_path / "data/text", "C-1", "B-1 two  three", "A-1 one"),
    ]
    monkeypatch.chdir(tmp_path / "recipe")
    reader = Kaldi([tmp_path / "data"])
    assert reader.files == files
    assert reader.utterances() == [
        Utterance("C-1", Path("wav/c.wav"), 0.25, ""),
        Utterance("B-1", second, 1.0, "two  three"),
        Utterance("A-1", first, 0.5, "one"),
    ]
    assert third.is_file()


def test_kaldi_folder_with_segments_and_speakers(tmp_path: Path) -> None:
    audio = write_wave(tmp_path / "talk.wav", 5.0)
    write(tmp_path / "data/wav.scp", f"talk {audio}", f"unused {audio}")
    write(tmp_path / "data/text", "A-1 one", "B-1 two")
    segments = write(tmp_path / "data/segments", "A-1 talk 0.5 2.0", "B-1 talk 2.0 -1")
    speakers = write(tmp_path / "data/utt2spk", "A-1 Anna")
    reader = Kaldi([tmp_path / "data"])
    assert list(reader.files[2:]) == [segments, speakers]
    assert reader.utterances() == [
        Utterance("A-1", audio, 1.5, "one", "Anna", 0.5, 2.0),
        Utterance("B-1", audio, 3.0, "two", "", 2.0, None),
    ]


def test_what_is_wrong_with_kaldi_folders_is_gathered(tmp_path: Path) -> None:
    write_wave(tmp_path / "a.wav")
    write(tmp_path / "1/wav.scp", "A flac -dc a.flac |", "B cat b.wav |", "C ../a.wav")
    write(tmp_path / "1/text", "A one")
    write(tmp_path / "2/wav.scp", "a ../a.wav", "b ../b.wav", "a ../a.wav")
    write(tmp_path / "2/text", "A one", "B two", "C three", "D four", "E five")
    write(
        tmp_path / "2/segments",
        "A a 0.0 0.4",
        "B b 0.0 0.4",
        "C c 0 0.4",
        "D a 0.4 0.2",
        "F a 0.1",
        "F a 0 0.1",
    )
    reader = Kaldi([tmp_path / name for name in "123"])
    assert refusal(reader, tmp_path) == [
        "1/wav.scp, line 1: commands (ending in |) are not run, and there are 2; write their output to files and name"
        " those.",
        "2/wav.scp, line 3: a is that of 2/wav.scp, line 1 too.",
        "2/segments, line 6: F is that of 2/segments, line 5 too.",
        "2/segments, line 6: F has no line in 2/text.",
        "2/segments, line 3: c has no line in 2/wav.scp.",
        "2/segments, line 4: its end 0.2 is not behind its start 0.4.",
        "2/text, line 5: E has no line in 2/segments.",
        "Cannot read 3/wav.scp: No such file or directory.",
        "Cannot read 3/text: No such file or directory.",
        "2/wav.scp, line 2: there is no file 2/../b.wav.",
    ]
    write(tmp_path / "4/wav.scp", "A ../a.wav")
    write(tmp_path / "4/text", "A one")
    write(tmp_path / "4/segments", "A A zero 1")
    assert refusal(Kaldi([tmp_path / "4"]), tmp_path) == [
        "4/segments, line 1: the field start holds zero and not a number of seconds."
    ]


# Texts


def test_texts_are_read_without_the_sound(tmp_path: Path) -> None:
    """Of no reader is there any audio; what is wrong with a manifest itself is said all the same."""
    write(tmp_path / "wav.scp", "a a.wav", "b b.wav")
    write(tmp_path / "text", "a one", "b two")
    write(tmp_path / "12/34/12-34.trans.txt", "12-34-1 one", "12-34-2 two")
    readers: list[UtteranceReader] = [
        AudioTable([write(tmp_path / "a.tsv", "audio\ttext", "a.wav\tone", "b.wav\ttwo")]),
        AudioJsonl(
            [write(tmp_path / "a.jsonl", *(json.dumps({"audio": "a", "text": t}) for t in ("one", "two")))]
        ),
        CommonVoice([write(tmp_path / "b.tsv", "path\tsentence", "a.mp3\tone", "b.mp3\ttwo")]),
        Kaldi([tmp_path]),
        LibriSpeech([tmp_path]),
    ]
    for reader in readers:
        assert reader.texts() == ["one", "two"]
        assert "there is no file" in refusal(reader, tmp_path)[-1]
    with pytest.raises(UserError, match="has no column text"):
        AudioTable([write(tmp_path / "c.tsv", "audio", "a.wav")]).texts()
