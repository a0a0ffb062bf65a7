"""Writes what transformers says about texts that are longer than 16 tokens: from the mean of the logits of their windows,
and from their first and last tokens.

    ../../.peers/torch/bin/python make.py      # torch 2.15, transformers 5.23.0, tokenizers 0.23.3
"""

import json
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

HERE = Path(__file__).resolve().parent
LENGTH, STRIDE = 16, 4
WORDS = "the world team won game he can do it oil is she one of".split()
TEXTS = [" ".join(WORDS[(7 * i + j * (i + 1)) % len(WORDS)] for j in range(count)) for i, count in
         enumerate([3, 14, 15, 40, 61])]
PAIRS = [("he can do it", TEXTS[3]), (TEXTS[4], "the team won"), ("he is", "she is")]


def encodings(tokenizer, text, pair):
    """The windows of a text, of a pair over the longer of the two; and its start and end."""
    only = True if pair is None else "only_second" if len(pair) > len(text) else "only_first"
    windows = tokenizer(
        text, pair, truncation=only, max_length=LENGTH, stride=STRIDE, return_overflowing_tokens=True)
    whole = tokenizer(text, pair)
    ids, types = whole["input_ids"], whole["token_type_ids"]
    excess = len(ids) - LENGTH
    if excess > 0:
        sequences = whole.sequence_ids(0)
        longest = max({0, 0 if pair is None else 1}, key=lambda s: sequences.count(s))
        start, room = sequences.index(longest), sequences.count(longest) - excess
        cut = start + max(1, room // 4)
        ids, types = ids[:cut] + ids[cut + excess :], types[:cut] + types[cut + excess :]
    return list(zip(windows["input_ids"], windows["token_type_ids"])), (ids, types)


def logits(model, ids, types):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types])).logits[0].double()


document = {"length": LENGTH, "stride": STRIDE, "models": {}}
for name in ["sequence-classification", "multi-label", "regression"]:
    source = HERE.parent / "bert-tiny" / name
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForSequenceClassification.from_pretrained(source).eval()
    rows = []
    for text, pair in [(text, None) for text in TEXTS] + PAIRS:
        windows, ends = encodings(tokenizer, text, pair)
        rows.append({
            "text": text, "pair": pair, "windows": [ids for ids, _ in windows],
            "pooled": torch.stack([logits(model, *window) for window in windows]).mean(0).tolist(),
            "head_tail": ends[0], "head_tail_logits": logits(model, *ends).tolist(),
        })
    document["models"][name] = rows
(HERE / "long-texts.json").write_text(json.dumps(document, separators=(",", ":")))
