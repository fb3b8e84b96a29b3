"""Which checkpoint is called the best where validations tie, differ by chance, or are not numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seq2seq.metrics.metric import MetricOrder, Validation
from seq2seq.training.checkpoints.store import Checkpoint
from seq2seq.training.loop import TrainingLoop
from seq2seq.training.optim.optimizers import Adam
from seq2seq.training.optim.schedules import Constant, Plateau
from seq2seq.training.patience import Patience

from .toy_task import Killer, ToyModel, ToyTask, make_loop

NAN = float("nan")


@pytest.mark.parametrize(
    ("figures", "best"),
    [
        (
            [(0.0, 4.0, 5.0), (0.0, 3.0, 4.0), (0.0, 98.0, 3.0), (0.0, 100.0, 2.0), (0.0, 100.0, 2.5)],
            4,
        ),  # chrF
        ([(0.0, 4.0, 5.0), (0.0, 4.001, 4.0), (0.0, 4.0, 3.0), (0.0, 4.0, 3.5), (0.0, 3.9, 1.0)], 3),  # loss
        ([(0.0, 0.0, 5.0), (0.0, 0.0, 4.0), (0.001, 0.0, 3.0), (0.0, 0.0, 2.0), (0.0, 0.0, 1.0)], 5),  # loss
        (
            [(0.0, 4.0, 5.0), (0.0, 4.0, 5.0), (0.0, 4.0, 5.0), (0.0, 4.0, 5.0), (0.0, 4.0, 5.0)],
            1,
        ),  # the first
        ([(0.0, 9.0, 1.0), (0.02, 1.0, 5.0), (0.0, 9.0, 1.0), (0.01, 9.0, 1.0), (0.0, 9.0, 1.0)], 2),  # BLEU
        ([(0.0, 9.0, NAN), (0.0, 1.0, 5.0), (0.0, 9.0, NAN), (0.0, NAN, 1.0), (0.0, 1.0, 6.0)], 2),
        ([(0.0, 9.0, NAN)] * 5, 0),
    ],
)
def test_ties_of_the_metric_are_broken_by_the_next(
    figures: list[tuple[float, ...]], best: int, tmp_path: Path
) -> None:
    """BLEU of 0 at every validation, say, as where it does not split the target, picks no model."""
    names = ("bleu", "chrf", "loss")

    class Scripted(ToyTask):
        order = MetricOrder.of(*names[:1], names[1:])
        script = iter(figures)

        def validate(self, model: ToyModel) -> Validation:
            return Validation(dict(zip(names, next(self.script))))

    loop = make_loop(tmp_path, task=Scripted(), early_stopping=None, plateau=None)
    result = loop.run()
    expected = dict(zip(names, figures[best - 1])) if best else {}
    assert (result.step, result.best_step, result.best_metrics) == (30, 6 * best, expected)
    assert loop._checkpoints.find("best").step == (6 * best or 30)  # without any, the newest


NAMES = ("bleu", "chrf", "loss")

#: Figures of five validations, the standard errors of differences in BLEU and chrF, which is best, and by what.
HISTORIES = {
    "BLEU is noise, chrF learns": (
        [(0.4, 10.0, 5.0), (0.3, 20.0, 4.5), (0.5, 35.0, 4.0), (0.3, 41.2, 3.9), (0.4, 40.1, 3.8)],
        (0.25, 0.5),
        (4, "chrf"),
    ),
    "BLEU and chrF are noise, the loss falls": (
        [(0.4, 12.0, 5.0), (0.3, 12.3, 4.5), (0.2, 11.8, 4.0), (0.1, 12.0, 3.5), (0.5, 11.9, 3.6)],
        (0.25, 0.5),
        (4, "loss"),
    ),
    "BLEU tells models apart": (
        [(10.0, 60.0, 1.0), (20.0, 50.0, 2.0), (31.0, 40.0, 3.0), (29.0, 70.0, 0.5), (12.0, 70.0, 0.1)],
        (0.5, 0.5),
        (3, "bleu"),
    ),
}


class Noisy(ToyTask):
    """Validations of a history, one after every sixth step of the optimizer."""

    order = MetricOrder.of(NAMES[0], NAMES[1:])

    def __init__(self, name: str) -> None:
        super().__init__()
        self.history, self.spread, _ = HISTORIES[name]
        self.optimizer: Adam | None = None

    def validate(self, model: ToyModel) -> Validation:
        number = int(self.optimizer.step) // 6 - 1
        draw = np.random.default_rng(number)
        values = self.history[number]
        samples = {  # differences of two have these standard errors
            name: value + draw.normal(size=100) * spread / np.sqrt(2.0)
            for name, value, spread in zip(NAMES, values, self.spread)
        }
        return Validation(dict(zip(NAMES, values)), samples)


def noisy_loop(run: Path, name: str, **changes: object) -> TrainingLoop:
    task = Noisy(name)
    task.optimizer = Adam(Constant(0.05))
    patiences = {
        "early_stopping": Patience(patience=2, order=task.order),
        "plateau": Plateau(factor=0.5, patience=1, order=task.order),
    }
    return make_loop(run, task=task, optimizer=task.optimizer, **{**patiences, **changes})


@pytest.mark.parametrize("name", HISTORIES)
def test_what_differs_by_chance_is_left_to_the_next_metric(name: str, tmp_path: Path) -> None:
    history, _, (best, metric) = HISTORIES[name]
    result = noisy_loop(tmp_path, name).run()
    assert (result.best_step, result.best_metrics) == (6 * best, dict(zip(NAMES, history[best - 1])))
    assert (result.best.verdict.metric, result.best.validations) == (metric, 5)


def test_early_stopping_does_not_wait_for_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BLEU rises by less than its noise, while what else is measured gets worse."""
    history = [(0.1 * n, 12.0 - n, 1.0 + n) for n in range(1, 6)]
    monkeypatch.setitem(HISTORIES, "worse", (history, (0.5, 0.1), (1, "chrf")))
    result = noisy_loop(tmp_path, "worse").run()
    assert (result.step, result.best_step, result.reason) == (18, 6, "no better bleu in 2 validations")


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("at", [8, 13, 20, 27])
def test_a_run_that_was_stopped_chooses_the_same(name: str, at: int, tmp_path: Path) -> None:
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    result = noisy_loop(unbroken, name).run()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        noisy_loop(broken, name, observers=[Killer(at, stop)]).run()
    again = noisy_loop(broken, name).run()
    assert again.best.state() == result.best.state()
    assert (again.step, again.best_step) == (result.step, result.best_step)
    ours, theirs = (
        Checkpoint.read(run / "checkpoints" / f"step-{result.step:08d}").state for run in (broken, unbroken)
    )
    for part in ("best", "early_stopping", "plateau"):
        assert ours[part] == theirs[part]
        assert len(ours[part]["samples"]["bleu"]) == 100
