"""Subwords by SentencePiece: unigram models, BPE, or any model file that is given."""

from __future__ import annotations

import hashlib
import io
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from seq2seq.errors import UserError, require_several
from seq2seq.text.files import read_content, write_tokenizer
from seq2seq.text.normalizer import Normalizer
from seq2seq.text.subword_sampling import SubwordSampler
from seq2seq.text.tokenizer import END_ID, PAD_ID, START_ID, UNKNOWN_ID, UNKNOWN_TEXT, GraphForm

MAX_SENTENCE_BYTES = 4192  # longer ones are left out of training, as SentencePiece does by default
TRAINING_THREADS = 4  # whatever the machine: the order of floating point sums, so the model, depends on it


class SentencePieceTokenizer:
    """A SentencePiece model (Kudo and Richardson 2018, arXiv:1808.06226).

    Args:
        model: the bytes of a model file.
        normalizer: what happens to text before the model (which has rules of its own if trained elsewhere).
        name: how errors call the model.

    Raises:
        UserError: it is no model, or one without the ids for padding, start or end.
    """

    kind = "sentencepiece"
    suffix = ".model"
    takes = frozenset(
        {"kind", "character_coverage", "byte_fallback", "max_sentences", "seed", "sampling", "source_model"}
    )
    min_coverage = 0.98  # which its trainer insists on

    def __init__(self, model: bytes, normalizer: Normalizer, *, name: str = "the model") -> None:
        self.normalizer = normalizer
        self._model = model
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
            self.vocabulary_size: int = self._processor.vocab_size()
        except RuntimeError as error:
            raise UserError(f"{name} is not a SentencePiece model.") from error
        if self.vocabulary_size == 0:  # what no bytes at all are read as
            raise UserError(f"{name} is not a SentencePiece model.")
        self.pad_id: int = self._processor.pad_id()
        self.unknown_id: int = self._processor.unk_id()
        self.start_id: int = self._processor.bos_id()
        self.end_id: int = self._processor.eos_id()
        special = {"padding": self.pad_id, "the start": self.start_id, "the end": self.end_id}
        missing = " and ".join(what for what, i in special.items() if i < 0)
        if missing:
            raise UserError(
                f"{name} has no id for {missing} of a sentence; train it with "
                f"spm_train --pad_id={PAD_ID} --unk_id={UNKNOWN_ID} --bos_id={START_ID} --eos_id={END_ID}."
            )
        content = hashlib.blake2b(model, digest_size=16)
        content.update(repr(normalizer).encode())
        self.fingerprint: str = content.hexdigest()

    @classmethod
    def load(cls, path: Path, normalizer: Normalizer) -> SentencePieceTokenizer:
        """Reads a model file, ours or anybody's.

        Raises:
            UserError: the file cannot be read or used.
        """
        return cls(read_content(path), normalizer, name=str(path))

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        kind: str,
        vocabulary_size: int,
        normalizer: Normalizer,
        character_coverage: float = 1.0,
        byte_fallback: bool = False,
        max_sentences: int = 1_000_000,
        seed: int = 1,
    ) -> SentencePieceTokenizer:
        """Trains a model; the same arguments give the same bytes.

        Args:
            texts: the training text, read once.
            kind: `unigram` or `bpe`.
            vocabulary_size: the number of ids, the special ones included.
            normalizer: what happens to text first.
            character_coverage: the share of the text's characters that get an id of their own.
            byte_fallback: whether a character without an id is spelled in bytes (256 ids) or is unknown.
            max_sentences: of more sentences than this, so many are drawn at random, to bound memory.
            seed: for that draw.

        Raises:
            UserError: the text is too small for the vocabulary, or the vocabulary for the text.
        """
        lines = (line for line in map(normalizer, texts) if line)
        sentences = _sample_lines(lines, max_sentences, seed)
        if not sentences:
            raise UserError("The tokenizer cannot be trained: its training text is empty.")
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.Train(
                sentence_iterator=iter(sentences),
                model_writer=model,
                model_type=kind,
                vocab_size=vocabulary_size,
                character_coverage=character_coverage,
                byte_fallback=byte_fallback,
                max_sentence_length=MAX_SENTENCE_BYTES,
                normalization_rule_name="identity",
                pad_id=PAD_ID,
                unk_id=UNKNOWN_ID,
                bos_id=START_ID,
                eos_id=END_ID,
                unk_surface=UNKNOWN_TEXT,
                num_threads=TRAINING_THREADS,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise UserError(_explain(str(error), kind, vocabulary_size)) from error
        return cls(model.getvalue(), normalizer)

    @property
    def model(self) -> bytes:
        """The bytes of the model file."""
        return self._model

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        require_several(texts, "texts")
        return self._processor.encode([self.normalizer(text) for text in texts], out_type=int)

    def sample(self, texts: Sequence[str], *, alpha: float, nbest: int, seed: int) -> list[list[int]]:
        require_several(texts, "texts")
        if nbest in (0, 1):
            raise UserError(
                f"nbest={nbest} leaves nothing to sample; give -1 (all segmentations) or at least 2."
            )
        if alpha < 0:
            raise UserError(f"alpha={alpha} is negative; subword sampling takes values from 0.")
        if not self._samples:
            raise UserError("This SentencePiece model cannot sample; it takes a unigram or BPE model.")
        generator = random.Random(seed)
        return [self._sampler(self.normalizer(text), generator, alpha=alpha, nbest=nbest) for text in texts]

    @cached_property
    def _sampler(self) -> SubwordSampler:
        return SubwordSampler(self._processor, self._model)

    @cached_property
    def _samples(self) -> bool:
        """Whether the model is of a kind that can cut a text in several ways."""
        kinds = sentencepiece_model_pb2.TrainerSpec
        spec = sentencepiece_model_pb2.ModelProto.FromString(self._model).trainer_spec
        return spec.model_type in (kinds.UNIGRAM, kinds.BPE)

    def decode(self, ids: Iterable[Sequence[int]]) -> list[str]:
        # Control symbols have no text in SentencePiece; a given model may declare its padding otherwise.
        rows = [[int(i) for i in row if i != self.pad_id] for row in ids]
        return self._processor.decode(rows) if rows else []  # no rows at all it takes for one empty row

    def pieces(self, ids: Sequence[int]) -> list[str]:
        return self._processor.id_to_piece([int(i) for i in ids])

    def in_graph(self) -> GraphForm:
        from seq2seq.text.sentencepiece_in_graph import SentencePieceInGraph

        return SentencePieceInGraph(self._model)

    def save(self, directory: Path, name: str) -> None:
        write_tokenizer(
            directory,
            name,
            suffix=self.suffix,
            content=self._model,
            kind=self.kind,
            normalizer=self.normalizer,
        )


def _sample_lines(lines: Iterator[str], size: int, seed: int) -> list[str]:
    """`size` lines of all drawn evenly and kept in one pass (Vitter 1985, algorithm R); of those that are too long for
    training just so much that they still are."""
    generator = random.Random(seed)
    kept: list[str] = []
    for position, line in enumerate(lines):
        line = line[: MAX_SENTENCE_BYTES + 1]
        if position < size:
            kept.append(line)
        else:
            slot = int(generator.random() * (position + 1))
            if slot < size:
                kept[slot] = line
    return kept


def _explain(complaint: str, kind: str, vocabulary_size: int) -> str:
    """SentencePiece's complaint in a sentence of ours."""
    most = re.search(r"set it to a value <= (\d+)", complaint)
    if most:
        return (
            f"vocabulary_size={vocabulary_size} is larger than this training text allows a {kind} tokenizer; "
            f"give at most {most[1]}."
        )
    least = re.search(r"smaller than required_chars\. \d+ vs (\d+)", complaint)
    if least:
        return (
            f"vocabulary_size={vocabulary_size} does not hold the characters of this training text; "
            f"give at least {least[1]}, or a lower character_coverage."
        )
    if "sentences_.empty()" in complaint:
        return f"The tokenizer cannot be trained: all lines are longer than {MAX_SENTENCE_BYTES} bytes."
    return f"SentencePiece cannot train a {kind} tokenizer with {vocabulary_size} ids: {complaint}"
