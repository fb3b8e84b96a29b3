"""What the readers of manifests share: rows become utterances, and what is wrong with them is gathered."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from seq2seq.audio.reading import ROUNDING, audio_info
from seq2seq.datasets.readers.jsonl import text_field
from seq2seq.datasets.readers.lines import MAX_NAMED, cut, file_exists, warn_once
from seq2seq.datasets.readers.utterance_reader import Utterance
from seq2seq.errors import UserError

MAX_CHARACTERS = 500
"""Of a sentence: fields may be of any length."""

HEADERS_AT_ONCE = 16

FAR = (50.0, 1e6)
"""Times the length of its file, between which a time is in another unit."""


class Problems:
    """What is wrong with a manifest, so that one run shows it all."""

    def __init__(self) -> None:
        self._sentences: list[str] = []  # those that are shown
        self._count = 0

    def add(self, sentence: str) -> None:
        self._count += 1
        if self._count <= MAX_NAMED:
            self._sentences.append(cut(sentence, MAX_CHARACTERS))

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Notes a UserError and goes on behind the block."""
        try:
            yield
        except UserError as error:
            self.add(str(error))

    def raise_any(self) -> None:
        """Raises one UserError of the first twenty."""
        if self._sentences:
            more = self._count - MAX_NAMED
            rest = [f"… and {more:,} more."] if more > 0 else []
            raise UserError("\n".join(self._sentences + rest))


class Row(NamedTuple):
    """An utterance as its manifest tells it.

    Attributes:
        where: file and line.
        utterance: its seconds mean nothing yet.
        seconds: what the manifest says, or None.
        is_beginning: whether the end comes from a length alone, so that the file may well be longer.
        times: file and line of start and end, where that is another.
    """

    where: str
    utterance: Utterance
    seconds: float | None
    is_beginning: bool = False
    times: str = ""


@dataclass(frozen=True)
class FieldNames:
    """What the fields of a row are called; only those of audio and text must be there.

    Attributes:
        audio: a path, from the manifest's folder where it is relative.
        text: what is said.
        speaker: who says it.
        id: without it, the path without its ending, and where it has them start and end.
        seconds: the utterance's length; without it, from the file's header.
        start, end: of the utterance in the file, in seconds.
        offset, duration: the same in another spelling: the start, and the length from there on.
    """

    audio: str = "audio"
    text: str = "text"
    speaker: str = "speaker"
    id: str = "id"
    seconds: str = "seconds"
    start: str = "start"
    end: str = "end"
    offset: str = "offset"
    duration: str = "duration"

    @property
    def required(self) -> tuple[str, str]:
        return self.audio, self.text

    @property
    def all(self) -> tuple[str, ...]:
        return astuple(self)

    def row(self, values: Mapping[str, object], folder: Path, where: str) -> Row:
        """The row of a mapping from names to text (or, from JSON, numbers).

        Raises:
            UserError: a field that must be there is not, or does not hold what it should; fields contradict each other.
        """
        audio = text_field(values, self.audio, where)
        if not audio:
            raise UserError(f"{where}: the field {self.audio} is empty.")
        start = self._one_of(values, self.start, self.offset, where)
        seconds = self._one_of(values, self.duration, self.seconds, where)
        end = self._end(values, start, seconds, where)
        has_part = start is not None or seconds_in(values.get(self.end), self.end, where) is not None
        part = f"-{start or 0.0:g}-{'' if end is None else f'{end:g}'}" if has_part else ""
        utterance = Utterance(
            id=_name(values, self.id, where) or f"{Path(audio).with_suffix('').as_posix()}{part}",
            audio=folder / audio,
            seconds=0.0,
            text=text_field(values, self.text, where),
            speaker=_name(values, self.speaker, where),
            start=start or 0.0,
            end=end,
        )
        return Row(where, utterance, seconds, is_beginning=end is not None and not has_part)

    def _one_of(self, values: Mapping[str, object], first: str, second: str, where: str) -> float | None:
        """The seconds in one of two fields that mean the same."""
        one, other = (seconds_in(values.get(field), field, where) for field in (first, second))
        if one is not None and other is not None and abs(one - other) > ROUNDING:
            raise UserError(f"{where}: its {first} {one:g} contradicts its {second} {other:g}.")
        return other if one is None else one

    def _end(
        self, values: Mapping[str, object], start: float | None, seconds: float | None, where: str
    ) -> float | None:
        """Where the utterance ends in its file; None: with that. A length without a start is that of the file, unless
        it is called a duration: then the file may be longer."""
        first, end = start or 0.0, seconds_in(values.get(self.end), self.end, where)
        if end is not None and end <= first:
            raise UserError(f"{where}: its {self.end} {end:g} is not behind its {self.start} {first:g}.")
        if end is not None and seconds is not None and abs(end - first - seconds) > ROUNDING:
            raise UserError(
                f"{where}: its length {seconds:g} contradicts its {self.start} {first:g} and its {self.end} {end:g}."
            )
        has_duration = values.get(self.duration) not in (None, "")
        if has_duration and not seconds:
            raise UserError(f"{where}: its {self.duration} is 0.")
        is_part = start is not None or has_duration
        return first + seconds if end is None and is_part and seconds else end


class ManifestReader(ABC):
    """Makes utterances of the rows that a subclass finds; see `UtteranceReader`."""

    @abstractmethod
    def rows(self, problems: Problems) -> list[Row]:
        """The rows in the order of the files; what is wrong with them is added to `problems`."""

    def texts(self) -> list[str]:
        problems = Problems()
        texts = [row.utterance.text for row in self.rows(problems)]
        problems.raise_any()
        return texts

    def utterances(self) -> list[Utterance]:
        problems = Problems()
        return complete(self.rows(problems), problems)


def complete(rows: Sequence[Row], problems: Problems) -> list[Utterance]:
    """The utterances with their lengths, from the files' headers where the manifest does not tell them.

    Raises:
        UserError: `problems`, together with ids that occur twice, files that are missing, and parts that their files
            do not have.
    """
    first: dict[str, str] = {}
    for row in rows:
        if row.utterance.id in first:
            problems.add(
                f"{row.where}: the id {row.utterance.id} is that of {first[row.utterance.id]} too;"
                " give each an id of its own, which is otherwise its file's name."
            )
        first.setdefault(row.utterance.id, row.where)
    files = list(dict.fromkeys(row.utterance.audio for row in rows))
    unmeasured = {row.utterance.audio for row in rows if row.seconds is None or _is_part(row)}
    with ThreadPoolExecutor(HEADERS_AT_ONCE) as pool:
        found = dict(zip(files, pool.map(lambda path: _file_seconds(path, path in unmeasured), files)))
    missing: set[Path] = set()
    utterances = []
    beginnings: list[str] = []
    for row in rows:
        audio, whole = row.utterance.audio, found[row.utterance.audio]
        if whole is None and audio not in missing:
            is_folder = os.path.isdir(audio)  # noqa: PTH112 (no name is too strange for it)
            problems.add(
                f"{row.where}: {f'{audio} is a folder' if is_folder else f'there is no file {audio}'}."
            )
            missing.add(audio)
        with problems.gathered():
            utterances.append(_with_length(row, whole or 0.0, beginnings))
    problems.raise_any()
    if beginnings:
        warn_once(
            f"{beginnings[0]} is longer than its duration, and only its beginning is read; so it is with"
            f" {len(beginnings):,} of the utterances."
        )
    return utterances


def _is_part(row: Row) -> bool:
    return row.utterance.start > 0.0 or row.utterance.end is not None


def _with_length(row: Row, whole: float, beginnings: list[str]) -> Utterance:
    """The utterance with its length.

    Args:
        row: of the manifest.
        whole: seconds of its file; 0 where that cannot or need not be known.
        beginnings: gets the place of a row that leaves out the rest of its file without saying so.

    Raises:
        UserError: the file does not have that part.
    """
    utterance = row.utterance
    start, end = utterance.start, utterance.end
    if whole and (start >= whole or (end or 0.0) > whole + ROUNDING):
        until = "its end" if end is None else f"{end:g}"
        raise UserError(
            f"{row.times or row.where}: {utterance.audio} is {whole:.2f} seconds long, and has no part from {start:g}"
            f" to {until}{_units(max(start, end or 0.0), whole)}."
        )
    if row.is_beginning and whole:
        if whole - (end or 0.0) <= ROUNDING:
            utterance = replace(utterance, end=None)
        else:
            beginnings.append(f"{row.where}: {utterance.audio}")
    if row.seconds is not None:
        seconds = row.seconds
    else:
        seconds = max(0.0, (whole if end is None else end) - start)
    return replace(utterance, seconds=seconds)


def _units(time: float, whole: float) -> str:
    """A guess at what a time is, that lies far behind the end of its file."""
    is_far = FAR[0] * whole < time < FAR[1] * whole
    return "; times are in seconds, and this looks like milliseconds or samples" if is_far else ""


def _file_seconds(path: Path, wanted: bool) -> float | None:
    """None: there is no such file; 0: nobody wants to know, or nobody can."""
    if not file_exists(path):
        return None
    try:
        return audio_info(path).seconds if wanted else 0.0
    except UserError:
        return 0.0


def _name(values: Mapping[str, object], field: str, where: str) -> str:
    """Of somebody or something: JSON may number them; empty where there is none."""
    value = values.get(field)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return "" if value is None else str(value)
    return text_field(values, field, where)


def seconds_in(value: object, field: str, where: str) -> float | None:
    """The seconds that a field holds, as a number or as text; None where it is empty.

    Raises:
        UserError: they are negative, infinite or no number.
    """
    if value is None or value == "":
        return None
    try:
        is_number = isinstance(value, (str, int, float)) and not isinstance(value, bool)
        seconds = float(value) if is_number and "_" not in str(value) else math.nan  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise UserError(f"{where}: the field {field} holds {str(value)[:40]} and not a number of seconds.")
    if seconds < 0.0:
        raise UserError(f"{where}: its {field} {str(value)[:40]} is negative.")
    return seconds
