"""Does it compile? compile.py FILE. The byte code goes into deco's private folder, not beside the source."""

import os
import py_compile
import sys

target = os.path.join(os.environ["DECO_TMPDIR"], "out.pyc")
try:
    py_compile.compile(sys.argv[1], cfile=target, doraise=True)
except py_compile.PyCompileError as error:
    sys.exit(str(error))
print("ok")
