"""Rows of results: printed, and appended to a CSV file as they are measured."""

import csv
import datetime
from dataclasses import dataclass
from statistics import median

COLUMNS = "date machine versions texts backend measure unit graft peer ratio min max runs goal met".split()


@dataclass(frozen=True)
class Goal:
    """Bounds of a row's ratio, or of Graft's own figure where there is no peer."""

    least: float | None = None
    most: float | None = None

    def is_met(self, figure):
        return (self.least is None or figure >= self.least) and (self.most is None or figure <= self.most)

    def __str__(self):
        if self.least is None:
            return f"at most {number(self.most)}"
        return f"at least {number(self.least)}" if self.most is None else f"{self.least:.2f} to {self.most:.2f}"


@dataclass(frozen=True)
class Row:
    measure: str
    unit: str
    graft: list  # a figure of each run
    peer: list | None = None
    more_is_better: bool = False
    goal: Goal | None = None
    backend: str = ""

    @property
    def ratios(self):
        """Run by run; above 1 means that Graft is better."""
        pairs = zip(self.graft, self.peer or [])
        return [a / b if self.more_is_better else b / a for a, b in pairs]

    @property
    def is_met(self):
        return self.goal is None or self.goal.is_met(median(self.ratios or self.graft))

    @property
    def verdict(self):
        return "" if self.goal is None else "yes" if self.is_met else "no"

    def __str__(self):
        text = f"{self.measure:80} {self.unit:10} {number(median(self.graft)):>9}"
        if self.peer:
            low, middle, high = min(self.ratios), median(self.ratios), max(self.ratios)
            text += f" {number(median(self.peer)):>9}   {middle:5.2f}  ({low:.2f} to {high:.2f})"
        return text if self.goal is None else f"{text:139} {self.goal}: {self.verdict}"


def number(value, digits=3):
    return f"{value:.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


HEADING = f"{'measure':80} {'unit':10} {'graft':>9} {'peer':>9}   ratio  (range){'':15} goal: met"


class Results:
    """- path: the file to append to, or None.
    - context: what all rows share: machine, versions and texts.
    """

    def __init__(self, path, **context):
        self.path, self.context, self.rows = path, context, []
        if path and path.exists():
            with open(path, encoding="utf-8", newline="") as file:
                if next(csv.reader(file), None) != COLUMNS:
                    raise SystemExit(f"{path}: other columns than {','.join(COLUMNS)}")

    def add(self, row):
        self.rows.append(row)
        print(row, flush=True)
        if self.path:
            self.append(row)

    def append(self, row):
        is_new = not self.path.exists()
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if is_new:
                out.writeheader()
            values = {"graft": median(row.graft)}
            if row.peer:
                ratios = row.ratios
                values |= {"peer": median(row.peer), "ratio": median(ratios), "min": min(ratios), "max": max(ratios)}
            record = {name: number(value, 4) for name, value in values.items()}
            record |= self.context | {"date": datetime.date.today().isoformat(), "runs": len(row.graft)}
            record |= {"measure": row.measure, "unit": row.unit, "backend": row.backend}
            out.writerow(record | {"goal": row.goal or "", "met": row.verdict})

    def summary(self):
        missed = [row.measure for row in self.rows if not row.is_met]
        count = sum(row.goal is not None for row in self.rows)
        met = [f"\n{count - len(missed)} of {count} goals met"] if count else []
        return "\n".join(met + [f"missed: {name}" for name in missed])
