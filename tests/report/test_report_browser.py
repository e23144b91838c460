"""The page in a real browser: time, linked marks, the keyboard, a narrow screen; nothing said, nothing fetched."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.common import LABELS, record, write_labelled
from ventralrnn import compute_rdm
from ventralrnn.analysis import compute_dynamics, decode, rsa
from ventralrnn.analysis.results import save_result
from ventralrnn.brains import Experiment, simulate_rdms
from ventralrnn.report import write_report

webdriver: Any = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver import ActionChains, Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="no Chromium with its driver (Debian: chromium, chromium-driver)"
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
EACH = 4
# What a person sees of an RDM.
PIXELS = "return document.querySelectorAll('canvas.rdm')[arguments[0]].toDataURL();"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    recording = record(write_labelled(folder / "pictures", EACH), folder / "tiny.zarr")
    rdms = compute_rdm(recording, constant="nan")
    save_result(rdms, folder / "rdms.nc")
    brain = simulate_rdms({"IT": recording["IT"]}, Experiment(subjects=3, neuroids=5, repeats=4, bin_ms=10))
    save_result(rsa(rdms, brain, bootstrap=9, permutations=9), folder / "rsa.nc")
    save_result(compute_dynamics(recording, bootstrap=9), folder / "dynamics.nc")
    save_result(decode(recording, folds=2, bootstrap=9, generalise=True), folder / "decode.nc")
    write_report(folder, folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.binary_location = BROWSER
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield browser
    browser.quit()


@pytest.fixture
def browser(started: Any, page: Path) -> Iterator[Any]:
    """Open the page; afterwards, nothing was said on the console and nothing but the page was asked for."""
    for log in ("browser", "performance"):
        started.get_log(log)
    resize(started, 1280, 900)
    started.get(page.as_uri())
    yield started
    assert not started.get_log("browser")
    messages = [json.loads(entry["message"])["message"] for entry in started.get_log("performance")]
    requests = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    # The browser's own first page may still be asking for its parts.
    asked = {r["request"]["url"] for r in requests if not r["documentURL"].startswith("chrome://")}
    assert page.as_uri() in asked
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} == {page.as_uri()}


def resize(browser: Any, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def all_of(browser: Any, selector: str) -> list[Any]:
    found: list[Any] = browser.find_elements("css selector", selector)
    return found


def one_of(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def pixels(browser: Any, area: int) -> str:
    return str(browser.execute_script(PIXELS, area))


def marked(browser: Any) -> tuple[list[int], list[list[int]]]:
    """Return which pictures, and which dots of every map, are marked."""
    code = """
    const on = (nodes) => [...nodes].map((node, i) => (node.classList.contains("on") ? i : -1)).filter((i) => i >= 0);
    return [on(document.querySelectorAll(".thumb")),
      [...document.querySelectorAll("svg.map")].map((map) => on(map.querySelectorAll(".dot")))];
    """
    thumbs, maps = browser.execute_script(code)
    return thumbs, maps


def point(browser: Any, node: Any, x: float = 0.5, y: float = 0.5) -> None:
    """Move the pointer to a place of an element, in shares of its size."""
    size = node.size
    ActionChains(browser, duration=0).move_to_element_with_offset(
        node, round((x - 0.5) * size["width"]), round((y - 0.5) * size["height"])
    ).perform()


def press(browser: Any, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def focused(browser: Any) -> str:
    code = "const a = document.activeElement; return a.className.baseVal ?? a.className ?? '';"
    return str(browser.execute_script(code)) or str(browser.switch_to.active_element.tag_name)


def test_the_slider_moves_all_areas_through_time(browser: Any) -> None:
    slider, output = one_of(browser, "input[type=range]"), one_of(browser, ".controls output")
    # Areas of this model reach a step at times of their own.
    assert output.text == "step 4 (85 to 90 ms)"
    late = [pixels(browser, area) for area in range(3)]
    slider.send_keys(Keys.ARROW_LEFT)
    assert output.text == slider.get_attribute("aria-valuetext") == "step 3 (75 to 80 ms)"
    assert one_of(browser, "#live").get_attribute("textContent").startswith("step 3")
    assert all(pixels(browser, area) != late[area] for area in range(3))
    slider.send_keys(Keys.HOME)
    # The input takes steps to IT: before, there is nothing to be shown but that.
    assert [node.text for node in all_of(browser, ".area h3 span")] == ["50 ms", "not reached yet", "not reached yet"]
    assert "V2 not reached yet, IT not reached yet" in one_of(browser, "#live").get_attribute("textContent")
    slider.send_keys(Keys.END)
    assert [pixels(browser, area) for area in range(3)] == late


def test_play_runs_to_the_end(browser: Any) -> None:
    play = one_of(browser, ".play")
    play.click()
    assert play.get_attribute("aria-pressed") == "true"
    assert one_of(browser, ".controls output").text.startswith("step 0")
    one_of(browser, "input[type=range]").send_keys(Keys.END)
    assert play.get_attribute("aria-pressed") == "false"


def test_a_picture_marks_its_cells_and_dots(browser: Any) -> None:
    before = [pixels(browser, area) for area in range(3)]
    point(browser, all_of(browser, ".thumb")[5])
    assert marked(browser) == ([5], [[5]] * 3)
    assert all(pixels(browser, area) != before[area] for area in range(3))
    assert "Nearest to dog/1.png" in one_of(browser, ".chosen").text
    point(browser, one_of(browser, "h1"))
    assert marked(browser) == ([], [[]] * 3)
    assert [pixels(browser, area) for area in range(3)] == before


def test_a_cell_marks_its_two_pictures(browser: Any) -> None:
    count = EACH * len(LABELS)
    bar = 0.035
    point(
        browser, all_of(browser, "canvas.rdm")[1],
        bar + (1 - bar) * 7.5 / count, bar + (1 - bar) * 2.5 / count,
    )  # fmt: skip
    assert marked(browser) == ([2, 7], [[2, 7]] * 3)
    tip = one_of(browser, "#tip").text
    assert "cat/2.png" in tip and "dog/3.png" in tip and "(1 - correlation)" in tip


def test_a_dot_marks_its_picture_and_a_click_keeps_it(browser: Any) -> None:
    before = pixels(browser, 0)
    dot = all_of(browser, "svg.map")[2].find_elements("css selector", ".dot")[3]
    browser.execute_script("arguments[0].getAnimations().forEach((a) => a.finish())", dot)
    ActionChains(browser, duration=0).move_to_element(dot).click().perform()
    thumbs, maps = marked(browser)
    assert thumbs == [3] and maps == [[3]] * 3
    point(browser, one_of(browser, "h1"))
    assert marked(browser)[0] == [3] and pixels(browser, 0) != before
    assert all_of(browser, ".thumb")[3].get_attribute("aria-selected") == "true"
    one_of(browser, ".chosen button").click()
    point(browser, one_of(browser, "h1"))
    assert marked(browser)[0] == [] and pixels(browser, 0) == before


def test_a_category_marks_all_its_pictures(browser: Any) -> None:
    all_of(browser, ".kinds button")[2].click()
    assert marked(browser)[0] == [8, 9, 10, 11]


def test_the_keyboard_reaches_everything(browser: Any) -> None:
    press(browser, Keys.TAB)
    assert focused(browser) == "skip"
    press(browser, Keys.ENTER)
    order, places = [], 0
    while len(order) < 60:
        press(browser, Keys.TAB)
        where = focused(browser)
        if where == "body":
            break
        order.append(where)
        if where == "rdm" and places == 0:
            press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
            assert marked(browser)[0] == [0, 3]
            assert "cat/0.png" in one_of(browser, "#live").get_attribute("textContent")
            press(browser, Keys.ENTER)
            assert [t.get_attribute("aria-selected") for t in all_of(browser, ".thumb")].count("true") == 2
            press(browser, Keys.ESCAPE)
            assert marked(browser)[0] == []
            places += 1
        if where.startswith("thumb"):
            press(browser, Keys.ARROW_RIGHT, Keys.SPACE)
            assert marked(browser)[0] == [1]
            press(browser, Keys.ESCAPE)
        if where == "map" and places == 1:
            press(browser, Keys.ARROW_RIGHT)
            assert len(marked(browser)[0]) == 1 and len(marked(browser)[1][0]) == 1
            places += 1
        if where == "chart" and places == 2:
            press(browser, Keys.HOME, Keys.ARROW_RIGHT)
            assert "60 ms" in one_of(browser, "#live").get_attribute("textContent")
            places += 1
    assert places == 3
    kinds = list(dict.fromkeys(order))
    assert kinds[:2] == ["play", "input"] and {"rdm", "map", "chart", "summary"} <= set(kinds)
    assert order.count("rdm") == order.count("map") == 3 and sum(o.startswith("thumb") for o in order) == 1


def test_a_chart_gives_its_values(browser: Any) -> None:
    chart = one_of(browser, "#time-courses figure svg.chart")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    browser.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))")
    point(browser, chart, 0.5, 0.4)
    tip = one_of(browser, "#tip").text
    assert "Time after stimulus onset" in tip and "ms" in tip and "V1: " in tip and "model units" in tip
    more = one_of(browser, "#time-courses details")
    browser.execute_script("arguments[0].open = true", more)
    WebDriverWait(browser, 5).until(lambda b: more.find_elements("css selector", "tbody tr"))
    assert "no state" in more.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_scrolling_sideways(browser: Any, scheme: str) -> None:
    resize(browser, 360, 740)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.refresh()
    width, wide = browser.execute_script(
        """
        const right = (node) => node.getBoundingClientRect().right;
        const inside = [...document.querySelectorAll("main *:not(.scroll *):not(pre *)")];
        const out = inside.filter((node) => right(node) > 361).map((node) => node.outerHTML.slice(0, 80));
        return [document.documentElement.scrollWidth, out];
        """
    )
    assert width <= 360 and wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Any, scheme: str) -> None:
    """WCAG 2.1, level AA: a contrast of 4.5 to 1 for text, of 3 to 1 for lines and marks."""
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    code = "return arguments[0].map((n) => getComputedStyle(document.documentElement).getPropertyValue(n).trim());"
    pairs = [(text, ground, 4.5) for text in ("text", "soft", "accent") for ground in ("ground", "surface")]
    pairs += [("on-accent", "accent", 4.5), ("warn", "warn-ground", 4.5), ("ground", "text", 4.5)]
    pairs += [(f"c{i}", "ground", 3) for i in range(8)] + [(f"k{i}", "surface", 3) for i in range(10)]
    pairs += [("mark", "ground", 3), ("band", "ground", 3)]
    for ink, ground, least in pairs:
        found = browser.execute_script(code, [f"--{ink}", f"--{ground}"])
        dark, light = sorted(luminance(colour) for colour in found)
        assert (light + 0.05) / (dark + 0.05) >= least, (ink, ground, found)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
