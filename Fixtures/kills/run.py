#!/usr/bin/env python3
"""Interrupts every command that writes, at every change it makes to files, and fills disks, and starts commands at once.

    run.py WORK GRAFT HUB-SERVER [--part kill|torn|full|disk|pair] [--only COMMAND]… [--workers N] [--every N]

kill   SIGKILL before each change of a file. What was there is untouched, what has a final name is whole, and the same
       command again ends with what an undisturbed one makes, and nothing else.
torn   The same after half of the write, where it is one.
full   From each change that needs space on, or at it alone, the system says that there is none, or that the disk is broken.
disk   File systems of every size, a page at a time.
pair   Two commands at once on the same place: the end is that of one, or of both in turn, and who loses says so.

`faults.c` is what injects. `commands.py` has the commands. Needs ptrace, and root for `disk`.
"""

import argparse, multiprocessing, os, shutil, subprocess, sys
from pathlib import Path

sys.dont_write_bytecode = True
here = Path(__file__).resolve().parent
sys.path.insert(0, str(here))
import commands, trees  # noqa: E402

STRERROR = {"ENOSPC": "No space left on device", "EDQUOT": "Disk quota exceeded", "EIO": "Input/output error"}
MODES = ["ENOSPC-on", "ENOSPC", "EDQUOT-on", "EIO-on", "EIO"]
REFUSALS = [
    "another process is at work in this directory", "another run is at work in this directory",
    "another process is writing it", "exists and is not empty", "of that name exists",
    "there is a training run in the output directory"]


class Place:
    """A directory that a command is run in, again and again from the same beginning."""

    def __init__(self, work, command, settings):
        self.command, self.settings, self.root = command, settings, work
        self.run, self.template = work / "run", work / "template"
        shutil.rmtree(work, ignore_errors=True)
        self.template.mkdir(parents=True)
        command.prepare(self.template, self.execute)
        self.before = trees.read(self.template)

    def reset(self):
        shutil.rmtree(self.run, ignore_errors=True)
        shutil.copytree(self.template, self.run, symlinks=True)

    def execute(self, arguments, cwd=None, faults=None, wait=True):
        line = [self.settings.graft, *arguments]
        if faults:
            line = [str(self.settings.faults), str(self.root / "calls"), *map(str, faults), *line]
        process = subprocess.Popen(
            ["nice", "-n", "10", *line], cwd=cwd or self.run, env=self.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not wait:
            return process
        output, errors = process.communicate(timeout=600)
        return subprocess.CompletedProcess(line, process.returncode, output, errors)

    def environment(self):
        own = {"GRAFT_ZOO": str(self.run / "zoo.json"), "HF_HOME": str(self.run / "hub"), "HF_ENDPOINT": self.settings.hub,
               "TMPDIR": str(self.root), "OPENBLAS_NUM_THREADS": "1"}
        return {**os.environ, **own}

    def reference(self):
        """What the command makes when nothing disturbs it."""
        self.reset()
        done = self.execute(self.command.arguments)
        assert done.returncode == 0, f"{self.command.name}: {done.stderr}"
        self.after = trees.read(self.run)

    def check_between(self, when, faults):
        """After a fault: nothing older is changed, nothing is half under its name."""
        now = trees.read(self.run)
        for path, content in self.before.items():
            withdrawn = path not in now and any(Path(path).is_relative_to(each) for each in self.command.withdrawn)
            if not withdrawn and now.get(path) not in (content, self.after.get(path)):
                faults.append(f"{when}: {path} was there and is changed")
        faults.extend(f"{when}: {problem}" for problem in trees.broken(self.run))
        return now

    def check_again(self, when, faults):
        """The same command again ends as an undisturbed one."""
        done = self.execute(self.command.again)
        is_done = not trees.differences(self.after, trees.read(self.run))
        first = self.command.first_file
        if first and f"{first}: a file of that name exists" in done.stderr and not is_done:
            (self.run / first).unlink()
            done = self.execute(self.command.again)
        # What was finished when it was killed is refused the second time.
        if done.returncode != 0 and not (is_done and any(refusal in done.stderr for refusal in REFUSALS)):
            faults.append(f"{when}: again: exit code {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
            return
        faults.extend(f"{when}: {problem}" for problem in trees.differences(self.after, trees.read(self.run)))

    def call(self, number):
        """The call of a number, for messages."""
        for line in (self.root / "calls").read_text().splitlines():
            if line.startswith(f"{number} "):
                return line.replace(str(self.run), "").replace(str(self.root), "")
        return f"{number} ?"


def kills(place, mode, first, step):
    """Kills at every step-th call from the first on.

    - Returns: how often, and what was wrong."""
    place.reference()
    count, faults, number = 0, [], first
    while True:
        place.reset()
        done = place.execute(place.command.arguments, faults=[mode, number])
        if done.returncode != 137:
            if done.returncode != 0:
                faults.append(f"undisturbed: {done.stderr}")
            return count, faults
        when = f"{mode} {place.call(number)}"
        place.check_between(when, faults)
        if place.command.second and number % 5 == 0:
            # A kill in what goes on, too, at a call that moves with the first one.
            if place.execute(place.command.again, faults=[mode, 1 + number // 3]).returncode == 137:
                count += 1
                when += f" and {place.call(1 + number // 3)}"
                place.check_between(when, faults)
        place.check_again(when, faults)
        count, number = count + 1, number + step


def full(place, _, first, step):
    place.reference()
    count, faults = 0, []
    for mode in MODES:
        number = first
        while True:
            place.reset()
            done = place.execute(place.command.arguments, faults=[mode, number])
            if place.call(number).endswith("?"):
                break
            when = f"{mode} {place.call(number)}"
            check_failed(place, done, when, STRERROR[mode.removesuffix("-on")], faults)
            count, number = count + 1, number + step
    return count, faults


def check_failed(place, done, when, reason, faults):
    now = place.check_between(when, faults)
    if done.returncode == 0:
        faults.extend(f"{when}: {problem}" for problem in trees.differences(place.after, now))
    elif done.returncode != 1 or reason not in done.stderr or "Traceback" in done.stderr:
        faults.append(f"{when}: exit code {done.returncode}: {done.stderr.strip()}")
    elif not place.command.keeps:
        faults.extend(f"{when}: left {problem}" for problem in trees.differences(place.before, now))
    else:
        faults.extend(f"{when}: left {path}" for path in now if trees.is_temporary(path))
    place.check_again(when, faults)


def disks(place, _, first, step):
    """Runs on file systems of as many pages."""
    place.reference()
    count, faults, pages = 0, [], first
    while True:
        shutil.rmtree(place.run, ignore_errors=True)
        place.run.mkdir()
        used = sum(-(-path.lstat().st_size // 4096) for path in place.template.rglob("*") if path.is_file())
        mount = lambda *options: subprocess.run(["mount", *options, str(place.run)], check=True)
        mount("-t", "tmpfs", "-o", f"size={4096 * (used + pages)}", "tmpfs")
        try:
            shutil.copytree(place.template, place.run, symlinks=True, dirs_exist_ok=True)
            done = place.execute(place.command.arguments)
            when, reason = f"disk of {pages} pages", "No space left on device"
            if done.returncode == 1 and "too little" in done.stderr:
                reason = "too little"
            final = done.returncode == 0
            mount("-o", "remount,size=64m")
            check_failed(place, done, when, reason, faults)
        finally:
            subprocess.run(["umount", "-l", str(place.run)], check=True)
        count, pages = count + 1, pages + step
        if final:
            return count, faults


def pairs(place, _, first, step):
    """Starts the command at once with itself, and with each later one of its place."""
    place.reference()
    count, faults = 0, []
    listed = place.settings.commands
    later = listed[listed.index(place.command) :]
    others = [other for other in later if other.place == place.command.place and "pair" not in other.without]
    for other in others[first - 1 :: step]:
        ends = []
        for order in ([place.command], [other], [place.command, other], [other, place.command]):
            place.reset()
            for command in order:
                place.execute(command.arguments)
            ends.append(trees.read(place.run))
        for turn in range(place.settings.turns):
            place.reset()
            running = [place.execute(command.arguments, wait=False) for command in (place.command, other)[:: 1 - 2 * (turn % 2)]]
            done = [(process.communicate(timeout=600), process.returncode) for process in running]
            when = f"with {other.name}, turn {turn}"
            if all(code for _, code in done):
                faults.append(f"{when}: nobody wins: {[text[1][-200:] for text, _ in done]}")
            for text, code in done:
                if code and not (code == 1 and any(refusal in text[1] for refusal in REFUSALS)):
                    faults.append(f"{when}: exit code {code}: {text[1].strip()[-300:]}")
            now = trees.read(place.run)
            if not any(not trees.differences(end, now) for end in ends):
                faults.append(f"{when}: the end is none of theirs: {trees.differences(ends[0], now)[:4]}")
            count += 1
    return count, faults


PARTS = {"kill": kills, "torn": kills, "full": full, "disk": disks, "pair": pairs}


def work(task):
    part, command, worker, settings = task
    place = Place(settings.work / command.name / str(worker), command, settings)
    try:
        every = settings.every if part in ("kill", "torn", "full") else 1
        return PARTS[part](place, part, 1 + worker * every, settings.workers * every)
    except Exception as error:  # one command's fault is no reason to leave out the others
        return 0, [f"{type(error).__name__}: {error}"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("graft", type=os.path.realpath)
    parser.add_argument("hub_server", type=os.path.realpath)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--only", action="append")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th call")
    parser.add_argument("--turns", type=int, default=12, help="how often each pair is started")
    settings = parser.parse_args()
    settings.work = settings.work.resolve()
    settings.work.mkdir(parents=True, exist_ok=True)
    settings.faults = settings.work / "faults"
    subprocess.run(["clang", "-O2", "-o", settings.faults, here / "faults.c"], check=True)
    server = subprocess.Popen(
        [settings.hub_server, commands.serve(settings.work / "served")], stdout=subprocess.PIPE, text=True)
    settings.hub = server.stdout.readline().strip()
    # What it prints of each request is not read.
    multiprocessing.Process(target=lambda: [None for _ in server.stdout], daemon=True).start()
    settings.commands, wrong = commands.ALL, 0
    context = multiprocessing.get_context("fork")
    print(f"{'part':5} {'command':24} {'times':>6}  wrong", flush=True)
    try:
        with context.Pool(settings.workers) as pool:
            for part in settings.part or PARTS:
                for command in commands.ALL:
                    if settings.only and command.name not in settings.only or part in command.without:
                        continue
                    results = pool.map(work, [(part, command, worker, settings) for worker in range(settings.workers)])
                    faults = [fault for _, found in results for fault in found]
                    wrong += len(faults)
                    print(f"{part:5} {command.name:24} {sum(count for count, _ in results):6}  {len(faults)}", flush=True)
                    for fault in faults[:40]:
                        print(f"      {fault}", flush=True)
    finally:
        server.kill()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
