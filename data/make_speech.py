"""Makes the bundled sample of speech: `python data/make_speech.py` writes data/speech/{train,val,test}.tsv and the
audio that they name. It needs espeak-ng (`apt install espeak-ng`); the committed files were made by its version 1.51.

Utterances are strings of two to five English digits, spoken without a pause between them: "seven two nine". Each is
spoken by one of the synthesiser's voices (an accent and a variant, which sets formants, pitch and voice quality) at a
speed, pitch and gap between words of its own, in light noise between white and pink, louder or softer, at 16 kHz. Opus
keeps them small.

Held out: the voices of val and of test, whose variants speak nowhere else; and no string of digits occurs twice, within
a part or in two of them. The accents are the same everywhere.

What is said by whom, and how, depends on nothing but this file: one seeded generator, from which only `random()` is
drawn. The audio depends on the versions of espeak-ng, soxr and the Opus encoder too; with the same ones it is the same
once decoded (the files differ, for each Ogg stream has a random number).
"""

from __future__ import annotations

import argparse
import io
import math
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

SEED = 20150805
SIZES = {"train": 400, "val": 50, "test": 50}
SAMPLE_RATE = 16000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LENGTHS = {2: 0.12, 3: 0.31, 4: 0.32, 5: 0.25}
"""How often a string has so many digits."""

ACCENTS = ("en-us", "en-gb", "en-us", "en-gb-x-rp", "en-us-nyc", "en-gb", "en-gb-scotland", "en-us", "en-029")
VARIANTS = {
    part: names.split()
    for part, names in (
        (
            "train",
            "m1 f1 m3 f3 m4 f4 m5 f5 m7 m8 Alex Andy Annie anika belinda benjamin boris david Gene Jacky john Lee"
            " Mario max Michael Mike pablo quincy rob robert steph2 zac",
        ),
        ("val", "m6 Alicia ed linda victor"),
        ("test", "m2 f2 caleb Denis Andrea"),
    )
}
SPEED = (125, 200)  # words a minute, of the synthesiser's 80 to 450
PITCH = (30, 70)  # of 0 to 99
GAP = (0, 4)  # between words, in hundredths of a second
NOISE_RATIO = (18.0, 36.0)  # dB, signal to noise
PEAK = (0.15, 0.8)  # of full scale
SILENCE = (0.08, 0.25)  # seconds before and behind


class Spoken(NamedTuple):
    """An utterance and how it is spoken."""

    digits: str
    accent: str
    variant: str
    speed: int
    pitch: int
    gap: int
    before: float
    behind: float
    noise_ratio: float
    pink: float
    peak: float
    noise_seed: int

    @property
    def id(self) -> str:
        return f"{self.variant}-{self.digits}"

    @property
    def text(self) -> str:
        return " ".join(WORDS[int(digit)] for digit in self.digits)

    @property
    def speaker(self) -> str:
        return f"{self.accent}+{self.variant}"


def plan() -> dict[str, list[Spoken]]:
    """The utterances of each part; its voices take turns."""
    generator = random.Random(SEED)
    seen: set[str] = set()
    return {
        part: [
            _draw(generator, seen, ACCENTS[n % len(variants) % len(ACCENTS)], variants[n % len(variants)])
            for n in range(SIZES[part])
        ]
        for part, variants in VARIANTS.items()
    }


def _draw(generator: random.Random, seen: set[str], accent: str, variant: str) -> Spoken:
    def between(bounds: tuple[float, float]) -> float:
        return bounds[0] + (bounds[1] - bounds[0]) * generator.random()

    digits = ""
    while not digits or digits in seen:
        rest = generator.random()
        length = next((n for n, share in LENGTHS.items() if (rest := rest - share) < 0), max(LENGTHS))
        digits = "".join(str(int(10 * generator.random())) for _ in range(length))
    seen.add(digits)
    return Spoken(
        digits,
        accent,
        variant,
        speed=round(between(SPEED)),
        pitch=round(between(PITCH)),
        gap=round(between(GAP)),
        before=between(SILENCE),
        behind=between(SILENCE),
        noise_ratio=between(NOISE_RATIO),
        pink=generator.random(),
        peak=between(PEAK),
        noise_seed=int(2**31 * generator.random()),
    )


def render(spoken: Spoken) -> np.ndarray:
    """The audio [N] float32 at 16 kHz."""
    command = ["espeak-ng", "-v", spoken.speaker, "-s", spoken.speed, "-p", spoken.pitch, "-g", spoken.gap]
    process = subprocess.run([*map(str, command), "--stdout", spoken.text], capture_output=True, check=True)
    if process.stderr:
        raise SystemExit(f"espeak-ng {spoken.speaker}: {process.stderr.decode().strip()}")
    audio, rate = soundfile.read(io.BytesIO(process.stdout), dtype="float32")
    audio = soxr.resample(audio, rate, SAMPLE_RATE)
    loud = np.flatnonzero(np.abs(audio) > 0.01 * np.abs(audio).max())
    edges = (round(spoken.before * SAMPLE_RATE), round(spoken.behind * SAMPLE_RATE))
    audio = np.pad(audio[loud[0] : loud[-1] + 1], edges)
    audio *= spoken.peak / np.abs(audio).max()
    noise = _noise(len(audio), spoken)
    ratio = math.sqrt(np.mean(np.square(audio)) / np.mean(np.square(noise)) / 10 ** (spoken.noise_ratio / 10))
    return (audio + ratio * noise).astype(np.float32)


def _noise(samples: int, spoken: Spoken) -> np.ndarray:
    """From white (pink 0) to pink (pink 1: as much power in every octave, above 50 Hz)."""
    white = np.random.default_rng(spoken.noise_seed).standard_normal(samples)
    frequencies = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), 50.0)
    return np.fft.irfft(np.fft.rfft(white) * frequencies ** (-spoken.pink / 2), samples)


def manifest(folder: Path, part: str, utterances: list[Spoken]) -> str:
    """The table of a part whose audio lies in the folder."""
    lines = ["id\taudio\tseconds\tspeaker\ttext"]
    for spoken in utterances:
        audio = f"{part}/{spoken.id}.ogg"
        seconds = soundfile.info(folder / audio).duration
        lines.append(f"{spoken.id}\t{audio}\t{seconds:.3f}\t{spoken.speaker}\t{spoken.text}")
    return "".join(f"{line}\n" for line in lines)


def write(folder: Path) -> None:
    """Writes the audio and the tables of every part into the folder."""
    for part, utterances in plan().items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor() as pool:
            for spoken, audio in zip(utterances, pool.map(render, utterances)):
                path = folder / part / f"{spoken.id}.ogg"
                soundfile.write(path, audio, SAMPLE_RATE, format="OGG", subtype="OPUS")
        (folder / f"{part}.tsv").write_bytes(manifest(folder, part, utterances).encode())


def check_synthesiser() -> None:
    """Says what is missing: espeak-ng itself, or a variant, for which it would take its standard voice in silence."""
    if shutil.which("espeak-ng") is None:
        sys.exit("make_speech.py needs espeak-ng, which is not installed: apt install espeak-ng")
    listed = subprocess.run(
        ["espeak-ng", "--voices=variant"], capture_output=True, check=True, text=True
    ).stdout
    there = {word[3:] for word in listed.split() if word.startswith("!v/")}
    if lacking := [variant for variants in VARIANTS.values() for variant in variants if variant not in there]:
        sys.exit(f"This version of espeak-ng lacks the variants {', '.join(lacking)}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Makes the bundled sample of spoken digits.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "speech")
    arguments = parser.parse_args()
    check_synthesiser()
    write(arguments.folder)
