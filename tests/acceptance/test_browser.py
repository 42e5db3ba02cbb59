"""The page of `--format html` in a real browser: it renders, says nothing on the console, fits, and is accessible.

Left out where there is no Chromium with its driver. The rules of axe-core are fetched with npm, as other people's code;
where they cannot be, the checks in tests/unit/test_web.py stand alone.
"""

from __future__ import annotations

import base64
import json
import shutil
import struct
import subprocess

import pytest
from process import ROOT

from lossurf.report.render import RENDERERS, Style

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
WebDriverWait = pytest.importorskip("selenium.webdriver.support.ui", reason="needs selenium").WebDriverWait
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
]

STORED = sorted((ROOT / "tests" / "data" / "documents").glob("*.json"))
VIEWS = [(400, "light"), (400, "dark"), (1600, "light"), (1600, "dark")]
AXE = "axe-core@4"
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A directory with the page of every stored document."""
    folder = tmp_path_factory.mktemp("pages")
    for path in STORED:
        document = json.loads(path.read_text("utf-8"))
        (folder / f"{path.stem}.html").write_text(RENDERERS["html"](document, Style()), "utf-8")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def show(browser, url, width=1600, theme="light", media=""):
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    browser.get(url)


@pytest.mark.parametrize(("width", "theme"), VIEWS)
@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_page_renders_fits_its_window_and_is_silent(browser, pages, path, width, theme):
    show(browser, (pages / f"{path.stem}.html").as_uri(), width, theme)
    assert browser.get_log("browser") == []
    facts = browser.execute_script(
        "const [root, heading] = [document.documentElement, document.querySelector('h1')];"
        "return {wide: root.scrollWidth, heading: heading.getBoundingClientRect().toJSON(),"
        " ground: getComputedStyle(document.body).backgroundColor, loaded: performance.getEntriesByType('resource')}"
    )
    assert facts["wide"] == width
    assert facts["loaded"] == []
    assert 0 < facts["heading"]["top"] < 200
    assert facts["heading"]["width"] > 0.6 * min(width, 700)
    assert facts["ground"] == {"light": "rgb(250, 250, 247)", "dark": "rgb(19, 21, 25)"}[theme]


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_words_in_pictures_stay_within_them_and_apart(browser, pages, path):
    """Boxes of words, as the browser laid them out: none leaves its picture, and none lies on another."""
    for width in (400, 1600):
        show(browser, (pages / f"{path.stem}.html").as_uri(), width)
        found = browser.execute_script(
            "document.querySelectorAll('details').forEach(part => { part.open = true; });"
            "return [...document.querySelectorAll('figure > svg')].map(svg => ({of: svg.getAttribute('aria-label'),"
            " frame: svg.getBoundingClientRect().toJSON(), words: [...svg.querySelectorAll('text')].map("
            "word => [word.textContent, word.getBoundingClientRect().toJSON()])}))"
        )
        for picture in found:
            frame = picture["frame"]
            for said, box in picture["words"]:
                assert box["left"] >= frame["left"] - 1, (said, picture["of"], width)
                assert box["right"] <= frame["right"] + 1, (said, picture["of"], width)
            for index, (said, box) in enumerate(picture["words"]):
                for other, second in picture["words"][index + 1 :]:
                    across = min(box["right"], second["right"]) - max(box["left"], second["left"])
                    up = min(box["bottom"], second["bottom"]) - max(box["top"], second["top"])
                    assert across <= 1 or up <= 0.35 * box["height"], (said, other, picture["of"], width)


@pytest.mark.parametrize(("width", "theme"), VIEWS)
def test_a_picture_of_the_page_has_the_colours_of_its_verdict(browser, pages, width, theme):
    """Not an empty sheet: a screenshot holds many colours; looked at by eye whenever the style sheet changes."""
    show(browser, (pages / "classify-many.html").as_uri(), width, theme)
    shot = base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])
    assert shot[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", shot[16:24]) == (width, 1000)
    assert len(shot) > 20_000


def test_on_paper_everything_stands_that_is_not_folded(browser, pages):
    show(browser, (pages / "check-holds.html").as_uri(), 800, media="print")
    tall = browser.execute_script(
        "return [...document.querySelectorAll('.scroll')].map(e => e.scrollHeight - e.clientHeight)"
    )
    assert max(tall) <= 2
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert pdf.startswith(b"%PDF")


def test_without_its_style_sheet_a_page_still_reads(browser, pages, tmp_path):
    """As where a server's own policy forbids it: pictures keep colours and sizes, and stay in the window."""
    text = (pages / "watch.html").read_text("utf-8")
    bare = tmp_path / "bare.html"
    bare.write_text(text[: text.index("<style>")] + text[text.index("</style>") + 8 :], "utf-8")
    show(browser, bare.as_uri())
    colors = browser.execute_script(
        "return [...document.querySelectorAll('polyline')]"
        ".map(line => getComputedStyle(line)).map(look => [look.fill, look.stroke])"
    )
    assert colors
    assert all(color == ["none", "rgb(0, 0, 0)"] for color in colors)


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The text of axe-core, fetched once."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("needs npm for axe-core")
    folder = tmp_path_factory.mktemp("axe")
    done = subprocess.run([npm, "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True, timeout=120)
    packed = sorted(folder.glob("axe-core-*.tgz"))
    if done.returncode or not packed:
        pytest.skip(f"{AXE} cannot be fetched: {done.stderr.strip()[:200]}")
    shutil.unpack_archive(packed[0], folder, filter="data")
    return (folder / "package" / "axe.min.js").read_text("utf-8")


@pytest.mark.parametrize("view", VIEWS[::3])
@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_axe_finds_no_fault(browser, pages, axe, path, view):
    show(browser, (pages / f"{path.stem}.html").as_uri(), *view)
    browser.execute_script("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    found = browser.execute_async_script(
        "const done = arguments[0]; axe.run().then(done, e => done({error: String(e)}))"
    )
    assert "error" not in found, found
    faults = [
        (rule["id"], node["html"], node["failureSummary"]) for rule in found["violations"] for node in rule["nodes"]
    ]
    assert faults == []
    assert len(found["passes"]) > 15


def test_a_page_that_is_still_being_written_loads_itself_again_under_its_own_policy(browser, tmp_path):
    whole = json.loads((ROOT / "tests" / "data" / "documents" / "watch.json").read_text("utf-8"))
    early = {**whole, "results": whole["results"][:3], "plateaus": [], "beside": {"refresh": 1}}
    page = tmp_path / "run.html"
    page.write_text(RENDERERS["html"](early, Style()), "utf-8")
    show(browser, page.as_uri())
    assert "step-01000.npz" in browser.title
    page.write_text(RENDERERS["html"](whole, Style()), "utf-8")
    WebDriverWait(browser, 20).until(lambda it: "step-08000.npz" in it.title)
    assert browser.get_log("browser") == []
