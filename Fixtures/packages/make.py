#!/usr/bin/env python3
"""Makes the demo data set from Debian 12's package descriptions.

    make.py [--lists DIR]                     train.csv, test.csv and sources.csv, beside this script
    make.py [--lists DIR] --pretraining FILE  the pretraining corpus

A row of train.csv and test.csv is what a package's description says (`text`) and the
archive section the package is filed under (`label`); sources.csv tells, row for row, which
package that is. The pretraining corpus holds the descriptions of every other section. The
output depends on the package lists alone: what looks like chance is a hash of a package's name.

The descriptions come from apt's Translation-en list, which Debian's container images
turn off; see README.md for the `apt-get update` that brings it. Standard library only.
"""

import argparse
import csv
import hashlib
import re
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import Iterator, NamedTuple

SECTIONS = ("games", "science", "sound", "web")
RELEASE = "12.15"

TRAIN_ROWS_PER_SECTION = 500
TEST_ROWS_PER_SECTION = 250
TEST_SHARE = 1 / 3

TEXT_LENGTH = 400
PRETRAINING_LENGTH = 600
SHORTEST_TEXT = 60

SHINGLE = 4  # words
RELATED = 0.4  # share of the shorter text's shingles that ties two packages to one side of the split
REPEATED = 0.5  # share of a text's shingles already seen that makes it a duplicate

PLACEHOLDER = re.compile(r"\b(transitional|dummy|empty)\s+(meta-?)?package", re.IGNORECASE)


class Package(NamedTuple):
    name: str
    source: str
    version: str  # of the source package
    section: str
    description: str


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lists", type=Path, default=Path("/var/lib/apt/lists"), metavar="DIR")
    parser.add_argument("--pretraining", type=Path, metavar="FILE")
    arguments = parser.parse_args()

    packages = read_packages(arguments.lists)
    if arguments.pretraining:
        write_csv(arguments.pretraining, ["text"], pretraining_rows(packages))
    else:
        directory = Path(__file__).resolve().parent
        sources = []
        for name, rows in classification_rows(packages).items():
            write_csv(
                directory / f"{name}.csv",
                ["text", "label"],
                [[one_line(package.description, TEXT_LENGTH), package.section] for package in rows],
            )
            sources += [[name, package.name, package.source, package.version] for package in rows]
        write_csv(directory / "sources.csv", ["file", "package", "source", "version"], sources)


# Reading apt's lists


def read_packages(lists: Path) -> list[Package]:
    """The packages of Debian 12 main, sorted so that `foo` precedes `foo-data`."""
    release = fields(list_file(lists, "InRelease")).get("Version")
    if release != RELEASE:
        print(
            f"warning: these are the lists of Debian {release}; the committed files were made"
            f" from {RELEASE} and will differ",
            file=sys.stderr,
        )
    descriptions = {
        (stanza["Package"], stanza["Description-md5"]): stanza["Description-en"]
        for stanza in stanzas(list_file(lists, "main_i18n_Translation-en"))
    }
    packages = {}
    for stanza in stanzas(list_file(lists, "main_binary-amd64_Packages")):
        name = stanza["Package"]
        description = descriptions.get((name, stanza["Description-md5"]))
        if description and not PLACEHOLDER.search(description):
            # "Source: name (version)", where either part stands only when it differs from the package's.
            source, _, version = stanza.get("Source", name).partition(" ")
            packages[name] = Package(
                name, source, version.strip("()") or stanza["Version"], stanza["Section"], description
            )
    return sorted(packages.values(), key=lambda package: (len(package.name), package.name))


def list_file(lists: Path, kind: str) -> str:
    # apt names a list after its address, and may keep it compressed.
    names = sorted(
        path
        for path in lists.glob(f"*_debian_dists_bookworm_{kind}*")
        if path.name.partition(kind)[2] in ("", ".lz4", ".xz", ".gz", ".zst", ".bz2")
    )
    if not names:
        sys.exit(
            f"error: {lists} holds no list *_debian_dists_bookworm_{kind};"
            " get it with: apt-get -o Acquire::Languages=en update"
        )
    return subprocess.run(
        ["/usr/lib/apt/apt-helper", "cat-file", names[0]], stdout=subprocess.PIPE, check=True
    ).stdout.decode()


def stanzas(text: str) -> Iterator[dict[str, str]]:
    for stanza in text.split("\n\n"):
        if stanza.strip():
            yield fields(stanza)


def fields(stanza: str) -> dict[str, str]:
    values: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1] in (" ", "\t"):
            values[name] += "\n" + line
        elif ":" in line:
            name, _, value = line.partition(":")
            values[name] = value.strip()
    return values


# Text


def one_line(description: str, length: int) -> str:
    """The synopsis and the long description in one line, cut at a word."""
    lines = (re.sub(r"^\s*(\.$|[-*+o•]\s)", " ", line) for line in description.splitlines())
    text = " ".join(" ".join(lines).split())
    if len(text) <= length:
        return text
    return text[: length + 1].rpartition(" ")[0]


def shingles(text: str) -> set[str]:
    words = re.findall(r"\w+", text.lower())
    return {" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}


def key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


class Seen:
    """The shingles of the texts kept so far."""

    def __init__(self) -> None:
        self.shingles: set[str] = set()

    def repeats(self, text: str) -> bool:
        own = shingles(text)
        return len(own & self.shingles) >= REPEATED * len(own)

    def add(self, text: str) -> None:
        self.shingles |= shingles(text)


# The two data sets


def classification_rows(packages: list[Package]) -> dict[str, list[Package]]:
    """The rows of `train` and `test`: related packages are in one of them, near-duplicates in none."""
    texts = {
        package.name: one_line(package.description, TEXT_LENGTH)
        for package in packages
        if package.section in SECTIONS
    }
    chosen = [package for package in packages if len(texts.get(package.name, "")) >= SHORTEST_TEXT]
    family = families(chosen, texts)
    seen: defaultdict[str, Seen] = defaultdict(Seen)
    kept: dict[str, list[Package]] = {"train": [], "test": []}
    for package in chosen:
        root, text = family[package.name], texts[package.name]
        if not seen[root].repeats(text):
            seen[root].add(text)
            kept["test" if int(key(root), 16) < TEST_SHARE * 2**256 else "train"].append(package)

    limits = {"train": TRAIN_ROWS_PER_SECTION, "test": TEST_ROWS_PER_SECTION}
    rows: dict[str, list[Package]] = {"train": [], "test": []}
    for side, packages_of_side in kept.items():
        taken: Counter[str] = Counter()
        for package in sorted(packages_of_side, key=lambda package: key(package.name)):
            if taken[package.section] < limits[side]:
                taken[package.section] += 1
                rows[side].append(package)
    return rows


def families(packages: list[Package], texts: dict[str, str]) -> dict[str, str]:
    """Package name → family name: one source package, or much text in common, is one family."""
    parent = {package.name: package.name for package in packages}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(a: str, b: str) -> None:
        first, second = sorted((root(a), root(b)))
        parent[second] = first

    first_of_source: dict[str, str] = {}
    holders: defaultdict[str, list[str]] = defaultdict(list)
    own = {package.name: shingles(texts[package.name]) for package in packages}
    for package in packages:
        join(package.name, first_of_source.setdefault(package.source, package.name))
        for shingle in own[package.name]:
            holders[shingle].append(package.name)
    shared = Counter(pair for names in holders.values() for pair in combinations(names, 2))
    for (a, b), count in shared.items():
        if count >= RELATED * min(len(own[a]), len(own[b])):
            join(a, b)
    return {name: root(name) for name in parent}


def pretraining_rows(packages: list[Package]) -> list[list[str]]:
    """Descriptions that share neither a source package nor much text with the four sections."""
    sources = {package.source for package in packages if package.section in SECTIONS}
    seen = Seen()
    for package in packages:
        if package.section in SECTIONS:
            seen.add(one_line(package.description, PRETRAINING_LENGTH))
    kept = []
    for package in packages:
        text = one_line(package.description, PRETRAINING_LENGTH)
        if package.source not in sources and len(text) >= SHORTEST_TEXT and not seen.repeats(text):
            seen.add(text)
            kept.append((package.name, text))
    return [[text] for _, text in sorted(kept, key=lambda row: key(row[0]))]


def write_csv(path: Path, header: list[str], rows: list[list[str]]) -> None:
    """Writes RFC 4180 quoting with LF line ends, and prints what README.md tells about the file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    data = path.read_bytes()
    print(f"{path.name}: {len(rows)} rows, {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
    if "text" in header:
        print(f"  words: {sum(len(row[0].split()) for row in rows)}")
    if "label" in header:
        labels = Counter(row[1] for row in rows)
        print("  " + ", ".join(f"{label} {count}" for label, count in sorted(labels.items())))


if __name__ == "__main__":
    main()
