"""The commands that write, on tiny models. Each runs in a directory that `prepare` makes."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

fixtures = Path(__file__).resolve().parent.parent
MASKED, CLASSIFIER = (str(fixtures / "bert-tiny" / name) for name in ("masked-lm", "sequence-classification"))
ROWS = "text,label\n" + "".join(f"the world {word},{label}\n" for word, label in [
    ("is round", "World"), ("of business", "Business"), ("of sports", "Sports"), ("of science", "Sci/Tech")] * 3)


def nothing(directory, graft):
    pass


@dataclass
class Command:
    name: str
    arguments: list
    # The command that goes on after a kill; the same where nothing else is said.
    again: list = field(default_factory=list)
    # Makes what is there before: is given the directory, and a function that runs Graft.
    prepare: callable = nothing
    # Whether what a failed one has done so far stays, for the next to go on from.
    keeps: bool = False
    # The first of two files: where it is there without the other, the next is refused until it is removed.
    first_file: str = ""
    # What it takes back before it goes on, on purpose.
    withdrawn: tuple = ()
    # Whether what goes on is killed as well.
    second: bool = False
    # Parts that are not for it.
    without: tuple = ()
    # Commands of one place are started at once.
    place: str = "out"

    def __post_init__(self):
        self.again = self.again or self.arguments


def rows(directory, graft=None):
    (directory / "rows.csv").write_text(ROWS)
    (directory / "texts.txt").write_text("the world\na business\nscience\n")


def keepsake(directory, graft):
    """What all commands of one place need, and something else's temporary things, which are not touched."""
    experiment(directory, graft)
    (directory / ".other.partial-1").mkdir()
    (directory / ".other.partial-1" / "file").write_text("keep")


TRAIN = ["train", CLASSIFIER, "--data", "rows.csv", "--batch-size", "4", "--dropout", "0.1", "--logging-steps", "1", "-q",
         "--output", "out"]
LIMITED = TRAIN + ["--max-steps", "5", "--save-steps", "1", "--save-total-limit", "2"]
EVALUATED = LIMITED + ["--eval-data", "rows.csv", "--eval-strategy", "steps", "--eval-steps", "1"]
BEST = EVALUATED + ["--load-best-model-at-end", "--ema-decay", "0.9"]
WRITERS = [word for name in ("tensorboard", "csv-log", "jsonl-log", "mlflow") for word in ("--report-to", name)]


def finished(directory, graft):
    """A run that has finished, to be extended."""
    rows(directory)
    assert graft(TRAIN + ["--max-steps", "2", "--save-steps", "1"], directory).returncode == 0


def several_heads(directory, graft):
    rows(directory)
    assert graft(["head", "swap", CLASSIFIER, "--to", "masked-lm", "--output", "model", "-q"], directory).returncode == 0


EXPERIMENT = f"""name: small
base: {MASKED}
seeds: [1]
data:
  rows: {{files: rows.csv}}
stages:
  adapt: {{train: rows, seed: 3, max-steps: 2, batch-size: 4, save-steps: 1}}
  classifier: {{swap: sequence-classification, labels: [World, Sports, Business, Sci/Tech]}}
  classify: {{train: rows, max-steps: 2, batch-size: 4, save-steps: 1}}
  test: {{evaluate: rows}}
arms:
  direct: [classifier, classify, test]
  adapted: [adapt, classifier, classify, test]
"""


def experiment(directory, graft):
    rows(directory)
    (directory / "experiment.yaml").write_text(EXPERIMENT)


def run_done(directory, graft):
    experiment(directory, graft)
    assert graft(["run", "experiment.yaml", "--output", "out", "-q"], directory).returncode == 0
    (directory / "experiment.yaml").write_text(EXPERIMENT.replace("  test: {evaluate", "  again: {evaluate").replace(
        "classify, test]", "classify, again]").replace("  adapted:", "  other:"))


def zoo(directory, graft):
    rows(directory)
    for name in ("a", "b"):
        # The catalogue is that of the run's directory, which this is copied to.
        (directory / name).mkdir()
    (directory / "zoo.json").write_text(
        '{\n  "models": [\n' + ",\n".join(f'    {{"names": ["{name}"], "path": "/{name}"}}' for name in "ab") + "\n  ]\n}\n")


def serve(directory):
    """The Hub's models."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(fixtures / "bert-tiny" / "masked-lm", directory / "org" / "tiny")
    return directory


def export(format, output="out", *options):
    return Command(
        f"export {format} {output}", ["export", MASKED, "--format", format, "--output", output, "-q", *options],
        prepare=keepsake, place="out" if output == "out" else "none")


ALL = [
    Command("import", ["import", MASKED, "--output", "out", "-q"], prepare=keepsake),
    export("safetensors", "out", "--max-shard-size", "40KB"),
    export("pytorch"), export("npz", "model.npz", "--dtype", "float32"), export("hdf5"),
    export("hdf5", "preset", "--dialect", "keras-hub"), export("tensorflow"), export("gguf", "model.gguf"),
    export("onnx"), export("onnx", "model.onnx"),
    Command("quantize", ["quantize", CLASSIFIER, "--output", "out", "-q"], prepare=keepsake),
    Command("init", ["init", MASKED, "--output", "out", "-q"], prepare=keepsake),
    Command("head swap", ["head", "swap", CLASSIFIER, "--to", "masked-lm", "--output", "out", "-q"], prepare=keepsake),
    Command("head detach", ["head", "detach", CLASSIFIER, "--output", "out", "-q"], prepare=keepsake),
    Command("tokenizer train", ["tokenizer", "train", "rows.csv", "--family", "bert", "--vocab-size", "60", "--output", "out", "-q"],
            prepare=keepsake),
    Command("embed", ["embed", MASKED, "--input", "texts.txt", "--output", "out.npy", "-q"], prepare=keepsake,
            place="vectors"),
    Command("evaluate", ["evaluate", CLASSIFIER, "--data", "rows.csv", "--output", "scores.json", "--predictions",
                        "predictions.jsonl", "-q"], prepare=keepsake, first_file="predictions.jsonl", place="scores"),
    Command("zoo add", ["zoo", "add", "c", MASKED, "-q"], prepare=zoo, place="zoo"),
    Command("zoo add again", ["zoo", "add", "a", MASKED, "-q"], prepare=zoo, place="zoo"),
    Command("zoo remove", ["zoo", "remove", "a", "-q"], prepare=zoo, place="zoo", without=("kill", "torn", "full", "disk")),
    Command("pull", ["pull", "org/tiny", "-q"], keeps=True, place="hub"),
    Command("train", LIMITED, LIMITED + ["--resume"], prepare=keepsake, keeps=True, second=True),
    Command("train with the best", BEST, BEST + ["--resume"], prepare=keepsake, keeps=True, second=True),
    Command("train with logs", EVALUATED + WRITERS, EVALUATED + WRITERS + ["--resume"], prepare=keepsake, keeps=True),
    Command("train longer", LIMITED + ["--resume"], prepare=finished, keeps=True,
            withdrawn=("out/all_results.json", "out/train_results.json", "out/checkpoint-1"), second=True, place="longer"),
    Command("train parked", ["train", "model", *LIMITED[2:]], ["train", "model", *LIMITED[2:], "--resume"],
            prepare=several_heads, keeps=True, place="parked"),
    Command("run", ["run", "experiment.yaml", "--output", "out", "-q"], prepare=keepsake, keeps=True, second=True),
    Command("run again", ["run", "experiment.yaml", "--output", "out", "-q"], prepare=run_done, keeps=True, place="run"),
]
