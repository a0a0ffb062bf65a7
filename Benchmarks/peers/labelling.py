"""What the peers that label texts share: arguments, batches, and what is measured of them.

Texts are sorted by length so that little is padded, and padded to the longest of a batch. Tokenizing is included.
"""

import argparse
import json
import os
import time
from pathlib import Path

from transformers import AutoTokenizer
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()
CORES = len(os.sched_getaffinity(0))


class Texts:
    """Texts as tokens: token ids, and the masks that go with them."""

    def __init__(self, tokenizer, max_length):
        self.tokenizer, self.max_length = tokenizer, max_length

    def batches(self, texts, size):
        """Dictionaries of arrays [texts, tokens], the longest texts first."""
        encoded = self.tokenizer(texts, truncation=True, max_length=self.max_length)
        order = sorted(range(len(texts)), key=lambda index: -len(encoded["input_ids"][index]))
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            yield self.tokenizer.pad(
                {key: [encoded[key][index] for index in chosen] for key in encoded}, return_tensors="np"
            )


def parser(description, precisions):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--precision", choices=precisions, default="float32")
    parser.add_argument("--input", type=Path, required=True, help="one text a line")
    parser.add_argument("--batch-size", type=int, nargs="+", default=[16], help="each is measured")
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--warm-up", type=int, default=16, help="first texts, which do not count")
    parser.add_argument("--one-by-one", action="store_true", help="measure the delay of each text")
    return parser


def measure(arguments, opened):
    """Prints a line of JSON: texts a second by batch size, or the seconds of each text.

    - opened: Takes the batch size, and a function that labels the first texts for one who has a choice to make; gives a
      function that labels batches one after another and returns a label of each text.
    """
    lines = arguments.input.read_text(encoding="utf-8").splitlines()
    first, rest = lines[: arguments.warm_up], lines[arguments.warm_up :]
    texts = Texts(AutoTokenizer.from_pretrained(arguments.model), arguments.max_length)

    def seconds(label, chosen, size):
        started = time.perf_counter()
        count = len(label(texts.batches(chosen, size)))
        assert count == len(chosen), f"{count} labels for {len(chosen)} texts"
        return time.perf_counter() - started

    def ready(size):
        label = opened(size, lambda label: seconds(label, first, size))
        for _ in range(2):  # each shape is set up when it is first met
            seconds(label, first, size)
        return label

    if arguments.one_by_one:
        label = ready(1)
        print(json.dumps({"seconds": [seconds(label, [text], 1) for text in rest]}))
    else:
        rates = {size: len(rest) / seconds(ready(size), rest, size) for size in arguments.batch_size}
        print(json.dumps({"texts_per_second": rates}))
