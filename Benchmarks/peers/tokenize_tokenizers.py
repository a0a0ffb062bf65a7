"""Megabytes a second that `tokenizers` turns into ids on one core. Prints one JSON line.

    python tokenize_tokenizers.py DIR --input texts.txt     # tokenizers 0.23.3

One text a line, all in one call of encode_batch; reading the file does not count.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tokenizers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--input", type=Path, required=True)
    arguments = parser.parse_args()
    tokenizer = tokenizers.Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    data = arguments.input.read_bytes()
    texts = data.decode("utf-8").removesuffix("\n").split("\n")
    tokenizer.encode_batch(texts[:100])
    started = time.perf_counter()
    encodings = tokenizer.encode_batch(texts)
    seconds = time.perf_counter() - started
    tokens = sum(len(encoding.ids) for encoding in encodings)
    size = sum(len(text.encode()) for text in texts)
    print(json.dumps(dict(megabytes_per_second=size / 1e6 / seconds, tokens=tokens, tokenizers=tokenizers.__version__)))


if __name__ == "__main__":
    main()
