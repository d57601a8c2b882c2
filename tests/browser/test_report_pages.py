"""The reports in a real browser: nothing asked for, nothing run, nothing cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry_pipeline.reporting.report import write_reports
from tests.support.browser import chromium, whole_module_needs_browser
from tests.unit.reporting.toy_release import make_release

whole_module_needs_browser(__name__)
pytestmark = pytest.mark.browser
PAYLOAD = (
    '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">\'"><svg onload=window.hacked=1>'
)
MOST_PRINTED_PAGES = 15
PAGES = ["study_report.html", "quality_report.html"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("browser")
    write_reports(make_release(made / "registry.duckdb", lambda _: PAYLOAD), made / "hostile")
    write_reports(make_release(made / "plain.duckdb"), made / "plain")
    return made


@pytest.mark.parametrize("page_name", PAGES)
def test_nothing_runs_and_nothing_is_asked_for(browser: Any, folder: Path, page_name: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((folder / "hostile" / page_name).as_uri())
    assert page.evaluate("window.hacked") is None
    assert asked == [(folder / "hostile" / page_name).as_uri()]
    assert said == []
    assert "window.hacked=1" in page.inner_text("main")
    page.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("page_name", PAGES)
def test_the_page_is_as_wide_as_the_screen(browser: Any, folder: Path, page_name: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto((folder / "plain" / page_name).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.evaluate(
        "[...document.querySelectorAll('.scroll, svg, p, h1, h2, caption span')]"
        ".filter(e => e.tagName !== 'svg' || !e.closest('.scroll'))"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 1).length"
    )
    assert wide == 0
    page.close()


def test_texts_of_a_drawing_do_not_lie_on_each_other(browser: Any, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((folder / "plain" / "study_report.html").as_uri())
    hits = page.evaluate(
        """() => [...document.querySelectorAll('svg')].flatMap(svg => {
            const boxes = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim())
                .map(t => ({words: t.textContent, box: t.getBoundingClientRect()}));
            const found = [];
            boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
                const x = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
                const y = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
                if (x > 2 && y > 4) found.push(a.words + ' | ' + b.words);
            }));
            return found;
        })"""
    )
    assert hits == []
    page.close()


def test_no_text_of_a_drawing_is_cut_off(browser: Any, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((folder / "plain" / "study_report.html").as_uri())
    cut = page.evaluate(
        """() => [...document.querySelectorAll('svg')].flatMap(svg => {
            const frame = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(t => {
                const box = t.getBoundingClientRect();
                return box.left < frame.left - 1 || box.right > frame.right + 1
                    || box.top < frame.top - 2 || box.bottom > frame.bottom + 2;
            }).map(t => svg.getAttribute('aria-labelledby') + ': ' + t.textContent);
        })"""
    )
    assert cut == []
    page.close()


def test_wide_tables_can_be_reached_by_keyboard(browser: Any, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto((folder / "plain" / "study_report.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    silent = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(e => e.tabIndex !== 0 || !e.getAttribute('aria-label')).length"
    )
    assert silent == 0
    page.close()


def test_it_prints(browser: Any, folder: Path) -> None:
    page = browser.new_page()
    page.goto((folder / "plain" / "study_report.html").as_uri())
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page[^s]", printed)) <= MOST_PRINTED_PAGES
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    page.close()


def test_figures_side_by_side_stand_level(browser: Any, folder: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((folder / "plain" / "study_report.html").as_uri())
    pairs = page.evaluate(
        """() => [...document.querySelectorAll('.figures')].flatMap(group => {
            const tops = [...group.querySelectorAll('figure')].map(figure => ({
                top: figure.getBoundingClientRect().top,
                drawn: figure.querySelector('svg').getBoundingClientRect().bottom,
                caption: figure.querySelector('figcaption').getBoundingClientRect().top,
            }));
            return tops.slice(1).map((one, i) => [tops[i], one]).filter(([a, b]) => Math.abs(a.top - b.top) < 1);
        })"""
    )
    assert len(pairs) >= 3
    askew = [pair for pair in pairs if any(abs(pair[0][at] - pair[1][at]) > 1 for at in ("drawn", "caption"))]
    assert askew == []
    page.close()
