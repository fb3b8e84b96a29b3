"""The way of a user with audio: train, recognise, evaluate, go on; on a dozen utterances of tones, learnt by heart."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from seq2seq.runs.use import load_run
from tests.e2e.commands import seq2seq
from tests.tones import PAUSE, RATE, SMALL, TEXTS, TONE, audio, data, write_corpus


def true_times(text: str) -> list[tuple[str, float, float]]:
    """Each word with the start and the end of its tone."""
    starts = [PAUSE + n * (TONE + PAUSE) for n in range(len(text.split()))]
    return [(word, start, start + TONE) for word, start in zip(text.split(), starts)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("runs") / "tones"
    assert seq2seq("train", *data(corpus), *SMALL, f"run_dir={run_dir}") == 0
    return run_dir


def test_learns_its_utterances_by_heart(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    assert summary["val"]["wer"] == summary["val"]["cer"] == 0.0
    assert set(summary["signatures"]) == {"wer", "cer"}
    assert (run / "predictions" / "val.txt").read_text(encoding="utf-8").splitlines() == TEXTS
    speakers = (run / "predictions" / "val.speakers.tsv").read_text(encoding="utf-8").splitlines()
    assert {line.split("\t")[0] for line in speakers[1:]} == {"flute", "horn", "all"}
    assert (run / "predictions" / "val.worst.txt").read_text(encoding="utf-8") == ""


def test_leaves_curves_and_pictures(run: Path) -> None:
    plots = {path.name: path.stat().st_size for path in (run / "plots").iterdir()}
    assert set(plots) == {"learning_curves.png", *(f"utterance_{n}.png" for n in range(1, 5))}
    assert min(plots.values()) > 10_000


def test_recognises_files(run: Path, corpus: Path) -> None:
    files, texts = [corpus / f"{n:02}.wav" for n in (11, 0, 9)], [TEXTS[n] for n in (11, 0, 9)]
    found: Any = list(load_run(run).predict(files, alignments=True))
    assert [one.texts[0] for one in found] == texts
    for one in found:
        assert one.alignment is not None and one.posteriors is not None
        np.testing.assert_allclose(one.alignment.sum(1), 1.0, rtol=1e-4)
        np.testing.assert_allclose(one.posteriors.sum(1), 1.0, rtol=1e-4)
        assert one.alignment.shape[1] == len(one.posteriors)
    beam = load_run(run, ["search=beam", "search.n_best=2"])
    two = beam.transcribe(files, n_best=2)
    assert [best for best, _ in two] == texts


def assert_near_the_truth(rows: list[str]) -> None:
    """What CTC emits for a word is within its tone, or one step of 40 ms beside it; but the same word twice in a row,
    which only one of these texts has, may be emitted twice within one of its tones."""
    found: dict[str, list[list[str]]] = {}
    for name, *fields in (row.split("\t") for row in rows):
        found.setdefault(Path(name).stem, []).append(fields)
    assert list(found) == sorted(found)
    for name, words in found.items():
        truth = true_times(TEXTS[int(name)])
        assert [word for *_, word in words] == [word for word, *_ in truth]
        for (start, end, word), (_, first, last) in zip(words, truth):
            if f"{word} {word}" in TEXTS[int(name)]:
                continue
            assert first - 0.05 <= float(start) < float(end) <= last + 0.05


def test_aligns_given_texts(
    run: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seq2seq("align", run, corpus / "all.tsv", "search.batch_size=5") == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "name\tstart\tend\tword"
    assert {row.split("\t")[0] for row in rows} == {f"{n:02}" for n in range(len(TEXTS))}
    assert_near_the_truth(rows)
    assert seq2seq("align", run, corpus / "all.tsv", "--output", tmp_path / "words.tsv") == 0
    assert (tmp_path / "words.tsv").read_text().splitlines() == [header, *rows]

    assert (
        seq2seq("align", run, corpus / "all.tsv", "--format", "textgrid", "--output", tmp_path / "grids") == 0
    )
    assert {path.name for path in (tmp_path / "grids").iterdir()} == {
        f"{n:02}.TextGrid" for n in range(len(TEXTS))
    }
    grid = (tmp_path / "grids" / "09.TextGrid").read_text()
    texts = re.findall(r'text = "(.*)"', grid)
    assert [text for text in texts if text] == TEXTS[9].split()
    assert "xmax = 1.150000" in grid
    _, start, *_ = next(row for row in rows if row.startswith("09")).split("\t")
    assert f"xmax = {float(start):.6f}" in grid


def jsonl(folder: Path, waveforms: dict[str, np.ndarray]) -> Path:
    lines = [json.dumps({"audio": f"{name}.wav", "text": name}) for name in waveforms]
    for name, waveform in waveforms.items():
        soundfile.write(folder / f"{name}.wav", waveform, RATE)
    (folder / "a.jsonl").write_text("\n".join(lines))
    return folder / "a.jsonl"


def kaldi(folder: Path, waveforms: dict[str, np.ndarray]) -> Path:
    """One recording, cut into segments."""
    soundfile.write(folder / "all.wav", np.concatenate(list(waveforms.values())), RATE)
    (folder / "wav.scp").write_text("all all.wav\n")
    ends = np.cumsum([len(waveform) for waveform in waveforms.values()]) / RATE
    rows = [f"u{n} all {start} {end}\n" for n, (start, end) in enumerate(zip([0.0, *ends], ends))]
    (folder / "segments").write_text("".join(rows))
    (folder / "text").write_text("".join(f"u{n} {name}\n" for n, name in enumerate(waveforms)))
    return folder


def librispeech(folder: Path, waveforms: dict[str, np.ndarray]) -> Path:
    chapter = folder / "12" / "34"
    chapter.mkdir(parents=True)
    (chapter / "12-34.trans.txt").write_text("".join(f"{n} {name}\n" for n, name in enumerate(waveforms)))
    for n, waveform in enumerate(waveforms.values()):
        soundfile.write(chapter / f"{n}.flac", waveform, RATE)
    return folder


def common_voice(folder: Path, waveforms: dict[str, np.ndarray]) -> Path:
    (folder / "clips").mkdir()
    for n, waveform in enumerate(waveforms.values()):
        soundfile.write(folder / "clips" / f"{n}.flac", waveform, RATE)
    rows = [f"somebody\t{n}.flac\t{name}\n" for n, name in enumerate(waveforms)]
    (folder / "test.tsv").write_text("client_id\tpath\tsentence\n" + "".join(rows))
    return folder / "test.tsv"


def test_aligns_manifests_of_any_format(run: Path, corpus: Path, tmp_path: Path) -> None:
    used, rng = load_run(run), np.random.default_rng(4)
    waveforms = {text: audio(text, rng) for text in TEXTS[8:10]}
    expected = None
    for layout in (jsonl, kaldi, librispeech, common_voice):
        folder = tmp_path / layout.__name__
        folder.mkdir()
        found = [alignment.spans for alignment in used.align(layout(folder, waveforms))]
        expected = expected or found
        assert found == expected, layout.__name__
    assert expected is not None
    assert [[span.word for span in spans or []] for spans in expected] == [text.split() for text in waveforms]


def test_recognises_words_with_their_times(
    run: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seq2seq("predict", run, *(corpus / f"{n:02}.wav" for n in range(12)), "--timestamps") == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "name\tstart\tend\tword"
    assert rows[0].startswith(f"{corpus / '00.wav'}\t")
    assert_near_the_truth(rows)


@pytest.mark.parametrize(
    ("change", "manifest", "sentence"),
    [
        ("ctc_weight: 0.3 -> ctc_weight: 0.0", "all.tsv", "was trained without CTC (task.ctc_weight=0)"),
        ("", "none.tsv", "none.tsv: no such file or folder"),
        ("", ".", "is no data folder of Kaldi (wav.scp, text) and not laid out as LibriSpeech"),
        ("max_seconds: 600.0 -> max_seconds: 0.4", "all.tsv", "search.max_seconds=0.4 is the most"),
    ],
)
def test_what_cannot_be_aligned_is_one_sentence(
    run: Path,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: str,
    manifest: str,
    sentence: str,
) -> None:
    other = shutil.copytree(run, tmp_path / "run")
    text = (other / "config.yaml").read_text()
    if change:
        before, after = change.split(" -> ")
        assert before in text
        (other / "config.yaml").write_text(text.replace(before, after))
    assert seq2seq("align", other, corpus / manifest) == 2
    output = capsys.readouterr()
    assert sentence in output.err.splitlines()[-1]
    if "ctc" in change:
        assert seq2seq("predict", other, corpus / "00.wav", "--timestamps") == 2
        assert sentence in capsys.readouterr().err


def test_evaluate_says_what_the_run_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seq2seq("evaluate", run, "--split", "val", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["val"] == pytest.approx(json.loads((run / "summary.json").read_text())["val"], rel=1e-5)


@pytest.mark.slow
def test_a_finished_run_stays_as_it_is(run: Path) -> None:
    def facts() -> dict[str, object]:
        summary = json.loads((run / "summary.json").read_text())
        checkpoints = {path.name: path.stat().st_mtime_ns for path in (run / "checkpoints").iterdir()}
        kept = ("val", "validation", "steps", "best_step", "checkpoint")
        predictions = {
            path.name: path.read_text(encoding="utf-8") for path in (run / "predictions").iterdir()
        }
        return {
            **{name: summary[name] for name in kept},
            "checkpoints": checkpoints,
            "predictions": predictions,
        }

    before = facts()
    assert seq2seq("train", f"run_dir={run}") == 0
    assert facts() == before


@pytest.mark.slow
def test_sound_that_breaks_in_training_is_one_sentence(
    corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its header is whole, and there is no cache for which it would have been decoded before."""
    soundfile.write(tmp_path / "x.flac", audio("low mid high", np.random.default_rng(1)), RATE)
    whole = (tmp_path / "x.flac").read_bytes()
    (tmp_path / "x.flac").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "broken.tsv").write_text(f"audio\ttext\n{corpus / '00.wav'}\tlow\nx.flac\tlow mid high\n")
    broken = ["data.cache=false", f"data.train={tmp_path / 'broken.tsv'}", f"run_dir={tmp_path / 'run'}"]
    arguments = [text for text in (*data(corpus), *SMALL) if not text.startswith("data.train=")]
    assert seq2seq("train", *arguments, *broken) == 2
    errors = capfd.readouterr().err
    assert "Traceback" not in errors
    assert re.fullmatch(rf"error: {tmp_path}/x\.flac is .*\.", errors.splitlines()[-1])
    skip = ["data.broken_audio=skip", "training.epochs=1", f"run_dir={tmp_path / 'skip'}"]
    assert seq2seq("train", *arguments, *broken, *skip) == 0
    assert re.search(rf"Left out from now on: {tmp_path}/x\.flac is .* \(1 broken\)", capfd.readouterr().err)
