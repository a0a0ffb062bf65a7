"""What a directory holds, for comparison: paths with their contents, without what the clock decides."""

import json, os, re, struct
from pathlib import Path

TEMPORARY = re.compile(r"\..+\.(partial|retired|replaced)-[0-9]+|\.graft")
# What the clock decides in JSON; in tables, by the names of columns.
TIMES = {"started", "seconds", "cached", "measured_seconds", "measured_amount"}
# Texts with times in them, and logs that every start of a process adds a file to.
UNREAD = re.compile(r"(^|/)(report\.(md|html)|runs/.*)$")


def is_temporary(path):
    return any(TEMPORARY.fullmatch(part) for part in Path(path).parts)


def _without_times(value):
    if isinstance(value, list):
        return [_without_times(element) for element in value]
    if isinstance(value, dict):
        return {
            key: _without_times(element) for key, element in value.items()
            if key not in TIMES and not key.endswith(("_runtime", "_per_second"))}
    return value


def _content(path, name):
    if path.is_symlink():
        return "-> " + os.readlink(path)
    if path.is_dir():
        return "directory"
    if UNREAD.search(name):
        return "a text"
    data = path.read_bytes()
    if name.endswith(".json"):
        try:
            return json.dumps(_without_times(json.loads(data)), sort_keys=False)
        except ValueError:
            pass
    return data


def read(root):
    """The contents by path, relative to `root`; `runs` by its name alone."""
    tree = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = Path(folder, name)
            relative = str(path.relative_to(root))
            if "/runs/" not in "/" + relative:
                tree[relative] = _content(path, relative)
        folders[:] = [name for name in folders if not Path(folder, name).is_symlink()]
    return tree


def differences(expected, found):
    """Sentences on what differs."""
    problems = [f"{path} is missing" for path in expected if path not in found]
    left = [path for path in found if path not in expected]
    # Of a directory that is left, not each of its files.
    problems += [f"{path} is left" for path in left if str(Path(path).parent) not in left]
    return problems + [f"{path} differs" for path in expected if path in found and found[path] != expected[path]]


def _is_whole(path):
    data = path.read_bytes()
    if path.suffix == ".json":
        try:
            json.loads(data)
            return True
        except ValueError:
            return False
    if path.suffix == ".safetensors":
        if len(data) < 8 or len(data) < 8 + struct.unpack("<Q", data[:8])[0]:
            return False
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + size])
        return len(data) == 8 + size + max(
            (tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"), default=0)
    return True


def broken(root):
    """What has a final name and is not whole: a file that is cut off, a checkpoint that lacks files."""
    problems = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not is_temporary(name) and name != ".locks"]
        for name in files:
            path = Path(folder, name)
            if not is_temporary(name) and not path.is_symlink() and not _is_whole(path):
                problems.append(f"{path.relative_to(root)} is not whole")
        if Path(folder).name.startswith("checkpoint-"):
            wanted = {"config.json", "model.safetensors", "optimizer.safetensors", "trainer_state.json",
                      "training_progress.json", "training_args.json", "tokenizer.json"}
            # An experiment's stage that is finished has no use for the optimizer.
            if Path(folder, "..", "stage.json").exists() or Path(folder, "..", "all_results.json").exists():
                wanted.remove("optimizer.safetensors")
            if missing := wanted - set(files):
                problems.append(f"{Path(folder).relative_to(root)} lacks {', '.join(sorted(missing))}")
    return problems
