"""The reference classifier fine-tuning, in plain PyTorch and transformers, as Trainer's defaults do it.

    python train_reference.py --model DIR --train train.csv --test test.csv --seed 42 > seed-42.jsonl

One JSON line per epoch (accuracy and loss on the test rows), a first line with the settings and a last one with times.
--train: no header; text, label 0-3; or the original three columns. --test: the same. Of each file the rows
`numpy.random.default_rng(42).permutation(n)[:1000]` are taken, as `datasets.shuffle(seed=42).select(range(1000))` does.
The seed decides the new head, dropout and the order of the training rows.
"""

import argparse
import csv
import json
import time

import numpy
import torch
from transformers import AutoTokenizer, BertForSequenceClassification, get_linear_schedule_with_warmup, set_seed

LABELS = ["World", "Sports", "Business", "Sci/Tech"]


def rows(path, count):
    with open(path, encoding="utf-8", newline="") as file:
        table = list(csv.reader(file))
    if len(table[0]) == 3:  # class from 1, title, description
        table = [(title + " " + description, int(label) - 1) for label, title, description in table]
    else:
        table = [(text, int(label)) for text, label in table]
    chosen = numpy.random.default_rng(42).permutation(len(table))[:count]
    return [table[i] for i in chosen]


def batches(tokenizer, data, size, max_length):
    for start in range(0, len(data), size):
        texts, labels = zip(*data[start : start + size])
        batch = tokenizer(list(texts), truncation=True, max_length=max_length, padding=True, return_tensors="pt")
        yield batch, torch.tensor(labels)


def evaluate(model, tokenizer, data, size, max_length):
    model.eval()
    correct, loss = 0, 0.0
    with torch.no_grad():
        for batch, labels in batches(tokenizer, data, size, max_length):
            result = model(**batch, labels=labels)
            correct += int((result.logits.argmax(-1) == labels).sum())
            loss += result.loss.item() * len(labels)
    return correct / len(data), loss / len(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--model", "--train", "--test"):
        parser.add_argument(name, required=True)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    def report(**values):
        print(json.dumps(values), flush=True)

    torch.set_num_threads(arguments.threads)
    report(torch=torch.__version__, **{k: v for k, v in vars(arguments).items() if k not in ("model", "train", "test")})
    train, test = rows(arguments.train, arguments.rows), rows(arguments.test, arguments.rows)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    set_seed(arguments.seed)
    model = BertForSequenceClassification.from_pretrained(
        arguments.model, num_labels=4, id2label=dict(enumerate(LABELS)), label2id={n: i for i, n in enumerate(LABELS)}
    )
    # Trainer's defaults: no weight decay, no warm-up, clipping at 1
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    steps = arguments.epochs * -(-len(train) // arguments.batch_size)
    scheduler = get_linear_schedule_with_warmup(optimizer, 0, steps)
    order = torch.Generator().manual_seed(arguments.seed)
    training_seconds = 0.0
    for epoch in range(1, arguments.epochs + 1):
        started, total = time.monotonic(), 0.0
        shuffled = [train[i] for i in torch.randperm(len(train), generator=order).tolist()]
        model.train()
        for batch, labels in batches(tokenizer, shuffled, arguments.batch_size, arguments.max_length):
            loss = model(**batch, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
            total += loss.item() * len(labels)
        seconds = time.monotonic() - started
        training_seconds += seconds
        accuracy, eval_loss = evaluate(model, tokenizer, test, arguments.batch_size, arguments.max_length)
        report(
            epoch=epoch, train_loss=total / len(train), eval_loss=eval_loss, eval_accuracy=accuracy,
            train_seconds=round(seconds, 2),
        )
    report(steps=steps, seconds_per_step=training_seconds / steps, final_accuracy=accuracy)


if __name__ == "__main__":
    main()
