"""What exports that read text are asked besides their task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seq2seq.config.groups.export import ExportConfig
from seq2seq.datasets.batches.pairs import Ragged
from seq2seq.serving.verification import Call
from seq2seq.text import Tokenizer

HOSTILE = (
    "",
    " ",
    "\t two\twords \n",
    "🙂 👩‍👩‍👧‍👦 🇩🇪",
    "e\u0301 a\u0323\u0302 \u0345\u0301",
    "zero\u200bwidth\u200d\ufeff joiner",
    "\u1112\u1161\u11ab\uae00",
    "ﬁ ½ Ａ ㎏ ﷺ",
    "\u05d0\u05b0 \u202eright to left",
    "</s> <pad> <unk> <0x41> \u2581 \u2581\u2581x",
    "\u0000\u0001\u0085\u2028x",
    "ΑΣ ΣΑΣ. İI",
    "\ufffd \U0010ffff",
    "very long " * 400,
    "x" * 3000,
)
"""Texts that tokenizers trip over."""


def tokenizer_calls(tokenizer: Tokenizer, texts: Sequence[str], limits: ExportConfig) -> list[Call]:
    """Calls of ``tokenize`` with all texts, and with those that tokenizers trip over."""
    calls = []
    for some in (texts, HOSTILE):
        some = [text for text in some if len(text.encode()) <= limits.max_bytes]
        for start in range(0, len(some), limits.max_batch):
            batch = some[start : start + limits.max_batch]
            ids, lengths = padded_rows(tokenizer.encode(batch), tokenizer.pad_id)
            calls.append(Call("tokenize", {"text": batch}, {"ids": ids, "lengths": lengths}))
    return calls


def padded_rows(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids ``[B, T]`` and lengths ``[B]`` of rows of any length."""
    ragged = Ragged.of(rows)
    real = np.arange(ragged.lengths.max(initial=0)) < ragged.lengths[:, np.newaxis]
    ids = np.full(real.shape, pad_id, np.int32)
    ids[real] = ragged.values
    return ids, ragged.lengths
