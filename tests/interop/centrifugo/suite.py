"""centrifuge-python's own tests against the example `centrifugo_server`: `suite.py SOURCES HOST:PORT`.

SOURCES is the folder of its source package. Only the address in the tests is replaced.
"""

import os
import pathlib
import shutil
import sys
import tempfile
import unittest


class Result(unittest.TextTestResult):
    def addSuccess(self, test) -> None:
        super().addSuccess(test)
        print("ok", test.id(), flush=True)


sources, host = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    tests = pathlib.Path(folder, "tests")
    shutil.copytree(pathlib.Path(sources, "tests"), tests)
    for file in tests.glob("*.py"):
        file.write_text(file.read_text().replace("localhost:8000", host))
    os.chdir(folder)
    sys.path.insert(0, folder)
    suite = unittest.defaultTestLoader.discover("tests", top_level_dir=folder)
    result = unittest.TextTestRunner(resultclass=Result, verbosity=0).run(suite)
sys.exit(0 if result.wasSuccessful() and not result.skipped else 1)
