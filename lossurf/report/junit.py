"""The report as JUnit XML: one testcase per hypothesis or checkpoint, as CI systems show it.

Elements and attributes are those of Jenkins' xUnit schema (junit-10.xsd). Every time is 0: readers want the attribute,
and the same input gives the same bytes. What XML may not hold is among what is not printable.
"""

from __future__ import annotations

from xml.etree import ElementTree

from lossurf.report.document import Document
from lossurf.report.page import Case, Outcome, page_of
from lossurf.report.render import Style
from lossurf.report.text import printable

_TIME = "0"


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
        ElementTree.SubElement(suite, "system-out").text = "\n".join(f"Note: {printable(note)}" for note in page.notes)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(suite: ElementTree.Element, title: str, case: Case) -> None:
    attributes = {"classname": title.replace(" ", "."), "name": printable(case.name), "time": _TIME}
    element = ElementTree.SubElement(suite, "testcase", attributes)
    if case.outcome is Outcome.PASSED:
        ElementTree.SubElement(element, "system-out").text = printable(case.message)
    else:
        failure = {"type": case.outcome.value, "message": printable(case.message)}
        kind = "error" if case.outcome is Outcome.ERROR else "failure"
        ElementTree.SubElement(element, kind, failure).text = printable(case.message)
