"""Compares the scores of `graft evaluate` with those of SQuAD 2.0's official script, on the answers that `graft answer` gives.

    python3 compare.py GRAFT MODEL DATA.json evaluate-v2.0.py     # the script as SQuAD's site has it; numpy

MODEL is a checkpoint with a head for answering, DATA a SQuAD 2.0 document. The difference of the scores of no answer and of
the best answer stands for the probability of no answer, with the threshold 0. Exits 1 when a score differs by more than 1e-9,
or a threshold by more than 1e-6, for `graft answer` prints scores as float32.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    graft, model, data, script = sys.argv[1:]

    def run(*arguments):
        return json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)

    document = json.loads(Path(data).read_text(encoding="utf-8"))
    entries = [entry for part in document["data"] for paragraph in part["paragraphs"] for entry in paragraph["qas"]]
    answers = run(graft, "answer", model, "--input", data, "--json", "--quiet")
    found = run(graft, "evaluate", model, "--data", data, "--json", "--quiet")
    with tempfile.TemporaryDirectory() as name:
        predictions, nulls = Path(name) / "predictions.json", Path(name) / "nulls.json"
        rows = list(zip(entries, answers, strict=True))
        predictions.write_text(json.dumps({entry["id"]: answer["answer"] for entry, answer in rows}))
        nulls.write_text(json.dumps({entry["id"]: answer["null_score_difference"] for entry, answer in rows}))
        options = ("--na-prob-file", nulls, "--na-prob-thresh", "0")
        expected = run(sys.executable, script, data, predictions, *options)
    del expected["total"], expected["HasAns_total"], expected["NoAns_total"]
    wrong = []
    for key, value in expected.items():
        is_threshold, ours = key.endswith("thresh"), found[f"eval_{key}"]
        value = value if is_threshold else value / 100
        print(f"{key:18} {value:14.10f} {ours:14.10f}")
        if not abs(ours - value) <= (1e-6 if is_threshold else 1e-9):
            wrong.append(key)
    print(f"{len(rows)} questions; {', '.join(wrong) or 'nothing'} differs")
    raise SystemExit(1 if wrong else 0)


main()
