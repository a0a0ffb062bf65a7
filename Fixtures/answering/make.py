"""Writes what tiny models answer, and how answers are scored.

    python make.py answers     # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, numpy 2
    python make.py scores      # transformers 4.49.0, the last to have SQuAD's scores

answers.json: for a model of each family, questions on a short and on a long context with the logits' best candidates,
chosen from transformers' logits as its example script for question answering describes: the 20 best beginnings and ends
of each window, pairs of at most 30 tokens within the context, the best 20 of all windows, the softmax over their scores,
and no answer as the smallest score of the first token. scores.json: random answers with the figures of SQuAD 1.1 and 2.0.
"""

import json
import random
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
CONTEXT = "The president of the company said it will play in Iraq. Oil prices rose 3.5% on Tuesday; Wall St. didn't notice."
QUESTIONS = [
    ("Who said it?", CONTEXT[:55]),
    ("  Where will it play?", CONTEXT),
    ("naïve café?", "Cafe\u0301 in ÜBER straße, 中文 & 👩‍🚀! " + CONTEXT),
    ("What?", "a"),
]
FAMILIES = [
    "albert", "bert", "camembert", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta", "xlm-roberta",
]
LENGTH, STRIDE, BEST, LONGEST = 32, 8, 20, 30


def answers(model, tokenizer, question, context):
    import torch

    windows = tokenizer(
        question.lstrip(), context, truncation="only_second", max_length=LENGTH, stride=STRIDE,
        return_overflowing_tokens=True, return_offsets_mapping=True,
    )
    found, null = [], np.inf
    for index, ids in enumerate(windows["input_ids"]):
        encoding = windows.encodings[index]
        inputs = {"input_ids": torch.tensor([ids])}
        if getattr(model.config, "type_vocab_size", 0) > 1:
            # transformers 5 leaves them out for ALBERT, which version 4 and its pretraining did not.
            inputs["token_type_ids"] = torch.tensor([encoding.type_ids])
        with torch.no_grad():
            result = model(**inputs)
        starts, ends = result.start_logits[0].numpy(), result.end_logits[0].numpy()
        null = min(null, float(starts[0] + ends[0]))
        inside = [place if part == 1 else None for part, place in zip(encoding.sequence_ids, encoding.offsets)]
        for first in np.argsort(-starts, kind="stable")[:BEST]:
            for last in np.argsort(-ends, kind="stable")[:BEST]:
                if inside[first] and inside[last] and 0 <= last - first < LONGEST:
                    found.append((float(starts[first] + ends[last]), inside[first][0], inside[last][1]))
    found = sorted(found, key=lambda one: -one[0])[:BEST]
    shares = np.exp([score - found[0][0] for score, _, _ in found]) if found else np.array([])
    return {
        "question": question, "context": context, "null": null,
        "candidates": [
            [score, start, end, context[start:end], float(share / shares.sum())]
            for (score, start, end), share in zip(found, shares)
        ][:8],
    }


def write_answers():
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    cases = {}
    for name in FAMILIES:
        folder = HERE.parent / f"{name}-tiny/question-answering"
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        cases[name] = [answers(model, tokenizer, *case) for case in QUESTIONS]
        print(name, [len(case["candidates"]) for case in cases[name]])
    (HERE / "answers.json").write_text(json.dumps(cases, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


WORDS = "the a an The An and Iraq oil, U.S. 3.5% café Wall—Street (x) it's i\u0307 İ THE… 中文 _ -- 1,000 é".split()


def write_scores():
    from transformers.data.metrics.squad_metrics import (
        apply_no_ans_threshold, compute_exact, compute_f1, find_best_thresh, get_raw_scores, make_eval_dict, normalize_answer,
    )

    generator = random.Random(5)
    text = lambda most: " ".join(generator.choice(WORDS) for _ in range(generator.randint(0, most)))
    pairs = []
    for _ in range(300):
        given, right = text(5), text(4)
        pairs.append([given, right, normalize_answer(given), bool(compute_exact(right, given)), compute_f1(right, given)])

    class Example:
        def __init__(self, number, answers):
            self.qas_id, self.answers = str(number), [{"text": one} for one in answers]

    cases = []
    for size, share in ((1, 0.0), (40, 0.0), (40, 0.4), (3, 1.0), (200, 0.5)):
        rows = []
        for _ in range(size):
            right = [] if generator.random() < share else [text(4) or "it" for _ in range(generator.randint(1, 3))]
            given = generator.choice([*right, text(4)]) if generator.random() < 0.6 else text(4)
            rows.append([given, round(generator.uniform(-5, 5), 3), right])
        if share == 0:
            rows = [[given, null, [one for one in right if normalize_answer(one)] or ["Iraq"]] for given, null, right in rows]
        examples = [Example(number, right) for number, (_, _, right) in enumerate(rows)]
        predictions = {str(number): given for number, (given, _, _) in enumerate(rows)}
        nulls = {str(number): null for number, (_, null, _) in enumerate(rows)}
        has_answer = {example.qas_id: bool(example.answers) for example in examples}
        exact_raw, f1_raw = get_raw_scores(examples, predictions)
        scores = {}
        if share == 0:
            scores = {"exact_match": sum(exact_raw.values()) / size, "f1": sum(f1_raw.values()) / size}
        else:
            exact = apply_no_ans_threshold(exact_raw, nulls, has_answer, 0.5)
            f1 = apply_no_ans_threshold(f1_raw, nulls, has_answer, 0.5)
            for prefix, keys in (
                ("", list(has_answer)), ("HasAns_", [k for k, v in has_answer.items() if v]),
                ("NoAns_", [k for k, v in has_answer.items() if not v]),
            ):
                if keys:
                    found = make_eval_dict(exact, f1, keys)
                    scores |= {f"{prefix}exact": found["exact"] / 100, f"{prefix}f1": found["f1"] / 100}
            for name, raw in (("exact", exact_raw), ("f1", f1_raw)):
                best, threshold = find_best_thresh(predictions, raw, nulls, has_answer)
                scores |= {f"best_{name}": best / 100, f"best_{name}_thresh": threshold}
        cases.append({"rows": rows, "scores": scores})
    document = {"pairs": pairs, "cases": cases}
    (HERE / "scores.json").write_text(json.dumps(document, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(len(pairs), "pairs", [len(case["rows"]) for case in cases])


{"answers": write_answers, "scores": write_scores}[sys.argv[1]]()
