"""Elements of an HTML page as a tree: text can get into it only as text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree

from lossurf.report.text import printable

Element = ElementTree.Element


class Verbatim(str):
    """Text whose line breaks are meant: style sheets and preformatted text. It is escaped like any other."""

    __slots__ = ()


Child = Element | str | None

_LINES: Final = {"html", "head", "meta", "body", "section", "div", "p", "dl", "table", "tr", "ul", "li", "details"}
_LINES_TOO: Final = {"svg", "g", "path", "line", "text", "figure", "header", "footer", "main", "title", "style", "h2"}


def element(tag: str, *children: Child | Iterable[Child], **attributes: object) -> Element:
    """Return an element.

    Parameters
    ----------
    tag : str
    *children : Element, str, None or iterable of these
        Text with control characters made visible; None is nothing.
    **attributes
        Underscores stand for hyphens, one at the end is dropped (`class_`). None and False leave an attribute out,
        True gives it without a value, floats are written with two decimals (they are lengths in a drawing).
    """
    made = ElementTree.Element(tag, {_name(key): _value(value) for key, value in attributes.items() if _given(value)})
    for child in _flat(children):
        _append(made, child)
    if tag in _LINES or tag in _LINES_TOO:
        made.tail = "\n"
    return made


def command_line(text: str) -> Element:
    """Return a command as code, in which no line breaks within the name of an option."""
    parts = re.split(r"((?<!\S)--?[a-z][a-z-]*)", text)
    return element("code", [element("span", part, class_="option") if k % 2 else part for k, part in enumerate(parts)])


def markup(root: Element) -> str:
    """Return a whole document as text."""
    return f"<!DOCTYPE html>\n{ElementTree.tostring(root, encoding='unicode', method='html')}"


def _flat(children: Iterable[Child | Iterable[Child]]) -> Iterable[Child]:
    for child in children:
        if child is None or isinstance(child, (str, ElementTree.Element)):
            yield child
        else:
            yield from child


def _append(parent: Element, child: Child) -> None:
    if child is None:
        return
    if isinstance(child, ElementTree.Element):
        parent.append(child)
        return
    text = child if isinstance(child, Verbatim) else printable(child)
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def _given(value: object) -> bool:
    return value is not None and value is not False


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    if value is True:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value) if isinstance(value, Verbatim) else printable(str(value))
