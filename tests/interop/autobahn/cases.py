"""Lists the suite's cases that match the given patterns, in order, as JSON. Python 2.7."""

from __future__ import print_function

import json
import re
import sys

import autobahn
import autobahntestsuite
from autobahntestsuite import case as cases
from autobahntestsuite.caseset import CaseSet

suite = CaseSet(cases.CaseSetname, cases.CaseBasename, cases.Cases, cases.CaseCategories, cases.CaseSubCategories)


def plain(description):
    """The suite writes its descriptions in HTML; an empty line separates the sentence from the bytes."""
    sentence = re.split(r"<br/?>\s*<br/?>", description)[0]
    return " ".join(re.sub("<[^<>]*>", " ", sentence).split())


def describe(number):
    group = number.split(".")[0]
    return {
        "id": number,
        "title": plain(suite.CasesById[number].DESCRIPTION),
        "group": "%s. %s" % (group, suite.CaseCategories[group]),
    }


known = [pattern for pattern in sys.argv[1:] if "*" in pattern or pattern in suite.CasesById]
print(
    json.dumps(
        {
            "versions": ["autobahntestsuite " + autobahntestsuite.version, "autobahn " + autobahn.version],
            "cases": [describe(number) for number in suite.parseSpecCases({"cases": known})],
        },
        indent=1,
    )
)
