"""Running programs, and letting them take turns."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Finished:
    """What a program printed and took."""

    lines: list  # (seconds since its start, text)
    seconds: float
    megabytes: float  # its largest resident set
    private: float  # the largest of what no file backs, in megabytes; 0 when it was not watched
    processor: float = 0  # seconds that processors worked on it, all threads together

    @property
    def text(self):
        return "".join(line for _, line in self.lines)


def run(*command, watched=False):
    """Runs a program to its end; stops everything when it fails.

    - watched: whether its private memory is measured, which takes some of the processors' time.

    Linux counts what resided before exec, which is this process: it has to stay small, so what needs much memory is a
    script of its own.
    """
    command = [str(part) for part in command]
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        private = Private(process.pid) if watched else None
        with process.stdout:
            lines = [(time.perf_counter() - started, line) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)}\n{errors.read()}")
    most, processor = usage.ru_maxrss * 1024 / 1e6, usage.ru_utime + usage.ru_stime
    return Finished(lines, seconds, most, private.stop() / 1e6 if private else 0, processor)


class Private(threading.Thread):
    """Watches what a process has in memory that no file backs: RssAnon in /proc/PID/status, every two milliseconds.

    Linux keeps no largest value of it, unlike that of the resident set, which has libraries and mapped files in it.
    """

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path, self.most, self.ended = f"/proc/{pid}/status", 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.002):
            try:
                with open(self.path, encoding="ascii") as file:
                    found = [int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon")]
            except OSError:  # it is over
                return
            self.most = max([self.most, *found])

    def stop(self):
        """The largest value in bytes."""
        self.ended.set()
        self.join()
        return self.most


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
    """Removes what is at a path, waits until the disk has nothing left to do, and returns the path."""
    if path.is_file():
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)
    os.sync()
    return path


def after_itself(contend):
    """A contender whose every run follows an untimed one of its own, which gives the private memory.

    A virtual machine gets memory back slowly that others had, and who comes next would pay for it.

    - contend: takes `watched` as `run` does.
    """
    def contender():
        first = contend(watched=True)
        return replace(contend(watched=False), private=first.private)

    return contender
