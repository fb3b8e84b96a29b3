"""How much audio a header promises, in containers that libsndfile reads to their end whatever that is."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

PLACEHOLDER_SLACK = 8192
"""Bytes by which a length may miss a placeholder: programs subtract headers from it, and round to whole frames."""


class _Layout(NamedTuple):
    """A file of chunks, each with its name and its length in front.

    Attributes:
      start: bytes before the first chunk.
      header: of a chunk: name, length.
      data: name of the chunk that holds the audio.
      counted: bytes of the header that a chunk's length counts.
      multiple: chunks begin at multiples of it.
    """

    start: int
    header: struct.Struct
    data: bytes
    counted: int = 0
    multiple: int = 2

    def behind(self, place: int, length: int) -> int:
        """Where the chunk ends whose header is at a place."""
        end = place + max(self.header.size, self.header.size - self.counted + length)
        return end + -end % self.multiple


_LAYOUTS = {
    b"RIFF": _Layout(12, struct.Struct("<4sI"), b"data"),
    b"RIFX": _Layout(12, struct.Struct(">4sI"), b"data"),
    b"RF64": _Layout(12, struct.Struct("<4sI"), b"data"),
    b"FORM": _Layout(12, struct.Struct(">4sI"), b"SSND"),
    b"caff": _Layout(8, struct.Struct(">4sQ"), b"data", multiple=1),
    b"riff": _Layout(  # Sony Wave64
        40, struct.Struct("<16sQ"), bytes.fromhex("64617461f3acd3118cd100c04f8edb8a"), counted=24, multiple=8
    ),
}
_SUN = {
    b".snd": struct.Struct(">II"),
    b"dns.": struct.Struct("<II"),
}  # where the audio begins, and its length


class PromisedLength(NamedTuple):
    """What a header says of its audio.

    Attributes:
      length: in bytes.
      there: bytes from the beginning of the audio to the end of the file.
      empty: whether the length is 0 and nothing follows that could be audio.
      corrected: where libsndfile takes a placeholder by its word: place of the length in the file, and what it
        should be.
    """

    length: int
    there: int
    empty: bool
    corrected: tuple[int, bytes] | None = None

    @property
    def is_placeholder(self) -> bool:
        """Whether it was written by a program that did not know the length yet and, since it wrote to a pipe, could not
        come back: 0 (GStreamer), 0x7ffff000 (SoX), 0x80000000 (arecord), 0xffffffff or 2^63-1 (FFmpeg)."""
        if self.length == 0:
            return not self.empty
        near_half = abs(self.length - 2**31) <= PLACEHOLDER_SLACK
        near_whole = 2**32 - PLACEHOLDER_SLACK <= self.length < 2**32
        return self.length > self.there and (near_half or near_whole or self.length >= 2**62)


def promised_length(path: Path) -> PromisedLength | None:
    """Reads headers of chunks; None where there is no audio in them, and of other containers.

    Raises:
      OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        kind = stream.read(4)
        if kind in _SUN and len(numbers := stream.read(8)) == 8:
            begin, length = _SUN[kind].unpack(numbers)
            return PromisedLength(length, size - begin, empty=size <= begin)
        return _length_in_chunks(stream, _LAYOUTS[kind], kind, size) if kind in _LAYOUTS else None


def _length_in_chunks(stream: BinaryIO, layout: _Layout, kind: bytes, size: int) -> PromisedLength | None:
    place, long = layout.start, None  # of RF64: where 64 bits say what 32 cannot
    while (chunk := _chunk(stream, layout, place)) is not None:
        name, length = chunk
        if name == layout.data:
            break
        if name == b"ds64":
            long = place + 16
        place = layout.behind(place, length)
    else:
        return None
    begin = place + layout.header.size
    there = size - begin
    field, width = place + 4, 4
    if long is not None and length == 2**32 - 1:
        stream.seek(long)
        field, width, length = long, 8, int.from_bytes(stream.read(8), "little")
    length = max(0, length - layout.counted)
    order: Any = "big" if kind == b"RIFX" else "little"
    corrected = (field, min(there, 2 ** (8 * width) - 1).to_bytes(width, order))
    empty = length == 0 and _only_chunks(stream, layout, begin, size)
    return PromisedLength(length, there, empty, corrected if kind[:2] in (b"RI", b"RF") else None)


def _chunk(stream: BinaryIO, layout: _Layout, place: int) -> tuple[bytes, int] | None:
    stream.seek(place)
    header = stream.read(layout.header.size)
    return layout.header.unpack(header) if len(header) == layout.header.size else None


def _only_chunks(stream: BinaryIO, layout: _Layout, place: int, size: int) -> bool:
    """Whether a file holds nothing but chunks from a place on."""
    while place < size:
        chunk = _chunk(stream, layout, place)
        if chunk is None or not chunk[0][:3].isalnum():
            return False
        place = layout.behind(place, chunk[1])
    return place <= size + layout.multiple


class CorrectedFile(io.RawIOBase):
    """A file that is read with other bytes in one place than stand there."""

    def __init__(self, path: Path, place: int, content: bytes) -> None:
        self._file = path.open("rb", buffering=0)
        self._place = place
        self._content = content

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        buffer = memoryview(buffer).cast("B")
        begin = self._file.tell()
        count = self._file.readinto(buffer)
        for place, byte in enumerate(self._content, self._place - begin):
            if 0 <= place < count:
                buffer[place] = byte
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
