"""What a configuration says of the optimizer is what it becomes."""

from __future__ import annotations

import pytest

from seq2seq.config.compose import compose
from seq2seq.errors import UserError
from seq2seq.metrics.metric import MetricOrder, Validation
from seq2seq.training.build import build_optimizer, build_schedule
from seq2seq.training.optim.optimizers import SGD
from seq2seq.training.optim.schedules import Cosine, Schedule

ORDER = MetricOrder.of("loss", ())


def schedule(*overrides: str, total_steps: int = 10) -> Schedule:
    return build_schedule(compose(["optimizer.learning_rate=0.5", *overrides]).optimizer, total_steps)


def test_sgd_looks_ahead() -> None:
    config = compose(["optimizer=sgd", "optimizer.momentum=0.9", "optimizer.nesterov=true"])
    optimizer = build_optimizer(config.optimizer, 10)
    assert isinstance(optimizer, SGD)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)


def test_a_cosine_has_shares_of_the_rate_and_a_warm_up_that_fits() -> None:
    overrides = ["optimizer.schedule={name: cosine, warmup_steps: 8, minimum: 0.1}"]
    assert schedule(*overrides) == Cosine(0.5, 10, 5, 0.05)
    assert schedule(*overrides, "optimizer.schedule.total_steps=20") == Cosine(0.5, 20, 8, 0.05)


def test_a_plateau_takes_no_small_gain_for_one() -> None:
    assert schedule("optimizer.schedule.name=constant").plateau(ORDER) is None
    overrides = [
        "optimizer.schedule={name: plateau, factor: 0.1, patience: 1, minimum: 0.05, min_delta: 0.5}"
    ]
    plateau = schedule(*overrides).plateau(ORDER)
    assert plateau is not None
    falls = [plateau.update(Validation({"loss": loss})) for loss in (3.0, 2.6, 2.0, 1.9)]
    assert falls == [False, True, False, True]  # 2.0 is more than 0.5 better than 3.0
    assert plateau.scale == pytest.approx(0.05)


def test_options_that_are_no_arguments_are_one_sentence() -> None:
    config = compose(["optimizer.options={amsgrad: true}"]).optimizer
    with pytest.raises(UserError, match=r"^optimizer.options: Adam has no option amsgrad; it has none$"):
        build_optimizer(config, 10)
