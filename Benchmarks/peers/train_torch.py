"""Trains with PyTorch and transformers, as a careful user writes it. Prints one JSON line.

    python train_torch.py DIR --data train.csv --steps 20 --attention sdpa     # torch 2.15.0, transformers 5.23.0

Texts in the file's order, tokenized beforehand, batches padded to their longest text; autocast for bfloat16; the fused
AdamW; gradients clipped at 1; a learning rate that falls linearly; all cores. The model's class is the one config.json
names. The first steps, in which PyTorch sets itself up, do not count.
"""

import argparse
import csv
import itertools
import json
import os
import time
from pathlib import Path

import torch
import transformers
from transformers import AutoTokenizer, DataCollatorForLanguageModeling, DataCollatorWithPadding
from transformers import get_linear_schedule_with_warmup
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()


def batches(directory, config, path, size, count, pad_to):
    """- pad_to: Tokens that every text is padded to; 0 for the longest text of each batch."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(itertools.islice(csv.DictReader(file), size * count))
    is_masked = "MaskedLM" in config["architectures"][0]
    length = pad_to or config["max_position_embeddings"]
    examples = []
    for row in rows:
        example = tokenizer(
            row["text"], truncation=True, max_length=length, padding="max_length" if pad_to else False
        )
        examples.append(example if is_masked else {**example, "labels": config["label2id"][row["label"]]})
    collate = DataCollatorForLanguageModeling(tokenizer) if is_masked else DataCollatorWithPadding(tokenizer)
    return [collate(examples[start : start + size]) for start in range(0, len(examples), size)]


def model_of(directory, config, attention, dropout=None):
    kind = getattr(transformers, config["architectures"][0])
    rates = {} if dropout is None else dict(hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    return kind.from_pretrained(directory, dtype=torch.float32, attn_implementation=attention, **rates).train()


def train(model, data, warm_up, precision):
    """Takes a step for each batch; seconds of those after the warm-up, and all losses."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.0, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, len(data))
    losses = []
    for index, batch in enumerate(data):
        if index == warm_up:
            started = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.detach())
    return time.perf_counter() - started, [loss.item() for loss in losses]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=20, help="how many to time")
    parser.add_argument("--warm-up", type=int, default=2, help="how many to take before")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--pad-to", type=int, default=0, help="tokens; default: the longest text of each batch")
    parser.add_argument("--dropout", type=float, help="default: as config.json says")
    parser.add_argument("--attention", choices=["eager", "sdpa"], default="sdpa")
    parser.add_argument("--choose-attention", action="store_true", help="only print the faster attention")
    arguments = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(42)
    config = json.loads((arguments.model / "config.json").read_text())
    count = arguments.warm_up + arguments.steps
    data = batches(arguments.model, config, arguments.data, arguments.batch_size, count, arguments.pad_to)

    def trained(attention):
        model = model_of(arguments.model, config, attention, arguments.dropout)
        return train(model, data, arguments.warm_up, arguments.precision)

    if arguments.choose_attention:
        attention = min(("eager", "sdpa"), key=lambda attention: trained(attention)[0])
        print(json.dumps(dict(attention=attention)))
    else:
        seconds, losses = trained(arguments.attention)
        print(json.dumps(dict(seconds_per_step=seconds / arguments.steps, losses=losses, torch=torch.__version__)))


if __name__ == "__main__":
    main()
