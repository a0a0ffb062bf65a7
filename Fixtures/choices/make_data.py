"""Writes train.jsonl and test.jsonl: which of two to four packages is for games, science, sound or the web, by their
descriptions in ../packages.

    python3 make_data.py      # nothing but Python
"""

import csv
import json
import random
from pathlib import Path

HERE = Path(__file__).resolve().parent
QUESTIONS = {
    "games": "Which one is a game?", "science": "Which one is for science?", "sound": "Which one is for music?",
    "web": "Which one is for the web?",
}


def write(name, count):
    generator = random.Random(5)
    packages = {label: [] for label in QUESTIONS}
    with open(HERE.parent / f"packages/{name}.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            packages[row["label"]].append(row["text"])
    with open(HERE / f"{name}.jsonl", "w", encoding="utf-8") as file:
        for _ in range(count):
            kinds = generator.sample(list(QUESTIONS), k=generator.choice([2, 3, 4, 4]))
            choices = [generator.choice(packages[kind])[:80] for kind in kinds]
            answer = generator.randrange(len(kinds))
            row = {"question": QUESTIONS[kinds[answer]], "choices": choices, "answer": "ABCD"[answer]}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


write("train", 320)
write("test", 100)
