"""Runs commands and takes their time and memory; sums up what was measured. Knows nothing of the workloads."""
import contextlib
import os
import pathlib
import pty
import shutil
import statistics
import subprocess
import termios
import threading
import time


class Failed(Exception):
    """A command that did not do its work: to time it would be to time a failure."""


def run(command, output):
    """Runs a command with its standard output in a file; gives seconds and the most memory in MiB."""
    if command.log:
        log = command.cwd / command.log
        shutil.rmtree(log) if log.is_dir() else log.unlink(missing_ok=True)
    errors = window(f"{output}.err") if command.in_window else open(f"{output}.err", "wb")
    with open(command.stdin, "rb") as stdin, open(output, "wb") as stdout, errors as stderr:
        begun = time.perf_counter()
        child = subprocess.Popen(
            command.argv, stdin=stdin, stdout=stdout, stderr=stderr, cwd=command.cwd, start_new_session=True
        )
        try:
            tree = watched(child.pid) if command.is_tree else None
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.terminate()
            child.wait()
            raise
        taken = time.perf_counter() - begun
    settle(child.pid)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        with open(f"{output}.err", errors="replace") as said:
            raise Failed(f"`{command.argv[0]}` ended with {child.returncode}: {said.read()[-500:].strip()}")
    return taken, usage.ru_maxrss / 1024 if tree is None else tree


def settle(session):
    """Waits for what a command left running: it would cost the next one its time. joblib's workers outlive their program."""
    while any(session_of(process) == session for process in pathlib.Path("/proc").glob("[0-9]*")):
        time.sleep(0.01)


def session_of(process):
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # a zombie runs no more
    return None if fields[0] == "Z" else int(fields[3])


@contextlib.contextmanager
def window(written):
    """A terminal of 30 rows and 100 columns; what comes there goes into a file."""
    inside, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (30, 100))

    def keep():
        # at its end, a terminal fails
        with open(written, "wb") as file, contextlib.suppress(OSError):
            while part := os.read(inside, 65536):
                file.write(part)

    reader = threading.Thread(target=keep)
    reader.start()
    try:
        yield terminal
    finally:
        os.close(terminal)
        reader.join()
        os.close(inside)


def watched(root):
    """The peak memory of each process of a tree until its root ends, in sum; in MiB. The root is left to be waited for."""
    peaks = {}
    while os.waitid(os.P_PID, root, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        for process in tree(root):
            peaks[process] = max(peaks.get(process, 0), peak(process))
        time.sleep(0.005)
    return sum(peaks.values()) / 1024


def tree(root):
    """A process and all that it and its threads started."""
    yield root
    for listed in pathlib.Path(f"/proc/{root}/task").glob("*/children"):
        try:
            children = listed.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from tree(int(child))


def peak(process):
    """The most memory that a process had so far, in KiB; 0 if it is gone."""
    try:
        facts = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in facts if line.startswith("VmHWM:")), 0)


def interleaved(commands, rounds, output, check, say):
    """Each command once to warm up and be checked, then all in turn, round by round."""
    taken = {peer: {"seconds": [], "mib": []} for peer in commands}
    for peer, command in commands.items():
        say(f"warming up: {peer}")
        run(command, output)
        with open(output, "rb") as written:
            if not check(peer, written.read()):
                raise Failed(f"the output of {peer} is not what it should be")
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}")
        for peer, command in commands.items():
            seconds, mib = run(command, output)
            taken[peer]["seconds"].append(seconds)
            taken[peer]["mib"].append(mib)
    return taken


def table(workload, taken):
    """The Markdown table of one workload."""
    median = {peer: statistics.median(numbers["seconds"]) for peer, numbers in taken.items()}
    lines = [
        f"### {workload.name}: {workload.about}",
        "",
        "| | median s | least to greatest | × floor | MiB | deco is × this | to reach | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [row(workload, peer, numbers, median) for peer, numbers in taken.items()]
    return "\n".join(lines + beside(workload, taken, median)) + "\n"


def row(workload, peer, numbers, median):
    seconds = numbers["seconds"]
    floor = f"{median[peer] / median['floor']:.3f}" if "floor" in median else ""
    ratio = "deco" in median and peer != "deco" and median["deco"] / median[peer]
    target = workload.targets.get(peer)
    cells = [
        peer,
        f"{median[peer]:.4f}",
        f"{min(seconds):.4f} to {max(seconds):.4f}",
        floor,
        f"{statistics.median(numbers['mib']):.0f}",
        f"{ratio:.3f}" if ratio else "",
        f"≤ {target:.2f}" if ratio and target else "",
        verdict(ratio <= target) if ratio and target else "",
    ]
    return f"| {' | '.join(cells)} |"


def beside(workload, taken, median):
    """What is to be reached besides ratios."""
    lines = growth(workload, taken) if workload.slope else []
    lines += apart(workload, taken) if workload.alike else []
    if "deco" not in taken:
        return lines
    if workload.peak:
        most = max(taken["deco"]["mib"])
        lines += ["", f"Peak memory of deco {most:.0f} MiB, to reach ≤ {workload.peak}: {verdict(most <= workload.peak)}."]
    if workload.more and "floor" in median:
        over = (median["deco"] - median["floor"]) * 1000
        lines += ["", f"deco takes {over:.1f} ms more, to reach ≤ {workload.more}: {verdict(over <= workload.more)}."]
    return lines


def growth(workload, taken):
    """The memory for each further call, between neighbours and over all; the least of all rounds, as nothing is waiting."""
    points = sorted((int(peer.split()[1]), min(numbers["mib"])) for peer, numbers in taken.items())
    if len(points) < 3:
        return []
    per_call = lambda one, other: (other[1] - one[1]) * 2**20 / (other[0] - one[0])
    mean = per_call(points[0], points[-1])
    steps = [per_call(one, other) for one, other in zip(points, points[1:])]
    off = max(abs(step / mean - 1) for step in steps)
    most = max(taken[f"deco {points[-1][0]}"]["mib"])
    said = ", ".join(f"{step:.0f}" for step in steps)
    return [
        "",
        f"Peak memory {most:.0f} MiB, to reach ≤ {workload.peak}: {verdict(most <= workload.peak)}. "
        f"Bytes for each further call {said}, over all {mean:.0f}; at most {off:.0%} off, "
        f"to reach ≤ {workload.slope:.0%}: {verdict(off <= workload.slope)}.",
    ]


def apart(workload, taken):
    """How far the memory of the commands is apart."""
    peaks = [statistics.median(numbers["mib"]) for numbers in taken.values()]
    off = max(peaks) / min(peaks) - 1
    return ["", f"Peak memory {off:.1%} apart, to reach ≤ {workload.alike:.0%}: {verdict(off <= workload.alike)}."]


def verdict(is_met):
    return "met" if is_met else "**missed**"
