"""Audio files and times that are not as they should be, for the readers of speech."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.datasets.readers.formats import FORMATS, RATE, Format
from tests.datasets.readers.hostile_inputs import CSV, OF_WAV, SPEECH, add, row, rows_with, same


def audio_path(form: Format, folder: Path) -> Path:
    return folder / form.folder / f"b{form.audio}"


def audio(make: Callable[[Path], Any]) -> Callable[[Format, Path], None]:
    def spoil(form: Format, folder: Path) -> None:
        form.write(folder, form.rows())
        path = audio_path(form, folder)
        content = path.read_bytes()
        path.unlink()
        make(path) if make.__code__.co_argcount == 1 else make(path, content)  # type: ignore[call-arg]

    return spoil


NO_FILE = r"line \d: there is no file .*b\."
add("audio: missing", audio(lambda path: None), NO_FILE, only=SPEECH)
add("audio: a folder", audio(lambda path: path.mkdir()), r"line \d: .*b\.\w+ is a folder", only=SPEECH)
add("audio: a loop of links", audio(lambda path: path.symlink_to(path)), NO_FILE, only=SPEECH)
add("audio: empty", audio(lambda path: path.touch()), r"b\.\w+ is empty\.", only=SPEECH)
add(
    "audio: text", audio(lambda path: path.write_text("no audio\n" * 99)), "is not an audio file", only=SPEECH
)
add(
    "audio: cut off",
    audio(lambda path, content: path.write_bytes(content[: len(content) // 2])),
    r"b\.\w+ is (?:cut off|damaged or cut off)",
    only=SPEECH,
)
add(
    "audio: no samples",
    audio(lambda path: soundfile.write(path, np.zeros(0), RATE)),
    "has no audio: its length is zero",
    only=OF_WAV,
)
add(
    "audio: NaN",
    audio(lambda path: soundfile.write(path, np.full(4000, np.nan), RATE, subtype="FLOAT")),
    "sample 0 is nan, not a finite number",
    only=OF_WAV,
)


def audio_called(name: str, move: bool) -> Callable[[Format, Path], None]:
    def spoil(form: Format, folder: Path) -> None:
        called = name.replace("FOLDER", str(folder)).replace("NAME", folder.name) + form.audio
        form.write(folder, rows_with(form, audio=called))
        if move:
            audio_path(form, folder).rename(folder / form.folder / called)

    return spoil


def audio_is(name: str) -> Callable[[Format], list[Any]]:
    return lambda form: form.expected(rows_with(form, audio=name + form.audio))


NAMED = [name for name in SPEECH if name != "librispeech"]
for name in ("100 % [x] {y} %s", "ü \u3000 é", "a'b$c&d;e", "~b", "-b", "b.b", "B" * 200):
    add(f"audio called {name[:20]}", audio_called(name, True), audio_is(name), only=NAMED)
add("audio called by a long name", audio_called("b" * 300, False), NO_FILE.replace("b", "b+"), only=NAMED)
add("audio of all its folders", audio_called("FOLDER/./b", False), audio_is("b"), only=OF_WAV)
add("audio behind ..", audio_called("../NAME/b", False), audio_is("b"), only=OF_WAV)
add(
    "audio elsewhere",
    audio_called("/nowhere/b", False),
    r"line \d: there is no file /nowhere/b\.",
    only=NAMED,
)

# Times

for times, says in (
    (("0.1", "0.4"), ""),
    (("-0.5", "0.4"), "its start -0.5 is negative."),
    (("0.4", "0.1"), "its end 0.1 is not behind its start 0.4."),
    (("0.1", "0.1"), "its end 0.1 is not behind its start 0.1."),
    (("nan", "0.4"), "the field start holds nan and not a number of seconds."),
    (("0.1", "inf"), "the field end holds inf and not a number of seconds."),
    (("0,1", "0.4"), "the field start holds 0,1 and not a number of seconds."),
    (("0.1", "1e300"), "is 0.50 seconds long, and has no part from 0.1 to 1e.300."),
    (("0.1", "0.6"), "is 0.50 seconds long, and has no part from 0.1 to 0.6."),
    (("0.5", "0.6"), "is 0.50 seconds long, and has no part from 0.5 to 0.6."),
    (("0:00:01", "2"), "the field start holds 0:00:01 and not a number of seconds."),
):
    forms = [
        name for name, form in FORMATS.items() if form.has_times and not ("," in times[0] and name in CSV)
    ]
    add(f"times {times}", row(times=times), rf"line \d: .*{says}" if says else same, only=forms)
