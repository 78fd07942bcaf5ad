"""A small linter: lint.py FILE. Prints its findings as JSON; exit code 1 if there are any."""

import ast
import json
import sys

path = sys.argv[1]
with open(path, encoding="utf-8") as file:
    text = file.read()

findings = []
for number, line in enumerate(text.splitlines(), 1):
    if len(line) > 99:
        findings.append({"line": number, "problem": "longer than 99 characters"})
    if line != line.rstrip():
        findings.append({"line": number, "problem": "space at the end"})
tree = ast.parse(text)
if ast.get_docstring(tree) is None:
    findings.append({"line": 1, "problem": "no docstring"})

json.dump(findings, sys.stdout)
sys.exit(1 if findings else 0)
