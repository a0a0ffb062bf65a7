"""Seconds to learn a tokenizer on all cores: `graft tokenizer train` against `tokenizers`."""

import json
import random
import shutil
import sys

from harness.bench import HERE
from harness.results import Row
from harness.runner import alternate, run

MEGABYTES = {"unigram": 8}
KINDS = [("wordpiece", "BERT", "bert"), ("bpe", "RoBERTa", "roberta"), ("unigram", "XLMRoBERTa", "xlm-roberta")]


def lengthen(texts, size):
    """About as many bytes of text as asked for: the texts again and again, with one word in twenty made of two others, so
    that there are new words as there are in more text.
    """
    chance = random.Random(7)
    words = [word for text in texts for word in text.split() if len(word) > 3]
    lines, total = [], 0
    while total < size:
        for text in texts:
            line = " ".join(
                chance.choice(words)[: chance.randint(2, 5)] + chance.choice(words)[-chance.randint(2, 5) :]
                if chance.random() < 0.05 else word
                for word in text.split())
            lines.append(line)
            total += len(line) + 1
            if total >= size:
                break
    return lines


def measure(bench):
    for kind, folder, family in KINDS:
        size = MEGABYTES.get(kind, 30)
        name = f"learning a tokenizer, {kind}, {size} MB"
        if not bench.wants(name):
            continue
        file, output = bench.work / f"{size}-megabytes.txt", bench.work / "learnt-tokenizer"
        if not file.exists():
            file.write_text("\n".join(lengthen(bench.texts.first(), size * 1_000_000)) + "\n", encoding="utf-8")

        def graft():
            shutil.rmtree(output, ignore_errors=True)
            return run(
                bench.graft, "tokenizer", "train", file, "--family", family, "--vocab-size", 30000, "--output", output,
                "--quiet").seconds

        def tokenizers():
            script = HERE / "peers/train_tokenizer.py"
            return json.loads(run(sys.executable, script, folder, "--input", file, "--vocab-size", 30000).text)["seconds"]

        ours, theirs = alternate({"graft": graft, "tokenizers": tokenizers}, 3).values()
        bench.results.add(Row(name, "s", ours, theirs))
