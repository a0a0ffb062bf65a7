"""Compares ids and offsets of `graft tokenize` with those of Hugging Face `tokenizers` (0.23.3) for many strings of every
pipeline.

    python compare.py --graft GRAFT --peers PEERS [--rows FILE] [--only WORD]      # `make interop` calls it

make.py --full makes the strings, once, in PEERS/pipeline-full: 20,000 and every assigned scalar for each pipeline. More of them,
and pairs, are compared by the tests: GRAFT_PIPELINE_GOLDENS=DIRECTORY swift test --filter PipelineTests
"""

import base64
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))

import tokenizers  # noqa: E402
from check_tokenizer import tokenized  # noqa: E402
from report import run  # noqa: E402


def make(directory):
    if (directory / "complete").exists():
        return
    command = [sys.executable, str(HERE / "make.py"), "--full", str(directory), "--count", "20000"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (directory / "complete").touch()


def pipelines(file):
    """The documents in a file, each with its cases."""
    charsmap = base64.b64encode(gzip.decompress((HERE / "nmt_nfkc.charsmap.gz").read_bytes())).decode()
    with gzip.open(file, "rt", encoding="ascii", newline="\n") as lines:
        name, document, cases = None, None, []
        for line in lines:
            case = json.loads(line)
            if "document" not in case:
                cases.append(case)
                continue
            if document:
                yield name, document, cases
            name, cases = case["name"], []
            document = line.replace('"precompiled_charsmap":"nmt_nfkc"', f'"precompiled_charsmap":"{charsmap}"')
            document = json.loads(document)["document"]
        yield name, document, cases


def differences(graft, document, cases):
    """How many strings differ, of how many."""
    cases = [case for case in cases if not {"pair", "max_length"} & case.keys()]
    compared, wrong = 0, []
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "tokenizer.json").write_text(json.dumps(document))
        for case, found in tokenized(graft, Path(work), cases):
            compared += 1
            if found["ids"] != case["ids"] or found["offsets"] != case["offsets"]:
                wrong.append((case["text"], case["ids"], found["ids"], case["offsets"], found["offsets"]))
    if wrong:
        raise AssertionError(f"{len(wrong)} of {compared} strings differ, first {wrong[0]!r}")
    return f"{compared} strings, 0 differences"


def check_all(graft, report, arguments):
    if arguments.only and arguments.only not in "tokenizer pipeline":
        return
    directory = arguments.peers / "pipeline-full"
    checks = report.of("tokenizer.json", f"tokenizers {tokenizers.__version__}", family="pipelines")
    if not checks.check("strings for the tokenizers", directory.name, lambda: make(directory)):
        return
    for file in sorted(directory.glob("*.jsonl.gz")):
        print(f"checking {file}", file=sys.stderr)
        for name, document, cases in pipelines(file):
            checks.check("ids and offsets as tokenizers", name, lambda: differences(graft, document, cases))


if __name__ == "__main__":
    run(__doc__, check_all, peers=Path)
