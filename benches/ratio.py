#!/usr/bin/env python3
"""Times two commands in turn, whole processes, and prints medians, spread and the ratio of the medians.

    benches/ratio.py ROUNDS 'COMMAND A' 'COMMAND B'
"""
import shlex
import statistics
import subprocess
import sys
import time


def seconds(command):
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main():
    rounds, *texts = sys.argv[1:]
    commands = [shlex.split(text) for text in texts]
    for command in commands:
        seconds(command)  # a warm-up that is not counted
    times = [[], []]
    for _ in range(int(rounds)):
        for command, taken in zip(commands, times):
            taken.append(seconds(command))
    for text, taken in zip(texts, times):
        print(f"{min(taken):7.3f} {statistics.median(taken):7.3f} {max(taken):7.3f} s  {text}")
    print(f"ratio of medians {statistics.median(times[0]) / statistics.median(times[1]):.3f}")


main()
