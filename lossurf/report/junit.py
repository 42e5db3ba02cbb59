"""The report as JUnit XML: one testcase per hypothesis or checkpoint, as CI systems show it.

Elements and attributes are those of Jenkins' xUnit schema (junit-10.xsd). Every time is 0: readers want the attribute,
and the same input gives the same bytes.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from lossurf.report.document import Document
from lossurf.report.page import Case, Outcome, page_of
from lossurf.report.render import Style

_TIME = "0"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(document: Document, style: Style) -> str:  # noqa: ARG001  # every renderer's signature
    """Return the page's cases as a test suite."""
    page = page_of(document)
    errors = sum(case.outcome is Outcome.ERROR for case in page.cases)
    failed = sum(case.outcome in {Outcome.FAILED, Outcome.UNDECIDED} for case in page.cases)
    counts = {"tests": str(len(page.cases)), "failures": str(failed), "errors": str(errors), "time": _TIME}
    root = ElementTree.Element("testsuites", {"name": "lossurf", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": page.title, **counts, "skipped": "0"})
    for case in page.cases:
        _add(suite, page.title, case)
    if page.notes:
        ElementTree.SubElement(suite, "system-out").text = _legal("\n".join(f"Note: {note}" for note in page.notes))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(suite: ElementTree.Element, title: str, case: Case) -> None:
    attributes = {"classname": title.replace(" ", "."), "name": _legal(case.name), "time": _TIME}
    element = ElementTree.SubElement(suite, "testcase", attributes)
    if case.outcome is Outcome.PASSED:
        ElementTree.SubElement(element, "system-out").text = _legal(case.message)
    else:
        failure = {"type": case.outcome.value, "message": _legal(case.message)}
        kind = "error" if case.outcome is Outcome.ERROR else "failure"
        ElementTree.SubElement(element, kind, failure).text = _legal(case.message)


def _legal(text: str) -> str:
    """Return text without the characters that no XML document may hold, shown instead."""
    return _NOT_XML.sub(lambda match: repr(match[0])[1:-1], text)
