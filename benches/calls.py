"""The workloads of Python calls: functions that deco calls by workers, and programs of the peers that call the same.

The peers are run by the interpreter that deco's workers are given. Knows nothing of time.
"""
import json
import pathlib
import shutil
import sys

from workloads import Command, Workload, deco

PROGRAMS = pathlib.Path(__file__).resolve().parent / "python"

sys.path.insert(0, str(PROGRAMS))
import work  # noqa: E402


def manifest(python, count, call, more=""):
    return (
        f"{more}[tasks.results]\nfor = {{ n = \"range({count})\" }}\n"
        f'call = "work.py:{call}"\npython = {json.dumps(python)}\n'
    )


def calls(path, python, folder, function, count, targets, about, arguments="n", more=""):
    """deco, the package, Pool in its default chunks and with chunks of one, and joblib."""
    for file in PROGRAMS.glob("*.py"):
        shutil.copy(file, folder)
    peer = lambda program, *args: Command(
        [python, program, function, str(count), *args], cwd=folder, is_json=True
    )
    commands = {
        "deco": deco(path, manifest(python, count, f"{function}({arguments})", more), folder),
        "package": peer("package.py"),
        "Pool": peer("pool.py"),
        "Pool by one": peer("pool.py", "1"),
        "joblib": peer("with_joblib.py"),
    }
    shared = (work.samples(),) if more else ()
    expected = {"results": {str(n): getattr(work, function)(*shared, n) for n in range(count)}}
    return Workload(function, f"{count:,} {about}", commands, targets, lambda found: found == expected)


def at_once(path, python, folder):
    about = "calls of a function that returns at once"
    return calls(path, python, folder, "at_once", 20_000, {"package": 0.15}, about)


def about_a_millisecond(path, python, folder):
    targets = {"package": 0.90, "Pool": 1.05}
    return calls(path, python, folder, "about_a_millisecond", 2_000, targets, "calls of about 1 ms")


def item(path, python, folder):
    (folder / "samples.json").write_text(json.dumps(work.samples()))
    about = "calls that each read one item of a shared list of 20,000 numbers"
    more = '[load]\nsamples = "samples.json"\n'
    return calls(path, python, folder, "item", 500, {"package": 0.10}, about, "samples, n", more)


def mixed(path, python, folder):
    about = "calls of about 0.2 ms, one in fifty of them 100 times longer"
    return calls(path, python, folder, "mixed", 3_000, {"Pool by one": 1.03}, about)


def rows(count=1_400_000):
    """A document of 50 MB, piece by piece: a child's peak memory begins with that of the process which starts it."""
    yield "[[0,0,\"first row\"]"
    yield from (f',[{k},{k * 37 % 1000}.25,"row {k}, and so on"]' for k in range(1, count))
    yield "]"


def in_flight(path, python, folder, count=1_000):
    """Short calls are sent ahead, up to 128 for a worker; long ones never: of those each worker has one."""
    commands = {}
    for name, rest in (("1", 0.006), ("64", 0)):
        own = folder / name
        own.mkdir()
        with open(own / "rows.json", "w") as file:
            file.writelines(rows())
        (own / "work.py").write_text(
            f"import time\n\ndef row(rows, n):\n    time.sleep({rest})\n    return rows[n][0]\n"
        )
        text = manifest(python, count, "row(rows, n)", '[load]\nrows = "rows.json"\n')
        commands[f"deco {name}"] = deco(path, text, own)
        commands[f"deco {name}"].is_json = commands[f"deco {name}"].is_tree = True
    right = lambda found: found == {"results": {str(n): n for n in range(count)}}
    about = f"{count:,} calls that are given a document of 50 MB, with 1 or 64 in flight for each worker"
    return Workload("in_flight", about, commands, {}, right, alike=0.10)


ALL = {make_it.__name__: make_it for make_it in (at_once, about_a_millisecond, item, mixed, in_flight)}
