"""Prints what a server on this machine has at a place: `get.py PORT PATH`."""

import http.client
import sys


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    if answer.status != 200:
        sys.exit(f"{path}: {answer.status} {answer.reason}")
    return answer.read().decode()


if __name__ == "__main__":
    print(get(*sys.argv[1:]), end="")
