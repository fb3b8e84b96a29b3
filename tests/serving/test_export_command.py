"""`seq2seq export` and `inspect`, on a run that nobody has trained."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from seq2seq import cli
from seq2seq.config.compose import compose
from seq2seq.config.saved import to_yaml
from seq2seq.errors import UserError
from seq2seq.serving import export
from seq2seq.tasks.build import Tokenizers, make_tokenizers
from seq2seq.text import Normalizer, SentencePieceTokenizer
from seq2seq.training.checkpoints import WEIGHTS, Checkpoint, checksums, new_checkpoint
from seq2seq.training.run import build_model
from seq2seq.training.run_folder import RunFolder

LINES = ["a dog runs", "the dog sleeps", "a cat runs fast", "", "the cat sees the dog", "dogs"]
SIZES = [
    "model.embedding.size=6", "model.encoder.units=4", "model.decoder.units=8", "model.decoder.attention.layer_size=6",
    "model.initializer_range=0.5",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    for side in ("source", "target"):
        (folder / side).write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    splits = [f"data.{split}.{side}={side}" for split in ("train", "val") for side in ("source", "target")]
    config = compose(
        ["data=parallel_text", f"data.root={folder}", *splits, "data.tokenizer.kind=word", *SIZES]
    )
    run = RunFolder.create(folder / "run", task="translation")
    run.write_config(to_yaml(config))
    tokenizers = make_tokenizers(config.data, run.tokenizer, seed=1)
    tf.keras.utils.set_random_seed(3)
    model = build_model(config, tokenizers)
    with new_checkpoint(run.checkpoints / "step-00000001") as temporary:
        tf.train.Checkpoint(model=model).write(str(temporary / WEIGHTS))
        Checkpoint(path=temporary, step=1, checksums=checksums(temporary)).write_manifest()
    return run.path


def seq2seq(*arguments: object) -> int:
    """Runs a command; returns its exit code."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("exported") / "models" / "1"
    overrides = ["search=beam", "search.beam_width=2", "export.precision=bfloat16"]
    assert seq2seq("export", run, target, "--checkpoint", "latest", *overrides) == 0
    return target


def test_an_export_says_what_it_is(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [path.name for path in exported.parent.iterdir()] == ["1"]
    manifest = json.loads((exported / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["run"]["checkpoint"] == "step-00000001"
    assert manifest["search"]["beam_width"] == 2
    assert manifest["ops"] == {"not_core": [], "library": None}
    assert manifest["weights"]["bytes"] < 0.7 * manifest["weights"]["bytes_float32"]
    assert {"loss", "bleu"} <= set(manifest["weights"]["metrics"])
    assert min(manifest["weights"]["examples_per_second"].values()) > 0
    assert manifest["verification"]["calls"]["translate"] == 4  # three alone, all together

    capsys.readouterr()
    assert seq2seq("inspect", exported) == 0
    text = capsys.readouterr().out
    assert "translation, from the checkpoint step-00000001 of run" in text
    assert "< beam_width       int32 [], default 2" in text
    assert "serving_default: translate" in text
    assert "bfloat16" in text


def test_every_example_call_that_is_printed_works(exported: Path) -> None:
    from seq2seq.serving.manifest import examples, read_manifest

    lines = list(examples(read_manifest(exported), exported))
    calls = [line for line in lines if line.startswith("model")]
    assert len(calls) == 9  # to load it, and every signature but the one that has two names
    scope = {"tf": tf}
    for call in calls:
        exec(call, scope)
    assert f'-v "{exported.parent}:/models/seq2seq"' in lines[-1]


def test_an_export_that_answers_otherwise_is_removed(
    run: Path,
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Here the export of another search, with weights that are rounded."""
    monkeypatch.setattr(export, "save_module", lambda _, folder: shutil.copytree(exported, folder))
    target = tmp_path / "1"
    assert seq2seq("export", run, target, "--checkpoint", "latest") == 2
    message = capsys.readouterr().err
    assert "The export answers unlike the checkpoint and was removed: " in message
    assert "translate" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "EXPORTED"], "exists already"),
        (["EMPTY", "new/1"], "holds no run"),
        (["UNTRAINED", "new/1"], "holds no checkpoint"),
        (["RUN", "new/1", "export.tokenizer=maybe"], "export.tokenizer=maybe: must be one of auto, in_graph, none"),
        (["RUN", "new/1", "export.wieghts=int8"], "did you mean export.weights?"),
        (["RUN", "new/1", "model.encoder.units=3"], "model.encoder.units=3: a trained run takes"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_one_sentence(
    arguments: list[str],
    message: str,
    run: Path,
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    untrained = run.with_name("untrained")
    shutil.copytree(run, untrained, ignore=lambda *_: ["checkpoints"], dirs_exist_ok=True)
    places = {"RUN": run, "EXPORTED": exported, "EMPTY": tmp_path, "UNTRAINED": untrained}
    assert seq2seq("export", *(places.get(argument, argument) for argument in arguments)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_an_export_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seq2seq("inspect", tmp_path) == 2
    assert f"error: {tmp_path}: holds no export" in capsys.readouterr().err


def test_sentencepiece_without_tensorflow_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    tokenizer = SentencePieceTokenizer.train(
        LINES, kind="bpe", vocabulary_size=30, normalizer=Normalizer("nfkc")
    )
    tokenizers = Tokenizers(tokenizer, tokenizer)
    assert not export.tokenizer_in_graph(compose(["export.tokenizer=auto"]), tokenizers)
    assert not export.tokenizer_in_graph(compose(["export.tokenizer=none"]), tokenizers)
    with pytest.raises(
        UserError, match=r"pip install 'seq2seq-tf\[serving\]'.* or choose export.tokenizer=none"
    ):
        export.tokenizer_in_graph(compose(["export.tokenizer=in_graph"]), tokenizers)
