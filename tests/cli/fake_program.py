"""`seq2seq` as a process of its own, whose runs are stand-ins: `python -m tests.cli.fake_program predict RUN`."""

import sys

from seq2seq import cli
from tests.cli.conftest import fake_use_module

if __name__ == "__main__":
    sys.modules["seq2seq.runs.use"] = fake_use_module()
    cli.main()
