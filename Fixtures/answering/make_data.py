"""Writes train.json and test.json, SQuAD documents: questions on first sentences of packages' descriptions, of which some
have no answer there. The answers are the tagged words of ../tagging.

    python3 make_data.py      # nothing but Python
"""

import json
import random
from pathlib import Path

HERE = Path(__file__).resolve().parent
QUESTIONS = {"LANG": "Which programming language?", "SYS": "Which operating system?", "FORMAT": "Which file format?"}


def sentences(file):
    """The words and tags of each sentence."""
    for block in file.read_text(encoding="utf-8").split("\n\n")[1:]:
        yield [line.rsplit(" ", 1) for line in block.splitlines()]


def found(sentence):
    """The first answer to each question, as the words from a start to an end."""
    answers = {}
    for place, (_, tag) in enumerate(sentence):
        if tag.startswith("B-") and tag[2:] not in answers:
            end = place + 1
            while end < len(sentence) and sentence[end][1] == f"I-{tag[2:]}":
                end += 1
            answers[tag[2:]] = place, end
    return answers


def write(name):
    generator = random.Random(3)
    paragraphs, count = [], 0
    for sentence in sentences(HERE.parent / f"tagging/{name}.conll"):
        words = [word for word, _ in sentence]
        answers, questions = found(sentence), []
        missing = [kind for kind in QUESTIONS if kind not in answers]
        for kind in [*answers, *generator.sample(missing, k=min(len(missing), generator.randint(0, 1)))]:
            count += 1
            entry = {"id": f"{name}-{count}", "question": QUESTIONS[kind], "answers": [], "is_impossible": kind in missing}
            if kind in answers:
                start, end = answers[kind]
                text = " ".join(words[start:end])
                entry["answers"] = [{"text": text, "answer_start": len(" ".join([*words[:start], ""]))}]
            questions.append(entry)
        paragraphs.append({"context": " ".join(words), "qas": questions})
    data = {"version": "v2.0", "data": [{"title": "packages", "paragraphs": paragraphs}]}
    (HERE / f"{name}.json").write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")
    print(name, count, "questions")


write("train")
write("test")
