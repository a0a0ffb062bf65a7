"""Seconds and memory of converting a checkpoint between safetensors and each format, and seconds of inspecting one.

Graft, cp, cp with sync, and Python take turns. Graft's files are on the disk when it ends, so that a crash does not lose
them; cp's are not, unless synced. Private memory is what no file backs.
"""

import shutil
from dataclasses import dataclass
from functools import partial

from harness.bench import HERE, TITLES
from harness.results import Goal, Row
from harness.runner import after_itself, alternate, removed, run


@dataclass(frozen=True)
class Way:
    """A format and a dialect, and what converting may cost in times of cp."""

    format: str
    dialect: str
    file: str  # what Python calls a file of the format
    most: float
    environment: str = "torch"

    def __str__(self):
        return self.format if self.dialect in ("transformers", "google") else f"{self.format} ({self.dialect})"


WAYS = [
    Way("safetensors", "transformers", "model.safetensors", 1.5),
    Way("pytorch", "transformers", "pytorch_model.bin", 2),
    Way("npz", "transformers", "model.npz", 1.5),
    Way("hdf5", "transformers-tf", "model.h5", 2),
    Way("hdf5", "keras-hub", "model.h5", 2),
    Way("tensorflow", "google", "bert_model.ckpt", 2, "tensorflow"),
]
# The formats in which a masked language model's decoder is stored beside the word embedding that it is a copy of.
WITH_DECODER = [way for way in WAYS if str(way) in ("pytorch", "hdf5 (transformers-tf)")]
MODELS = {"backbone": "", "MLM": "masked-LM model of "}
LIMIT = 64  # MB of private memory, beside the largest tensor that is transposed
TRANSPOSED = {"bert-base": 3072 * 768 * 4 / 1e6, "bert-large": 4096 * 1024 * 4 / 1e6}
QUICK = 0.05  # seconds to inspect
COPIES = 7  # runs against cp, which are short


def measure(bench):
    for size in ("bert-base", "bert-large"):
        for way in WAYS:
            convert(bench, size, WAYS[0], way)
            if way is not WAYS[0]:
                convert(bench, size, way, WAYS[0])
            if size == "bert-base":
                inspect(bench, size, way)
    for way in WITH_DECODER:
        convert(bench, "bert-base", WAYS[0], way, "MLM")
        convert(bench, "bert-base", way, WAYS[0], "MLM")
        inspect(bench, "bert-base", way, "MLM")


def inspect(bench, size, way, task="backbone"):
    measure = f"inspecting {way}, {MODELS[task]}{TITLES[size]}"
    if bench.wants(measure):
        start = directory(bench, size, way, task)
        runs = [run(bench.graft, "inspect", start, "--json") for _ in range(bench.runs)]
        bench.results.add(Row(measure, "s", [run.seconds for run in runs], goal=Goal(most=QUICK)))


def directory(bench, size, way, task="backbone"):
    """A model in a format, made when it is first asked for.

    - task: backbone, because an MLM model has no pooler, which KerasHub needs; or MLM.
    """
    source = bench.model(size, task)
    path = bench.work / f"{size}-{task}-{way.format}-{way.dialect}"
    if way is WAYS[0]:
        return source
    if not path.exists() and task == "MLM" and way.format == "pytorch":
        # Graft would store the decoder and the embedding as one.
        shutil.copytree(source, path, ignore=shutil.ignore_patterns("*.safetensors"))
        python = bench.peers / way.environment / "bin/python"
        run(python, HERE / "peers/convert.py", "--with-decoder", source / WAYS[0].file, path / way.file)
    elif not path.exists():
        run(bench.graft, "export", source, *options(way), "--output", path)
    return path


def options(way):
    return "--format", way.format, "--dialect", way.dialect


def convert(bench, size, source, target, task="backbone"):
    title = f"converting {source} to {target}, {MODELS[task]}{TITLES[size]}"
    memory = f"{title}, private memory"
    names = ("cp", "cp and sync", "Python") if size == "bert-base" else ()
    names = [name for name in names if bench.wants(f"{title}, against {name}")]
    if not names and not bench.wants(memory):
        return
    start, output = directory(bench, size, source, task), bench.work / "converted"
    way = target if source is WAYS[0] else source

    def graft(watched):
        command = (bench.graft, "export", start, *options(target), "--output", removed(output), "--quiet")
        return run(*command, watched=watched)

    def copy(watched, end=""):
        return run("sh", "-c", f"cp -r '{start}' '{removed(output)}' {end}", watched=watched)

    def python(watched):
        removed(output).mkdir()
        file = start / source.file if source.format != "hdf5" else next(start.glob("*.h5"))
        return run(environment, HERE / "peers/convert.py", file, output / target.file, watched=watched)

    peers = {"cp": copy, "cp and sync": partial(copy, end=f"&& sync '{output}'/*"), "Python": python}
    environment = bench.peers / way.environment / "bin/python"

    def against(*peer_names, runs):
        """The runs of Graft, and of the peers that are wanted, in turns."""
        contenders = {"graft": graft} | {name: peers[name] for name in peer_names if name in names}
        results = alternate({name: after_itself(contend) for name, contend in contenders.items()}, runs)
        ours = results.pop("graft")
        for name, theirs in results.items():
            goal = Goal(least=1 / way.most) if name == "cp" else None
            seconds = ([run.seconds for run in ours], [run.seconds for run in theirs])
            bench.results.add(Row(f"{title}, against {name}", "s", *seconds, goal=goal))
        return ours, results

    ours, _ = against("cp", "cp and sync", runs=bench.runs if bench.is_quick or not names else COPIES)
    private = [run.private for run in ours]
    if environment.exists() and "Python" in names:
        # Apart from the others: the memory that it takes and gives back would be their loss.
        _, theirs = against("Python", runs=bench.runs)
        row = Row(f"{memory}, against Python", "MB", private[:bench.runs], [run.private for run in theirs["Python"]])
        bench.results.add(row)
    bench.results.add(Row(memory, "MB", private, goal=Goal(most=LIMIT + TRANSPOSED[size])))
    removed(output)
