#!/usr/bin/env python3
"""Makes the pictures of the README from a real run: python3 docs/pictures/make.py

Needs deco on PATH, tmux and Chromium. `run.svg` is what a terminal shows in the middle of the run and at its end,
`report.png` is the page of the same run in a browser.
"""

import html
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS, ROWS = 100, 30
CHARACTER, LINE = 8.4, 19
BACKGROUND, TEXT = "#1e222a", "#dcdfe4"
COLOURS = ["#5c6370", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#dcdfe4"]
MANIFEST = '''
[data]
regions = ["north", "south", "east", "west"]
seasons = ["spring", "summer", "autumn", "winter"]

[tasks.measure]
for = { region = "regions", season = "seasons" }
run = """
for sample in 1 2 3 4 5; do
  echo "sample $sample of 5" >&2
  sleep 0.4${{ season | length }}
done
printf %s ${{ region }} ${{ season }} | cksum | cut -c 1-2
"""
result = "json"

[tasks.mean]
for = { region = "regions" }
run = "sleep 0.5; echo $((${{ measure[region] | items | map('last') | sum }} / 4))"
result = "json"

[tasks.warmest]
run = "sleep 0.5; echo ${{ mean | dictsort(by='value') | map('first') | last }}"
'''


def tmux(*arguments):
    command = ["tmux", "-L", f"pictures-{os.getpid()}", "-f", "/dev/null", *arguments]
    env = os.environ | {"LC_ALL": "C.UTF-8"}
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8", env=env).stdout


def run_in_terminal(folder):
    """The lines on the screen in the middle of the run, and after it."""
    ended = folder / "ended"
    shown = "deco run -j 4 -o answer.json"
    command = f"printf '$ {shown}\\n'; {shown}; touch {ended}; sleep 60"
    size = ["-x", str(COLUMNS), "-y", str(ROWS)]
    tmux("new-session", "-d", *size, "-c", str(folder), "sh", "-c", command)
    try:
        time.sleep(6.5)
        running = tmux("capture-pane", "-p", "-e")
        while not ended.exists():
            time.sleep(0.1)
        time.sleep(0.2)
        return running.rstrip().splitlines(), tmux("capture-pane", "-p", "-e").rstrip().splitlines()
    finally:
        tmux("kill-server")


def styled(line):
    """Pairs of a text and its style: SGR codes 0, 1, 2, 30-37, 39 and 90-97 are what deco prints."""
    colour, bold, dim = None, False, False
    first, *rest = re.split(r"\x1b\[([\d;]*)m", line)
    for code, text in [("0", first), *zip(rest[::2], rest[1::2])]:
        for number in [int(part or 0) for part in code.split(";")]:
            if number == 0:
                colour, bold, dim = None, False, False
            elif number in (1, 2):
                bold, dim = bold or number == 1, dim or number == 2
            elif number == 39:
                colour = None
            elif 30 <= number <= 37 or 90 <= number <= 97:
                colour = COLOURS[number % 10]
        if text:
            style = f' fill="{colour}"' if colour else ""
            style += ' font-weight="bold"' if bold else ""
            yield text, style + (' opacity="0.6"' if dim else "")


def svg(lines):
    width, height = COLUMNS * CHARACTER + 32, len(lines) * LINE + 32
    rows = []
    for row, line in enumerate(lines):
        spans, column = "", 0
        for text, style in styled(line):
            x, length = 16 + column * CHARACTER, len(text) * CHARACTER
            shown = html.escape(text, quote=False).replace(" ", "\u00a0")
            spans += f'<tspan x="{x:.1f}" textLength="{length:.1f}"{style}>{shown}</tspan>'
            column += len(text)
        rows.append(f'<text y="{16 + (row + 0.8) * LINE:.1f}">{spans}</text>')
    body = "\n".join(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14" fill="{TEXT}">\n'
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>\n{body}\n</svg>\n'
    )


def screenshot(page, picture):
    names = ["chromium", "chromium-browser", "google-chrome"]
    browser = next(filter(None, map(shutil.which, names)), None) or sys.exit("no Chromium on PATH")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1100,900"]
    command = [browser, *flags, f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "deco.toml").write_text(MANIFEST)
        subprocess.run(["deco", "run", "-q", "-o", "answer.json"], cwd=folder, check=True)
        running, ended = run_in_terminal(folder)
        (HERE / "run.svg").write_text(svg([*running, "", "", *ended]))
        subprocess.run(["deco", "report", "-o", "report.html"], cwd=folder, check=True)
        screenshot(folder / "report.html", HERE / "report.png")


main()
