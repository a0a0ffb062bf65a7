"""What the checks share: their rows and the table of them, Graft's command line, comparisons. Needs no framework.

    python report.py ROWS     # prints the table of the rows that the scripts wrote; exits 1 when a check failed
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

FIXTURES = Path(__file__).resolve().parent.parent
TOLERANCE = 1e-5
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# What a check may show of a format, a framework and a dialect.
READS, LOADS, AGREES = "read by Graft", "loads there", "outputs agree"


# What KerasHub's classes begin with.
KERAS_HUB = {
    "bert": "Bert", "distilbert": "DistilBert", "roberta": "Roberta", "xlm-roberta": "XLMRoberta", "albert": "Albert",
    "deberta-v2": "DebertaV3", "electra": "Electra",
}


def family_of(directory):
    """The family that a directory's config.json names: transformers' by a type, KerasHub's by a class. Google's is BERT,
    unless it has ALBERT's configuration.
    """
    if (directory / "albert_config.json").exists():
        return "albert"
    file = directory / "config.json"
    config = json.loads(file.read_text()) if file.exists() else {}
    families = {f"{prefix}Backbone": family for family, prefix in KERAS_HUB.items()}
    return config.get("model_type") or families.get(config.get("class_name"), "bert")


class Failure(Exception):
    """What a check found wrong."""


class Report:
    """The checks so far. A failure is printed at once; the others too, if asked for.

    - path: the file that a JSON line is appended to for each check, or None.
    """

    def __init__(self, verbose=False, path=None):
        self.rows, self.verbose, self.path = [], verbose, path

    def of(self, format, framework, dialect="", family=""):
        """The checks of one line of the table."""
        return Checks(self, dict(format=format, framework=framework, dialect=dialect, family=family))

    def add(self, row):
        self.rows.append(row)
        if self.path:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        if row["passed"] and not self.verbose:
            return
        lines = row["result"].splitlines() or [""]
        print(f"{'ok' if row['passed'] else 'FAILED':6}  {row['check']:30}  {row['subject']:34}  {lines[0]}", flush=True)
        for line in lines[1:20]:
            print(f"        {line}")


class Checks:
    def __init__(self, report, line):
        self.report, self.line = report, line

    def check(self, name, subject, body, *shows):
        """Runs `body`, which returns what to say, or raises; says whether it passed. `shows` names columns."""
        try:
            result, passed = body() or "passed", True
        except Failure as failure:
            result, passed = str(failure), False
        except Exception as error:  # a check that cannot be made has failed
            result, passed = f"{type(error).__name__}: {error}", False
        self.report.add(
            self.line | dict(check=name, subject=subject, shows=shows, passed=passed, result=result))
        return passed


def table(rows):
    """One line for each format, framework, dialect and family."""
    key = ("format", "framework", "dialect", "family")
    header = [*key, READS, LOADS, AGREES, "largest difference", "checks passed"]
    lines = {}
    for row in rows:
        lines.setdefault(tuple(row[part] for part in key), []).append(row)
    cells = [header]
    for names, own in sorted(lines.items()):
        counts = [passed_of([row for row in own if column in row["shows"]]) for column in (READS, LOADS, AGREES)]
        cells.append([*names, *counts, largest_difference(own), passed_of(own)])
    widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
    text = "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
    return f"{text}\n\n{passed_of(rows)} checks passed"


def passed_of(rows):
    return f"{sum(row['passed'] for row in rows)} of {len(rows)}" if rows else ""


def largest_difference(rows):
    found = [float(row["result"].rpartition(" ")[2]) for row in rows if row["result"].startswith("relative difference ")]
    return f"{max(found):.1e}" if found else ""


def failed(rows):
    return not rows or not all(row["passed"] for row in rows)


def run(description, check, **more):
    """The command line of a script, whose `check(graft, report, arguments)` makes its checks.

    - more: further options, and whether they are paths that have to be given.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graft", type=Path, required=True)
    parser.add_argument("--rows", type=Path, help="append the checks to this file, and print no table")
    parser.add_argument("--only", default="", help="sources whose path contains this")
    parser.add_argument("--verbose", action="store_true", help="print every check, not only those that fail")
    for name, kind in more.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    arguments = parser.parse_args()
    report = Report(arguments.verbose, arguments.rows)
    check(Graft(arguments.graft.resolve()), report, arguments)
    if not arguments.rows:
        print(f"\n{table(report.rows)}")
    raise SystemExit(failed(report.rows))


class Graft:
    def __init__(self, path):
        self.path = path

    def __call__(self, *arguments, expect=(0,)):
        """Standard output of a command; its error is the failure."""
        command = [str(self.path), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode not in expect:
            raise Failure(f"graft {' '.join(command[1:])}: exit {done.returncode}\n{done.stderr.strip()}")
        return done.stdout

    def verify(self, directory, golden, names=None):
        """`graft verify`, judged by differences relative to the largest value.

        - names: the outputs that have to be compared; None takes what Graft compares.
        """
        rows = json.loads(self("verify", directory, "--golden", golden, "--tolerance", "1000", "--json"))["outputs"]
        found = {row["name"] for row in rows}
        if not rows or found != set(names or found):
            raise Failure(f"outputs {sorted(found)}, expected {sorted(names or ['any'])}")
        worst = max(row["relative"] for row in rows)
        if not worst <= TOLERANCE:
            raise Failure(f"relative difference {worst:.2g}: {rows}")
        return f"relative difference {worst:.1e}"

    def identical(self, first, second, more_in_second=False):
        """Every tensor of either is in the other, bit for bit; or of the first in the second."""
        found = json.loads(self("diff", first, second, "--json", expect=(0, 1)))
        wrong = ["changed", "converted", "only_in_a", *([] if more_in_second else ["only_in_b"])]
        if any(found[key] for key in wrong) or not found["equal"]:
            raise Failure(json.dumps({key: found[key] for key in wrong}))
        return f"{len(found['equal'])} tensors bit-identical"

    def fails(self, message, *arguments):
        """A command that has to fail, with these words in its error."""
        try:
            self(*arguments)
        except Failure as failure:
            if message in str(failure):
                return "refused"
            raise
        raise Failure("it did not fail")

    def refuses(self, source, *arguments):
        """An export for which the dialect has no names; nothing is written, or lost."""
        with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
            return self.fails("has no name for", "export", source, *arguments, "--output", Path(work) / "out")


def compare(found, expected, mask):
    """The largest difference relative to the largest value; of hidden states and logits of tokens, where they are real.

    Takes NumPy arrays by name: `found` has all that `expected` has.
    """
    if not set(expected) <= set(found):
        raise Failure(f"outputs {sorted(found)}, expected {sorted(expected)}")
    worst = 0.0
    for name, b in expected.items():
        a = found[name]
        if a.shape != b.shape:
            raise Failure(f"{name}: shape {list(a.shape)}, expected {list(b.shape)}")
        # A pooled output reads the first token, whose row is left out where that is masked.
        rows = mask if a.ndim == 3 or a.shape == mask.shape else mask[:, 0]
        error = float(abs(a[rows] - b[rows]).max() / abs(b[rows]).max())
        worst = max(worst, error)
        if not error <= TOLERANCE:
            raise Failure(f"{name}: relative difference {error:.2g}")
    return f"relative difference {worst:.1e}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    print(f"\n{table(rows)}")
    raise SystemExit(failed(rows))


if __name__ == "__main__":
    main()
