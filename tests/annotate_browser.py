"""Drive the annotation page in Chromium with mouse and keyboard."""

import contextlib
import re
import time

from chromium import CHROMIUM
from playwright.sync_api import Page, Route, expect, sync_playwright

SECONDS = 60_000  # milliseconds; generous for slow machines

FLAGS = ["--no-sandbox", "--disable-gpu"]  # as root, and without waiting for a graphics driver

expect.set_options(timeout=SECONDS)


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
        self.can_draw()
        self.press("l")
        self.drag((left, top), (right, top), (right, bottom), (left, bottom))

    def can_draw(self) -> None:
        """Wait for the frame; the preview shown while it loads does not accept drawing."""
        expect(self.page.locator("#view")).to_have_attribute("aria-busy", "false")

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.place(x, y))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def press_at_once(self, *keys: str) -> None:
        """Press keys in one task, so that the page loads nothing in between."""
        self.page.evaluate(
            """names => {
              for (const name of names) {
                const [key, control] = name.split("+").reverse();
                dispatchEvent(new KeyboardEvent("keydown", { key, ctrlKey: Boolean(control) }));
              } }""",
            keys,
        )

    def sees(self, selector: str, text: str) -> None:
        expect(self.page.locator(selector)).to_contain_text(text)

    def go_to(self, frame: int) -> None:
        """Click the timeline at a frame, counted from 1."""
        count = int(self.page.inner_text("#place").split()[-1])
        box = self.page.locator("#timeline").bounding_box()
        x = box["x"] + (frame - 0.5) * box["width"] / count
        self.page.mouse.click(x, box["y"] + box["height"] - 5)
        self.sees("#place", f"frame {frame} of")

    def propagate(self, key: str = "f", said: str = "Done") -> None:
        """Run the model; `said` is what the page says afterwards and did not say before."""
        expect(self.page.locator("#forward")).to_be_enabled()
        expect(self.page.locator("#run")).not_to_contain_text(said)
        self.press(key)
        expect(self.page.locator("#run")).to_contain_text(said, timeout=4 * SECONDS)


def intercept(page: Page, address: str | re.Pattern, handle, **options) -> None:
    """Like `page.route`, but the next request is caught, too.

    Chromium tells the page's process later where to send its requests, so that the first ones after
    `page.route` may pass.
    """
    page.route(address, handle, **options)
    page.route("**/api/probe", lambda route: route.fulfill(body="caught"))
    while page.evaluate("fetch('api/probe').then(response => response.text())") != "caught":
        page.wait_for_timeout(10)
    page.unroute("**/api/probe")


@contextlib.contextmanager
def response_to(page: Page, url):
    """Like `page.expect_response`, for what the block does elsewhere than through the page.

    Playwright does not wait until it listens, so that it would miss a quick response.
    """
    with page.expect_response(url) as received:
        page.evaluate("0")  # is answered once it listens
        yield received


class Held:
    """Requests with a method and a part of an address, which wait until they are released."""

    def __init__(self, page: Page, part: str, method: str = "GET"):
        # A pattern, not a function: the page's other requests must not wait for this process.
        self.page, self.address, self.method = page, re.compile(re.escape(part)), method
        self.routes: list[Route] = []
        intercept(page, self.address, self._hold)

    def wait(self) -> None:
        """Wait for the first request."""
        end = time.monotonic() + SECONDS / 1000
        while not self.routes:
            assert time.monotonic() < end, "waited too long"
            self.page.wait_for_timeout(10)

    def release(self, **answer) -> None:
        """Let the requests reach the server, or answer them, see `Route.fulfill`."""
        for route in list(self.routes):
            if answer:
                route.fulfill(**answer)
            else:
                route.continue_()
        self.page.unroute(self.address, self._hold)  # last, as it lets every request pass

    def _hold(self, route: Route) -> None:
        if route.request.method == self.method:
            self.routes.append(route)
        else:
            route.fallback()


@contextlib.contextmanager
def chromium():
    """Yield a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
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
    try:
        page.goto(address)
        yield page
    finally:
        if not page.is_closed():  # shown if the test fails
            texts = page.locator("output, #hint, .error").all_inner_texts()
            print("the page:", *texts, *errors, sep="\n  ")
        context.close()
    assert errors == []
