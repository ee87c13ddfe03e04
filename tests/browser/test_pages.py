"""Every page: sound, accessible in light and dark, usable at 360 px, by keyboard and on paper."""

from __future__ import annotations

import sys

import pytest

from venturalitica.ui.pages import PAGES

LINKED = [
    page.name
    for page in PAGES
    if page.static and page.name not in ("download", "compare") and not page.name.startswith("live")
]
"""Pages that a link leads to; two runs to compare are chosen in a form, too."""
PASTE = ["clipboard-read", "clipboard-write"]


@pytest.fixture(scope="module")
def addresses(ui) -> dict[str, list[str]]:
    """The pages by name, found by following links."""
    found: dict[str, list[str]] = sys.modules["browser_crawling"].found_pages(ui.url)
    runs = f"{ui.url}/compare?a=30&b=32"
    return found | {"compare": [*found.get("compare", ()), runs]}


@pytest.fixture(params=[*LINKED, "compare"])
def address(request, addresses) -> str:
    assert request.param in addresses, f"no link leads to the page {request.param!r}"
    return addresses[request.param][-1]


@pytest.fixture
def wide() -> object:
    return sys.modules["browser_looking"].too_wide


def test_links_lead_to_every_page(addresses) -> None:
    assert set(LINKED) <= addresses.keys()


def test_sound_and_accessible_in_light_and_dark_wide_and_narrow(look, axe, wide, address) -> None:
    page = look(address)
    assert page.locator("h1").count() == 1
    assert page.title().strip()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("main").count() == page.locator("header nav").count() == 1
    assert axe(page) == []
    page.emulate_media(color_scheme="dark")
    assert axe(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert wide(page) == []
    assert axe(page) == []


def test_dark_is_dark_and_light_is_light(look, ui) -> None:
    for scheme, expected in (("light", True), ("dark", False)):
        page = look(f"{ui.url}/", scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        bright = sum(int(part) for part in colour.strip("rgba()").split(",")[:3]) > 3 * 128
        assert bright is expected, (scheme, colour)


def test_works_without_javascript(look, address) -> None:
    plain = look(address, javascript=False)
    scripted = look(address)
    assert plain.locator("h1").inner_text() == scripted.locator("h1").inner_text()
    for form in plain.locator("form").all():
        assert form.locator("button:not([type=button]), input[type=submit]").count() > 0
    assert plain.locator("button[type=button]:visible").count() == 0, "a button that does nothing"
    words = len(scripted.locator("main").inner_text().split())
    assert len(plain.locator("main").inner_text().split()) >= 0.9 * words


def test_by_keyboard(look, address) -> None:
    page = look(address)
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.get_attribute("href") == "#main"
    box = skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["y"] >= 0
    unseen = [state for state in (_tabbed(page) for _ in range(25)) if state]
    assert unseen == []
    skip = page.locator(".ui-skip")
    skip.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(
        "document.activeElement === document.body"
        " || document.querySelector('main').contains(document.activeElement)"
    )


def _tabbed(page) -> str:
    """Go on to what has the focus next; its markup where that cannot be seen."""
    page.keyboard.press("Tab")
    unseen: str = page.evaluate(
        """() => {
          const on = document.activeElement, style = getComputedStyle(on);
          if (on === document.body) return '';
          const box = on.getBoundingClientRect();
          const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
          const seen = box.width >= 1 && box.height >= 1 && (ring || style.boxShadow !== 'none');
          return seen ? '' : on.outerHTML.slice(0, 160);
        }"""
    )
    return unseen


def test_on_paper(look, wide, address) -> None:
    page = look(address, width=794, height=1123, scheme="dark")
    page.emulate_media(media="print", color_scheme="light")
    assert wide(page) == []
    assert not page.locator("header nav").is_visible()
    cut = page.evaluate(
        """() => [...document.querySelectorAll('main *:not(.ui-hidden)')].filter(element =>
             ['auto', 'scroll', 'hidden'].includes(getComputedStyle(element).overflowX)
             && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1)
             .map(element => element.outerHTML.slice(0, 160))"""
    )
    assert cut == []
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_an_unknown_address_is_a_page(look, ui, axe) -> None:
    page = look(f"{ui.url}/no-such-page", expect=404)
    assert page.locator("h1").count() == 1
    assert page.get_by_role("link", name="Runs").count() > 0
    assert axe(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_an_error_leads_back(look, ui, axe, wide, width, scheme) -> None:
    page = look(f"{ui.url}/runs/99999", expect=404, width=width, scheme=scheme)
    assert wide(page) == []
    assert axe(page) == []
    page.locator(".ui-crumbs a").click()
    assert page.url == f"{ui.url}/runs"
    page = look(f"{ui.url}/compare?a=1", expect=400, width=width, scheme=scheme)
    assert wide(page) == []
    assert axe(page) == []
    page.get_by_role("link", name="Back to Overview").click()
    assert page.url == f"{ui.url}/"


@pytest.mark.parametrize("width", [360, 1280])
def test_an_empty_state_gives_lines_to_copy(look, serve, axe, wide, tmp_path, width) -> None:
    home = tmp_path / ".venturalitica"
    home.mkdir()
    empty = serve(home)
    for path in ("/", "/evidence"):
        page = look(f"{empty.url}{path}", width=width, permissions=PASTE)
        assert wide(page) == []
        assert axe(page) == []
    line = page.locator(".ui-line", has_text="vl.wrap")
    line.get_by_role("button", name="Copy").click()
    line.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines() == [
        "import venturalitica as vl",
        'model = vl.wrap(model, policy="model_policy.yaml")',
    ]
    assert page.locator(".ui-line", has_text="venturalitica init").count() == 1
