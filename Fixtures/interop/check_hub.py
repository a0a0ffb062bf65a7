"""Checks names and the cache against the Hub's own Python library; `run.sh` calls it.

    python check_hub.py --graft GRAFT --server HUB_SERVER     # huggingface_hub 2.4.0, transformers 5.23.0

HUB_SERVER is the loopback Hub of Tests/HubServer. The Python library works against it unchanged, which shows that it is
an honest Hub. A cache that Graft filled is listed by the Python library and loaded by transformers offline, and the other
way round, nobody fetches what the other has, also when several of both run at once; and offline no socket is opened.
Proxies are used, and certificates that the user trusts taken, others refused.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import huggingface_hub

from middle import UNKNOWN_HOST, Middle
from report import FIXTURES, LOADS, READS, Failure, run

NAME, FORMER = "acme/tiny-bert", "tiny-bert"
WANTED = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt",
          "special_tokens_map.json"]
DOWNLOAD = f"from huggingface_hub import snapshot_download as d; print(d('{{}}', allow_patterns={WANTED}))"
LOAD = """
import torch, transformers
model = transformers.AutoModel.from_pretrained('{}')
tokenizer = transformers.AutoTokenizer.from_pretrained('{}')
print(float(model(**tokenizer('the', return_tensors='pt')).last_hidden_state.sum()))
"""
SCAN = """
import json
from huggingface_hub import scan_cache_dir
found = scan_cache_dir()
print(json.dumps({'warnings': [str(w) for w in found.warnings], 'repos': {
    r.repo_id: {v.commit_hash: [sorted(v.refs), sorted(f.file_name for f in v.files)] for v in r.revisions}
    for r in found.repos}}))
"""


class Hub:
    """The loopback Hub with the tiny checkpoint."""

    def __init__(self, server, work):
        shutil.copytree(FIXTURES / "bert-tiny/base", work / "models" / NAME)
        self.process = subprocess.Popen([server, work / "models", f"{FORMER}={NAME}"], stdout=subprocess.PIPE, text=True)
        self.endpoint, self.requests = self.process.stdout.readline().strip(), []
        threading.Thread(target=lambda: self.requests.extend(iter(self.process.stdout.readline, "")), daemon=True).start()

    def fetched(self):
        """How often the large file was asked for since the last time."""
        found = [line for line in self.requests if line.startswith("files GET")]
        self.requests.clear()
        return len(found)


class Cache:
    """A cache, and the tools that work on it."""

    def __init__(self, graft, hub, home):
        self.graft_path, self.hub = graft, hub
        self.variables = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0",
                          "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

    def start(self, command, offline=False):
        variables = {**self.variables, "HF_HUB_OFFLINE": "1" if offline else "0"}
        return subprocess.Popen([str(c) for c in command], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    def finish(self, process):
        out, err = process.communicate(timeout=300)
        if process.returncode:
            raise Failure(f"{Path(process.args[0]).name} failed: {err.strip()[-1500:]}")
        return out.strip()

    def python(self, code, offline=False):
        return self.finish(self.start([sys.executable, "-c", code], offline))

    def graft(self, *arguments, offline=False):
        return self.finish(self.start([self.graft_path, *arguments], offline))

    def listed(self, name, files):
        found = json.loads(self.python(SCAN))
        if found["warnings"]:
            raise Failure(f"scan_cache_dir warns: {found['warnings']}")
        (refs, names), = found["repos"][name].values()
        if refs != ["main"] or sorted(files) != names:
            raise Failure(f"scan_cache_dir lists {refs} {names}")


def expect(found, expected, what):
    if found != expected:
        raise Failure(f"{what}: {found!r}, expected {expected!r}")


def check_all(graft, report, arguments):
    graft, checks = graft.path, report.of("the cache", f"huggingface_hub {huggingface_hub.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        hub = Hub(arguments.server, work)
        files = [name for name in WANTED if (work / "models" / NAME / name).exists()]
        expected = Cache(graft, hub, work / "none").python(LOAD.format(*2 * [work / "models" / NAME]))

        def cache(name):
            hub.fetched()
            return Cache(graft, hub, work / name)

        def python_alone():
            for name in (NAME, FORMER):
                here = cache(f"python-{name.replace('/', '-')}")
                expect(Path(here.python(DOWNLOAD.format(name)), "vocab.txt").read_bytes(),
                       (work / "models" / NAME / "vocab.txt").read_bytes(), "vocab.txt")
                expect(hub.fetched(), 1, "downloads")
                expect(here.python(LOAD.format(name, name), offline=True), expected, "outputs")

        def graft_first(name):
            here = cache(f"graft-first-{name.replace('/', '-')}")
            directory = here.graft("pull", name)
            expect(hub.fetched(), 1, "downloads")
            here.listed(name, files)
            expect(here.python(LOAD.format(name, name), offline=True), expected, "outputs offline")
            expect(here.python(DOWNLOAD.format(name)), directory, "directory")
            expect(hub.fetched(), 0, "second downloads")

        def python_first(name):
            here = cache(f"python-first-{name.replace('/', '-')}")
            directory = here.python(DOWNLOAD.format(name))
            expect(hub.fetched(), 1, "downloads")
            expect(here.graft("pull", name), directory, "directory")
            expect(here.graft("pull", name, offline=True), directory, "directory offline")
            here.graft("import", name, "--output", here.variables["HF_HOME"] + "/imported", offline=True)
            expect(hub.fetched(), 0, "second downloads")

        def at_once():
            here = cache("at-once")
            both = [sys.executable, "-c", DOWNLOAD.format(NAME)], [graft, "pull", NAME]
            directories = [here.finish(process) for process in [here.start(command) for command in 4 * both]]
            expect(len(set(directories)), 1, "directories")
            expect(hub.fetched(), 1, "downloads by eight processes")
            here.listed(NAME, files)
            expect(here.python(LOAD.format(NAME, NAME), offline=True), expected, "outputs offline")

        def no_socket():
            here = cache("offline")
            here.graft("pull", FORMER)
            for last in (["--offline"], []):
                output = here.variables["HF_HOME"] + f"/out{len(last)}"
                command = ["strace", "-f", "-qq", "-e", "trace=network", "-o", output + ".trace", graft, "import",
                           FORMER, "--output", output, *last]
                here.finish(here.start(command, offline=not last))
                trace = Path(output + ".trace").read_text()
                if "socket(" in trace or "connect(" in trace:
                    raise Failure(f"opens a socket: {trace.splitlines()[0]}")

        def through_a_proxy():
            here, proxy = cache("proxy"), Middle(hub.endpoint)
            here.variables |= {"HF_ENDPOINT": f"http://{UNKNOWN_HOST}", "http_proxy": proxy.address, "no_proxy": ""}
            here.graft("pull", NAME)
            here.listed(NAME, files)
            if not any("/resolve/" in path for path in proxy.passed) or not any("localhost" in p for p in proxy.passed):
                raise Failure(f"not all went through the proxy: {proxy.passed}")

        def own_certificate():
            here, certificate = cache("certificate"), work / "certificate.pem"
            here.variables["HF_ENDPOINT"] = Middle(hub.endpoint, certificate).address
            try:
                here.graft("pull", NAME)
            except Failure as failure:
                expect("certificate" in str(failure), True, f"the sentence has the cause: {failure}")
            else:
                raise Failure("a certificate that nobody trusts was taken")
            here.variables["SSL_CERT_FILE"] = str(certificate)
            here.graft("pull", NAME)
            here.listed(NAME, files)

        checks.check("the Python library", "the loopback Hub", python_alone)
        for name in (NAME, FORMER):
            checks.check("Graft fetches, Python loads", name, lambda name=name: graft_first(name), LOADS)
            checks.check("Python fetches, Graft loads", name, lambda name=name: python_first(name), READS)
        checks.check("four of each at once", NAME, at_once, READS, LOADS)
        checks.check("no socket offline (strace)", FORMER, no_socket)
        checks.check("through a proxy", NAME, through_a_proxy)
        checks.check("a certificate of one's own", NAME, own_certificate)
        hub.process.kill()


if __name__ == "__main__":
    run(__doc__, check_all, server=Path)
