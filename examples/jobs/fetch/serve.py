"""Serves a folder on a free port of this machine, prints the port, and goes on in the background.

The server ends with the run that started it, however that ends: it looks whether the process is still there.
"""

import functools
import http.server
import os
import subprocess
import sys
import threading
import time


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *ignored):
        pass


def serve(folder, run):
    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    for stream in (1, 2):          # who waits for the end of the call's output waits no more
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    while is_there(run):
        time.sleep(0.1)


def is_there(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def start(folder):
    """A session of its own, so that the end of this call is not its end."""
    command = [sys.executable, __file__, folder, str(os.getppid())]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    print(child.stdout.readline(), end="")


if __name__ == "__main__":
    folder, *run = sys.argv[1:]
    serve(folder, int(run[0])) if run else start(folder)
