"""`seq2seq export` and `inspect`, on runs that nobody has trained."""

from __future__ import annotations

import io
import json
import os
import shutil
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
import soundfile

from seq2seq import cli
from seq2seq.config.compose import compose
from seq2seq.config.saved import to_yaml
from seq2seq.errors import UserError
from seq2seq.keras2 import keras
from seq2seq.runs import export
from seq2seq.runs.folder import RunFolder
from seq2seq.serving.manifest import is_version, new_target, read_manifest
from seq2seq.serving.verification import Call
from seq2seq.tasks.table import task_of
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.tasks.translation import serving
from seq2seq.text import Normalizer, SentencePieceTokenizer
from seq2seq.training.checkpoints.store import CheckpointStore
from tests.tiny_speech import RATE, SIZES

LINES = ["a dog runs", "the dog sleeps", "a cat runs fast", "", "the cat sees the dog", "dogs"]
TRANSLATION = [
    "model.embedding.size=6", "model.encoder.units=4", "model.decoder.units=8", "model.decoder.attention.layer_size=6",
    "model.initializer_range=0.5", "data=parallel_text", "data.tokenizer.kind=word",
    *(f"data.{split}.{side}={side}" for split in ("train", "val") for side in ("source", "target")),
]  # fmt: skip
SPEECH = [*SIZES, "task.ctc_weight=1", "data.train=table.tsv", "data.val=table.tsv", "data.test=table.tsv"]


def make_run(folder: Path, task: str, choices: list[str]) -> Path:
    config = compose([*choices, f"data.root={folder}"])
    run = RunFolder.create(folder / "run", task=task)
    run.write_config(to_yaml(config))
    tokenizers = task_of(config).make_tokenizers(run.tokenizer)
    keras.utils.set_random_seed(3)
    model = task_of(config).model(tokenizers)
    CheckpointStore(run.checkpoints).save(step=1, model=model, training={}, state={}, best=True)
    return run.path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("translation")
    for side in ("source", "target"):
        (folder / side).write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    return make_run(folder, "translation", TRANSLATION)


def seq2seq(*arguments: object) -> int:
    """Runs a command; returns its exit code."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def printed(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """An export, and what was printed of it."""
    target = tmp_path_factory.mktemp("exported") / "models [best]" / "1"
    overrides = ["search=beam", "search.beam_width=2", "export.precision=bfloat16"]
    with redirect_stdout(io.StringIO()) as output:
        assert seq2seq("export", run, target, *overrides) == 0
    return target, output.getvalue().splitlines()


@pytest.fixture(scope="module")
def exported(printed: tuple[Path, list[str]]) -> Path:
    return printed[0]


def run_as_program(lines: list[str]) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    exec("\n".join(lines), scope)
    return scope


def test_an_export_says_what_it_is(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [path.name for path in exported.parent.iterdir()] == ["1"]
    manifest = json.loads((exported / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["run"]["checkpoint"] == "step-00000001"
    assert manifest["search"]["beam_width"] == 2
    assert manifest["ops"] == {"not_core": []}
    assert manifest["weights"]["bytes"] < 0.7 * manifest["weights"]["bytes_float32"]
    assert {"loss", "bleu"} <= set(manifest["weights"]["metrics"])
    assert min(manifest["weights"]["examples_per_second"].values()) > 0
    assert manifest["verification"]["examples"] == 5  # which are not empty
    assert manifest["verification"]["calls"]["translate"] == 6  # each alone, and all together

    assert seq2seq("inspect", exported) == 0
    text = capsys.readouterr().out
    assert "translation, from the checkpoint step-00000001 of run" in text
    assert "< beam_width       int32 [], default 2" in text
    assert "serving_default: translate" in text
    assert (
        "limits of a request: max_batch 64, max_bytes 10000, max_tokens 500, max_beam_width 100, max_hypotheses 640"
        in text.splitlines()
    )
    assert "bfloat16" in text


def test_what_export_prints_is_a_program_that_calls_every_signature(
    printed: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """Its texts are of the run's own languages, here the shortest pair of its validation data."""
    exported, lines = printed
    assert "in a path as a pattern" in "\n".join(lines)
    (tmp_path / "models").symlink_to(exported.parent)
    plain = str(tmp_path / "models" / "1")
    lines = [
        line.replace(str(exported), plain) for line in lines[:-2]
    ]  # without the weights, and where they are
    assert 'model.signatures["translate"](tf.constant(["dogs"]))["text"]' in lines
    called = {line.split('"')[1] for line in lines if line.startswith("model.signatures")}
    assert called == set(run_as_program(lines)["model"].signatures) - {"serving_default"}
    assert "# translate, the default: text string[?] → n_best, scores, text" in lines
    assert f'-v "{exported.parent}:/models/seq2seq"' in lines[-1]


@pytest.mark.slow
def test_sound_is_exported_too(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    rows = ["audio\ttext"]
    for number, text in enumerate(["a b", "cab", "dab a"]):
        audio = 0.3 * generator.standard_normal(RATE // 2 + 400 * number)
        soundfile.write(tmp_path / f"{number}.wav", audio, RATE)
        rows.append(f"{number}.wav\t{text}")
    (tmp_path / "table.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    run = make_run(tmp_path, "speech", SPEECH)
    with redirect_stdout(io.StringIO()) as printed:
        assert seq2seq("export", run, tmp_path / "1") == 0
    manifest = read_manifest(tmp_path / "1")
    assert manifest["sample_rate"] == RATE
    assert manifest["default"] == "transcribe"
    assert manifest["verification"]["calls"]["transcribe"] == 4
    run_as_program(printed.getvalue().splitlines()[:-2])


def test_an_export_that_answers_otherwise_is_never_seen(
    run: Path,
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Here one that is made already, and ought to say something else."""
    monkeypatch.setattr(
        export, "save_module", lambda _, folder: shutil.copytree(exported, folder, dirs_exist_ok=True)
    )
    wrong = Call("translate", {"text": ["a dog runs"]}, {"text": ["what it does not say"]})
    monkeypatch.setattr(serving, "translation_calls", lambda *_, **__: [wrong])
    check, seen = export.check_exports, []

    def looking(exports: Any, **options: Any) -> Any:
        seen.extend(path.name for path in tmp_path.iterdir())
        return check(exports, **options)

    monkeypatch.setattr(export, "check_exports", looking)
    assert seq2seq("export", run, tmp_path / "1") == 2
    message = capsys.readouterr().err
    assert "The export answers unlike the checkpoint and was removed: translate → text: at [0] " in message
    assert seen
    assert not any(name.isdigit() for name in seen)  # which is what a server takes for a version
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "EXPORTED"], "exists already"),
        (["EMPTY", "new/1"], "holds no run"),
        (["UNTRAINED", "new/1"], "holds no checkpoint"),
        (["RUN", "new/1", "--checkpoint", "step-9"], "step-9"),
        (["RUN", "EXPORTED/manifest.json/1"], "manifest.json is a file; give another folder"),
        (["RUN", "new/.."], "exists already"),
        (["RUN", "LINK"], "exists already"),
        (["RUN", "n" * 300], "cannot be made (File name too long)"),
        (["RUN", "RUN/checkpoints/1"], "checkpoints is the run's own; give a folder elsewhere"),
        (["RUN", "new/1", "export.max_batch=0"], "export.max_batch=0: must be above 0"),
        (["RUN", "new/1", "export.max_seconds=nan"], "export.max_seconds=nan: must be a finite number, above 0"),
        (["RUN", "new/1", "export.max_tokens=1"], "nothing to check an export on"),
        (["RUN", "1", "search=beam", "export.max_hypotheses=4"], "at most export.max_hypotheses=4"),
        (["RUN", "1", "data.val.source=nowhere"], "nowhere"),
        (["RUN", "1", "search=beam", "search.beam_width=101"], "at most export.max_beam_width=100"),
        (["RUN", "new/1", "export.tokenizer=maybe"], "export.tokenizer=maybe: must be one of auto, in_graph, none"),
        (["RUN", "new/1", "export.precision=float16"], "export.precision=float16: must be one of float32, bfloat16"),
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
    (link := run.with_name("link")).unlink(missing_ok=True)
    link.symlink_to("nowhere")
    places = {"RUN": run, "EXPORTED": exported, "EMPTY": tmp_path, "UNTRAINED": untrained, "LINK": link}
    words = [[str(places.get(part, part)) for part in argument.split("/", 1)] for argument in arguments]
    assert seq2seq("export", *("/".join(parts) for parts in words)) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_where_an_export_may_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    run = tmp_path / "run"
    for path, target in [
        ("~/exported/1", tmp_path / "exported" / "1"),
        ("exported/../1", Path("1")),
        ("~no-such-user/1", Path("~no-such-user/1")),
        ("run/exported/1", Path("run/exported/1")),
    ]:
        assert new_target(Path(path), run) == target
    with pytest.raises(UserError, match=r"checkpoints is the run's own"):
        new_target(Path("run/checkpoints/1"), run)
    assert [name for name in ("1", "a/20", "v1", "1.5", "²", "") if is_version(Path(name))] == ["1", "a/20"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named_at_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written to; give another folder"):
        new_target(tmp_path / "exported" / "1", tmp_path / "run")


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index"])
def test_an_export_that_lost_something_is_one_sentence(
    name: str, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "1"
    shutil.copytree(exported, copy)
    assert seq2seq("inspect", copy) == 0
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:-7])
    assert seq2seq("inspect", copy) == 2
    (copy / name).unlink()
    assert seq2seq("inspect", copy) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: {copy}: is damaged, {name} has {kept} of its {len(content)} bytes; export the run again"
        for kept in (len(content) - 7, "none")
    ]


def test_a_folder_of_exports_names_the_newest(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (2, 10):
        (tmp_path / str(number)).mkdir()
        shutil.copy(exported / "manifest.json", tmp_path / str(number))
    assert seq2seq("inspect", tmp_path) == 2
    assert f"give {tmp_path}/10\n" in capsys.readouterr().err


def test_a_folder_without_an_export_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seq2seq("inspect", tmp_path) == 2
    assert f"error: {tmp_path}: holds no export" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        '{"format": 1}',
        '{"format": 1, "files": [1]}',
        '{"format": 1, "run": 3}',
        "\0\0",
    ],
)
def test_a_damaged_manifest_is_one_sentence(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text(content)
    assert seq2seq("inspect", tmp_path) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")


def test_a_model_without_a_form_in_a_graph(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES),
        model_prefix=str(tmp_path / "words"),
        model_type="word",
        vocab_size=9,
        pad_id=0, unk_id=1, bos_id=2, eos_id=3,
        minloglevel=2,
    )  # fmt: skip
    tokenizer = SentencePieceTokenizer.load(tmp_path / "words.model", Normalizer("nfkc"))
    tokenizers = Tokenizers(tokenizer, tokenizer)
    assert not served("auto", tokenizers).in_graph
    assert "send token ids, not text: a SentencePiece model of words" in caplog.text
    with pytest.raises(
        UserError, match=r"model of words has no form in a graph, or choose export.tokenizer=none"
    ):
        served("in_graph", tokenizers)


def served(tokenizer: str, tokenizers: Tokenizers) -> Any:
    config: Any = compose([f"export.tokenizer={tokenizer}"])
    return serving.TranslationServing(config, None, tokenizers)  # type: ignore[arg-type]
