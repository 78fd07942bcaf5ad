#!/usr/bin/env python3
"""Times deco and the peers found on this machine side by side, and prints tables of medians and their ratios.

    python3 benches/compare.py [--rounds N] [--only WORKLOAD,...] [--peers NAME,...] [--deco PATH] [--python PATH] [--json FILE] [--write]
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

import calls
import measure
import workloads

HERE = pathlib.Path(__file__).resolve().parent
ALL = workloads.ALL | calls.ALL
BEGIN, END = "<!-- compare.py writes from here -->", "<!-- to here -->"


def options():
    parser = argparse.ArgumentParser(description="Times deco and its peers side by side.")
    parser.add_argument("--rounds", type=int, default=15, help="rounds that count, after one that does not (15)")
    parser.add_argument("--only", help=f"workloads, with commas: {', '.join(ALL)}")
    parser.add_argument("--peers", help="commands to run, with commas, such as deco,floor,make")
    parser.add_argument("--deco", help="the binary; else `cargo build --release` makes it")
    parser.add_argument("--python", help="an interpreter that has the packages deco and joblib; else one is made")
    parser.add_argument("--json", help="a file for the raw numbers")
    parser.add_argument("--write", action="store_true", help="put the tables into benches/README.md")
    chosen = parser.parse_args()
    chosen.only = chosen.only.split(",") if chosen.only else list(ALL)
    chosen.peers = chosen.peers and chosen.peers.split(",")
    unknown = [name for name in chosen.only if name not in ALL]
    if unknown:
        parser.error(f"there is no workload {', '.join(unknown)}")
    if chosen.rounds < 1:
        parser.error("at least one round")
    if chosen.deco and not os.access(chosen.deco, os.X_OK):
        parser.error(f"{chosen.deco} cannot be run")
    if chosen.python and not os.access(chosen.python, os.X_OK):
        parser.error(f"{chosen.python} cannot be run")
    return chosen


def say(text):
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"\x1b[K{text}" if end == "\r" else text, end=end, file=sys.stderr, flush=True)


def binary(chosen):
    """deco, built on the spot."""
    if not chosen.deco:
        build = ["cargo", "build", "--release", "--message-format", "json-render-diagnostics"]
        built = subprocess.run(build, cwd=HERE.parent, check=True, stdout=subprocess.PIPE)
        messages = [json.loads(line) for line in built.stdout.splitlines()]
        chosen.deco = [message["executable"] for message in messages if message.get("executable")][-1]
    return os.path.abspath(chosen.deco)


def beside(chosen, folder):
    """What workloads are given besides deco, made on the spot where it is needed: the floor, and an interpreter."""
    floor = str(folder / "floor")
    if any(name in workloads.ALL for name in chosen.only):
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-pthread", "-o", floor, str(HERE / "floor.c")], check=True)
    if any(name in calls.ALL for name in chosen.only):
        chosen.python = chosen.python or interpreter(folder / "python")
    return {name: chosen.python and os.path.abspath(chosen.python) if name in calls.ALL else floor for name in ALL}


def interpreter(folder):
    """A virtual environment with the peers of Python calls, of the interpreter that runs this."""
    say("making a virtual environment")
    subprocess.run([os.path.realpath(sys.executable), "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "deco==0.6.3", "joblib"], check=True, stdout=sys.stderr)
    return python


def present(workload, wanted):
    """The commands that are wanted and installed, and the names of those that are not installed."""
    asked = {peer: command for peer, command in workload.commands.items() if not wanted or peer.split()[0] in wanted}
    missing = [peer for peer, command in asked.items() if not shutil.which(command.argv[0])]
    return {peer: command for peer, command in asked.items() if peer not in missing}, missing


def one_workload(name, chosen, deco, beside, scratch):
    with tempfile.TemporaryDirectory(dir=scratch) as made:
        folder = pathlib.Path(made)
        say(f"{name}: making the files")
        workload = ALL[name](deco, beside, folder)
        commands, missing = present(workload, chosen.peers)
        check = lambda peer, output: workloads.is_right(workload, peer, output)
        tell = lambda text: say(f"{name}: {text}")
        taken = measure.interleaved(commands, chosen.rounds, str(folder / "output"), check, tell)
    left_out = f"\nNot installed here, so left out: {', '.join(missing)}.\n" if missing else ""
    return taken, measure.table(workload, taken) + left_out


def header(chosen):
    try:
        facts = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":", 1)[1].strip() for line in facts if line.startswith("model name"))
    except (OSError, StopIteration):
        cpu = platform.machine()
    asked = " ".join(word for word in said_again(chosen))
    return (
        f"{datetime.date.today()}, {len(os.sched_getaffinity(0))} CPUs ({cpu}), {platform.system()} {platform.release()}; "
        f"medians of {chosen.rounds} interleaved rounds after one that does not count; two in flight. "
        f"Load of the machine before: {os.getloadavg()[0]:.1f}.\n\n    {asked}\n"
    )


def said_again(chosen):
    """The command to measure this again; without paths, which mean nothing elsewhere."""
    yield f"python3 benches/compare.py --rounds {chosen.rounds}"
    if chosen.only != list(ALL):
        yield f"--only {','.join(chosen.only)}"
    if chosen.peers:
        yield f"--peers {','.join(chosen.peers)}"


def write_into_readme(text):
    readme = HERE / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


def main():
    chosen = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the temporary files are removed
    tables, raw = [header(chosen)], {}
    with tempfile.TemporaryDirectory(prefix="deco-benches-") as scratch:
        deco, given = binary(chosen), beside(chosen, pathlib.Path(scratch))
        for name in chosen.only:
            raw[name], table = one_workload(name, chosen, deco, given[name], scratch)
            tables.append(table)
            print(table, flush=True)
    if chosen.json:
        pathlib.Path(chosen.json).write_text(json.dumps({"about": tables[0], "workloads": raw}, indent=1) + "\n")
    if chosen.write:
        write_into_readme("\n".join(tables))
    else:
        print(tables[0])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (measure.Failed, subprocess.CalledProcessError) as error:
        sys.exit(f"compare.py: {error}")
