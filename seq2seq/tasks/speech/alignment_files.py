"""Words with their times, as a table or as a Praat TextGrid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Callable, NamedTuple

TSV_HEADER = "name\tstart\tend\tword\n"


class WordSpan(NamedTuple):
    """A word and its time in seconds."""

    word: str
    start: float
    end: float


def word_spans(
    ids: Sequence[int],
    start_frame: Sequence[int],
    end_frame: Sequence[int],
    *,
    decode: Callable[[Iterable[Sequence[int]]], list[str]],
    seconds_per_frame: float,
    duration: float,
) -> list[WordSpan]:
    """Words from the frames of their tokens.

    A token belongs to the words that are new or changed in the text once it is there, so that any tokenizer will
    do; one that only adds a space belongs to none.

    Args:
      ids: the tokens of a text.
      start_frame, end_frame: of each token (see :class:`seq2seq.search.ctc_align.CTCAlignment`).
      decode: ids to texts, a tokenizer's.
      seconds_per_frame: of the frames that CTC reads.
      duration: seconds of the audio; no word ends later unless it begins there.
    """
    texts = decode([list(ids[: n + 1]) for n in range(len(ids))])
    words: list[str] = []
    spans: list[WordSpan] = []
    for text, first, last in zip(texts, start_frame, end_frame):
        start, end = first * seconds_per_frame, last * seconds_per_frame
        if start < duration:
            end = min(end, duration)
        before, words = words, text.split()
        del spans[len(words) :]
        for n, word in enumerate(words):
            if n >= len(before):
                spans.append(WordSpan(word, start, end))
            elif word != before[n]:
                spans[n] = WordSpan(word, spans[n].start, end)
    return spans


def tsv_lines(name: str, spans: Iterable[WordSpan]) -> str:
    """A line a word, as :data:`TSV_HEADER` names its columns; white space in ``name`` becomes spaces."""
    name = " ".join(name.split())
    return "".join(f"{name}\t{span.start:.3f}\t{span.end:.3f}\t{span.word}\n" for span in spans)


def text_grid(spans: Iterable[WordSpan], duration: float, *, tier: str = "words") -> str:
    """A Praat TextGrid (long text format) with one interval tier that covers the whole audio.

    Intervals meet one another, as Praat demands: empty ones fill the gaps, and a word that begins before the last
    one ended begins where it ended.

    Args:
      spans: in the order of their starts.
      duration: seconds, positive; where a word ends later, the tier does too.
      tier: its name.

    Raises:
      ValueError: no duration.
    """
    if duration <= 0.0:
        raise ValueError(f"duration must be positive, not {duration}")
    intervals: list[tuple[str, str, str]] = []
    edge = _seconds(0.0)

    def add(until: float, text: str) -> None:
        nonlocal edge
        if float(_seconds(until)) > float(edge):
            intervals.append((edge, _seconds(until), text.replace('"', '""')))
            edge = _seconds(until)

    for word, start, end in spans:
        add(start, "")
        add(end, word)
    add(duration, "")

    entries = "".join(
        f"        intervals [{number}]:\n"
        f"            xmin = {xmin}\n"
        f"            xmax = {xmax}\n"
        f'            text = "{text}"\n'
        for number, (xmin, xmax, text) in enumerate(intervals, start=1)
    )
    quoted = tier.replace('"', '""')
    return (
        'File type = "ooTextFile"\n'
        'Object class = "TextGrid"\n'
        "\n"
        f"xmin = {_seconds(0.0)}\n"
        f"xmax = {edge}\n"
        "tiers? <exists>\n"
        "size = 1\n"
        "item []:\n"
        "    item [1]:\n"
        '        class = "IntervalTier"\n'
        f'        name = "{quoted}"\n'
        f"        xmin = {_seconds(0.0)}\n"
        f"        xmax = {edge}\n"
        f"        intervals: size = {len(intervals)}\n"
    ) + entries


def _seconds(value: float) -> str:
    return f"{value:.6f}"
