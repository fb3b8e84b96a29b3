"""Arguments that are paths, of every command that takes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from seq2seq.cli.paths import files_and_overrides

SENTENCE = "Every path of a command may be a sentence that somebody meant to be translated. " * 4


@pytest.fixture
def places(tmp_path: Path, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    for name in ("data.test.en", "search.en", "search.beam_width=3", "a=b", "text"):
        Path(name).write_text("a b\n")
    Path("folder").mkdir()
    Path("dangling").symlink_to("nowhere")
    Path("loop").symlink_to("loop")
    Path("exported").mkdir()
    Path("exported/manifest.json").write_text("{}")
    (run_folder / "checkpoints" / "step-1").mkdir(parents=True)
    return {"RUN": str(run_folder), "SENTENCE": SENTENCE}


def test_what_exists_is_a_file_and_overrides_have_an_equals_sign(places: Any) -> None:
    texts = [
        "data.test.en",
        "search.en",
        "search.n_best=2",
        "search.beam_width=3",
        "a=b",
        "b=c",
        "search=beam",
        "-",
    ]
    files = ["data.test.en", "search.en", "search.beam_width=3", "a=b", "b=c", "-"]
    assert files_and_overrides(texts) == (files, ["search.n_best=2", "search=beam"])


@pytest.mark.parametrize("name", ["data.test.en", "search.en", "search.beam_width=3", "a=b"])
def test_predict_reads_a_file_of_any_name(name: str, places: dict[str, str], run_cli: Any) -> None:
    assert run_cli("predict", places["RUN"], name) == (0, "b a\n", "")


NOT_FILES = {
    "SENTENCE": f"{SENTENCE[:120]}…: no such file",
    "nul\0": r"nul\x00: no such file",
    "two\nlines": r"two\nlines: no such file",
    "": "'': no such file",
    "none/at/all": "none/at/all: no such file",
    "text/inside": "text/inside: no such file",
    "folder": "folder: is a folder; give a file",
    "dangling": "dangling: is a link to nowhere, which leads nowhere",
    "loop": "loop: is a link to loop, which leads nowhere",
    "b=c": "b=c: no such file; nor is it an override of a trained run, such as search.beam_width=10",
}


@pytest.mark.parametrize(("path", "message"), NOT_FILES.items(), ids=map(repr, NOT_FILES))
def test_a_path_that_is_no_file_is_one_sentence(
    path: str, message: str, places: dict[str, str], run_cli: Any
) -> None:
    run, path = places["RUN"], places.get(path, path)
    for command in (("predict", run, path), ("score", run, path, "text"), ("score", run, "text", path)):
        if command[0] == "score" and path in ("", "nul\0"):  # Typer makes them the folder, and refuses them
            continue
        code, out, err = run_cli(*command)
        assert (code, out) == (2, "")
        assert err.startswith(f"error: {message}")
        assert err.count("\n") == 1
    if path == SENTENCE:
        err = run_cli("predict", run, path).err
        assert err.endswith("; text itself, a line each, goes to standard input\n")


@pytest.mark.parametrize("path", ["SENTENCE", "nul\0", "dangling", "text/inside"])
def test_a_manifest_and_an_export_that_are_not_there(path: str, places: dict[str, str], run_cli: Any) -> None:
    path = places.get(path, path)
    for command in (("align", places["RUN"], path), ("inspect", path), ("evaluate", path), ("average", path)):
        code, out, err = run_cli(*command)
        assert (code, out, err.count("\n"), err[:7]) == (2, "", 1, "error: ")


def test_a_file_that_may_not_be_read(
    places: dict[str, str], run_cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path != "text")  # whoever is root may read everything
    assert run_cli("predict", places["RUN"], "text").err == "error: text: cannot be read: Permission denied\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("predict", "text", "RUN"), "text: holds no run, but RUN does; RUN comes first: seq2seq predict RUN FILE"),
        (
            ("score", "text", "text", "RUN"),
            "text: holds no run, but RUN does; RUN comes first: seq2seq score RUN SOURCE TARGET",
        ),
        (("export", "new/1", "RUN"), "new/1: holds no run, but RUN does; RUN comes first: seq2seq export RUN DIR"),
        (("align", "text", "RUN"), "text: holds no run, but RUN does; RUN comes first: seq2seq align RUN MANIFEST"),
        (("predict", "text", "text"), "text: is a file, and RUN is the folder of a run; it comes first"),
        (("evaluate", "exported"), "exported: is what `seq2seq export` wrote; RUN is the folder"),
        (("evaluate", "RUN/checkpoints/step-1"), "RUN/checkpoints/step-1: is a part of the run RUN; give that"),
        (("inspect", "RUN"), "RUN: is a run; DIR is what `seq2seq export RUN DIR` writes"),
    ],
)  # fmt: skip
def test_arguments_in_each_others_place(
    arguments: tuple[str, ...], message: str, places: dict[str, str], run_cli: Any
) -> None:
    outcome = run_cli(*(argument.replace("RUN", places["RUN"]) for argument in arguments))
    assert (outcome.code, outcome.out) == (2, "")
    run = places["RUN"]
    words = (
        message.replace("RUN/", f"{run}/")
        .replace("but RUN", f"but {run}")
        .replace("the run RUN", f"the run {run}")
    )
    words = words.replace("RUN: is", f"{run}: is").replace("export RUN DIR` w", f"export {run} DIR` w")
    assert outcome.err.startswith(f"error: {words}")
