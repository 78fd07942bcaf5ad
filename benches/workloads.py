"""The workloads: for each, the files that it needs and the commands that do the same work, deco's first.

Knows nothing of time. A peer that cannot do a workload has no command in it.
"""
import dataclasses
import json
import os
import pathlib


@dataclasses.dataclass
class Command:
    argv: list
    stdin: str = "/dev/null"
    cwd: pathlib.Path = None
    log: str = None  # a file or folder that the command appends to; removed before each round
    ends: bytes = None  # how the output ends, where it is too large to be read here
    lines: int = None  # how many lines the output has, where the command passes the output on
    is_json: bool = False  # its output is the answer that deco gives
    is_tree: bool = False  # its memory is that of all its processes
    in_window: bool = False  # its standard error is a terminal


@dataclasses.dataclass
class Workload:
    name: str
    about: str
    commands: dict
    targets: dict  # peer: the most that deco's median may be, as a multiple of the peer's
    answer: object = None  # takes deco's JSON, says whether it is right
    peak: int = None  # the most memory for deco, in MiB
    slope: float = None  # how far the memory for a further call may be off its mean, where the peers are deco at sizes
    more: float = None  # the most that deco may take over the floor, in milliseconds
    alike: float = None  # how far the memory of the commands may be apart


def deco(path, manifest, folder, *flags, jobs=2, progress="none"):
    (folder / "deco.toml").write_text(manifest)
    return Command([path, "run", "--progress", progress, "--compact", f"-j{jobs}", *flags, "deco.toml"], cwd=folder)


def arguments(folder, words):
    file = folder / "arguments"
    file.write_text("".join(f"{word}\n" for word in words))
    return str(file)


def make(folder, pieces, lines=None, name="Makefile"):
    """Piece by piece: a child's peak memory begins with that of the process which starts it, so ours must stay small."""
    with open(folder / name, "w") as file:
        file.writelines(pieces)
    sync = ["--output-sync=target"] if lines else []
    return Command(["make", "-f", name, "-rRs", "-j2", *sync, "all"], cwd=folder, lines=lines)


def ninja(folder, pieces, *flags, name="build.ninja"):
    with open(folder / name, "w") as file:
        file.writelines(pieces)
    return Command(["ninja", "-f", name, "--quiet", "-j2", *flags], cwd=folder, log=".ninja_log")


def flat_make(count, recipe):
    names = " ".join(f"t{i}" for i in range(count))
    return f"T := {names}\nall: $(T) ; @:\n$(T): t%: ; @{recipe}\n"


def flat_ninja(count, command):
    """No target over all: ninja would look through its inputs again after each of them."""
    yield f"rule r\n command = {command}\n"
    yield from (f"build t{i}: r\n" for i in range(count))


def feeders(stdin, argv, lines=None):
    """Those that start one command for each line that they read, and put the line last."""
    return {
        "xargs": Command(["xargs", "-P2", "-n1", *argv], stdin, lines=lines),
        "xjobs": Command(["xjobs", "-j2", "-v1", "--", *argv], stdin, lines=lines),
        "rust-parallel": Command(["rust-parallel", "-j2", *argv], stdin, lines=lines),
    }


def keyed(count, value):
    return {str(i): value for i in range(count)}


def sh(path, floor, folder, count=10_000):
    manifest = f'[settings]\nshell = ["sh", "-c"]\n[tasks.k]\nfor = {{ i = "range({count})" }}\nrun = "echo k"\n'
    stdin = arguments(folder, range(count))
    commands = {
        "deco": deco(path, manifest, folder),
        "floor": Command([floor, str(count), "2", "/bin/sh", "-c", "echo k"]),
        "floor threads": Command([floor, "-t", str(count), "2", "/bin/sh", "-c", "echo k"]),
        **feeders(stdin, ["sh", "-c", "echo k"], count),
        "make": make(folder, flat_make(count, "sh -c 'echo k'"), count),
        "ninja": ninja(folder, flat_ninja(count, "sh -c 'echo k'")),
        "ninja echo": ninja(folder, flat_ninja(count, "echo k"), name="echo.ninja"),
        "parallel": Command(["parallel", "-N0", "-j2", "echo k"], stdin, lines=count),
    }
    targets = {"floor": 1.00, "xjobs": 0.89, "make": 0.82, "ninja": 0.48, "parallel": 0.12}
    about = f"{count:,} calls of `sh -c 'echo k'`, captured"
    return Workload("sh", about, commands, targets, lambda found: found == {"k": keyed(count, "k")})


def true(path, floor, folder, count=10_000):
    manifest = f'[tasks.k]\nfor = {{ i = "range({count})" }}\nrun = "/bin/true"\n'
    stdin = arguments(folder, range(count))
    names = " ".join(f"t{i}" for i in range(count))
    recipes = "".join(f"t{i}:\n  @/bin/true\n" for i in range(count))
    (folder / "justfile").write_text(f"all: {names}\n{recipes}")
    commands = {
        "deco": deco(path, manifest, folder),
        "floor": Command([floor, str(count), "2", "/bin/true"]),
        "floor threads": Command([floor, "-t", str(count), "2", "/bin/true"]),
        **feeders(stdin, ["/bin/true"]),
        "make": make(folder, flat_make(count, "/bin/true")),
        "ninja": ninja(folder, flat_ninja(count, "/bin/true")),
        "parallel": Command(["parallel", "-N0", "-j2", "/bin/true"], stdin),
        "just": Command(["just", "all"], cwd=folder),
    }
    about = f"{count:,} calls of `/bin/true`"
    return Workload(
        "true", about, commands, {"floor": 1.02, "ninja": 0.41}, lambda found: found == {"k": keyed(count, "")}
    )


def bars(path, _floor, folder, count=10_000):
    manifest = f'[tasks.k]\nfor = {{ i = "range({count})" }}\nrun = "/bin/true"\n'
    commands = {
        "deco": deco(path, manifest, folder, progress="bar"),
        "none": deco(path, manifest, folder),
    }
    for command in commands.values():
        command.in_window = command.is_json = True
    about = f"{count:,} calls of `/bin/true` with a bar on a terminal, against `--progress none`"
    return Workload("bars", about, commands, {"none": 1.03}, lambda found: found == {"k": keyed(count, "")})


def sha256(path, _floor, folder, count=64, size=8 << 20):
    for i in range(count):
        (folder / f"file-{i}").write_bytes(os.urandom(size))
    manifest = f'[tasks.sum]\nfor = {{ i = "range({count})" }}\nrun = ["sha256sum", "file-${{{{ i }}}}"]\n'
    stdin = arguments(folder, (f"file-{i}" for i in range(count)))
    commands = {
        "deco": deco(path, manifest, folder),
        **feeders(stdin, ["sha256sum"], count),
        "parallel": Command(["parallel", "-j2", "sha256sum"], stdin, lines=count),
    }
    for command in commands.values():
        command.cwd = folder
    right = lambda found: all(found["sum"][str(i)].endswith(f"  file-{i}") for i in range(count))
    about = f"{count} files of {size >> 20} MiB through sha256sum"
    return Workload("sha256", about, commands, {"xargs": 1.02, "parallel": 0.80}, right)


def joined(each, recipe):
    """The layers for make, a node between two of them."""
    yield f"all: j{len(each) - 1} ; @:\n"
    for layer, names in enumerate(each):
        yield f"j{layer}: {' '.join(names)} ;\n"
        yield f"{' '.join(names)}: {f'j{layer - 1} ' if layer else ''}; {recipe}\n"


def all_edges(each, recipe):
    """The layers for make, every call waiting for every one of the layer before."""
    yield f"all: {' '.join(each[-1])} ; @:\n"
    for before, names in zip([[], *each], each):
        yield f"{' '.join(names)}: {' '.join(before)} ; {recipe}\n"


def joined_ninja(each, command):
    yield f"rule r\n command = {command}\n"
    for layer, names in enumerate(each):
        before = f" j{layer - 1}" if layer else ""
        yield from (f"build {name}: r{before}\n" for name in names)
        yield f"build j{layer}: phony {' '.join(names)}\n"
    yield f"build all: phony j{len(each) - 1}\n"


def all_edges_ninja(each, command):
    yield f"rule r\n command = {command}\n"
    for before, names in zip([[], *each], each):
        yield from (f"build {name}: r {' '.join(before)}\n" for name in names)
    yield f"build all: phony {' '.join(each[-1])}\n"


def layers(path, floor, folder, count=100):
    manifest = (
        f'[tasks.k]\nfor = {{ l = "range({count})", i = "range({count})" }}\nrun = "/bin/true"\n'
        "stdin = \"${{ k[l - 1] | default('') }}\"\n"
    )
    each = [[f"t{layer}_{i}" for i in range(count)] for layer in range(count)]
    commands = {
        "deco": deco(path, manifest, folder),
        "floor": Command([floor, str(count * count), "2", "/bin/true"]),
        "make": make(folder, joined(each, "@/bin/true")),
        "ninja": ninja(folder, joined_ninja(each, "/bin/true")),
        "make all-edges": make(folder, all_edges(each, "@/bin/true"), name="edges.mk"),
        "ninja all-edges": ninja(folder, all_edges_ninja(each, "/bin/true"), name="edges.ninja"),
    }
    right = lambda found: found == {"k": keyed(count, keyed(count, ""))}
    about = f"{count} layers of {count} calls, each reading the whole layer before"
    return Workload("layers", about, commands, {"floor": 1.05}, right)


def chain(path, floor, folder, count=2_000):
    manifest = (
        f'[tasks.k]\nfor = {{ i = "range({count})" }}\nrun = "/bin/true"\n'
        "stdin = \"${{ k[i - 1] | default('') }}\"\n"
    )
    rules = "".join(f"t{i}: {f't{i - 1} ' if i else ''}; @/bin/true\n" for i in range(count))
    builds = "".join(f"build t{i}: r{f' t{i - 1}' if i else ''}\n" for i in range(count))
    commands = {
        "deco": deco(path, manifest, folder),
        "floor": Command([floor, str(count), "1", "/bin/true"]),
        "make": make(folder, f"all: t{count - 1} ; @:\n{rules}"),
        "ninja": ninja(folder, [f"rule r\n command = /bin/true\n{builds}build all: phony t{count - 1}\n"]),
    }
    about = f"a chain of {count:,} calls, each reading the one before"
    return Workload("chain", about, commands, {"floor": 1.08}, lambda found: found == {"k": keyed(count, "")})


def dry(path, _floor, folder, count=1_000_000):
    manifest = f'[tasks.k]\nfor = {{ i = "range({count})" }}\nrun = "/bin/true"\n'
    commands = {
        "deco": deco(path, manifest, folder, "--dry-run"),
        "ninja": ninja(folder, flat_ninja(count, "/bin/true"), "-n"),
    }
    about = f"dry run of {count:,} independent calls"
    return Workload("dry", about, commands, {"ninja": 0.17}, None, peak=120)


def keep(path, _floor, folder):
    """No process is started: each call is skipped by its `if`, and its `default` goes the way of a result."""
    commands = {}
    for count in (250_000, 500_000, 1_000_000):
        own = folder / str(count)
        own.mkdir()
        manifest = (
            f'[tasks.k]\nfor = {{ i = "range({count})" }}\nif = "false"\nrun = "/bin/true"\n'
            'default = "${{ i }}"\n'
        )
        commands[f"deco {count}"] = deco(path, manifest, own)
        commands[f"deco {count}"].log = ".deco"  # else the journals of the last runs are kept
        commands[f"deco {count}"].ends = f'"{count - 1}":{count - 1}}}}}\n'.encode()
    about = "what 250,000, 500,000 and 1,000,000 small results keep in memory while they run"
    return Workload("keep", about, commands, {}, peak=300, slope=0.10)


def each(path, _floor, folder, count=5_000):
    stdin = arguments(folder, range(count))
    state = str(folder / "state")
    commands = {
        "deco": Command([path, "map", "--progress", "none", "--compact", "-j2", "--state-dir", state, "true"], stdin),
        **feeders(stdin, ["true"]),
        "parallel": Command(["parallel", "-j2", "true"], stdin),
    }
    about = f"`deco map true` over {count:,} keys from standard input"
    return Workload("each", about, commands, {"xargs": 0.85}, lambda found: found == keyed(count, ""))


def one(path, _floor, folder):
    commands = {
        "deco": deco(path, '[tasks.k]\nrun = "/bin/true"\n', folder),
        "floor": Command(["/bin/true"]),
    }
    return Workload(
        "one", "one call of `/bin/true`, whole process", commands, {}, lambda found: found == {"k": ""}, more=10
    )


ALL = {make_it.__name__: make_it for make_it in (sh, true, bars, sha256, layers, chain, dry, keep, each, one)}


def is_right(workload, peer, output):
    """Whether the output of a command shows that the work was done."""
    command = workload.commands[peer]
    if command.ends:
        return output.endswith(command.ends)
    if (peer == "deco" or command.is_json) and workload.answer:
        return workload.answer(json.loads(output))
    return command.lines is None or len(output.splitlines()) == command.lines
