"""A run that was trained: evaluating it and predicting with it."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seq2seq.config.groups.search import SearchConfig
from seq2seq.config.root import TrainConfig
from seq2seq.config.saved import load
from seq2seq.config.validate import problems_of
from seq2seq.datasets.readers.lines import file_lines
from seq2seq.errors import ConfigError, UserError, require_several
from seq2seq.files import WriteError, make_folder, write_atomically
from seq2seq.hardware.devices import configure, uses_gpu
from seq2seq.keras2 import keras
from seq2seq.runs.combined import fused_language_model, with_members
from seq2seq.runs.folder import RunFolder
from seq2seq.runs.opened import find_checkpoint, restore
from seq2seq.search import LanguageModel
from seq2seq.tasks.contract import Index, Prediction, Predictor
from seq2seq.tasks.evaluation import Evaluation, Evaluator
from seq2seq.tasks.readers import pair_reader
from seq2seq.tasks.table import names_with, task_of
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.training.checkpoints.averaging import average_last
from seq2seq.training.checkpoints.store import CheckpointStore

logger = logging.getLogger(__name__)

MAKERS = {"embed": "embedder", "align": "aligner", "score": "scorer", "score_tokens": "token_scorer"}
"""Methods of tasks, by the verb of what they make."""


def parameters(model: keras.Model) -> int:
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
      language_model: fused in every search; None: none.
      evaluator: of the model with the search of ``config``; None: made when it is asked for.
    """

    def __init__(
        self,
        folder: RunFolder,
        config: TrainConfig,
        tokenizers: Tokenizers,
        model: keras.Model,
        checkpoint: str = "",
        language_model: LanguageModel | None = None,
        evaluator: Evaluator | None = None,
    ) -> None:
        self.folder = folder
        self.checkpoint = checkpoint
        self.config = config
        self.task = task_of(config, language_model)
        self.tokenizers = tokenizers
        self.model = model
        self.language_model = language_model
        self._evaluator = evaluator
        self._indices: dict[str, Index] = {}
        self._predictors: dict[tuple[int, bool, bool, bool], Predictor] = {}
        self._makers: dict[tuple[str, ...], Callable[[Any], Iterator[Any]]] = {}
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def index(self, split: str) -> Index:
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

    def _make_index(self, split: str) -> Index:
        if self._scratch is None:
            return self.task.index(self.tokenizers, split, self.folder.path / "index", to_evaluate=True)
        config = replace(self.config, data=replace(self.config.data, index_dir=None))
        return task_of(config).index(self.tokenizers, split, Path(self._scratch.name), to_evaluate=True)

    def evaluator(self, search: SearchConfig | None = None) -> Evaluator:
        """What measures the run, with its own search, whose graphs are made once, or another.

        Raises:
          ConfigError: what is wrong with that other search.
        """
        if search is not None:
            return task_of(self._searching(search), self.language_model).evaluator(
                self.model, self.tokenizers
            )
        if self._evaluator is None:
            self._evaluator = self.task.evaluator(self.model, self.tokenizers)
        return self._evaluator

    def _searching(self, search: SearchConfig) -> TrainConfig:
        config = replace(self.config, search=search)
        if problems := problems_of(config):
            raise ConfigError(problems)
        return config

    def evaluate(self, split: str = "test") -> Evaluation:
        """Evaluates on a split, and writes what was predicted to ``predictions/SPLIT.txt``, reports beside it. Where
        that cannot be written, a warning says so.

        Raises:
          UserError: the data names no such split.
        """
        evaluation = self.evaluator().evaluate(self.index(split))
        for note in evaluation.notes:
            logger.warning("data.%s: %s", split, note)
        lines = "".join(f"{prediction.texts[0]}\n" for prediction in evaluation.predictions)
        try:
            make_folder(self.folder.predictions)
            for name, text in {"txt": lines, **evaluation.reports}.items():
                write_atomically(self.folder.predictions / f"{split}.{name}", text)
        except WriteError as error:
            logger.warning("The predictions are not kept: %s", error)
        return evaluation

    def predict(
        self,
        inputs: Iterable[Any],
        *,
        n_best: int | None = None,
        alignments: bool = False,
        timestamps: bool = False,
        parts: bool = False,
    ) -> Iterator[Prediction]:
        """What becomes of lines of text or of audio files, as the task takes them: in their order and, of inputs
        that can be asked (``Arriving``), as they arrive. The first call builds a graph, which later ones use, too.

        Args:
          inputs: lines; of speech, names of files.
          n_best: texts of each input; None: ``search.n_best``.
          alignments: whether predictions carry their alignment.
          timestamps: of speech, whether they carry the times of their words.
          parts: of translation and speech, whether they carry what each score is made of: ``parts``, a dictionary for
            each text, with Σ ``parts`` / ``length_penalty`` + ``coverage`` = score.

        Raises:
          TypeError: one input instead of several.
          ConfigError: the search does not find so many texts.
          UserError: the model has no alignments or timestamps; of speech, a file cannot be decoded or is too long,
            once there are the texts of those before it (``data.broken_audio=skip`` goes on without it).
        """
        require_several(inputs, self.task.inputs)
        predictor = self._predictor(n_best or self.config.search.n_best, alignments, timestamps, parts)
        return predictor.predict(inputs)

    def predict_files(
        self,
        files: Sequence[str],
        standard_input: BinaryIO | None,
        *,
        alignments: bool = False,
        timestamps: bool = False,
        parts: bool = False,
    ) -> Iterator[tuple[str, Prediction]]:
        """The same for what files hold, each with the name of its input; ``-`` is standard input."""
        predictor = self._predictor(self.config.search.n_best, alignments, timestamps, parts)
        return self.task.predict_files(predictor, files, standard_input)

    def _predictor(self, n_best: int, alignments: bool, timestamps: bool, parts: bool) -> Predictor:
        key = (n_best, alignments, timestamps, parts)
        if key not in self._predictors:
            config = self._searching(replace(self.config.search, n_best=n_best))
            self._predictors[key] = task_of(config, self.language_model).predictor(
                self.model, self.tokenizers, alignments=alignments, timestamps=timestamps, parts=parts
            )
        return self._predictors[key]

    def translate(self, texts: Iterable[str], n_best: int | None = None) -> list[Any]:
        """Translates texts, in their order.

        Args:
          texts: a line each.
          n_best: of each text a list of so many translations, best first; None: the best one.

        Raises:
          TypeError, ConfigError: see ``predict``.
          UserError: this is no run of translation.
        """
        return self._best_texts("translate", texts, n_best)

    def transcribe(self, files: Iterable[str | Path], n_best: int | None = None) -> list[Any]:
        """Writes down what is said in audio files, in their order; see ``translate``."""
        return self._best_texts("transcribe", files, n_best)

    def _best_texts(self, verb: str, inputs: Iterable[Any], n_best: int | None) -> list[Any]:
        self._require(verb)
        found = self.predict(inputs, n_best=n_best)
        return [one.texts[0] if n_best is None else one.texts for one in found]

    def classify(self, texts: Iterable[str], n_best: int | None = None) -> list[Any]:
        """The labels of texts, in their order; see ``translate``."""
        return self._best_texts("classify", texts, n_best)

    def generate(self, prompts: Iterable[str], n_best: int | None = None) -> list[Any]:
        """Texts that go on from prompts, with these; an empty one is the start of a line. See ``translate``; whether
        the likeliest texts or drawn ones is a matter of ``search``."""
        return self._best_texts("generate", prompts, n_best)

    def embed(self, lines: Iterable[str], pooling: str = "last") -> Iterator[np.ndarray]:
        """A vector ``[D]`` float32 of each line, in their order and as they arrive.

        Args:
          lines: of text.
          pooling: ``last``, the final h of the last layer of what reads, both directions side by side; ``mean`` or
            ``max`` of its outputs.

        Raises:
          TypeError: one line instead of several.
          UserError: this is a run of another task.
        """
        return self._maker("embed", pooling)(lines)

    def stateful(self, batch_size: int = 1) -> Any:
        """A language model that remembers what it has read, so many texts side by side: `StatefulLanguageModel`.

        Raises:
          UserError: this is a run of another task.
        """
        return self._require("stateful").stateful(self.model, self.tokenizers, batch_size)

    def align(self, manifest: str | Path) -> Iterator[Any]:
        """Finds when the words of given texts are said, in the order of their manifest.

        Args:
          manifest: a file or a folder of any format of speech; its columns or fields are called as in the run's data.

        Raises:
          UserError: this is no run of speech, or of one without CTC; something cannot be read.
        """
        return self._maker("align")(manifest)

    def score(self, examples: Iterable[Any]) -> Iterator[float]:
        """Log-probabilities in nats: of pairs of lines ``log p(target | source)``, of a language model's lines
        ``log p(line)``; ends of lines counted. With `search.ensemble` that of all models together, and of pairs with
        `search.language_model` its part besides: what a search scores without penalties.

        Raises:
          TypeError: something else than pairs of texts, or than texts.
          UserError: this is a run of another task.
        """
        return self._maker("score")(examples)

    def score_tokens(self, lines: Iterable[str]) -> Iterator[Any]:
        """The same of each token of lines: `LineScore`, ``pieces`` and ``log_probs``.

        Raises:
          TypeError, UserError: see ``score``.
        """
        return self._maker("score_tokens")(lines)

    def require_scored(self, files: Sequence[Path], verb: str = "score") -> None:
        """
        Raises:
          UserError: the task scores nothing, or not so many files together; one file may hold pairs.
        """
        scored = self._require(verb).scored
        if len(files) not in (1, len(scored)):
            usage = f"seq2seq score RUN {' '.join(scored)}"
            raise UserError(
                f"{self.folder.path} is a run of task={self.task.name}, which scores {' and '.join(scored)}, and"
                f" {len(files)} file{'s were' if len(files) > 1 else ' was'} given: {usage}"
            )

    def examples_in(self, file: Path) -> Iterable[Any]:
        """What ``score`` takes, of one file: lines, or pairs in a table or in JSON lines."""
        if len(self.task.scored) == 1:
            return file_lines(file)
        return pair_reader(self.config.data, file).pairs()

    def _maker(self, verb: str, *options: str) -> Callable[[Any], Iterator[Any]]:
        """What does that of which a verb speaks; made once, and so are its graphs."""
        key = (verb, *options)
        if key not in self._makers:
            make = getattr(self._require(verb), MAKERS[verb])
            self._makers[key] = make(self.model, self.tokenizers, *options)
        return self._makers[key]

    def _require(self, verb: str) -> Any:
        """The task, which can do that.

        Raises:
          UserError: it cannot.
        """
        if verb not in self.task.verbs:
            names = " or ".join(f"task={name}" for name in names_with(verb))
            raise UserError(
                f"{self.folder.path} is a run of task={self.task.name}, and {verb} is for {names}."
            )
        return self.task


def load_run(path: str | Path, overrides: Sequence[str] = (), checkpoint: str | None = None) -> Run:
    """Opens a run for use.

    Args:
      path: its folder.
      overrides: of its configuration, ``search.*`` as a rule.
      checkpoint: ``best``, ``latest``, or the name of one; None: what the run chose when it ended, or the best so far.

    Raises:
      UserError: there is no run, no such checkpoint, or an override is not valid; a run of ``search.ensemble`` or
        ``search.language_model`` does not go with this one.
    """
    folder = RunFolder.open(path)
    config = load(folder.config, overrides, tuned=True)
    found = find_checkpoint(folder, checkpoint)
    configure(config.hardware, training=False)
    opened = restore(folder, config, found, gpu=uses_gpu())
    model = with_members(opened)
    language_model = fused_language_model(opened)
    return Run(folder, config, opened.tokenizers, model, found.path.name, language_model)


def average(path: str | Path, last: int) -> Path:
    """Averages the weights of the last checkpoints of a run into a new one, and returns its path."""
    return average_last(CheckpointStore(RunFolder.open(path).checkpoints), last).path
