"""`python train.py …` is `seq2seq train …`; `python train.py --help` says what can be chosen."""

import sys

from seq2seq.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "train")
    main()
