"""Writes train.conll and test.conll: first sentences of packages' descriptions, whose languages, systems and file formats
are tagged by a list of names. It stands for a data set of named entities where one is wanted that is small and free.

    python3 make_data.py      # nothing but Python
"""

import csv
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = {
    "LANG": "python perl java php ruby haskell javascript lua tcl ocaml lisp scheme c++ fortran r octave sql",
    "SYS": "linux windows unix debian gnome kde x11 mac android dos solaris",
    "FORMAT": "xml html mp3 ogg json wav midi pdf css flac png svg csv yaml mpeg http ftp",
}
PHRASES = {("mac", "os"): "SYS", ("mac", "os", "x"): "SYS", ("c", "#"): "LANG", ("common", "lisp"): "LANG"}
KINDS = {(name,): kind for kind, names in NAMES.items() for name in names.split()} | PHRASES


def tagged(words):
    tags, place = [], 0
    while place < len(words):
        for length in (3, 2, 1):
            kind = KINDS.get(tuple(word.lower() for word in words[place : place + length]))
            if kind and place + length <= len(words):
                tags += [f"B-{kind}"] + [f"I-{kind}"] * (length - 1)
                place += length
                break
        else:
            tags.append("O")
            place += 1
    return tags


def sentences(file):
    for row in csv.DictReader(file.open(encoding="utf-8", newline="")):
        words = re.findall(r"[cC]\+\+|\w+|[^\w\s]", row["text"])[:24]
        tags = tagged(words)
        if any(tag != "O" for tag in tags):
            yield zip(words, tags)


def write(source, target, count):
    found = [sentence for sentence, _ in zip(sentences(HERE.parent / "packages" / source), range(count))]
    text = "\n".join("".join(f"{word} {tag}\n" for word, tag in sentence) for sentence in found)
    (HERE / target).write_text("-DOCSTART- O\n\n" + text, encoding="utf-8")
    print(target, len(found), "sentences")


write("train.csv", "train.conll", 400)
write("test.csv", "test.conll", 100)
