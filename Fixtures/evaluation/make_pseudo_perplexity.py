"""Writes pseudo_perplexity.json: pseudo-log-likelihoods of texts under the tiny masked-language model by transformers.

    python make_pseudo_perplexity.py            # torch 2.15.0, transformers 5.23.0

Every token but the special ones is masked in turn; Salazar et al., arXiv:1910.14659. One text is longer than the model
and is cut.
"""

import json
import math
from pathlib import Path

import torch
from transformers import AutoTokenizer, BertForMaskedLM

HERE = Path(__file__).parent
MODEL = HERE.parent / "bert-tiny" / "masked-lm"
TEXTS = ["he can do it", "she is the one , and he can see it", "a", "the day was long " * 20, "xyz qrs"]

tokenizer = AutoTokenizer.from_pretrained(MODEL)
model = BertForMaskedLM.from_pretrained(MODEL, attn_implementation="eager", dtype=torch.float64).eval()
results, total, count = [], 0.0, 0
for text in TEXTS:
    encoded = tokenizer(text, return_tensors="pt", return_special_tokens_mask=True, truncation=True, max_length=64)
    ids, special = encoded["input_ids"][0], encoded["special_tokens_mask"][0]
    places = [place for place in range(len(ids)) if not special[place]]
    score = 0.0
    for place in places:
        masked = ids.clone()
        masked[place] = tokenizer.mask_token_id
        with torch.no_grad():
            logits = model(masked[None]).logits[0, place]
        score += torch.log_softmax(logits, -1)[ids[place]].item()
    results.append({"text": text, "tokens": len(places), "log_likelihood": score})
    total, count = total + score, count + len(places)
golden = {"texts": results, "pseudo_perplexity": math.exp(-total / count)}
(HERE / "pseudo_perplexity.json").write_text(json.dumps(golden, indent=1) + "\n")
