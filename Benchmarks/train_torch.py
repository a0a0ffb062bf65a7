"""Seconds of a training step with PyTorch and transformers, as a careful user writes it. Prints one JSON line.

    python train_torch.py DIR --data train.csv --steps 20     # torch 2.15.0, transformers 5.23.0

Texts in the file's order, tokenized beforehand, batches padded to their longest text; the faster of transformers' two
kinds of attention; the fused AdamW; gradients clipped at 1; all cores. The model's class is the one config.json names.
The first steps, in which PyTorch sets itself up, do not count.
"""

import argparse
import csv
import json
import os
import time
from pathlib import Path

import torch
import transformers
from transformers import AutoTokenizer, DataCollatorForLanguageModeling, DataCollatorWithPadding
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()
WARM_UP = 2


def batches(directory, path, size, steps, max_length, is_masked):
    tokenizer = AutoTokenizer.from_pretrained(directory)
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[: size * steps]
    names = sorted({row["label"] for row in rows})
    examples = []
    for row in rows:
        example = tokenizer(row["text"], truncation=True, max_length=max_length)
        examples.append(example if is_masked else {**example, "labels": names.index(row["label"])})
    collate = DataCollatorForLanguageModeling(tokenizer) if is_masked else DataCollatorWithPadding(tokenizer)
    return [collate(examples[start : start + size]) for start in range(0, len(examples), size)]


def model_of(directory, attention):
    config = json.loads((Path(directory) / "config.json").read_text())
    kind = getattr(transformers, config["architectures"][0])
    return kind.from_pretrained(directory, dtype=torch.float32, attn_implementation=attention).train()


def train(model, data):
    """Takes a step for each batch; the seconds of them together."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.0, fused=True)
    started = time.perf_counter()
    for batch in data:
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--attention", choices=["eager", "sdpa"], help="default: the faster one")
    arguments = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(42)
    is_masked = "MaskedLM" in json.loads((Path(arguments.model) / "config.json").read_text())["architectures"][0]
    data = batches(
        arguments.model, arguments.data, arguments.batch_size, arguments.steps, arguments.max_length, is_masked
    )
    attention = arguments.attention
    if attention is None:
        tried = {}
        for kind in ("eager", "sdpa"):
            model = model_of(arguments.model, kind)
            train(model, data[:WARM_UP])
            tried[kind] = train(model, data[:3])
        attention = min(tried, key=tried.get)
    model = model_of(arguments.model, attention)
    train(model, data[:WARM_UP])
    seconds = train(model, data)
    print(json.dumps(dict(seconds_per_step=seconds / len(data), attention=attention, torch=torch.__version__)))


if __name__ == "__main__":
    main()
