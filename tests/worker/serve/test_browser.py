"""The window and the report in a real browser: dark and light, phone and desk, by keyboard alone, without an error or a request elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.worker.serve.conftest import Server, serving
from worker.serve.application import PLACES
from worker.serve.sessions import Sessions

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

WIDTHS: Final = (375, 900, 1400)
TOKEN: Final = "a-token-that-nobody-guesses"


@contextmanager
def tab(chromium: Any, own: str, *, width: int = 1100, scheme: str = "light", bypass: bool = False) -> Iterator[Any]:
    """A tab of its own; at its end nothing was said on the console and nothing was asked for but at `own`."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=bypass)
    wrong: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(own) else wrong.append(request.url))
    try:
        yield page
    finally:
        context.close()
    assert [] == wrong


def _background(page: Any) -> tuple[int, ...]:
    shown = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return tuple(int(part) for part in shown.removeprefix("rgb(").removesuffix(")").split(","))


@pytest.mark.long
def test_from_page_to_page(chromium: Any, window: Server) -> None:
    """Through the menu, to a customer and back, and to a period by the form."""
    with tab(chromium, window.address) as page:
        page.goto(window.address)
        assert "Revenue retention, August 2025" == page.title()
        for place in PLACES[1:]:
            if place.words:
                page.get_by_role("navigation", name="Pages").get_by_role("link", name=place.words).click()
                assert place.words in page.locator("[aria-current=page]").inner_text()
        page.goto(f"{window.address}/customers")
        page.locator("#t-customers tbody a").first.click()
        page.locator("details.why summary").first.click()
        assert page.locator("details.why[open] .evidence").first.is_visible()
        page.go_back()
        page.goto(window.address)
        page.get_by_role("combobox", name="Period").select_option("2025-Q2")
        page.get_by_role("button", name="Show").click()
        assert "Revenue retention, Q2 2025" == page.title()
        page.get_by_role("combobox", name="Segment").select_option("interval=month")
        page.get_by_role("button", name="Show").click()
        assert "Revenue retention of month, Q2 2025" == page.title()


@pytest.mark.long
def test_light_and_dark(chromium: Any, window: Server) -> None:
    """As the system says; what is drawn follows."""
    inks = {}
    for scheme in ("light", "dark"):
        with tab(chromium, window.address, scheme=scheme) as page:
            page.goto(window.address)
            light = min(_background(page)) > 240
            assert light == (scheme == "light")
            inks[scheme] = page.evaluate("getComputedStyle(document.querySelector('svg .fill-muted')).fill")
    assert inks["light"] != inks["dark"]


@pytest.mark.long
def test_nothing_reaches_over_the_edge(chromium: Any, window: Server) -> None:
    """On a phone, a tablet and a desk: a page never scrolls sideways, and each width has its shape of the bridge."""
    with tab(chromium, window.address) as page:
        for path in ("/customers", "/findings", "/runs", "/"):
            page.goto(window.address + path)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                assert width >= page.evaluate("document.documentElement.scrollWidth"), (path, width)
        bridge = page.locator("#bridge")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert (width > 640) == bridge.locator(".chart.wide").is_visible()
            assert (width <= 640) == bridge.locator(".chart.narrow").is_visible()


def test_by_keyboard_alone(chromium: Any, window: Server) -> None:
    """The first stop leads past the menu; every stop can be seen; an explanation opens by Enter."""
    with tab(chromium, window.address) as page:
        page.goto(f"{window.address}/customers")
        page.locator("#t-customers tbody a").first.click()
        page.locator("details.why summary").first.wait_for()  # a key that is pressed before goes to the page that is left
        page.wait_for_load_state()
        page.keyboard.press("Tab")
        assert "Skip to the content" == page.evaluate("document.activeElement.innerText")
        page.keyboard.press("Enter")
        assert "main" == page.evaluate("document.activeElement.id")
        for _ in range(60):
            page.keyboard.press("Tab")
            seen = page.evaluate(
                "(() => { const e = document.activeElement, s = getComputedStyle(e);"
                " return [e.tagName, parseFloat(s.outlineWidth), s.outlineStyle] })()"
            )
            assert seen[1] >= 2, seen
            assert seen[2] != "none", seen
            if seen[0] == "SUMMARY":
                break
        page.keyboard.press("Enter")
        assert 1 == page.locator("details[open]").count()


def test_the_file_opens_without_a_server(chromium: Any, written: bytes, tmp_path: Path) -> None:
    """From a folder, offline; and on paper it is light, in A4, with nothing of the screen's own."""
    file = tmp_path / "report.html"
    file.write_bytes(written)
    with tab(chromium, file.as_uri(), scheme="dark") as page:
        page.goto(file.as_uri())
        page.locator("#t-lost a", has_text="why").first.click()
        page.emulate_media(media="print", color_scheme="dark")
        assert min(_background(page)) > 240
        assert not page.locator("nav.contents").is_visible()
        made = page.pdf(prefer_css_page_size=True)
    assert made.startswith(b"%PDF")
    assert b"/MediaBox [0 0 594.95996 841.91998]" in made or b"/MediaBox [0 0 595" in made or b"/MediaBox [0 0 594" in made


@pytest.mark.long
def test_a_checker_of_accessibility_finds_nothing(chromium: Any, window: Server, written: bytes, tmp_path: Path) -> None:
    """axe, with every rule of WCAG 2.2 A and AA: the report and each page of the window, light and dark."""
    from axe_playwright_python.sync_playwright import Axe

    file = tmp_path / "report.html"
    file.write_bytes(written)
    standards = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    # Nothing is told of each part that is as it should be: that is a thousand times as much.
    rules = {"runOnly": standards, "resultTypes": ["violations"]}
    found = {}
    customer = window.get("/customers").page.table("customers")[0][0].split(" ")[0]
    places = [window.address + path for path in ("/", "/customers", f"/customer?id={customer}", "/findings", "/runs", "/nothing")]
    for address in (file.as_uri(), *places):
        context = chromium.new_context(bypass_csp=True)
        page = context.new_page()
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            answer = Axe().run(page, options=rules)
            for each in answer.response["violations"]:
                found[address.rpartition("/")[2], scheme, each["id"]] = [node["html"][:160] for node in each["nodes"][:3]]
        context.close()
    assert {} == found


@pytest.mark.long
def test_the_token_is_asked_for_once(chromium: Any, seen: Sessions) -> None:
    """A form before everything, the pages after it."""
    with serving(seen, TOKEN) as server:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"{server.address}/runs")
        assert "Token" == page.title()
        page.get_by_label("Token").fill("not it")
        page.get_by_role("button", name="Enter").click()
        assert "That was not the token." in page.inner_text("main")
        page.get_by_label("Token").fill(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{server.address}/")
        assert "Revenue retention" in page.title()
        page.goto(f"{server.address}/runs")
        assert "Runs and freshness" == page.title()
        assert "" == page.evaluate("document.cookie"), "no script gets at it"
        context.close()
