"""Which checkpoint is called the best where validations tie, or are not numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from seq2seq.metrics.metric import MetricOrder

from .toy_task import ToyModel, ToyTask, make_loop

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

        def validate(self, model: ToyModel) -> dict[str, float]:
            return dict(zip(names, next(self.script)))

    loop = make_loop(tmp_path, task=Scripted(), early_stopping=None, plateau=None)
    result = loop.run()
    expected = dict(zip(names, figures[best - 1])) if best else {}
    assert (result.step, result.best_step, result.best_metrics) == (30, 6 * best, expected)
    assert loop._checkpoints.find("best").step == (6 * best or 30)  # without any, the newest
