"""Differences in one region: compare.py REFERENCE SAMPLE START END"""

import json
import sys


def read(path):
    with open(path, encoding="ascii") as file:
        return "".join(file.read().split())


reference, sample = read(sys.argv[1]), read(sys.argv[2])
start, end = int(sys.argv[3]), int(sys.argv[4])
json.dump([f"{at + 1}{reference[at]}>{sample[at]}" for at in range(start, end) if reference[at] != sample[at]], sys.stdout)
