"""`graft predict` as a process that answers what is written to it."""

import json
import os
import subprocess
import tempfile
import threading
import time


class Answers:
    """Labels texts that come through a pipe, so that starting and loading are over when the clock runs.

        with Answers(graft, model, "--batch-size", 16) as answers:
            seconds = answers.seconds(texts)
        answers.megabytes   # its largest resident set
    """

    def __init__(self, graft, model, *flags):
        how = ("--input", "-", "--json-lines", "--data-format", "lines", "--allow-untrained", "--quiet")
        self.command = [str(part) for part in (graft, "predict", model, *how, *flags)]
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        self.megabytes = None

    def seconds(self, texts):
        """From the first text that is written to the last answer that is read."""
        started = time.perf_counter()
        writer = threading.Thread(target=self.write, args=(texts,))
        writer.start()
        answers = [self.process.stdout.readline() for _ in texts]
        seconds = time.perf_counter() - started
        writer.join()
        if not answers[-1]:
            self.end()
        last = json.loads(answers[-1])["text"]
        if last != texts[-1]:
            raise SystemExit(f"{' '.join(self.command)}\nan answer to {last!r} where one to {texts[-1]!r} was due")
        return seconds

    def write(self, texts):
        try:
            self.process.stdin.write("".join(f"{text}\n" for text in texts))
            self.process.stdin.flush()
        except BrokenPipeError:  # what it says of its end is shown
            pass

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.end()
        elif self.process.returncode is None:
            self.process.kill()
            self.process.wait()

    def end(self):
        """Closes the pipe and waits; stops everything when it failed."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        with self.process.stdout:
            self.process.stdout.read()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.megabytes = usage.ru_maxrss * 1024 / 1e6
        with self.errors:
            self.errors.seek(0)
            said = self.errors.read()
        if self.process.returncode != 0:
            raise SystemExit(f"{' '.join(self.command)}\n{said}")
