"""How the tests are run: all of them by two processes at most, what is named by one."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Iterator

import pytest

MAX_WORKERS = 2  # each takes up to 2 GB
LONGEST = ("contracts", "e2e")  # folders; begun last, one of their files would be waited for

IN_WORKER = "PYTEST_XDIST_WORKER" in os.environ

if IN_WORKER:  # before TensorFlow starts: the workers share the cores
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Plain `pytest` runs in parallel, unless it is told otherwise (`-n0`), debugs, or lacks pytest-xdist or cores.

    A file is run by one process, since its tests share what it trains or exports.
    """
    if IN_WORKER:  # where this hook is called, too
        return
    options = config.option
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    distributes = config.pluginmanager.hasplugin("xdist") and options.numprocesses is None
    if everything and distributes and not (options.usepdb or options.collectonly or options.tx):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if cores > 1:
            options.numprocesses, options.dist = min(MAX_WORKERS, cores), "loadfile"
            options.loadscopereorder = False  # by the number of tests, which says little


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


def pytest_collection_finish() -> None:
    """What is imported by now stays: the collector need not look through it again while graphs are traced."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    without_grappler()


def without_grappler() -> None:
    """Optimizes no graph of this process: that takes longer than to run the few batches of a test in it.

    Processes that tests start optimize theirs: the strategies, the standalone check of exports, the commands of the
    walkthrough. What asks Grappler for something (bfloat16) turns it on for itself.
    """
    if "tensorflow" in sys.modules:
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(autouse=True)
def logging_as_at_first() -> Iterator[None]:
    """A command that is called in this process, by a fixture of a whole file too, sets up logging for its life."""
    yield
    logger = logging.getLogger("seq2seq")
    logger.setLevel(logging.NOTSET)
    logger.handlers.clear()
    logger.propagate = True
