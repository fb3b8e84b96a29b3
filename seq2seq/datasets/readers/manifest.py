"""What the readers of manifests share: rows become utterances, and what is wrong with them is gathered."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from seq2seq.audio.reading import audio_info
from seq2seq.datasets.readers.jsonl import text_field
from seq2seq.datasets.readers.utterance_reader import Utterance
from seq2seq.errors import UserError

MOST_NAMED = 20
HEADERS_AT_ONCE = 16


class Problems:
    """What is wrong with a manifest, so that one run shows it all."""

    def __init__(self) -> None:
        self._sentences: list[str] = []

    def add(self, sentence: str) -> None:
        self._sentences.append(sentence)

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
            more = len(self._sentences) - MOST_NAMED
            rest = [f"… and {more:,} more."] if more > 0 else []
            raise UserError("\n".join(self._sentences[:MOST_NAMED] + rest))


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """The first of many names, and how many there are beside them."""
    more = f" … and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


class Row(NamedTuple):
    """An utterance as its manifest tells it.

    Attributes:
        where: file and line.
        utterance: its seconds mean nothing yet.
        seconds: what the manifest says, or None.
    """

    where: str
    utterance: Utterance
    seconds: float | None


@dataclass(frozen=True)
class FieldNames:
    """What the fields of a row are called; only those of sound and text must be there.

    Attributes:
        audio: a path, from the manifest's folder where it is relative.
        text: what is said.
        speaker: who says it.
        id: without it, the path without its ending, and where it has them start and end.
        seconds: the utterance's length; without it, from the file's header.
        start, end: of the utterance in the file, in seconds.
    """

    audio: str = "audio"
    text: str = "text"
    speaker: str = "speaker"
    id: str = "id"
    seconds: str = "seconds"
    start: str = "start"
    end: str = "end"

    @property
    def required(self) -> tuple[str, str]:
        return self.audio, self.text

    def row(self, values: Mapping[str, object], folder: Path, where: str) -> Row:
        """The row of a mapping from names to text (or, from JSON, numbers).

        Raises:
            UserError: a field that must be there is not, or does not hold what it should.
        """
        audio = text_field(values, self.audio, where)
        if not audio:
            raise UserError(f"{where}: the field {self.audio} is empty.")
        start = _seconds(values, self.start, where)
        end = _seconds(values, self.end, where)
        if end is not None and end <= (start or 0.0):
            raise UserError(
                f"{where}: its {self.end} {end:g} is not behind its {self.start} {start or 0.0:g}."
            )
        part = (
            "" if start is None and end is None else f"-{start or 0.0:g}-{'' if end is None else f'{end:g}'}"
        )
        utterance = Utterance(
            id=_name(values, self.id, where) or f"{Path(audio).with_suffix('').as_posix()}{part}",
            audio=folder / audio,
            seconds=0.0,
            text=text_field(values, self.text, where),
            speaker=_name(values, self.speaker, where),
            start=start or 0.0,
            end=end,
        )
        return Row(where, utterance, _seconds(values, self.seconds, where))


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
        UserError: `problems`, together with ids that occur twice and files that are missing.
    """
    first: dict[str, str] = {}
    for row in rows:
        if row.utterance.id in first:
            problems.add(f"{row.where}: the id {row.utterance.id} is that of {first[row.utterance.id]} too.")
        first.setdefault(row.utterance.id, row.where)
    files = list(dict.fromkeys(row.utterance.audio for row in rows))
    unmeasured = {row.utterance.audio for row in rows if _length(row) is None}
    with ThreadPoolExecutor(HEADERS_AT_ONCE) as pool:
        found = dict(zip(files, pool.map(lambda path: _file_seconds(path, path in unmeasured), files)))
    missing: set[Path] = set()
    utterances = []
    for row in rows:
        audio, whole = row.utterance.audio, found[row.utterance.audio]
        if whole is None and audio not in missing:
            problems.add(f"{row.where}: there is no file {audio}.")
            missing.add(audio)
        length = _length(row)
        seconds = max(0.0, (whole or 0.0) - row.utterance.start) if length is None else length
        utterances.append(replace(row.utterance, seconds=seconds))
    problems.raise_any()
    return utterances


def _length(row: Row) -> float | None:
    """What the manifest alone says of an utterance's length."""
    if row.seconds is None and row.utterance.end is not None:
        return row.utterance.end - row.utterance.start
    return row.seconds


def _file_seconds(path: Path, wanted: bool) -> float | None:
    """None: there is no such file; 0: nobody wants to know, or nobody can."""
    if not path.is_file():
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


def _seconds(values: Mapping[str, object], field: str, where: str) -> float | None:
    value = values.get(field)
    if value is None or value == "":
        return None
    try:
        seconds = float(value) if isinstance(value, (str, int, float)) else math.nan
    except ValueError:
        seconds = math.nan
    if not 0.0 <= seconds < math.inf:
        raise UserError(f"{where}: the field {field} holds {str(value)[:40]} and not a number of seconds.")
    return seconds
