"""What measures work with."""

import gzip
import os
import shutil
import sys
from pathlib import Path

from harness.runner import run

HERE = Path(__file__).resolve().parents[1]
VOCABULARY = HERE.parent / "Fixtures/tokenizer/vocab.txt.gz"
TITLES = {"bert-base": "BERT-base size", "bert-large": "BERT-large size", "minilm": "MiniLM size"}


class Bench:
    """- words: what the name of a measure has to contain.
    - before: an older graft that this one is compared with, or None.
    - auto: the backend that `--backend auto` takes in float32.
    """

    def __init__(self, graft, peers, work, texts, results, auto, words, is_quick):
        self.graft, self.peers, self.work, self.texts, self.results = graft, peers, work, texts, results
        self.auto, self.words, self.is_quick = auto, words, is_quick
        self.before = Path(os.environ["BEFORE"]) if os.environ.get("BEFORE") else None
        self.runs = 1 if is_quick else 3

    def wants(self, measure):
        return all(word in measure for word in self.words)

    def model(self, size, task):
        """A model of a size with random weights and a task's head, made when it is first asked for.

        - task: MLM, classification, or backbone for no head.
        """
        path = self.work / f"{size}-{task}"
        if not path.exists() and task == "classification":
            labels = ",".join(self.texts.labels)
            head = ("--to", "sequence-classification", "--labels", labels)
            run(self.graft, "head", "swap", self.model(size, "MLM"), *head, "--output", path)
        elif not path.exists():
            start = self.work / f"{size}-{task}-start"
            start.mkdir()
            shutil.copy(HERE / size / "config.json", start)
            with gzip.open(VOCABULARY) as file:
                (start / "vocab.txt").write_bytes(file.read())
            head = [] if task == "backbone" else ["--head", "masked-lm"]
            run(self.graft, "init", start, *head, "--output", path)
        return path

    def exported(self, size, task):
        """The same model as ONNX Runtime and OpenVINO want it, made when it is first asked for."""
        path, texts = self.work / f"{size}-{task}-exported", self.work / "calibration.txt"
        if not path.exists():
            texts.write_text("\n".join(self.texts.first(64)) + "\n", encoding="utf-8")
            script = HERE / "peers/export_encoder.py"
            run(sys.executable, script, self.model(size, task), "--task", task, "--output", path, "--input", texts)
        return path
