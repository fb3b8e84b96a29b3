"""LSTM weights out of TensorFlow 1's checkpoints into files and runs, and back; TensorFlow 1's cells judge."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seq2seq import cli
from seq2seq.config.compose import compose
from seq2seq.config.saved import to_yaml
from seq2seq.errors import UserError
from seq2seq.interop.convert_tf1 import convert, lstm_cells
from seq2seq.interop.tf1_checkpoint import Tf1Checkpoint, write_checkpoint
from seq2seq.layers.lstm_cell import CellOptions
from seq2seq.layers.tf1_weights import cell_arrays, from_tf1_weights
from seq2seq.runs.folder import RunFolder
from seq2seq.runs.use import load_run
from seq2seq.tasks.table import task_of
from seq2seq.training.checkpoints.store import CheckpointStore
from tests.closeness import assert_close
from tests.layers.tf1_cells import UNITS, VARIANTS, D, assert_steps_equal, cell_scope, run, v1

EVERYTHING = VARIANTS["lstm, everything"][1]
SCOPE = "encoder/rnn/lstm_cell"


@pytest.fixture(scope="module")
def tf1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with an LSTM of every option and Adam's slots."""
    prefix = tmp_path_factory.mktemp("tf1") / "model.ckpt-7"
    run("LSTMCell", EVERYTHING, save=prefix, optimizer=True)
    return prefix


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose encoder reads what `INPUTS` holds, with the units and options of `tf1`."""
    root = tmp_path_factory.mktemp("run")
    for name in ("a.source", "a.target"):
        (root / name).write_text("a b c\nb c a\n")
    config = compose(
        [
            "data=parallel_text",
            f"data.root={root}",
            *[f"data.{split}.{side}=a.{side}" for split in ("train", "val") for side in ("source", "target")],
            "data.tokenizer.kind=word",
            f"model.embedding.size={D}",
            f"model.encoder.units={UNITS}",
            "model.decoder.units=8",
            "model.decoder.attention.layer_size=6",
            "model.cell.use_peepholes=true",
            f"model.cell.num_proj={EVERYTHING.num_proj}",
            f"model.cell.cell_clip={EVERYTHING.cell_clip}",
            f"model.cell.proj_clip={EVERYTHING.proj_clip}",
        ]
    )  # fmt: skip
    folder = RunFolder.create(root / "run", task="translation")
    folder.write_config(to_yaml(config))
    task = task_of(config)
    model = task.model(task.make_tokenizers(folder.tokenizer))
    CheckpointStore(folder.checkpoints).save(
        step=3, model=model, training={"model": model}, state={}, best=True
    )
    return folder.path


def refused(*args: Any, **options: Any) -> str:
    with pytest.raises(UserError) as error:
        convert(*args, **options)
    message = str(error.value)
    assert "\n" not in message
    return message


# --- into a file and back ---


@pytest.mark.parametrize("version", [v1.train.SaverDef.V1, v1.train.SaverDef.V2])
@pytest.mark.parametrize("variant", ["lstm, everything", "basic", "block, peepholes, cell_clip"])
def test_a_file_and_back_gives_the_outputs_of_before(variant: str, version: int, tmp_path: Path) -> None:
    kind, options = VARIANTS[variant]
    before = run(kind, options, save=tmp_path / "model.ckpt", version=version)
    file, scope = tmp_path / "new" / "cell.npz", cell_scope(kind)
    lines = convert(tmp_path / "model.ckpt", scopes=[scope], forget_bias=options.forget_bias, output=file)
    assert lines[-1] == f"wrote {file}"
    with np.load(file) as arrays:
        for name, array in from_tf1_weights(before.weights, options.forget_bias).items():
            np.testing.assert_array_equal(arrays[name], array)

    back = tmp_path / "back" / "model.ckpt"
    other = cell_scope(kind, "other")
    convert(file, scopes=[other], forget_bias=options.forget_bias, output=back, back=True)
    after = run(kind, options, scope="other", restore=back)
    assert_close(after.outputs, before.outputs)
    reader = tf.train.load_checkpoint(str(back))
    assert sorted(reader.get_variable_to_shape_map()) == sorted(f"{other}/{name}" for name in before.weights)


def test_the_report_names_everything_under_the_scope(tf1: Path, tmp_path: Path) -> None:
    lines = convert(tf1, scopes=[SCOPE], output=tmp_path / "cell.npz")
    table = [line.split() for line in lines]
    assert table[:3] == [
        f"{SCOPE}/kernel [8, 16] → kernel [5, 16]".split(),
        ["→", "recurrent_kernel", "[3,", "16]"],
        f"{SCOPE}/bias [16] → bias [16] forget bias 1 added".split(),
    ]
    ignored = {row[0] for row in table if row[-1] == "ignored"}
    names = ("kernel", "bias", "w_i_diag", "w_f_diag", "w_o_diag", "projection/kernel")
    assert ignored == {f"{SCOPE}/{name}/{slot}" for name in names for slot in ("Adam", "Adam_1")}
    assert lines[-2].startswith("note: a checkpoint does not say cell_clip and proj_clip")
    assert len(lines) == 7 + 12 + 2


# --- into a run and back ---


def test_into_a_run_and_back(trained: Path, tmp_path: Path) -> None:
    forward = run("LSTMCell", EVERYTHING)
    backward = run("LSTMCell", EVERYTHING, weights={name: -array for name, array in forward.weights.items()})
    wanted = {"fw": forward, "bw": backward}
    both = tmp_path / "both.ckpt"
    tensors = {
        f"{side}/rnn/lstm_cell/{n}": a for side, outcome in wanted.items() for n, a in outcome.weights.items()
    }
    write_checkpoint(both, tensors)
    scopes = [f"{layer}/rnn/lstm_cell" for layer in wanted]
    layers = ["encoder/forward_0", "encoder/backward_0"]
    bias = EVERYTHING.forget_bias
    lines = convert(both, scopes=scopes, layers=layers, into=trained, forget_bias=bias)
    name = lines[-1].partition(",")[0].rpartition("/")[2]
    assert lines[-1].endswith(f"all else as in step-00000003; --checkpoint {name} chooses it")
    assert "encoder/backward_0/recurrent_kernel" in "\n".join(lines)

    before, after = (lstm_cells(load_run(trained, checkpoint=which).model) for which in (None, name))
    for layer, outcome in zip(layers, wanted.values()):
        assert_steps_equal(after[layer], outcome)
    for weight, array in cell_arrays(before["decoder/cell_0"]).items():
        np.testing.assert_array_equal(cell_arrays(after["decoder/cell_0"])[weight], array)

    back = tmp_path / "back.ckpt"
    convert(trained, scopes=scopes, layers=layers, forget_bias=bias, output=back, back=True, checkpoint=name)
    reader = tf.train.load_checkpoint(str(back))
    for name, array in tensors.items():
        assert_close(reader.get_tensor(name), array)
    assert len(reader.get_variable_to_shape_map()) == 12


def test_a_second_conversion_leaves_the_first(trained: Path, tf1: Path) -> None:
    options: dict[str, Any] = {"scopes": [SCOPE], "layers": ["encoder/forward_0"], "into": trained}
    one, other = (convert(tf1, **options)[-1].partition(",")[0] for _ in range(2))
    assert one != other
    assert CheckpointStore(trained / "checkpoints").find("latest").path.name == "step-00000003"


def test_layers_that_are_not_there_or_do_not_fit(trained: Path, tf1: Path) -> None:
    there = "there are encoder/forward_0, encoder/backward_0, decoder/cell_0."
    options: dict[str, Any] = {"scopes": [SCOPE], "into": trained}
    assert refused(tf1, layers=["encoder"], **options).endswith(f"has no such LSTM; {there}")
    assert "1 and 0 are given; there are encoder/forward_0" in refused(tf1, **options)
    assert "1 and 2 are given" in refused(tf1, layers=["decoder/cell_0", "encoder/forward_0"], **options)
    checkpoints = sorted((trained / "checkpoints").iterdir())
    message = refused(tf1, layers=["decoder/cell_0"], **options)
    assert (
        "The weights do not fit decoder/cell_0: kernel is [5, 16] in the weights and [11, 32] in" in message
    )
    assert sorted((trained / "checkpoints").iterdir()) == checkpoints
    assert "There is no checkpoint 'gone'" in refused(
        tf1, layers=["decoder/cell_0"], checkpoint="gone", **options
    )


def test_options_that_do_not_fit(trained: Path, tmp_path: Path) -> None:
    options = CellOptions(num_proj=EVERYTHING.num_proj)
    run("LSTMCell", options, save=tmp_path / "model.ckpt")
    message = refused(tmp_path / "model.ckpt", scopes=[SCOPE], layers=["encoder/forward_0"], into=trained)
    assert (
        "peephole_i is not there in the weights and [4] in encoder/forward_0 (use_peepholes differs)"
        in message
    )


# --- what a checkpoint holds ---


def save(prefix: Path, **shapes: list[int]) -> Path:
    with tf.Graph().as_default(), v1.Session() as session:
        for name, shape in shapes.items():
            v1.get_variable(name, shape)
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(prefix))
    return prefix


def test_scopes_are_listed(tmp_path: Path) -> None:
    path = save(
        tmp_path / "model.ckpt",
        **{
            "rnn/multi_rnn_cell/cell_0/lstm_cell/kernel": [9, 16],
            "rnn/multi_rnn_cell/cell_0/lstm_cell/bias": [16],
            "rnn/multi_rnn_cell/cell_1/my_cell/kernel": [6, 16],
            "rnn/multi_rnn_cell/cell_1/my_cell/bias": [16],
            "rnn/multi_rnn_cell/cell_1/my_cell/projection/kernel": [4, 2],
            "old/basic_lstm_cell/weights": [9, 16],
            "old/basic_lstm_cell/biases": [16],
            "decoder/dense/kernel": [9, 16],
            "decoder/dense/bias": [16],
        },
    )
    wanted = [
        ("old/basic_lstm_cell", "4 units, 5 inputs"),
        ("rnn/multi_rnn_cell/cell_0/lstm_cell", "4 units, 5 inputs"),
        ("rnn/multi_rnn_cell/cell_1/my_cell", "4 units, 4 inputs, num_proj 2"),
    ]
    for source in (
        path,
        tmp_path,
        tmp_path / "model.ckpt.index",
        tmp_path / "model.ckpt.data-00000-of-00001",
    ):
        assert [tuple(line.split(maxsplit=1)) for line in convert(source)] == wanted
    names = ", ".join(scope for scope, _ in wanted)
    assert f"holds no LSTM in the scope rnn; there are {names}." in refused(
        path, scopes=["rnn"], output=tmp_path / "x"
    )
    assert refused(path, output=tmp_path / "x") == f"--scope is missing; there are {names}."
    assert convert(path, scopes=["old/basic_lstm_cell"], output=tmp_path / "old.npz")[0].split() == (
        ["old/basic_lstm_cell/weights", "[9,", "16]", "→", "kernel", "[5,", "16]"]
    )
    assert (
        len(convert(path, scopes=["decoder/dense"], output=tmp_path / "asked.npz")) == 5
    )  # by shape it could be one


def test_scopes_by_their_shapes_where_no_name_says_lstm(tmp_path: Path) -> None:
    path = save(
        tmp_path / "model.ckpt", **{"a/kernel": [9, 16], "a/bias": [16], "b/kernel": [3, 3], "b/bias": [3]}
    )
    assert convert(path) == ["a  4 units, 5 inputs"]


def test_checkpoints_without_an_lstm(tmp_path: Path) -> None:
    path = save(tmp_path / "model.ckpt", **{"b/kernel": [3, 3], "b/bias": [3]})
    assert "holds no LSTM: no scope has a kernel" in refused(path)
    assert "holds no LSTM" in refused(path, scopes=["b/c"], output=tmp_path / "x")
    tf.train.Checkpoint(x=tf.Variable(1.0)).write(str(tmp_path / "tf2"))
    assert "is a checkpoint of TensorFlow 2's objects" in refused(tmp_path / "tf2")


def test_an_lstm_that_is_not_whole(tmp_path: Path) -> None:
    path = save(tmp_path / "model.ckpt", **{"a/lstm_cell/kernel": [9, 16]})
    message = refused(path, scopes=["a/lstm_cell"], output=tmp_path / "x.npz")
    assert message == "a/lstm_cell/bias is missing: beside kernel [9, 16] it must be [16]."
    assert not (tmp_path / "x.npz").exists()


def test_cudnn_cells_have_no_forget_bias(tmp_path: Path) -> None:
    scope = "cudnn_lstm/cudnn_compatible_lstm_cell"
    path = save(tmp_path / "model.ckpt", **{f"{scope}/kernel": [9, 16], f"{scope}/bias": [16]})
    hint = "note: TF1's CudnnCompatibleLSTMCell has no forget bias; give --forget-bias 0"
    for forget_bias, there in ((1.0, True), (0.0, False)):
        lines = convert(path, scopes=[scope], forget_bias=forget_bias, output=tmp_path / "x.npz")
        assert (hint in lines) is there


# --- what is refused ---


def test_checkpoints_that_cannot_be_read(tf1: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no checkpoint")
    for path in (tmp_path / "gone", tmp_path, tmp_path / "text"):
        message = refused(path)
        assert message.startswith(f"{path} cannot be read as a TensorFlow 1 checkpoint; give its prefix")
    shutil.copy(f"{tf1}.index", tmp_path / "half.index")
    assert "cannot be read" in refused(tmp_path / "half", scopes=[SCOPE], output=tmp_path / "x")


def test_options_that_do_not_go_together(tf1: Path, tmp_path: Path) -> None:
    output, into = tmp_path / "x", tmp_path
    assert "one of --output FILE.npz and --into RUN" in refused(tf1, scopes=[SCOPE])
    assert "one of --output FILE.npz and --into RUN" in refused(tf1, scopes=[SCOPE], output=output, into=into)
    assert "--output takes one --scope and no --layer" in refused(tf1, scopes=[SCOPE] * 2, output=output)
    assert "--output takes one --scope and no --layer" in refused(
        tf1, scopes=[SCOPE], layers=["a"], output=output
    )
    assert "holds no run" in refused(tf1, scopes=[SCOPE], layers=["a"], into=into)
    for options in (
        {"output": output},
        {"scopes": [SCOPE]},
        {"scopes": [SCOPE], "output": output, "into": into},
    ):
        assert refused(tf1, back=True, **options).startswith(
            "--back takes --scope NAME and --output CHECKPOINT"
        )


def test_what_cannot_go_back(trained: Path, tmp_path: Path) -> None:
    back: dict[str, Any] = {"back": True, "output": tmp_path / "x"}
    (tmp_path / "text").write_text("no arrays")
    np.save(tmp_path / "one.npy", np.zeros(3))
    for name in ("text", "one.npy", "gone"):
        assert "neither a run nor a file that convert-tf1 wrote" in refused(
            tmp_path / name, scopes=["a"], **back
        )
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    assert refused(tmp_path / "other.npz", scopes=["a"], **back) == "kernel is missing; there are weights."
    assert "--back takes one --scope and no --layer" in refused(
        tmp_path / "other.npz", scopes=["a", "b"], **back
    )
    layers = ["encoder/forward_0", "encoder/backward_0"]
    assert "a, a repeats one" in refused(trained, scopes=["a", "a"], layers=layers, **back)
    assert "holds no run" in refused(tmp_path, scopes=["a"], **back)


def test_a_file_that_cannot_be_written(tf1: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "could not be written" in refused(tf1, scopes=[SCOPE], output=tmp_path / "file" / "x.npz")


# --- the command ---


def test_command(tf1: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def seq2seq(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            cli.main([str(argument) for argument in arguments])
        return (int(end.value.code or 0), *capsys.readouterr())

    listed = f"{SCOPE}  4 units, 5 inputs, num_proj 3, peepholes\n"
    assert seq2seq("convert-tf1", tf1) == (0, listed, "")
    file = tmp_path / "cell.npz"
    code, out, err = seq2seq("convert-tf1", tf1, "--scope", SCOPE, "--forget-bias", 0.3, "--output", file)
    assert (code, err, out.splitlines()[-1]) == (0, "", f"wrote {file}")
    assert "forget bias 0.3 added" in out
    back = tmp_path / "back"
    code, out, err = seq2seq("convert-tf1", file, "--back", "--scope", "a/lstm_cell", "--output", back)
    assert (code, err, out.splitlines()[-1]) == (0, "", f"wrote {back}")
    assert tf.train.load_checkpoint(str(back)).get_variable_to_shape_map()["a/lstm_cell/kernel"] == [8, 16]
    code, out, err = seq2seq("convert-tf1", tmp_path / "gone", "--scope", "a")
    assert (code, out) == (2, "")
    assert err.startswith("error: Give one of --output")


@pytest.mark.parametrize("name", ["a [1]/model[2]*.ckpt", "plain/model?.ckpt", "x*/m"])
def test_paths_of_any_name(name: str, tmp_path: Path) -> None:
    tensors = {
        "rnn/lstm_cell/kernel": np.ones((5, 8), np.float32),
        "rnn/lstm_cell/bias": np.ones(8, np.float32),
    }
    prefix = tmp_path / name
    write_checkpoint(prefix, tensors)
    assert [path.suffix for path in sorted(prefix.parent.iterdir())] == [".data-00000-of-00001", ".index"]
    for path in (prefix, prefix.with_name(f"{prefix.name}.index")):
        np.testing.assert_array_equal(Tf1Checkpoint(path).cell("rnn/lstm_cell").weights["kernel"], 1.0)
    (prefix.parent / "checkpoint").write_text(f'model_checkpoint_path: "{prefix.name}"\n')
    assert list(Tf1Checkpoint(prefix.parent).lstm_scopes()) == ["rnn/lstm_cell"]
    with pytest.raises(UserError, match="cannot be read as a TensorFlow 1 checkpoint"):
        Tf1Checkpoint(tmp_path / "nowhere [1]" / "model")
