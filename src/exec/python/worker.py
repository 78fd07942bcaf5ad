"""deco's worker for Python functions: makes the calls that it is sent, one after the other, and says what came of each.

The protocol is told in docs/worker-protocol.md. The functions are the user's, unchanged; they import nothing of ours.
What a call does to documents is recorded in documents.py; what it returns is put into JSON by say.py.
"""

import os
import select
import sys
from itertools import repeat
from time import perf_counter_ns

from . import module, say

PROTOCOL = 1

# at most so many calls are under way
AHEAD = 256


def main():
    code = 1
    try:
        Worker().work()
        code = 0
    except KeyboardInterrupt:
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        end(code)


def end(code):
    """Ends at once, without waiting for threads of the functions; what was to be done at the end is done."""
    import atexit

    try:
        atexit._run_exitfuncs()
        flush()
    finally:
        os._exit(code)


def flush():
    for stream in STREAMS + (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            # closed, or replaced by something else
            pass


STREAMS = (sys.stdout, sys.stderr)
modules = sys.modules


def hold_no_lines_back():
    """Somebody looks at what calls print while they run."""
    for stream in STREAMS:
        try:
            stream.reconfigure(line_buffering=True)
        except Exception:
            # the task's module has replaced it
            pass


def descriptor(name):
    number = int(os.environ.pop(name))
    # not for the processes that functions start
    os.set_inheritable(number, False)
    return number


class Worker:
    def __init__(self):
        self.incoming = open(descriptor("DECO_WORKER_IN"), "rb", buffering=1 << 16)
        self.outgoing = descriptor("DECO_WORKER_OUT")
        self.claims = descriptor("DECO_WORKER_CLAIMS")
        self.claimed = None
        self.prints = Prints()
        self.functions = Functions()
        self.surroundings = Surroundings()
        self.versions = {}
        # the documents that the call has got
        self.documents = []
        self.watches = False
        if hasattr(sys, "set_int_max_str_digits"):
            # a document's numbers have as many digits as they have
            sys.set_int_max_str_digits(0)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.let_go)
        sys.path.insert(0, os.getcwd())
        sys.argv = [""]

    def let_go(self):
        """A process that a function forked has nothing to say here."""
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (self.incoming.fileno(), self.outgoing, self.claims):
            os.dup2(nothing, number, False)
        os.close(nothing)

    def work(self):
        while True:
            line = self.incoming.readline()
            if not line:
                return
            # a space says that there are numbers whose digits Python would write otherwise
            message = say.load_exact(line) if line[0] == 32 else say.load(line)
            if "batch" in message:
                self.batch(message)
            elif "document" in message:
                self.versions[message["version"]] = Version(message["document"], message["value"])
            elif "drop" in message:
                for number in message["drop"]:
                    self.versions.pop(number, None)
            elif "protocol" in message:
                self.greet(message)

    def greet(self, message):
        self.prints.mark = message["mark"]
        if message.get("live"):
            hold_no_lines_back()
        self.send(b'{"protocol":%d,"ahead":true}\n' % PROTOCOL)

    def batch(self, batch):
        """Makes the calls, as far as they are not taken back. A call is begun by taking its claim.

        What nearly every call goes through stands here as one, since each function of ours costs as much as a short one
        of the user's.
        """
        if "ids" in batch:
            # there is nothing to them but their arguments
            calls = zip(batch["ids"], batch["args"], batch["env"], repeat(None))
        else:
            calls = [(call["id"], None, call.get("env", ()), call) for call in batch["calls"]]
        own, name = bytes((batch["batch"],)), batch["function"]
        variables, names = batch.get("variables", {}), batch.get("names", ())
        surroundings, prints, known = self.surroundings, self.prints, self.functions.known
        stdout, stderr = STREAMS
        flush_stdout, flush_stderr, look, due = stdout.flush, stderr.flush, prints.look, prints.due
        function = known.get(name)
        read, write, claims, outgoing = os.read, os.write, self.claims, self.outgoing
        # one that was read for a batch before this one
        claimed, self.claimed = self.claimed, None
        begun = perf_counter_ns()
        for number, args, env, call in calls:
            if claimed is None:
                try:
                    claimed = read(claims, 1)
                except BlockingIOError:
                    return
            if claimed != own:
                return self.left(claimed)
            claimed = None
            surroundings.wanted = variables, names, env, number
            # it stays so for an integer, which takes no encoder
            said = None
            if call is None and function is not None:
                try:
                    result = function(*args)
                    if type(result) is not int:
                        said = b'"result":' + say.say(result, "result")
                except BaseException as error:
                    said = self.failed(error)
            else:
                said = self.make(name, call or {"args": args})
                function = known.get(name)
            if surroundings.touched:
                surroundings.end()
            ended = perf_counter_ns()
            # most print nothing
            try:
                flush_stdout()
                flush_stderr()
            except Exception:
                flush()
            if sys.stdout is not stdout or sys.stderr is not stderr:
                flush()
            if "ctypes" in modules:
                prints.flush_stdio()
            filled = look(0, 2)
            printed = prints.mark_end(number, filled) if filled or due else b""
            took = (ended - begun) // 1000
            if said is None:
                line = b'{"id":%d,"took":%d%b,"result":%d}\n' % (number, took, printed, result)
            else:
                line = b'{"id":%d,"took":%d%b,%b}\n' % (number, took, printed, said)
            sent = write(outgoing, line)
            if sent < len(line):
                self.send(line[sent:])
            begun = ended
            if surroundings.interrupted:
                raise KeyboardInterrupt

    def left(self, claimed):
        """The rest of a batch is not ours: the claim is one of a later batch, or there will be none."""
        if claimed == b"":
            raise KeyboardInterrupt
        self.claimed = claimed

    def send(self, line):
        sent = os.write(self.outgoing, line)
        while sent < len(line):
            line = line[sent:]
            sent = os.write(self.outgoing, line)

    def make(self, name, call):
        """What came of a call, as members of the answer."""
        try:
            function = self.functions.get(name)
            if "lent" in call:
                return self.with_lent(function, call)
            return self.called(function, call)
        except BaseException as error:
            return self.failed(error)

    def failed(self, error):
        if isinstance(error, (say.Unsayable, Unfound)):
            return failure({"message": str(error)})
        if isinstance(error, KeyboardInterrupt):
            self.surroundings.interrupted = True
        return failure(raised(error))

    def called(self, function, call):
        if "refs" in call:
            return self.with_documents(function, call)
        args = call.get("args", ())
        result = function(*args, **call["named"]) if "named" in call else function(*args)
        return b'"result":' + say.say(result, "result")

    def with_lent(self, function, call):
        """Some arguments are not the call's own. They are small, so that a look before and after shows a change."""
        lent = [(name, argument(call, at)) for at, name in call["lent"]]
        before = [say.say(value, name) for name, value in lent]
        said = self.called(function, call)
        for (name, value), as_lent in zip(lent, before):
            if not is_said(value, as_lent):
                raise say.Unsayable(CHANGED % name)
        return said

    def with_documents(self, function, call):
        args, named = call.get("args", []), call.get("named", {})
        try:
            for ref in call["refs"]:
                value = self.part(ref)
                where = named if isinstance(ref["at"], str) else args
                where[ref["at"]] = value
            result = function(*args, **named)
            said = b'"result":' + say.say(result, "result")
            return said + self.changes() + self.reads()
        except BaseException as error:
            # that it failed may come of what it saw
            return self.failed(error) + self.reads()
        finally:
            documents = self.documents[:]
            self.documents.clear()
            restore(documents)

    def part(self, ref):
        version = self.versions[ref["version"]]
        document = version.document(ref.get("tracked", False))
        if document.tracked and not self.watches:
            self.watch()
        if document not in self.documents:
            self.documents.append(document)
        return document.part(ref["path"])

    def watch(self):
        c_code = module("c_code")
        self.watches = True
        c_code.watch_json(self.documents)
        c_code.watch_heapq()
        say.encode = say.make_encoder()

    def changes(self):
        """What the call did to documents, as a member of the answer."""
        from .record import spoken

        changes = []
        for document in self.documents:
            for kind, path, value in document.changes():
                place = say.say([document.name] + path, "")
                if kind == "ensure":
                    said = b'"%s"' % value.encode()
                elif kind == "delete":
                    said = b"true"
                else:
                    said = say.say(value, spoken(document.name, path))
                changes.append(b'{"place":%b,"%b":%b}' % (place, kind.encode(), said))
        return b',"changes":[' + b",".join(changes) + b"]" if changes else b""

    def reads(self):
        """Where the call looked, as a member of the answer."""
        reads = []
        for document in self.documents:
            if document.tracked:
                reads.extend(say.say([document.name] + path, "") for path in document.reads())
        return b',"reads":[' + b",".join(reads) + b"]" if reads else b""


CHANGED = "it changed `%s`, which its task may not change: name the document in `mutates`, or change a copy"


def argument(call, at):
    return call["named" if isinstance(at, str) else "args"][at]


def is_said(value, text):
    try:
        return say.say(value, "") == text
    except say.Unsayable:
        return False


def restore(documents):
    """Puts all of them back, whatever is wrong with one."""
    try:
        if documents:
            documents.pop().restore()
    finally:
        if documents:
            restore(documents)


class Version:
    """A version of a document as it was sent, and what calls get for it."""

    def __init__(self, name, value):
        self.name = name
        self.value = value
        self.made = {}

    def document(self, tracked):
        if tracked not in self.made:
            self.made[tracked] = module("documents").Document(self.name, self.value, tracked)
        return self.made[tracked]


class Unfound(Exception):
    """What a task calls is not there."""


def nearest(name, module):
    from difflib import get_close_matches

    near = get_close_matches(name, dir(module), 1)
    return "; did you mean `%s`?" % near[0] if near else ""


class Functions:
    """The functions by the text that names them: `file.py:function` or `package.module:function`."""

    def __init__(self):
        self.known = {}
        self.files = {}

    def get(self, name):
        function = self.known.get(name)
        if function is None:
            function = self.known[name] = self.find(name)
        return function

    def find(self, name):
        where, _, inside = name.rpartition(":")
        found = self.file(where) if where.endswith(".py") else self.module(where)
        for part in inside.split("."):
            if not hasattr(found, part):
                raise Unfound("there is no `%s` in `%s`%s" % (inside, where, nearest(part, found)))
            found = getattr(found, part)
        if not callable(found):
            raise Unfound("`%s` in `%s` is %s, which cannot be called" % (inside, where, say.described(found)))
        return found

    def module(self, name):
        from importlib import import_module

        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not (name + ".").startswith(error.name + "."):
                raise
            raise Unfound(
                "there is no module `%s` for `%s`: it is looked for in `dir`, `%s`; `python` names another interpreter"
                % (error.name, sys.executable, os.getcwd())
            ) from None

    def file(self, path):
        path = os.path.abspath(path)
        if path in self.files:
            return self.files[path]
        if not os.path.isfile(path):
            raise Unfound("there is no file `%s`: a path in `call` is relative to the manifest's folder" % path)
        name = os.path.basename(path)[: -len(".py")]
        if name in sys.modules:
            name = "%s (%s)" % (name, path)
        folder = os.path.dirname(path)
        if folder not in sys.path:
            # as for a program that Python runs
            sys.path.insert(0, folder)
        found = module_of(name, path)
        sys.modules[name] = found
        try:
            found.__loader__.exec_module(found)
        except BaseException:
            del sys.modules[name]
            raise
        self.files[path] = found
        return found


def module_of(name, path):
    """The module of a file, not run yet: what importlib.util does, which takes longer to import than the worker."""
    from importlib.machinery import ModuleSpec, SourceFileLoader

    found = type(sys)(name)
    found.__loader__ = SourceFileLoader(name, path)
    found.__spec__ = ModuleSpec(name, found.__loader__, origin=path)
    found.__spec__.has_location = True
    found.__file__, found.__cached__, found.__package__ = path, found.__spec__.cached, ""
    return found


class Prints:
    """Marks the end of each call in what was printed, if something was, by itself or a little before."""

    def __init__(self):
        self.mark = ""
        self.libc = None
        # for how many calls a stream is marked after something was in it: deco may have read on meanwhile
        self.due = {}
        poll = select.epoll()
        self.look = poll.poll
        self.streams = {}
        for stream in (1, 2):
            # the other end of the pipe shows whether something is in it
            number = os.open("/proc/self/fd/%d" % stream, os.O_RDONLY | os.O_NONBLOCK)
            poll.register(number, select.EPOLLIN)
            self.streams[number] = stream

    def mark_end(self, call, filled):
        """Members of the answer: the streams that hold a mark. `filled`: those that hold anything."""
        for number, _ in filled:
            self.due[self.streams[number]] = AHEAD
        mark = ("\0%s:%d\n" % (self.mark, call)).encode()
        printed = sorted(self.due)
        for stream in printed:
            self.due[stream] -= 1
            if not self.due[stream]:
                del self.due[stream]
            try:
                os.write(stream, mark)
            except OSError:
                # the function has closed it
                pass
        return (',"printed":%s' % printed).encode()

    def flush_stdio(self):
        try:
            if self.libc is None:
                self.libc = sys.modules["ctypes"].CDLL(None)
            self.libc.fflush(None)
        except Exception:
            # still being imported
            pass


class Surroundings:
    """The environment and folders of calls. Variables of a call are set when somebody looks, or starts a process, and its
    private folder is made when somebody asks for that."""

    def __init__(self):
        self.interrupted = False
        # whether something is to be put right after the call: it went elsewhere, or has a private folder
        self.touched = self.moved = False
        # the private folder of the call, and whether it was made
        self.own = None
        self.made = False
        self.folder = os.getcwd()
        # what the call is to have, as it was sent, and what was set for an earlier one
        self.wanted = None
        self.set = {}
        self.setting = False
        for environ in (os.environ, os.environb):
            watched(environ, self.look)
        sys.addaudithook(self.hear)

    def end(self):
        if self.moved:
            os.chdir(self.folder)
        if self.made:
            remove(self.own)
        # what was just done was heard as well
        self.touched = self.moved = self.made = False

    def hear(self, event, args):
        if event in STARTS:
            self.look()
        elif event == "os.chdir" or event == "os.fchdir":
            self.touched = self.moved = True

    def look(self, name=None):
        """Somebody asks for a variable, or for all of them."""
        if self.setting:
            return
        if self.wanted is not None:
            self.set_variables()
        if self.own is not None and not self.made and name in PRIVATE:
            self.made = self.touched = True
            os.makedirs(self.own, 0o700, True)

    def set_variables(self):
        (variables, names, env, number), self.wanted = self.wanted, None
        wanted = dict(variables, **dict(zip(names, env)))
        self.own = wanted.get("DECO_TMPDIR")
        if self.own is not None:
            # what is there is for all calls
            self.own = wanted["DECO_TMPDIR"] = os.path.join(self.own, str(number))
        self.setting = True
        try:
            for name in [name for name in self.set if name not in wanted]:
                before = self.set.pop(name)
                if before is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = before
            for name, value in wanted.items():
                if name not in self.set:
                    self.set[name] = os.environ.get(name)
                os.environ[name] = value
        finally:
            self.setting = False


STARTS = frozenset(
    ["subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.exec", "os.fork", "os.forkpty", "pty.spawn"]
)


# who asks for these, or for all variables, is given a private folder
PRIVATE = ("DECO_TMPDIR", b"DECO_TMPDIR", None)


def remove(folder):
    try:
        os.rmdir(folder)
    except OSError:
        from shutil import rmtree

        # what is left goes with the run's folder
        rmtree(folder, True)


def watched(environ, look):
    """Makes an environment call `look` before each use, with the name that it is for."""
    base = type(environ)

    def looking(name):
        method = getattr(base, name)

        def looked(self, *args):
            look(*args[:1])
            return method(self, *args)

        return looked

    methods = ("__getitem__", "__setitem__", "__delitem__", "__iter__", "__len__", "__repr__", "copy", "setdefault")
    environ.__class__ = type(base.__name__, (base,), {name: looking(name) for name in methods})


def failure(error):
    # what is no text in UTF-8 is shown by its escapes
    error = {name: text.encode("utf-8", "backslashreplace").decode() for name, text in error.items()}
    return b'"error":' + say.say(error, "error")


def is_of_functions(file, own):
    return os.path.dirname(file) not in own and not file.startswith("<frozen importlib")


def raised(error):
    """An exception as it is told: only the functions' own frames."""
    import traceback

    told = traceback.TracebackException(type(error), error, error.__traceback__)
    import importlib

    own = (os.path.dirname(__file__), os.path.dirname(importlib.__file__))
    chain, known = [told], set()
    while chain:
        link = chain.pop()
        if link is None or id(link) in known:
            continue
        known.add(id(link))
        link.stack[:] = [frame for frame in link.stack if is_of_functions(frame.filename, own)]
        chain += [link.__cause__, link.__context__]
    try:
        message = str(error)
    except Exception:
        message = "(its text cannot be had)"
    if isinstance(error, SystemExit):
        message = "sys.exit was called with %s" % (message or "nothing")
    return {"type": type(error).__name__, "message": message, "traceback": "".join(told.format())}
