"""Writes entities of texts as transformers' token-classification pipeline finds them, with every aggregation.

    python make.py            # torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3

NAME.json for the tiny token classifiers: `cases`, each with `text`, `aggregation`, perhaps `stride`, and `entities` as
lists: label, score, word, start, end, and of single tokens the index. The weights are random, so that entities begin and
end anywhere, within words too. `../interop/check_entities.py` compares Graft with the pipeline on many texts, by the functions
here.
"""

import json
import random
import tempfile
import warnings
from pathlib import Path

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer, TokenClassificationPipeline
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()
warnings.filterwarnings("ignore")
FIXTURES = Path(__file__).resolve().parent.parent
MODELS = [
    "albert", "bert", "camembert", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "nomic_bert", "roberta",
    "xlm-roberta",
]
LIMIT = 40
STRATEGIES = ["none", "simple", "first", "average", "max"]
TEXTS = [
    "The president of the company said it will play in Iraq.",
    "Oil prices rose 3.5% on Tuesday;",
    "Wall St. didn't notice...",
    "Cafe\u0301 naïve, ÜBER straße",
    "中文 & 👩‍🚀!",
    "xylophones  and\ttabs — [MASK] [SEP]",
    "New-York/London (U.K.)",
    "",
]
LONG = " ".join(TEXTS[:3]) * 3


def pipeline(name):
    folder = FIXTURES / f"{name}-tiny/token-classification"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = LIMIT
    model = AutoModelForTokenClassification.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return TokenClassificationPipeline(model=model.eval(), tokenizer=tokenizer)


def entities(pipe, text, aggregation, **options):
    found = pipe(text, aggregation_strategy=aggregation, **options)
    return [
        [e.get("entity_group") or e["entity"], round(float(e["score"]), 6), e["word"], int(e["start"]), int(e["end"])]
        + ([int(e["index"])] if aggregation == "none" else [])
        for e in found
    ]


def fits(pipe, text):
    """Without a stride the pipeline cuts what is longer, which Graft does not."""
    return len(pipe.tokenizer(text)["input_ids"]) <= LIMIT


def case(pipe, text, aggregation, **options):
    assert "stride" in options or fits(pipe, text), text
    return dict(text=text, aggregation=aggregation, **options, entities=entities(pipe, text, aggregation, **options))


def write(name):
    pipe = pipeline(name)
    cases = [case(pipe, text, aggregation) for aggregation in STRATEGIES for text in TEXTS]
    cases += [case(pipe, LONG, aggregation, stride=8) for aggregation in STRATEGIES[1:]]
    cases.append(case(pipe, TEXTS[0], "simple", ignore_labels=[]))
    text = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    path = FIXTURES / "tagging" / f"{name}.json"
    path.write_text(f'{{"cases": [\n{text}\n]}}\n', encoding="utf-8")
    print(name, len(cases), "cases,", sum(len(case["entities"]) for case in cases), "entities")


def texts(pipe, count, longest=14):
    """Lines of words in any order, with one token and more each.

    - longest: The most words of a line. Lines of more than 14 are longer than one window takes.
    """
    generator = random.Random(17)
    words = " ".join(TEXTS).split() + "Ada Lovelace's e-mail U.S.-based don't 2,000 (see [1]) naïveté 東京 it's".split()
    found = []
    while len(found) < count:
        text = " ".join(generator.choice(words) for _ in range(generator.randint(1, longest)))
        if longest > 14 or fits(pipe, text):
            found.append(text)
    return found


def differing(graft, name, pipe, lines, aggregation, **options):
    """Compares what Graft finds in lines with what the pipeline does.

    - graft: A function from arguments to standard output; - options: `stride`, or nothing.
    Returns the lines that differ, with the pipeline's entities and Graft's, and the largest difference of the others' scores.
    """
    folder = FIXTURES / f"{name}-tiny/token-classification"
    keys = ["label", "word", "start", "end"] + ["index"] * (aggregation == "none")
    windows = ["--max-length", LIMIT, "--stride", options["stride"]] if options else []
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        rows = json.loads(
            graft("tag", folder, "--input", file.name, "--aggregation", aggregation, *windows, "--json", "--quiet"))
    different, largest = [], 0.0
    for line, row in zip(lines, rows, strict=True):
        expected = [(e[:1] + e[2:], e[1]) for e in entities(pipe, line, aggregation, **options)]
        found = [([e[key] for key in keys], e["score"]) for e in row["entities"]]
        if [e for e, _ in expected] != [e for e, _ in found]:
            different.append((line, expected, found))
        else:
            largest = max([largest] + [abs(a - b) for (_, a), (_, b) in zip(expected, found)])
    return different, largest


if __name__ == "__main__":
    for name in MODELS:
        write(name)
