"""What the checks share: a table of them, and Graft's command line. Needs no framework."""

import subprocess


class Failure(Exception):
    """What a check found wrong."""


class Report:
    """The checks so far. A failure is printed at once; the others too, if asked for."""

    def __init__(self, verbose):
        self.rows, self.verbose = [], verbose

    def check(self, name, subject, body):
        """Runs `body`, which returns what to say, or raises."""
        try:
            result, passed = body() or "passed", True
        except Failure as failure:
            result, passed = str(failure), False
        except Exception as error:  # a check that cannot be made has failed
            result, passed = f"{type(error).__name__}: {error}", False
        self.rows.append((name, subject, passed, result))
        if passed and not self.verbose:
            return passed
        lines = result.splitlines()
        print(f"{'ok' if passed else 'FAILED':6}  {name:30}  {subject:34}  {lines[0]}", flush=True)
        for line in lines[1:20]:
            print(f"        {line}")
        return passed

    def table(self):
        """One line for each kind of check."""
        kinds = list(dict.fromkeys(name for name, *_ in self.rows))
        summary = []
        for kind in kinds:
            rows = [row for row in self.rows if row[0] == kind]
            failed = [row[1] for row in rows if not row[2]]
            result = f"FAILED: {', '.join(failed)}" if failed else worst_of(rows)
            summary.append((kind, subject_of(rows), result))
        header = ("check", "what", "result")
        widths = [max(len(row[i]) for row in [header, *summary]) for i in range(2)]
        for row in [header, *summary]:
            print("  ".join([row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2]]))
        failures = sum(not passed for _, _, passed, _ in self.rows)
        print(f"\n{len(self.rows) - failures} of {len(self.rows)} checks passed")
        return failures


def subject_of(rows):
    return rows[0][1] if len(rows) == 1 else f"{len(rows)} times"


def worst_of(rows):
    """Of relative differences, the largest; else what the rows agree on."""
    results = {row[3] for row in rows}
    if len(results) == 1:
        return results.pop()
    found = [float(row[3].rpartition(" ")[2]) for row in rows if row[3].startswith("relative difference ")]
    return f"relative difference at most {max(found):.2g}" if len(found) == len(rows) else "passed"


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


TOLERANCE = 1e-5


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
        rows = mask if a.ndim == 3 else mask[:, 0]
        error = float(abs(a[rows] - b[rows]).max() / abs(b[rows]).max())
        worst = max(worst, error)
        if not error <= TOLERANCE:
            raise Failure(f"{name}: relative difference {error:.2g}")
    return f"relative difference {worst:.1e}"
