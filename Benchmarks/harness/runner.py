"""Running programs, and letting them take turns."""

import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Finished:
    """What a program printed and took."""

    lines: list  # (seconds since its start, text)
    seconds: float
    megabytes: float  # its largest resident set

    @property
    def text(self):
        return "".join(line for _, line in self.lines)


def run(*command):
    """Runs a program to its end; stops everything when it fails.

    Linux counts what resided before exec, which is this process: it has to stay small, so what needs much memory is a
    script of its own.
    """
    command = [str(part) for part in command]
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        with process.stdout:
            lines = [(time.perf_counter() - started, line) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)}\n{errors.read()}")
    return Finished(lines, seconds, usage.ru_maxrss * 1024 / 1e6)


def alternate(contenders, runs):
    """Lets contenders take turns, the first run of each included.

    - contenders: functions by name. Returns their results by name, in order of the runs.
    """
    results = {name: [] for name in contenders}
    for _ in range(runs):
        for name, contend in contenders.items():
            results[name].append(contend())
    return results


def removed(path):
    """A path at which nothing stands any more."""
    shutil.rmtree(path, ignore_errors=True)
    return path
