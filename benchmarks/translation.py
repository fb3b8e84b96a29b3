"""Speed of translation on Multi30k, beside OpenNMT-tf's LSTM, measured in turn in one run.

    python benchmarks/translation.py train --data-root FOLDER [--peer-python PYTHON]
    python benchmarks/translation.py train-peer --data-root FOLDER --peer-python PYTHON --peer-folder PEER
    python benchmarks/translation.py decode --data-root FOLDER --run RUN [--peer-python PYTHON --peer-folder PEER]

`train` measures experiment=multi30k_en_de as it ships, ours and the peer's by turns, so that a machine that
is busy or warm slows both. A token is one of a system's own subwords, of source or target, counted with
`</s>` and without padding, as both systems report it; as their vocabularies differ, sentences are counted
too. The first report of each is left out. `decode` translates the test set with two trained models, greedily
and with beam 5, and takes the time of the translating alone: no start, no graph building; ours holds the
tokenizer's work too. It prints BLEU beside, as a worse model may stop sooner. `train-peer` trains the peer
for it.

PYTHON is that of an environment with `opennmt-tf==2.32.0 tensorflow==2.13.1 "setuptools<81"`; FOLDER holds
Multi30k's `*.lc.norm.tok.*`. The peer's model and configuration are in benchmarks/opennmt_tf.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
PEER = Path(__file__).resolve().parent / "opennmt_tf"
MODULE = "opennmt.bin.main"
SPLITS = {"train": "train", "val": "val", "test": "test_2016_flickr"}
PEER_LINE = re.compile(r"Step = (\d+) ; steps/s = ([\d.]+), tokens/s = (\d+)")
PEER_MINIMUM_COUNT = 5  # of a subword in its vocabulary: the fewer, the faster its softmax
PEER_BATCH = {"greedy": 100, "beam": 32}  # sentences that it searches at once, unless told otherwise


class Speed(NamedTuple):
    tokens: float  # a second
    sentences: float  # a second


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, what: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=what)
        added.add_argument(
            "--data-root", type=Path, required=True, help="folder of Multi30k's *.lc.norm.tok.*"
        )
        added.add_argument("--peer-python", type=Path, help="python of an environment with OpenNMT-tf")
        added.add_argument("--json", action="store_true", help="print one JSON object, for records")
        return added

    train = command("train", "training tokens/s")
    train.add_argument("--rounds", type=int, default=3, help="measurements of each, by turns")
    train.add_argument("--steps", type=int, default=150, help="of one measurement")
    train.add_argument("--peer-batch-size", type=int, default=64, help="sentences")
    train.add_argument("overrides", nargs="*", help="of our configuration, such as data.batch.size=64")

    train_peer = command("train-peer", "train the peer, for decode")
    train_peer.add_argument("--peer-folder", type=Path, required=True)
    train_peer.add_argument("--steps", type=int, default=3600)

    decode = command("decode", "sentences/s of search on the test set")
    decode.add_argument("--run", type=Path, required=True, help="a trained run of ours")
    decode.add_argument("--peer-folder", type=Path, help="what train-peer trained")
    decode.add_argument(
        "--peer-batch-size", type=int, help="sentences; 100 for greedy search, 32 for beam search"
    )
    decode.add_argument("--rounds", type=int, default=3)

    alone = commands.add_parser("decode-ours")  # decode's measurement of ours, in a process of its own
    alone.add_argument("--data-root", type=Path, required=True)
    alone.add_argument("--run", type=Path, required=True)
    alone.add_argument("--search", required=True)

    arguments = parser.parse_args()
    {
        "train": train_both,
        "train-peer": prepare_trained_peer,
        "decode": decode_both,
        "decode-ours": decode_ours,
    }[arguments.command](arguments)


# --- training ---


def train_both(arguments: argparse.Namespace) -> None:
    measured: dict[str, list[Speed]] = {"ours": [], "peer": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.peer_python:
            prepare_peer(arguments.data_root, folder / "peer")
        for turn in range(arguments.rounds):
            measured["ours"].append(train_ours(arguments, folder / f"ours{turn}"))
            show(arguments, f"round {turn + 1}, ours: {said(measured['ours'][-1])}")
            if arguments.peer_python:
                measured["peer"].append(train_peer(arguments, folder / "peer"))
                show(arguments, f"round {turn + 1}, OpenNMT-tf: {said(measured['peer'][-1])}")
    ours, peer = median(measured["ours"]), median(measured["peer"])
    show(arguments, f"median, ours: {said(ours)}")
    if peer.tokens:
        show(arguments, f"median, OpenNMT-tf: {said(peer)}")
        ratio = Speed(ours.tokens / peer.tokens, ours.sentences / peer.sentences)
        show(
            arguments,
            f"ours / OpenNMT-tf: {ratio.tokens:.2f} in tokens/s, {ratio.sentences:.2f} in sentences/s",
        )
    else:
        show(arguments, "OpenNMT-tf was not measured: no --peer-python.")
    if arguments.json:
        print(json.dumps({name: [speed._asdict() for speed in speeds] for name, speeds in measured.items()}))


def train_ours(arguments: argparse.Namespace, run_dir: Path) -> Speed:
    """Our speed from the reports of a short run, without the first."""
    command = [sys.executable, "train.py", "experiment=multi30k_en_de", *arguments.overrides]
    command += [f"data.root={arguments.data_root.resolve()}", f"run_dir={run_dir}"]
    command += [f"training.{choice}=false" for choice in ("progress", "plots", "tensorboard")]
    command += [
        f"training.max_steps={arguments.steps}",
        f"training.report_every={report_every(arguments.steps)}",
    ]
    run(command, REPOSITORY)
    records = [
        json.loads(line) for line in (run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    reports = [record for record in records if "tokens_per_second" in record]
    return mean(
        [Speed(report["tokens_per_second"], report["sentences_per_second"]) for report in reports[1:]]
    )


def train_peer(arguments: argparse.Namespace, folder: Path) -> Speed:
    """The peer's speed from its own log, without the first report."""
    with tempfile.TemporaryDirectory() as run_dir:
        every = report_every(arguments.steps)
        log = run_peer(
            arguments.peer_python,
            folder,
            {
                "model_dir": run_dir,
                "train": {
                    "batch_size": arguments.peer_batch_size,
                    "max_step": arguments.steps,
                    "save_summary_steps": every,
                    "save_checkpoints_steps": arguments.steps,
                },
            },
            "train",
        )
    reports = [(float(steps), float(tokens)) for _, steps, tokens in PEER_LINE.findall(log)]
    return mean([Speed(tokens, steps * arguments.peer_batch_size) for steps, tokens in reports[1:]])


def report_every(steps: int) -> int:
    return max(1, steps // 5)


# --- decoding ---


def prepare_trained_peer(arguments: argparse.Namespace) -> None:
    if not arguments.peer_python:
        raise SystemExit("train-peer needs --peer-python.")
    prepare_peer(arguments.data_root, arguments.peer_folder)
    options = {"max_step": arguments.steps, "save_checkpoints_steps": max(1, arguments.steps // 3)}
    log = run_peer(arguments.peer_python, arguments.peer_folder, {"train": options}, "train")
    print(f"OpenNMT-tf: {arguments.steps} steps, {number_of_parameters(log)} parameters.")


def decode_both(arguments: argparse.Namespace) -> None:
    results: dict[str, Any] = {}
    for search in ("greedy", "beam"):
        measured: dict[str, list[float]] = {"ours": [], "OpenNMT-tf": []}
        for _ in range(arguments.rounds):
            command = [sys.executable, __file__, "decode-ours", "--search", search]
            command += [
                "--data-root",
                str(arguments.data_root.resolve()),
                "--run",
                str(arguments.run.resolve()),
            ]
            answer = json.loads(run(command, REPOSITORY, output=True).splitlines()[-1])
            measured["ours"].append(answer["sentences_per_second"])
            scores = {"ours": answer["bleu"]}
            if arguments.peer_python and arguments.peer_folder:
                speed, scores["OpenNMT-tf"] = decode_peer(arguments, search)
                measured["OpenNMT-tf"].append(speed)
        for name, speeds in measured.items():
            if speeds:
                middle = statistics.median(speeds)
                show(arguments, f"{search}, {name}: {middle:,.0f} sentences/s, BLEU {scores[name]:.1f}")
        if measured["OpenNMT-tf"]:
            ratio = statistics.median(measured["ours"]) / statistics.median(measured["OpenNMT-tf"])
            show(arguments, f"{search}, ours / OpenNMT-tf: {ratio:.2f}")
        results[search] = {"sentences_per_second": measured, "bleu": scores}
    if not (arguments.peer_python and arguments.peer_folder):
        show(arguments, "OpenNMT-tf was not measured: it needs --peer-python and --peer-folder.")
    if arguments.json:
        print(json.dumps(results))


def decode_ours(arguments: argparse.Namespace) -> None:
    """Prints our speed as JSON; the first pass, which builds the graph, is not timed."""
    from seq2seq.runs.use import load_run

    sources = read(arguments.data_root, "test", "en")
    run = load_run(arguments.run, [f"search={arguments.search}"])
    translator = run.task.predictor(run.model, run.tokenizers)
    list(translator.predict(sources))
    start = time.perf_counter()
    predictions = list(translator.predict(sources))
    seconds = time.perf_counter() - start
    score = bleu([prediction.texts[0] for prediction in predictions], arguments.data_root)
    print(json.dumps({"sentences_per_second": len(sources) / seconds, "bleu": score}))


def decode_peer(arguments: argparse.Namespace, search: str) -> tuple[float, float]:
    """The peer's sentences a second, by its own clock, and its BLEU."""
    folder = arguments.peer_folder
    options = {
        "params": {"beam_width": 1 if search == "greedy" else 5},
        "infer": {"batch_size": arguments.peer_batch_size or PEER_BATCH[search]},
    }
    command = [
        "infer",
        "--features_file",
        "test.en",
        "--predictions_file",
        "test.out",
        "--log_prediction_time",
    ]
    log = run_peer(arguments.peer_python, folder, options, *command)
    match = re.search(r"Total prediction time \(s\): ([\d.]+)", log)
    if match is None:
        raise SystemExit(f"OpenNMT-tf told no time:\n{log[-2000:]}")
    predictions = [joined(line) for line in (folder / "test.out").read_text(encoding="utf-8").splitlines()]
    return len(predictions) / float(match[1]), bleu(predictions, arguments.data_root)


# --- the peer ---


def prepare_peer(data_root: Path, folder: Path) -> None:
    """Writes the text in subwords of one BPE of 10,000 for both languages, and the vocabulary of each."""
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    both = [line for language in ("en", "de") for line in read(data_root, "train", language)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(both),
        model_writer=model,
        vocab_size=10_000,
        model_type="bpe",
        character_coverage=1.0,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    for language in ("en", "de"):
        for split in SPLITS:
            rows = processor.encode(read(data_root, split, language), out_type=str)
            write(folder / f"{split}.{language}", (" ".join(row) for row in rows))
            if split == "train":
                counts = Counter(piece for row in rows for piece in row).most_common()
                pieces = [piece for piece, count in counts if count >= PEER_MINIMUM_COUNT]
                write(folder / f"vocab.{language}", ["<blank>", "<s>", "</s>", *pieces])


def run_peer(python: Path, folder: Path, options: dict[str, Any], *command: str) -> str:
    """Runs OpenNMT-tf in the folder, its configuration changed by the options, and returns its log."""
    write(folder / "options.yml", [json.dumps(options)])  # JSON is YAML
    files = ["--model", str(PEER / "model.py"), "--config", str(PEER / "config.yml"), "options.yml"]
    return run([str(python.absolute()), "-m", MODULE, *files, *command], folder)


def number_of_parameters(log: str) -> str:
    match = re.search(r"Number of model parameters: (\d+)", log)
    return f"{int(match[1]):,}" if match else "an unknown number of"


# --- text, processes, figures ---


def read(data_root: Path, split: str, language: str) -> list[str]:
    return (data_root / f"{SPLITS[split]}.lc.norm.tok.{language}").read_text(encoding="utf-8").splitlines()


def write(path: Path, lines: Sequence[str] | Iterator[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def joined(pieces: str) -> str:
    return pieces.replace(" ", "").replace("\u2581", " ").strip()


def bleu(predictions: list[str], data_root: Path) -> float:
    """Of the tokenised, lower-cased text."""
    import sacrebleu

    return sacrebleu.corpus_bleu(
        predictions, [read(data_root, "test", "de")], tokenize="none", force=True
    ).score


def run(command: list[str], folder: Path, *, output: bool = False) -> str:
    """Runs a command and returns its log (standard error), or its output."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout if output else done.stderr


def mean(speeds: list[Speed]) -> Speed:
    if not speeds:
        raise SystemExit("There was no second report to measure; give more --steps.")
    return Speed(*(statistics.fmean(values) for values in zip(*speeds)))


def median(speeds: list[Speed]) -> Speed:
    return Speed(*(statistics.median(values) for values in zip(*speeds))) if speeds else Speed(0.0, 0.0)


def said(speed: Speed) -> str:
    return f"{speed.tokens:,.0f} tokens/s, {speed.sentences:,.0f} sentences/s"


def show(arguments: argparse.Namespace, line: str) -> None:
    """For a person to read; on standard error where standard output is for JSON."""
    print(line, file=sys.stderr if arguments.json else sys.stdout, flush=True)


if __name__ == "__main__":
    main()
