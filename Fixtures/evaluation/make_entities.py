"""Writes entities.json: entity scores of random tags by seqeval, in its default mode and strictly in every scheme.

    python3 -m venv VENV && VENV/bin/pip install seqeval==1.2.2      # with numpy 2.4.6, scikit-learn 1.9.1
    VENV/bin/python make_entities.py
"""

import json
import random
import warnings
from pathlib import Path

from seqeval import scheme as schemes
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support as loose
from seqeval.metrics.v1 import precision_recall_fscore_support as strict
from seqeval.metrics.v1 import unique_labels

warnings.filterwarnings("ignore")
TYPES = ["PER", "LOC", "B-C"]
LETTERS = {None: "BIES", "IOB1": "BI", "IOB2": "BI", "IOE1": "IE", "IOE2": "IE", "IOBES": "BIES", "BILOU": "BILU"}


def sentence(random, letters):
    """Runs of tags, of which most hang together."""
    tags = []
    for _ in range(random.randint(0, 6)):
        kind = random.choice(TYPES)
        for _ in range(random.randint(1, 4)):
            tags.append(f"{random.choice(letters)}-{kind}")
        tags += ["O"] * random.randint(0, 2)
    return tags


def changed(random, tags, letters):
    every = ["O"] + [f"{letter}-{kind}" for letter in letters for kind in TYPES]
    return [random.choice(every) if random.random() < 0.25 else tag for tag in tags]


def scores(values):
    return [float(value) for value in values]


def case(name, scheme, actual, predicted):
    if scheme is None:
        compute = lambda average: loose(actual, predicted, average=average)
        types = sorted({kind for rows in (actual, predicted) for kind, _, _ in get_entities(rows)})
    else:
        kind = getattr(schemes, scheme)
        compute = lambda average: strict(actual, predicted, average=average, scheme=kind)
        types = unique_labels(actual, predicted, kind)
    each = list(zip(*compute(None)))
    assert len(each) == len(types)
    return {
        "name": name, "scheme": scheme, "actual": actual, "predicted": predicted,
        "types": {name: scores(values) for name, values in zip(types, each)},
        **{average: scores(compute(average)) for average in ("micro", "macro", "weighted")},
    }


if __name__ == "__main__":
    generator = random.Random(17)
    documented = (
        [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]],
        [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]],
    )
    cases = [case("documented", None, *documented), case("nothing found", None, documented[0], [["O"] * 7, ["O"] * 3])]
    cases.append(case("a tag without a type", None, [["B", "I", "O", "I"]], [["B", "O", "O", "I"]]))
    for scheme, letters in LETTERS.items():
        for number in range(3):
            actual = [sentence(generator, letters) for _ in range(12)]
            predicted = [changed(generator, tags, letters) for tags in actual]
            cases.append(case(f"{scheme or 'default'} {number}", scheme, actual, predicted))
    text = ",\n".join(json.dumps(case) for case in cases)
    path = Path(__file__).parent / "entities.json"
    path.write_text(f'{{"seqeval": "1.2.2", "cases": [\n{text}\n]}}\n')
    print(len(cases), "cases,", path.stat().st_size, "bytes")
