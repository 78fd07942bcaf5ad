"""Does the changelog speak of the version? changelog.py PROJECT PACKAGE"""

import re
import sys

project, package = sys.argv[1:]
with open(f"{project}/{package}/__init__.py", encoding="utf-8") as file:
    version = re.search(r'__version__ = "(.*)"', file.read()).group(1)
with open(f"{project}/CHANGELOG.md", encoding="utf-8") as file:
    if f"## {version}\n" not in file.read():
        sys.exit(f"CHANGELOG.md has no section {version}")
print(f"{version} is there")
