"""Run one test module: unit.py PROJECT MODULE. Prints the counts as JSON; exit code 1 if a test failed."""

import json
import os
import sys
import unittest

project, module = sys.argv[1:]
sys.path[:0] = [project, os.path.join(project, "tests")]
suite = unittest.defaultTestLoader.loadTestsFromName(module)
outcome = unittest.TextTestRunner(stream=sys.stderr).run(suite)

failed = len(outcome.failures) + len(outcome.errors)
json.dump({"ran": outcome.testsRun, "failed": failed, "skipped": len(outcome.skipped)}, sys.stdout)
sys.exit(1 if failed else 0)
