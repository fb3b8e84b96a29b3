"""The language model: what is refused, what a run does, and what it says of data and of its own failures."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq.config.compose import compose
from seq2seq.datasets.batches.windows import WindowMaker, window_plan
from seq2seq.errors import ConfigError, UserError
from seq2seq.metrics.metric import MetricOrder
from seq2seq.runs.check import report
from seq2seq.runs.train import train
from seq2seq.runs.use import Run, load_run
from seq2seq.tasks.language_model.evaluator import beginning, perplexities
from seq2seq.tasks.language_model.signs import frequency_statistics, no_context
from seq2seq.tasks.language_model.sizes import epochs_and_least, language_model_sizes
from seq2seq.tasks.sizes import TextCounts
from seq2seq.tasks.table import task_of
from seq2seq.training.optim.optimizers import SGD
from seq2seq.training.optim.schedules import Constant
from seq2seq.training.reports.signs import History
from seq2seq.training.step import TrainStep
from tests.closeness import assert_close
from tests.contracts.test_warm_start import stopped
from tests.runs.stopping import assert_ends_as_unbroken

LINES = [
    "a dog runs and sleeps",
    "the dog sleeps",
    "a cat runs fast",
    "the cat sees the dog",
    "dogs run",
    "cats sleep and sleep and sleep",
]
SPLITS = ("train", "val", "test")


def options(folder: Path, **splits: list[str]) -> list[str]:
    """Of a run on lines, those above where none are given."""
    for split in SPLITS:
        lines = splits.get(split, LINES)
        (folder / f"{split}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return [
        "task=language_model",
        "data=text",
        f"data.root={folder}",
        *(f"data.{split}={split}.txt" for split in SPLITS),
        "data.tokenizer.kind=word",
        "data.batch.type=examples",
        "data.batch.size=2",
        "model.embedding.size=4",
        "model.encoder.units=5",
        "training.progress=false",
        "training.plots=false",
        "training.report_every=1",
        "training.max_steps=6",
        "training.validate_every=3",
        "task.examples_shown=2",
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("language_model")
    config = compose([*options(folder), "training.plots=true", f"run_dir={folder / 'run'}"])
    return load_run(train(config))


# --- what is refused ---


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.encoder.bidirectional=true", "would read the token that is to be predicted"),
        ("model.encoder.kind=acoustic", "model.encoder.kind=acoustic: a language model is recurrent"),
        ("model.embedding.tie=all", "there is one vocabulary; write target_output, or none"),
        ("task.scheduled_sampling.schedule=constant", "is of decoders; leave it out"),
        ("task.extra_metrics=[bleu]", "task.extra_metrics=[bleu]: compare outputs, and here there are none"),
        ("task.lowercase_metric=true", "no texts are compared"),
        ("task.activation_l2=-1", "task.activation_l2=-1.0: must be at least 0"),
        ("model.encoder.weight_dropout=1", "model.encoder.weight_dropout=1.0: must be"),
        ("data.max_target_length=3", "a line has one length; write data.max_source_length"),
        ("data.tokenizer.shared=false", "a line has one vocabulary"),
        ("task.metric=accuracy", "task.metric=accuracy: not measured by task=language_model; valid: loss"),
        ("model.decoder.units=3", "model.decoder.units: no such key; only task=translation or task=speech"),
        ("search.coverage_penalty=0.1", "is of attention; leave it out"),
        ("data=tsv", "task=language_model does not read it"),
        ("task.stream.dynamic_rate=0.1", "learns from windows of a text; give task.stream.window"),
        ("task.stream.window=-1", "task.stream.window=-1: must be at least 0"),
    ],
)
def test_keys_that_mean_nothing_are_refused(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compose([*options(tmp_path), override])
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hardware=multi_worker"], "task.stream.window=4: workers do not share the state of its rows"),
        (
            ["data.tokenizer.kind=bpe", "data.tokenizer.sampling.alpha=0.1"],
            "data.tokenizer.sampling.alpha=0.1: would move the windows of task.stream.window=4",
        ),
    ],
)
def test_what_a_stream_cannot_do(tmp_path: Path, overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compose([*options(tmp_path), "task.stream.window=4", *overrides])
    assert message in str(refused.value)


# --- a run ---


def test_what_a_run_leaves(run: Run) -> None:
    summary = json.loads((run.folder.path / "summary.json").read_text())
    names = {"loss", "perplexity", "word_perplexity", "character_perplexity"}
    assert summary["test"].keys() == names
    assert summary["signatures"]["word_perplexity"] == "words:31|ends:6"
    training = run.task.training(run.tokenizers, run.folder.path / "index")
    assert training.order.metrics == MetricOrder.of("loss").metrics
    assert (run.folder.path / "predictions" / "test.txt").read_text().count("\n") == 2


def test_perplexities_of_three_lines_by_hand() -> None:
    texts = ["a b", "cde", ""]
    metrics, signatures = perplexities(12.0, 8, texts)
    assert metrics["loss"] == 1.5
    assert metrics["perplexity"] == pytest.approx(math.exp(12 / 8))
    assert metrics["word_perplexity"] == pytest.approx(math.exp(12 / (2 + 1 + 0 + 3)))
    assert metrics["character_perplexity"] == pytest.approx(math.exp(12 / (3 + 3 + 0 + 3)))
    assert signatures == {
        "perplexity": "tokens:8|ends:3",
        "word_perplexity": "words:6|ends:3",
        "character_perplexity": "characters:9|ends:3",
    }


def test_an_evaluation_is_what_score_says_whatever_the_batches(run: Run) -> None:
    scores = list(run.score(LINES))
    found = run.evaluate("test")
    words = sum(len(line.split()) + 1 for line in LINES)
    assert found.metrics["perplexity"] == pytest.approx(math.exp(-sum(scores) / words), rel=1e-5)
    assert found.metrics["word_perplexity"] == pytest.approx(found.metrics["perplexity"])  # words are tokens
    for size in (1, 3, 100):
        other = load_run(run.folder.path)
        other.config.data.batch.size_eval = size
        for name, value in other.evaluate("test").metrics.items():
            assert value == pytest.approx(found.metrics[name], rel=1e-6), name


def test_a_run_of_lines_can_read_on(run: Run) -> None:
    """As a stream: the first line as before, the others with what came before them; evaluation says the same."""
    reading = load_run(run.folder.path, ["task.stream.window=4"])
    alone, scores = list(run.score(LINES)), list(reading.score(LINES))
    assert scores[0] == pytest.approx(alone[0], rel=1e-5)
    assert all(abs(one - other) > 1e-4 for one, other in zip(scores[1:], alone[1:]))
    found = reading.evaluate("test").metrics
    assert found["loss"] == pytest.approx(-sum(scores) / 31, rel=1e-5)
    learning = load_run(run.folder.path, ["task.stream.window=4", "task.stream.dynamic_rate=0.3"])
    assert learning.evaluate("test").metrics["loss"] == pytest.approx(
        -sum(learning.score(LINES)) / 31, rel=1e-5
    )
    assert learning.evaluate("test").metrics["loss"] < found["loss"] - 1e-3
    with pytest.raises(UserError, match=r"dynamic_rate=0.3: runs are trained and validated without"):
        learning.task.training(run.tokenizers, run.folder.path / "index")
    random = load_run(run.folder.path, ["task.stream.random_window=true"])
    with pytest.raises(UserError, match=r"random_window=true: has no length to vary about; give task"):
        random.task.training(run.tokenizers, run.folder.path / "index")


def test_tokenizers_differ_in_tokens_alone(run: Run) -> None:
    """A model of whatever tokens gives a line one probability; per word and per character it is comparable."""
    (word,) = run.score_tokens(["the dog sleeps"])
    assert len(word.pieces) == 4
    spelt, _ = perplexities(-word.log_prob, 15, ["the dog sleeps"])
    words, _ = perplexities(-word.log_prob, 4, ["the dog sleeps"])
    assert spelt["word_perplexity"] == words["word_perplexity"]
    assert spelt["character_perplexity"] == words["character_perplexity"]
    assert spelt["perplexity"] != words["perplexity"]


def test_scores_are_in_order_and_of_every_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["the dog sleeps", "", "xyzzy", "a", "cats sleep and sleep and sleep and sleep"]
    together = list(run.score(lines))
    with monkeypatch.context() as patch:
        patch.setattr("tensorflow.function", None)  # one graph serves all calls
        assert together == pytest.approx([next(run.score([line])) for line in lines], rel=1e-5)
    tokens = list(run.score_tokens(lines))
    assert [found.log_prob for found in tokens] == pytest.approx(together)
    assert [len(found.pieces) for found in tokens] == [4, 1, 2, 2, 9]
    assert all(found.pieces[-1] == "</s>" for found in tokens)


def test_the_page_of_the_docs_runs(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "language_model.md"
    section = page.read_text(encoding="utf-8").partition("## From a program")[2].partition("\n## ")[0]
    code = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    exec(code.replace("runs/lm", str(run.folder.path)), scope)
    assert [len(scores) for scores in (scope["first"], scope["second"])] == [2, 2]
    assert len(scope["texts"]) == 2 and scope["reader"].batch_size == 2


def test_generation_is_a_function_of_the_seed(run: Run) -> None:
    def generate(seed: int, *more: str) -> list[str]:
        drawn = load_run(run.folder.path, ["search=sampling", f"search.seed={seed}", *more])
        texts: list[str] = drawn.generate(["the dog", ""], n_best=5)
        return [text for some in texts for text in some]

    first = generate(1)
    assert first == generate(1)
    assert first != generate(2)
    assert all(text.startswith("the dog") for text in first[:5])
    cold = generate(3, "search.temperature=1e-5")
    assert set(cold[:5]) == {run.generate(["the dog"])[0]}


def test_lines_are_continued_in_order(run: Run) -> None:
    lines = ["the dog", "", "a cat runs", "xyzzy"]
    together = list(run.predict(lines))
    for line, prediction in zip(lines[:3], together):
        assert prediction.texts[0].startswith(line)
        (alone,) = run.predict([line])
        assert alone.texts == prediction.texts


def test_attention_and_timestamps_and_more_files_are_refused(run: Run) -> None:
    with pytest.raises(UserError, match="Alignments are of attention; a language model has none"):
        run.predict(["a"], alignments=True)
    with pytest.raises(UserError, match="Timestamps are of speech; a language model has none"):
        run.predict(["a"], timestamps=True)
    with pytest.raises(UserError, match=r"scores TEXT, and 2 files were given: seq2seq score RUN TEXT$"):
        run.require_scored([Path("a"), Path("b")])
    with pytest.raises(UserError, match="classify is for task=classification"):
        run.classify(["a"])
    with pytest.raises(TypeError):
        run.score("a line")


def test_a_run_that_is_stopped_ends_as_one_that_is_not(tmp_path: Path) -> None:
    """In the middle of a pass over its text, whose state goes on where it was."""
    random = [
        "task.stream.window=5",
        "task.stream.random_window=true",
        "model.encoder.output_dropout=0.3",
        "model.encoder.weight_dropout=0.3",
        "model.embedding.word_dropout=0.2",
        "task.activation_l2=2",
        "task.temporal_l2=1",
    ]
    assert_ends_as_unbroken([*options(tmp_path), *random], tmp_path)


def test_a_pass_reads_each_row_of_the_text_as_one(tmp_path: Path) -> None:
    """The losses of the updates that a run makes, of weights that stay, add up to that of whole rows, pass after pass;
    no line is too long."""
    none = [f"model.{where}dropout=0" for where in ("embedding.", "encoder.", "encoder.output_")]
    given = [*options(tmp_path), *none, "data.max_source_length=3", "task.stream.window=4"]
    task = task_of(compose(given))
    tokenizers = task.make_tokenizers(tmp_path / "tokenizer")
    training, model = task.training(tokenizers, tmp_path / "index"), task.model(tokenizers)
    optimizer = SGD(Constant(0.0))
    optimizer.build(model.trainable_variables)
    step = TrainStep(
        model=model,
        loss=training.loss,
        optimizer=optimizer,
        signature=training.batches(0, 0).element_spec[0],
        carried=training.carried_state(model),
    )
    index = task.index(tokenizers, "train", tmp_path / "index")
    rows = WindowMaker(index, tokenizers.target, rows=2)(window_plan(31, 2, 31)[0])
    log_probs = tf.nn.log_softmax(model(rows.target_inputs, rows.target_length))
    chosen = tf.gather(log_probs, rows.target_outputs, batch_dims=2).numpy()
    expected = -sum(row[:length].sum() for row, length in zip(chosen, rows.target_length))
    for epoch in range(2):
        reports = [step(parts) for parts in training.batches(epoch, 0)]
        assert len(reports) == training.steps_per_epoch(epoch) == 4
        assert sum(report.tokens for report in reports) == 31
        assert_close(sum(report.cross_entropy * report.tokens for report in reports), expected)
    assert step.traces == 1
    assert training.full_batch is None
    random = task_of(compose([*given, "task.stream.random_window=true"]))
    assert random.training(tokenizers, tmp_path / "index").full_batch == 2 * 4


def test_lines_to_measure_on_are_whole(tmp_path: Path) -> None:
    task = task_of(compose([*options(tmp_path), "data.max_source_length=3"]))
    tokenizers = task.make_tokenizers(tmp_path / "tokenizer")
    lengths = [len(line.split()) for line in LINES]
    for split, to_evaluate in (("val", False), ("train", True)):
        index = task.index(tokenizers, split, tmp_path / "index", to_evaluate=to_evaluate)
        assert index.target.lengths.tolist() == lengths
    index = task.index(tokenizers, "train", tmp_path / "index")
    assert index.target.lengths.tolist() == [length for length in lengths if length <= 3]


def test_a_classifier_begins_with_it(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its shape, so that all of its encoder is taken: before the first update the outputs are exactly its."""
    (tmp_path / "labels.tsv").write_text("".join(f"{'ab'[n % 2]}\t{line}\n" for n, line in enumerate(LINES)))
    data = [f"data.{split}={tmp_path}/labels.tsv" for split in ("train", "val")]
    given = ["task=classification", "data=labelled_text", *data, "data.tokenizer.kind=word"]
    config = compose([*given, f"init.encoder={run.folder.path}"])
    assert (config.model.encoder.bidirectional, config.model.encoder.units) == (False, 5)
    (line,) = (line for line in report(config, steps=False) if line.startswith("init "))
    assert "encoder: layer 1, source embedding (" in line
    assert "not taken" not in line
    stopped([*given, f"init.encoder={run.folder.path}", f"run_dir={tmp_path / 'new'}"], monkeypatch, "_train")
    new = load_run(tmp_path / "new", checkpoint="latest")
    for text in LINES:
        ids, theirs = (
            tokenizer.encode([text]) for tokenizer in (new.tokenizers.source, run.tokenizers.target)
        )
        found, expected = new.model.encode(ids, [len(ids[0])]), run.model.encode(theirs, [len(theirs[0])])
        tf.nest.map_structure(np.testing.assert_array_equal, found, expected)


# --- what is said of data and training ---


def test_check_tells_lines_and_what_looks_wrong(tmp_path: Path) -> None:
    val = [*LINES[:2], "a bird sees"]
    lines = list(report(compose(options(tmp_path, train=LINES * 2, val=val)), steps=False))
    assert "train        12 lines read, 12 used" in lines
    assert any(line.startswith("  text       50 tokens; a line has") for line in lines)
    (seen,) = (line for line in lines if "lines of data.val" in line)
    assert f"2 of 3 lines of data.val are in data.train as well, such as {tmp_path}/val.txt, line 1" in seen
    (twice,) = (line for line in lines if "more than once" in line)
    assert f"such as {tmp_path}/train.txt, line 7: the model learns these by heart." in twice
    (unknown,) = (line for line in lines if "of data.val's tokens are unknown" in line)
    assert unknown.startswith("note: ")


def test_a_model_that_knows_frequencies_alone_is_a_sign() -> None:
    ids = np.repeat(np.arange(4, 8), 300)
    entropy = frequency_statistics(1.0, ids, 300)["of_frequencies"] ** -1
    assert entropy == pytest.approx(math.log(5))
    assert frequency_statistics(1.0, ids[:100], 3) == {}
    order = MetricOrder.of("loss")
    figures = [{"step": step, "signs/of_frequencies": 0.99} for step in (400, 500)]
    assert (no_context(History(order, 1000, figures)) or "").startswith("The validation loss is 99% of what")
    assert (
        no_context(History(order, 1000, [{**each, "signs/of_frequencies": 0.9} for each in figures])) is None
    )


def test_examples_begin_with_the_first_words() -> None:
    assert beginning("one two three four five six seven") == "one two three"
    assert beginning("one two three") == "one"
    assert beginning("word") == "w"
    assert beginning("") == ""


def test_sizes_follow_the_data(tmp_path: Path) -> None:
    config = compose(options(tmp_path))
    amounts = [TextCounts(n, 20 * n, 8 * round(n**0.8), 100) for n in (1_000, 100_000, 1_000_000, 10_000_000)]
    decided = [language_model_sizes(config, counts) for counts in amounts]
    for key in ("data.tokenizer.vocabulary_size", "data.batch.size", "model.encoder.units"):
        values = [each[key].value for each in decided]
        assert values == sorted(values) and values[0] < values[-1]
    dropout = [each["model.encoder.output_dropout"].value for each in decided]
    assert dropout == sorted(dropout, reverse=True)
    epochs = [epochs_and_least(counts)[0] for counts in amounts]
    assert epochs == sorted(epochs, reverse=True)
