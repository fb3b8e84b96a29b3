"""Times in manifests of every format, in both spellings, and what nobody reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seq2seq.datasets import AudioJsonl, AudioTable, Kaldi, UtteranceReader
from tests.datasets.readers.test_utterance_readers import refusal, write, write_wave

TALK = "is 2.00 seconds long, and has no part from"
TIMES = [
    ("start,end", "0.5,1.5", (0.5, 1.5, 1.0)),
    ("start,end", "0.5,", (0.5, None, 1.5)),
    ("start,end", "0.5,2.009", (0.5, 2.009, 1.509)),
    ("offset,duration", "0.25,0.5", (0.25, 0.75, 0.5)),
    ("offset,duration", "0.25,", (0.25, None, 1.75)),
    ("offset,duration", "0,0.5", (0.0, 0.5, 0.5)),
    ("start,duration", "0.25,0.5", (0.25, 0.75, 0.5)),
    ("offset,end", "0.25,1", (0.25, 1.0, 0.75)),
    ("start,seconds", "0.25,0.5", (0.25, 0.75, 0.5)),
    ("duration", "0.5", (0.0, 0.5, 0.5)),
    ("duration", "2.004", (0.0, None, 2.004)),
    ("seconds", "2.004", (0.0, None, 2.004)),
    ("start,end,offset,duration", "0.5,1,0.5,0.5", (0.5, 1.0, 0.5)),
    ("start,end,offset,duration", "0.5,1,0.2,0.8", "its start 0.5 contradicts its offset 0.2."),
    ("start,end,duration", "0.5,1,0.8", "its length 0.8 contradicts its start 0.5 and its end 1."),
    ("seconds,duration", "1,2", "its duration 2 contradicts its seconds 1."),
    ("start,end", "-0.5,1", "its start -0.5 is negative."),
    ("start,end", "0.5,-1", "its end -1 is negative."),
    ("offset,duration", "-0.5,1", "its offset -0.5 is negative."),
    ("offset,duration", "0.5,-1", "its duration -1 is negative."),
    ("offset,duration", "0.5,0", "its duration is 0."),
    ("start,end", "1,0.5", "its end 0.5 is not behind its start 1."),
    ("start,end", "0,2.5", f"talk.wav {TALK} 0 to 2.5."),
    ("offset,duration", "1,1.5", f"talk.wav {TALK} 1 to 2.5."),
    ("duration", "3", f"talk.wav {TALK} 0 to 3."),
    ("start", "2", f"talk.wav {TALK} 2 to its end."),
    ("start,end", "0,1e300", f"talk.wav {TALK} 0 to 1e+300."),
    *(
        ("start,end", pair.format(word), f"the field {field} holds {word} and not a number of seconds.")
        for word in ("nan", "inf", "-inf", "1e400", "soon", "1_0")
        for field, pair in (("start", "{},1"), ("end", "1,{}"))
    ),
]


@pytest.mark.parametrize(("names", "values", "expected"), TIMES)
@pytest.mark.parametrize("form", ["tsv", "csv", "jsonl", "jsonl of text"])
def test_times(
    tmp_path: Path, form: str, names: str, values: str, expected: tuple[float, float | None, float] | str
) -> None:
    audio = write_wave(tmp_path / "talk.wav", 2.0)
    fields = dict(zip(names.split(","), values.split(",")))
    if form.startswith("jsonl"):
        items = {
            name: value if form != "jsonl" or value[-1:] in "dfn_" or "_" in value else float(value)
            for name, value in fields.items()
        }
        row = {"audio": "talk.wav", "text": "one", **items}
        reader: UtteranceReader = AudioJsonl([write(tmp_path / "a.jsonl", json.dumps(row))])
    else:
        mark = "," if form == "csv" else "\t"
        lines = ["audio,text," + names, "talk.wav,one," + values]
        path = write(tmp_path / f"a.{form}", *(line.replace(",", mark) for line in lines))
        reader = AudioTable([path])
    if isinstance(expected, str):
        (found,) = refusal(reader, tmp_path)
        assert found.replace("-1.0", "-1") in (
            f"a.{form[:5]}, line {len(reader.files[0].read_text().splitlines())}: {expected}",
            f"a.{form[:5]}, line 1: {expected.replace('1e400', 'inf')}",
        )
        return
    (utterance,) = reader.utterances()
    assert (utterance.audio, utterance.start, utterance.end) == (audio, *expected[:2])
    assert utterance.seconds == pytest.approx(expected[2])


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("0.5 1.5", (0.5, 1.5)),
        ("0.5 -1", (0.5, None)),
        ("-0.5 1.0", "its start -0.5 is negative."),
        ("0.5 -0.25", "its end -0.25 is negative."),
        ("1 0.5", "its end 0.5 is not behind its start 1."),
        ("1 1", "its end 1 is not behind its start 1."),
        ("0 2.5", f"talk.wav {TALK} 0 to 2.5."),
        ("2 -1", f"talk.wav {TALK} 2 to its end."),
        ("nan 1", "the field start holds nan and not a number of seconds."),
        ("0 inf", "the field end holds inf and not a number of seconds."),
        ("0 1e300", f"talk.wav {TALK} 0 to 1e+300."),
        ("0", "talk 0 is not a recording with a start and an end."),
        ("0 1 A x", "talk 0 1 A x is not a recording with a start and an end."),
    ],
)
def test_times_of_kaldi(tmp_path: Path, times: str, expected: tuple[float, float | None] | str) -> None:
    write_wave(tmp_path / "talk.wav", 2.0)
    write(tmp_path / "wav.scp", "", f"talk {tmp_path}/talk.wav", " \t", "")
    write(tmp_path / "text", "A one", "")
    write(tmp_path / "segments", "", f"A talk {times}")
    reader = Kaldi([tmp_path])
    if isinstance(expected, str):
        assert refusal(reader, tmp_path) == [f"segments, line 2: {expected}"]
    else:
        (utterance,) = reader.utterances()
        assert (utterance.start, utterance.end) == expected


def test_what_is_not_read_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_wave(tmp_path / "a.wav", 2.0), write_wave(tmp_path / "b.wav", 2.0)
    rows = [
        {"audio": "a.wav", "text": "one", "lang": "en", "duration": 1.5},
        {"audio": "b.wav", "text": "two", "noise": 3, "lang": "en", "duration": 1.0},
    ]
    json_lines = AudioJsonl([write(tmp_path / "a.jsonl", *map(json.dumps, rows))])
    table = AudioTable([write(tmp_path / "a.tsv", "audio\taccent\ttext", "a.wav\t\tone", "b.wav\t\ttwo")])
    for reader in (json_lines, table):
        for _ in range(2):
            assert reader.texts() == ["one", "two"]
            assert [u.id for u in reader.utterances()] == ["a", "b"]
    assert [record.getMessage().replace(f"{tmp_path}/", "") for record in caplog.records] == [
        "a.jsonl: the fields lang, noise are not read.",
        "a.jsonl, line 1: a.wav is longer than its duration, and only its beginning is read; so it is with 2 of the"
        " utterances.",
        "a.tsv: the column accent is not read.",
    ]
