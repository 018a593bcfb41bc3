"""Drive the annotation page in Chromium with mouse and keyboard."""

import contextlib

from chromium import CHROMIUM
from playwright.sync_api import Page, expect, sync_playwright

SECONDS = 20_000  # milliseconds; generous for slow machines


class Person:
    """A user who draws and types on an open page; positions are in video pixels."""

    def __init__(self, page: Page, size: tuple[int, int]):
        self.page, self.size = page, size

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Map video coordinates to page coordinates, assuming the frame is fitted to the view."""
        box = self.page.locator("#view").bounding_box()
        height, width = self.size
        scale = min(box["width"] / width, box["height"] / height)
        left = box["x"] + (box["width"] - width * scale) / 2
        top = box["y"] + (box["height"] - height * scale) / 2
        return left + x * scale, top + y * scale

    def drag(self, *points: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*self.place(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.place(*point))
        mouse.up()

    def lasso(self, left: float, top: float, right: float, bottom: float) -> None:
        # The preview shown while a frame loads does not accept drawing.
        expect(self.page.locator("#view")).to_have_attribute("aria-busy", "false", timeout=SECONDS)
        self.press("l")
        self.drag((left, top), (right, top), (right, bottom), (left, bottom))

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.place(x, y))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def sees(self, selector: str, text: str) -> None:
        expect(self.page.locator(selector)).to_contain_text(text, timeout=SECONDS)

    def go_to(self, frame: int) -> None:
        """Click the timeline at a frame, counted from 1."""
        count = int(self.page.inner_text("#place").split()[-1])
        box = self.page.locator("#timeline").bounding_box()
        x = box["x"] + (frame - 0.5) * box["width"] / count
        self.page.mouse.click(x, box["y"] + box["height"] - 5)
        self.sees("#place", f"frame {frame} of")

    def propagate(self, key: str = "f") -> None:
        expect(self.page.locator("#forward")).to_be_enabled(timeout=SECONDS)
        self.press(key)
        expect(self.page.locator("#run")).to_contain_text("Done", timeout=4 * SECONDS)


@contextlib.contextmanager
def chromium():
    """Yield a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def new_page(browser, address, **options):
    """Open an address in a fresh profile; errors in the page fail the test."""
    errors = []
    context = browser.new_context(**options)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if "Security Policy" in m.text else None)
    page.goto(address)
    yield page
    context.close()
    assert errors == []
