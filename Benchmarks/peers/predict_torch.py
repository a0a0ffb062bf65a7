"""Texts a second that a classifier labels with PyTorch and transformers. Prints one JSON line.

    python predict_torch.py DIR --input texts.txt --batch-size 16 --warm-up 16     # torch 2.15.0, transformers 5.23.0

One text a line, sorted by length so that little is padded; the faster of transformers' two kinds of attention; all
cores; tokenizing included. The first texts, in which PyTorch sets itself up, do not count.
"""

import argparse
import json
import os
import time
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()


@torch.inference_mode()
def predict(model, tokenizer, texts, size, max_length):
    """Labels all texts; the seconds it takes."""
    started = time.perf_counter()
    encoded = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]
    order = sorted(range(len(texts)), key=lambda index: -len(encoded[index]))
    labels = [0] * len(texts)
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        batch = tokenizer.pad({"input_ids": [encoded[index] for index in chosen]}, return_tensors="pt")
        for index, label in zip(chosen, model(**batch).logits.softmax(-1).argmax(-1).tolist()):
            labels[index] = label
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--warm-up", type=int, default=16)
    parser.add_argument("--attention", nargs="+", default=["eager", "sdpa"], help="the kinds to choose from")
    arguments = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    texts = arguments.input.read_text(encoding="utf-8").splitlines()
    first, rest = texts[: arguments.warm_up], texts[arguments.warm_up :]
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    best = None
    for attention in arguments.attention:
        model = AutoModelForSequenceClassification.from_pretrained(
            arguments.model, dtype=torch.float32, attn_implementation=attention
        ).eval()
        predict(model, tokenizer, first, arguments.batch_size, arguments.max_length)
        seconds = predict(model, tokenizer, first, arguments.batch_size, arguments.max_length)
        if best is None or seconds < best[0]:
            best = seconds, attention, model
    seconds = predict(best[2], tokenizer, rest, arguments.batch_size, arguments.max_length)
    print(json.dumps(dict(texts_per_second=len(rest) / seconds, attention=best[1], torch=torch.__version__)))


if __name__ == "__main__":
    main()
