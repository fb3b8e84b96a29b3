"""What the readers of all formats of speech offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Utterance:
    """A stretch of audio and what is said in it.

    Attributes:
        id: unlike that of every other utterance that is read with it.
        audio: the file, which exists.
        seconds: how long the utterance is; 0 where neither the manifest nor a header says so, because the file is
            damaged: decoding it says how.
        text: what is said, as it is written.
        speaker: empty where nobody is named.
        start, end: in seconds of the file; None is the file's end.
    """

    id: str
    audio: Path
    seconds: float
    text: str
    speaker: str = ""
    start: float = 0.0
    end: float | None = None


@runtime_checkable
class UtteranceReader(Protocol):
    """Reads what is said in which file; the audio itself stays where it is."""

    @property
    def files(self) -> Sequence[Path]:
        """Everything that is read beside headers of audio, in order."""

    @property
    def settings(self) -> str:
        """Whatever beside the files' content decides what is read from them."""

    def texts(self) -> list[str]:
        """What is said, in the order of the files, without a look at the audio: headers of many files take their time.

        Raises:
            UserError: as `utterances`, but of audio that is missing.
        """

    def utterances(self) -> list[Utterance]:
        """The utterances in the order of the files.

        Raises:
            UserError: what cannot be read, with file and line; rows that are wrong and audio that is missing are
                gathered, and the first twenty named.
        """
