"""What the browser tests of the console share: a headless Chromium, people who use it by what they see and read, and
a judge who looks at every page that they come to.

People find things by label, role and text, as a reader or a screen reader does, never by a selector. The judge wants
of every page: no violation of WCAG 2.2 AA (axe-core, light and dark), nothing that the content security policy had to
stop, no error on the browser's console, no dialog (that would be an injected script), nothing that moves after it was
drawn, and nothing wider than the window.

Environment: SYMBOLON_TEST_NODE_MODULES, where axe-core lies; SYMBOLON_TEST_CHROMIUM, another browser than the
system's; AXE=off leaves out axe-core.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import sys
import time
import traceback
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from playwright.sync_api import Error, Locator, Page, expect, sync_playwright

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# Statuses of pages that say what is wrong: browsers and htmx note them on the console, which is no defect.
REFUSALS = re.compile(r"status of (401|403|404|409|410|422|429)|Response Status Error Code (401|403|404|409|410|422|429)")

WATCH = """
window.seenByTest = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.seenByTest.push(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (!entry.hadRecentInput && entry.value > 0) {
      const nodes = entry.sources.map((source) => source.node?.outerHTML?.slice(0, 120)).join(" | ");
      window.seenByTest.push(`layout moved by ${entry.value.toFixed(4)}: ${nodes}`);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""

RUN_AXE = """async ([tags, rules]) => {
  const only = rules ? { type: "rule", values: rules } : { type: "tag", values: tags };
  const result = await axe.run(document, { runOnly: only, resultTypes: ["violations"] });
  return result.violations.map((found) => `${found.id}: ${found.help}: ` + found.nodes.map(
    (node) => `${node.html.slice(0, 160)} (${node.any.map((check) => check.message).join("; ")})`).join(" | "));
}"""


def check(condition: object, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def chromium() -> str:
    found = os.environ.get("SYMBOLON_TEST_CHROMIUM") or shutil.which("chromium")
    check(found, "no chromium: run these tests through `cargo xtask test`")
    return found


def axe_source() -> str | None:
    if os.environ.get("AXE") == "off":
        return None
    modules = os.environ.get("SYMBOLON_TEST_NODE_MODULES")
    check(modules, "SYMBOLON_TEST_NODE_MODULES is not set: run these tests through `cargo xtask test`")
    return (Path(modules) / "axe-core/axe.min.js").read_text(encoding="utf-8")


def totp(secret: str, steps_on: int = 0, now: float | None = None) -> str:
    """The code that an app shows (RFC 6238), or will show some steps later."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    counter = (int(time.time() if now is None else now) // 30 + steps_on).to_bytes(8, "big")
    digest = hmac.new(key, counter, hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset:offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def ask(url: str, *, form: dict | None = None, json_body: object = None, basic: tuple[str, str] | None = None,
        token: str | None = None, method: str | None = None) -> tuple[int, dict, dict]:
    """A program's request: status, headers, JSON."""
    headers, data = {"Accept": "application/json"}, None
    if form is not None:
        data = urlencode(form).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if json_body is not None:
        data = json.dumps(json_body).encode()
        headers["Content-Type"] = "application/json"
    if basic:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = Request(url, data=data, headers=headers, method=method)
    try:
        with urlopen(request, timeout=10) as answer:
            status, found, body = answer.status, answer.headers, answer.read()
    except HTTPError as refused:
        status, found, body = refused.code, refused.headers, refused.read()
    try:
        content = json.loads(body)
    except ValueError:
        content = {"text": body.decode(errors="replace")}
    return status, {name.lower(): value for name, value in found.items()}, content


def token(url: str, pair: dict, **more) -> str:
    """A token for an id and a secret, as programs ask for it in a form."""
    form = {"grant_type": "client_credentials", "client_id": pair["id"], "client_secret": pair["secret"]}
    status, _, answer = ask(url, form=form | more)
    check(status == 200, f"no token: {status} {answer}")
    return answer["access_token"]


def refused_within_a_second(url: str, bearer: str) -> None:
    """The revocation is answered already: the API has one second to hear of it."""
    end = time.monotonic() + 1.0
    while True:
        status, _, answer = ask(url, token=bearer)
        if status == 401:
            return
        check(time.monotonic() < end, f"a dead token still works after a second: {status} {answer}")
        time.sleep(0.02)


class Stage:
    """The browser, the server's address, and what the judge has seen already."""

    def __init__(self, playwright, given: dict):
        self.given = given
        self.base = given["base"].rstrip("/")
        self.axe = axe_source()
        self.judged: set[tuple] = set()
        self.pages = 0
        self.browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--disable-dev-shm-usage", "--disable-gpu"]
        )

    def person(self, **how) -> "Person":
        return Person(self, **how)


class Person:
    """Somebody with a browser of their own: its cookies are nobody else's."""

    def __init__(self, stage: Stage, *, scripts: bool = True, width: int = 1280, height: int = 900, dark: bool = False):
        self.stage = stage
        self.scripts = scripts
        self.width = width
        self.problems: list[str] = []
        self.context = stage.browser.new_context(
            base_url=stage.base,
            java_script_enabled=scripts,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Europe/Zurich",
        )
        self.context.set_default_timeout(15_000)
        self.context.set_default_navigation_timeout(20_000)
        if scripts:
            self.context.add_init_script(WATCH)
            self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=stage.base)
        self.context.on("page", self.watch)
        self.page = self.context.new_page()

    def watch(self, page: Page) -> None:
        page.on("console", self.note)
        page.on("pageerror", lambda error: self.problems.append(f"script failed: {error}"))
        page.on("dialog", self.shown_a_dialog)

    def note(self, message) -> None:
        if message.type in ("error", "warning") and not REFUSALS.search(message.text):
            self.problems.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def shown_a_dialog(self, dialog) -> None:
        self.problems.append(f"a script showed: {dialog.message}")
        dialog.dismiss()

    def close(self) -> None:
        self.fine()
        self.context.close()

    # What people do.

    def opens(self, address: str) -> int:
        answer = self.page.goto(address)
        return answer.status if answer else 0

    def follows(self, name: str | re.Pattern, *, within: Locator | None = None) -> None:
        (within or self.page).get_by_role("link", name=name, exact=isinstance(name, str)).first.click()

    def presses(self, name: str | re.Pattern, *, within: Locator | None = None) -> None:
        (within or self.page).get_by_role("button", name=name, exact=isinstance(name, str)).first.click()
        self.is_still()

    def enters(self, label: str | re.Pattern, value: str) -> None:
        self.page.get_by_label(label, exact=isinstance(label, str)).first.fill(value)

    def chooses(self, label: str, option: str) -> None:
        self.page.get_by_label(label, exact=True).first.select_option(label=option)

    def ticks(self, label: str | re.Pattern) -> None:
        self.page.get_by_label(label, exact=isinstance(label, str)).first.check()

    def navigates(self, *names: str) -> None:
        """Through the navigation at the side."""
        side = self.page.get_by_role("navigation", name="Main navigation")
        for name in names:
            side.get_by_role("link", name=name, exact=True).click()

    def row(self, text: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=text)

    def value(self, label: str) -> str:
        return self.page.get_by_label(label, exact=True).first.input_value()

    # What people see.

    def sees(self, heading: str | re.Pattern) -> None:
        """The page with this main heading; and the judge looks at it."""
        heading = heading if isinstance(heading, re.Pattern) else re.compile("^" + re.escape(heading))
        expect(self.page.get_by_role("heading", level=1, name=heading)).to_be_visible()
        self.judge()

    def reads(self, text: str | re.Pattern) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()

    def comes_to_read(self, text: str) -> None:
        """The same after a while: what is counted and noted is written behind the answer."""
        end = time.monotonic() + 15
        while self.page.get_by_text(text).count() == 0:
            check(time.monotonic() < end, f"{self.page.url}: no «{text}»")
            self.page.wait_for_timeout(200)
            self.page.reload()

    def reads_not(self, text: str) -> None:
        expect(self.page.get_by_text(text)).to_have_count(0)

    # What the judge sees.

    def judge(self) -> None:
        page = self.page
        page.wait_for_load_state("load")
        self.is_still()
        heading = page.get_by_role("heading", level=1).first.inner_text()
        mistakes = page.locator(".mistake:visible").count()
        which = (urlsplit(page.url).path, heading, mistakes, self.scripts, self.width)
        self.fine()
        check(page.title().endswith("· Symbolon"), f"{page.url}: no title: {page.title()}")
        check(page.get_by_role("heading", level=1).count() == 1, f"{page.url}: not one main heading")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        check(wide <= 0, f"{page.url}: {wide} px wider than a window of {self.width} px: {self.widest()}")
        if which in self.stage.judged:
            return
        self.stage.judged.add(which)
        self.stage.pages += 1
        if self.stage.axe and self.scripts:
            self.accessible()

    def is_still(self) -> None:
        """Waits until no request of this page is under way: what is pressed is pale until its answer comes."""
        if self.scripts:
            busy = self.page.locator(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")
            expect(busy).to_have_count(0, timeout=15_000)

    def widest(self) -> str:
        return self.page.evaluate("""() => [...document.querySelectorAll("main *, header *, nav *")]
            .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
            .filter((one) => !one.closest(".scroll, pre") || one.matches(".scroll, pre"))
            .slice(0, 4).map((one) => one.outerHTML.slice(0, 140)).join(" | ")""")

    def accessible(self) -> None:
        page = self.page
        if not page.evaluate("typeof axe === 'object'"):
            page.evaluate(self.stage.axe)
        found = page.evaluate(RUN_AXE, [TAGS, None])
        # A page has the same colours in a narrow window.
        if self.width >= 1000:
            found += self.in_the_other_colours()
        if found:
            self.problems += [f"axe: {one}" for one in found]
            self.fine()

    def in_the_other_colours(self) -> list[str]:
        page = self.page
        scheme = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        page.emulate_media(color_scheme="light" if scheme else "dark", reduced_motion="reduce")
        found = page.evaluate(RUN_AXE, [TAGS, ["color-contrast"]])
        page.emulate_media(color_scheme="dark" if scheme else "light", reduced_motion="reduce")
        return [f"in the other colours: {one}" for one in found]

    def fine(self) -> None:
        if self.scripts:
            try:
                self.problems += self.page.evaluate("(window.seenByTest ?? []).splice(0)")
            except Error as error:
                # A page that is being left has nothing to say any more.
                if "context was destroyed" not in str(error) and "closed" not in str(error):
                    raise
        found, self.problems = self.problems, []
        check(not found, f"{self.page.url}:\n  " + "\n  ".join(found))

    # What everybody has to do.

    def signs_in(self, realm: str, email: str, password: str | None = None) -> None:
        self.opens(f"/console/realms/{realm}/sign-in")
        self.sees("Sign in")
        self.enters("Email", email)
        self.enters("Password", password or self.stage.given["password"])
        self.presses("Sign in")
        self.is_in()

    def is_in(self) -> None:
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()


def run(*acts) -> None:
    """Runs acts one after another in one browser; the last line tells the test how it ended."""
    with open(sys.argv[1], encoding="utf-8") as file:
        given = json.load(file)
    chosen = sys.argv[2:]
    shown = []
    try:
        with sync_playwright() as playwright:
            stage = Stage(playwright, given)
            for act in acts:
                if chosen and act.__name__ not in chosen:
                    continue
                began = time.monotonic()
                try:
                    act(stage)
                except Exception:
                    keep_picture(stage, act.__name__)
                    raise
                shown.append(f"{act.__name__} {time.monotonic() - began:.1f} s")
                print(shown[-1], flush=True)
            stage.browser.close()
            shown.append(f"{stage.pages} pages judged")
    except Exception as error:
        traceback.print_exc()
        print(f"error: {type(error).__name__}: {error}", flush=True)
        sys.exit(1)
    print("ok " + ", ".join(shown), flush=True)


def keep_picture(stage: Stage, name: str) -> None:
    """What stood there when it went wrong, for whoever has to find out why."""
    folder = stage.given.get("pictures")
    if not folder:
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number, context in enumerate(stage.browser.contexts):
        for page in context.pages:
            try:
                page.screenshot(path=Path(folder) / f"failed-{name}-{number}.png", full_page=True)
                print(f"failed at {page.url}; {folder}/failed-{name}-{number}.png", flush=True)
                print(page.locator("main").inner_text()[:1500], flush=True)
            except Error:
                continue
