"""A run that was trained: evaluating it and predicting with it."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seq2seq.audio.sound_reader import SoundReader
from seq2seq.config.saved import load
from seq2seq.config.schema import (
    SpeechDataConfig,
    SpeechModelConfig,
    SpeechTaskConfig,
    TrainConfig,
)
from seq2seq.datasets.arriving import arriving
from seq2seq.datasets.build import manifest_reader
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.datasets.index.utterance_index import UtteranceIndex
from seq2seq.errors import UserError, require_several
from seq2seq.files import WriteError, make_folder, write_atomically
from seq2seq.hardware.devices import configure, uses_gpu
from seq2seq.models.build import build_speech_model, build_translation_model
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.speech import SpeechModel
from seq2seq.models.translation import TranslationModel
from seq2seq.runs.folder import RunFolder
from seq2seq.runs.resume import refuse_other_tokenizers
from seq2seq.tasks.aligner import Aligner, Alignment, read_spoken
from seq2seq.tasks.build import (
    Tokenizers,
    build_evaluator,
    build_transcriber,
    build_translator,
    load_tokenizers,
    make_index,
)
from seq2seq.tasks.evaluation import Evaluation
from seq2seq.tasks.scoring import score_pairs
from seq2seq.tasks.transcriber import Transcription
from seq2seq.tasks.translator import Prediction
from seq2seq.training.checkpoints.averaging import average_last
from seq2seq.training.checkpoints.store import Checkpoint, CheckpointStore

logger = logging.getLogger(__name__)


_SKIPS = (
    "A run of speech takes files of sound; data.broken_audio=skip goes on without those that cannot be read."
)


def build_model(config: TrainConfig, tokenizers: Tokenizers) -> EncoderDecoder:
    """The model of a run, its weights as drawn from the seed."""
    if isinstance(config.model, SpeechModelConfig):
        return build_speech_model(
            config.model,
            config.masking,
            vocabulary_size=tokenizers.target.vocabulary_size,
            gpu=uses_gpu(),
        )
    return build_translation_model(
        config.model,
        config.masking,
        source_vocabulary_size=tokenizers.source.vocabulary_size,
        target_vocabulary_size=tokenizers.target.vocabulary_size,
        gpu=uses_gpu(),
    )


def parameters(model: EncoderDecoder) -> int:
    """How many numbers training changes."""
    return sum(int(variable.shape.num_elements()) for variable in model.trainable_variables)


class Run:
    """A trained model with everything of its run.

    Args:
      folder: of the run.
      config: of the run, with whatever is overridden (``search.*``).
      tokenizers: of the run.
      model: with its weights.
      checkpoint: the name of the one that they are of, where that is known.
    """

    def __init__(
        self,
        folder: RunFolder,
        config: TrainConfig,
        tokenizers: Tokenizers,
        model: EncoderDecoder,
        checkpoint: str = "",
    ) -> None:
        self.folder = folder
        self.checkpoint = checkpoint
        self.config = config
        self.tokenizers = tokenizers
        self.model = model
        self._indices: dict[str, PairIndex | UtteranceIndex] = {}
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def index(self, split: str) -> PairIndex | UtteranceIndex:
        """The examples of a split; made once, and where the run cannot be written, in a temporary folder."""
        if split not in self._indices:
            try:
                self._indices[split] = self._make_index(split)
            except WriteError as error:
                if self._scratch is not None:
                    raise
                logger.warning("Indices are made in a temporary folder: %s", error)
                self._scratch = tempfile.TemporaryDirectory(prefix="seq2seq-index-")
                self._indices[split] = self._make_index(split)
        return self._indices[split]

    def _make_index(self, split: str) -> PairIndex | UtteranceIndex:
        if self._scratch is None:
            return make_index(self.config, self.tokenizers, split, self.folder.path / "index")
        config = replace(self.config, data=replace(self.config.data, index_dir=None))
        return make_index(config, self.tokenizers, split, Path(self._scratch.name))

    def evaluate(self, split: str = "test") -> Evaluation:
        """Evaluates on a split, and writes what was predicted to ``predictions/SPLIT.txt``, reports beside it. Where
        that cannot be written, a warning says so; how many sources are empty, and so translated as nothing, is logged.

        Raises:
          UserError: the data names no such split.
        """
        evaluator = build_evaluator(self.config, self.model, self.tokenizers)
        evaluation = evaluator.evaluate(self.index(split))
        for note in evaluation.notes:
            logger.warning("data.%s: %s", split, note)
        empty = sum(not prediction.source_pieces for prediction in evaluation.predictions)
        if self.input_kind == "text" and empty:
            count = len(evaluation.sources)
            logger.warning(
                "%s: of %s sources %s are empty, and so are their translations",
                split,
                f"{count:,}",
                f"{empty:,}",
            )
        lines = "".join(f"{prediction.texts[0]}\n" for prediction in evaluation.predictions)
        try:
            make_folder(self.folder.predictions)
            for name, text in {"txt": lines, **evaluation.reports}.items():
                write_atomically(self.folder.predictions / f"{split}.{name}", text)
        except WriteError as error:
            logger.warning("The predictions are not kept: %s", error)
        return evaluation

    @property
    def input_kind(self) -> str:
        """``text``, of which it takes lines, or ``audio``, of which it takes files."""
        return "audio" if isinstance(self.model, SpeechModel) else "text"

    def predict(self, lines: Iterable[str], alignments: bool = False) -> Iterator[Prediction]:
        """Translates lines, in their order and, of those that can be asked (``Arriving``), as they arrive.

        Raises:
          TypeError: one text instead of several.
          UserError: this is no run of translation.
        """
        require_several(lines, "lines")
        if not isinstance(self.model, TranslationModel):
            raise self._wrong_task("predict", "translation")
        translator = build_translator(self.config, self.model, self.tokenizers, alignments=alignments)
        return translator.translate(lines)

    def transcribe(
        self, files: Iterable[str | Path], alignments: bool = False, timestamps: bool = False
    ) -> Iterator[Transcription]:
        """Recognises what is said in files of sound, in their order and as they arrive (see ``predict``).

        With ``data.broken_audio=skip`` the text of a file that cannot be read is empty, and the file is named.

        Raises:
          TypeError: one file instead of several.
          UserError: this is no run of speech; timestamps without CTC; a file cannot be decoded or is too long, once
            there are the texts of those before it.
        """
        require_several(files, "audio files")
        if not isinstance(self.model, SpeechModel):
            raise self._wrong_task("transcribe", "speech")
        if timestamps:
            self._require_ctc()
        transcriber = build_transcriber(
            self.config, self.model, self.tokenizers, alignments=alignments, timestamps=timestamps
        )
        sound = self._sound_reader(self.model)
        data = self.config.data
        skip_broken = isinstance(data, SpeechDataConfig) and data.broken_audio == "skip"

        def read(file: str | Path) -> np.ndarray:
            try:
                return sound(Path(file))
            except UserError as error:
                if not skip_broken:
                    raise UserError(f"{error} {_SKIPS}") from error
                logger.warning("Left out, its text is empty: %s", error)
                return np.zeros(0, np.float32)

        return transcriber.transcribe(arriving(files).map(read))

    def align(self, manifest: str | Path) -> Iterator[Alignment]:
        """Finds when the words of given texts are said, in the order of their manifest.

        Args:
          manifest: a file or a folder of any format of speech; its columns or fields are called as in the run's data.

        Raises:
          UserError: this is no run of speech, or of one without CTC; something cannot be read.
        """
        if not isinstance(self.model, SpeechModel):
            raise self._wrong_task("align", "speech")
        self._require_ctc()
        data = self.config.data
        assert isinstance(data, SpeechDataConfig)
        path = Path(manifest).absolute()
        if not path.exists():
            raise UserError(f"{manifest}: no such file or folder.")
        reader = manifest_reader(data, path)
        aligner = Aligner(self.model, self.tokenizers.target, batch_size=self.config.search.batch_size)
        skip_broken = data.broken_audio == "skip"
        return aligner.align(read_spoken(reader, self._sound_reader(self.model), skip_broken=skip_broken))

    def _wrong_task(self, method: str, task: str) -> UserError:
        return UserError(
            f"{self.folder.path} is a run of task={self.config.task.name}, and {method} is for task={task}."
        )

    def _sound_reader(self, model: SpeechModel) -> SoundReader:
        return SoundReader(model.features.options.sample_rate, max_seconds=self.config.search.max_seconds)

    def _require_ctc(self) -> None:
        assert isinstance(self.config.task, SpeechTaskConfig)
        if self.config.task.ctc_weight == 0.0:
            raise UserError(
                f"{self.folder.path} was trained without CTC (task.ctc_weight=0), which the times of words come from."
            )

    def score(self, pairs: Iterable[tuple[str, str]]) -> Iterator[float]:
        """``log p(target | source)`` of each pair of lines, in nats.

        Raises:
          TypeError: something else than pairs of texts.
          UserError: this is no run of translation.
        """
        require_several(pairs, "pairs (source, target)")
        if not isinstance(self.model, TranslationModel):
            raise self._wrong_task("score", "translation")
        return score_pairs(
            self.model,
            map(_pair, pairs),
            source_tokenizer=self.tokenizers.source,
            target_tokenizer=self.tokenizers.target,
            batch_size=self.config.search.batch_size,
        )


def _pair(pair: Any) -> tuple[str, str]:
    require_several(pair, "pairs (source, target)")
    source, target = pair
    return source, target


def load_run(path: str | Path, overrides: Sequence[str] = (), checkpoint: str | None = None) -> Run:
    """Opens a run for use.

    Args:
      path: its folder.
      overrides: of its configuration, ``search.*`` as a rule.
      checkpoint: ``best``, ``latest``, or the name of one; None: what the run chose when it ended, or the best so far.

    Raises:
      UserError: there is no run, no such checkpoint, or an override is not valid.
    """
    folder = RunFolder.open(path)
    config = load(folder.config, overrides)
    found = find_checkpoint(folder, checkpoint)
    configure(config.hardware, training=False)
    tokenizers = load_tokenizers(config.data, folder.tokenizer)
    store = CheckpointStore(folder.checkpoints)
    refuse_other_tokenizers(tokenizers, store, folder.path)
    model = build_model(config, tokenizers)
    store.restore_weights(model, found.path.absolute())
    return Run(folder, config, tokenizers, model, found.path.name)


def find_checkpoint(folder: RunFolder, name: str | None = None) -> Checkpoint:
    """A checkpoint of a run by its name, as for ``load_run``.

    Raises:
      UserError: there is none, or it is damaged.
    """
    store = CheckpointStore(folder.checkpoints)
    if name is not None:
        return store.find(name)
    chosen = str(folder.read_summary().get("checkpoint", "best"))
    try:
        return store.find(chosen)
    except UserError as error:
        if chosen == "best":
            raise
        logger.warning("%s The best checkpoint is taken in its place.", error)
        return store.find("best")


def average(path: str | Path, last: int) -> Path:
    """Averages the weights of the last checkpoints of a run into a new one, and returns its path."""
    return average_last(CheckpointStore(RunFolder.open(path).checkpoints), last).path
