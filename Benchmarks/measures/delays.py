"""How long one text waits for its label, the memory of that, and the time from the start of a process to its first answer.

"delay": texts one after the other, each written when the one before was answered: into the pipe of `graft predict --input -`,
and to ONNX Runtime, OpenVINO and PyTorch as calls within a process, tokenizing included. Graft's delay has the pipe and the
printing in it. The median and the 99th percentile of all texts; the processes' largest resident sets, which for the peers has
Python in it.

"first answer": from the start of the process, its files in the page cache, to the first label. Graft is `graft predict DIR
TEXT`; the peers are first_answer.py, which imports as little as it can. The goals are for Graft alone.
"""

import json
import statistics
import sys

from harness.bench import HERE
from harness.results import Goal, Row
from harness.runner import alternate, run

from measures.inference import PEERS, TITLES, WARM_UP, answers, labelled

COUNT = 200
FIGURES = {"median": "ms", "99th percentile": "ms", "peak memory": "MB"}
SECONDS = {"minilm": Goal(most=0.15), "bert-base": Goal(most=0.4)}
PLACE = {"ONNX Runtime": ("onnx", "onnx"), "OpenVINO": ("openvino", "xml"), "transformers": ("transformers", None)}


def measure(bench):
    for model, title in TITLES.items():
        for precision, peers in PEERS.items():
            delays(bench, model, precision, peers, f"inference in {precision}, delay of one text, {title}")
        for precision, peers in {"float32": PLACE, "int8": ("ONNX Runtime", "OpenVINO")}.items():
            first_answers(bench, model, precision, peers, f"inference in {precision}, first answer, {title}")


def delays(bench, model, precision, peers, title):
    names = {(figure, peer): f"{title}, {figure}, against {peer}" for figure in FIGURES for peer in peers}
    names = {key: name for key, name in names.items() if bench.wants(name)}
    if not names:
        return
    texts = bench.texts.first(WARM_UP + COUNT)
    path = bench.model(model, "classification")
    contenders = {"graft": lambda: graft(bench, path, precision, texts)}
    for peer in sorted({peer for _, peer in names}):
        # Both kinds of attention would be in memory at once.
        more = ("--attention", "sdpa") if peer == "PyTorch" else ()
        contenders[peer] = lambda peer=peer, more=more: one_by_one(bench, peer, model, precision, texts, *more)
    found = alternate(contenders, bench.runs)
    for (figure, peer), name in names.items():
        ours, theirs = ([run[figure] for run in found[side]] for side in ("graft", peer))
        bench.results.add(Row(name, FIGURES[figure], ours, theirs, backend=bench.auto))


def figures(seconds, megabytes):
    return {
        "median": 1000 * statistics.median(seconds),
        "99th percentile": 1000 * statistics.quantiles(seconds, n=100)[98],
        "peak memory": megabytes,
    }


def graft(bench, path, precision, texts):
    with answers(bench, path, precision, 1) as answering:
        seconds = [answering.seconds([text]) for text in texts][WARM_UP:]
    return figures(seconds, answering.megabytes)


def one_by_one(bench, peer, model, precision, texts, *flags):
    # What is made when it is first needed has memory of its own.
    bench.exported(model, "classification")
    done = labelled(bench, peer, model, precision, texts, "--one-by-one", *flags)
    return figures(json.loads(done.text)["seconds"], done.megabytes)


def first_answers(bench, model, precision, peers, title):
    goal = SECONDS.get(model) if precision == "float32" else None
    alone = [title] if bench.wants(title) else []
    against = {peer: f"{title}, against {peer}" for peer in peers if bench.wants(f"{title}, against {peer}")}
    if not alone and not against:
        return
    path, text = bench.model(model, "classification"), bench.texts.first(1)[0]
    command = (bench.graft, "predict", path, text, "--precision", precision, "--max-length", 128)
    commands = {"graft": (*command, "--allow-untrained", "--quiet")}
    for peer in against:
        way, ending = PLACE[peer]
        what = bench.exported(model, "classification") / f"{precision}.{ending}" if ending else precision
        commands[peer] = (sys.executable, HERE / "peers/first_answer.py", way, path, what, text)
    for command in commands.values():  # files come into the page cache, and what is compiled is kept
        run(*command)
    runs = 3 if bench.is_quick else 9
    found = alternate({side: lambda command=command: first(command) for side, command in commands.items()}, runs)
    for name in alone:
        bench.results.add(Row(name, "s", found["graft"], goal=goal, backend=bench.auto))
    for peer, name in against.items():
        bench.results.add(Row(name, "s", found["graft"], found[peer], backend=bench.auto))


def first(command):
    return run(*command).lines[0][0]
