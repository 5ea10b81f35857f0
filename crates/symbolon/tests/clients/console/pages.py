"""Every page by itself, at 360 px, at 1440 px and in the dark: what the judge wants of each, how heavy it is, and how long
the server took. And the pictures of the main ones (`screens`).
"""

import sys
import time
from pathlib import Path

from stage import Person, Stage, check, run

REALM = "/console/realms/default"
CUSTOMER = f"{REALM}/organizations/plain-org"
CLIENT = f"{CUSTOMER}/clients/plain-client"
MOST_BYTES = 100 * 1024

# What an operator can open; the first ten are the main pages, whose pictures are taken.
MAIN = {
    "sign-in": f"{REALM}/sign-in",
    "realm": REALM,
    "organization": CUSTOMER,
    "clients": f"{REALM}/clients",
    "client": CLIENT,
    "access-key": f"{CLIENT}/access-keys/new",
    "usage": f"{REALM}/usage",
    "audit": f"{REALM}/audit",
    "resource-server": f"{REALM}/resource-servers",
    "realm-settings": f"{REALM}/settings",
}
OTHERS = [
    "/console/account",
    "/console/account/password",
    "/console/account/app",
    "/console/account/passkeys/new",
    "/console/realms",
    "/console/new-realm",
    f"{REALM}/organizations",
    f"{REALM}/organizations/new",
    f"{CUSTOMER}/edit",
    f"{CUSTOMER}/disable",
    f"{CUSTOMER}/clients",
    f"{CUSTOMER}/clients/new",
    f"{CLIENT}/settings",
    f"{CLIENT}/scopes",
    f"{CLIENT}/rotation",
    f"{CLIENT}/quick-start",
    f"{CLIENT}/try",
    f"{CLIENT}/usage",
    f"{CLIENT}/quota",
    f"{CLIENT}/claims",
    f"{CLIENT}/disable",
    f"{CLIENT}/delete",
    f"{CUSTOMER}/credentials",
    f"{CUSTOMER}/licences",
    f"{CUSTOMER}/licences/new",
    f"{CUSTOMER}/members",
    f"{CUSTOMER}/members/new",
    f"{CUSTOMER}/usage",
    f"{CUSTOMER}/audit",
    f"{REALM}/resource-servers/new",
    f"{REALM}/policies",
    f"{REALM}/policies/readers",
    f"{REALM}/policies/new",
    f"{REALM}/signing-keys",
    f"{REALM}/operators",
    f"{REALM}/operators/new",
    f"{REALM}/revocations",
    f"{REALM}/revocations/new",
    f"{REALM}/revocations/token",
    f"{REALM}/audit/tokens",
    f"{REALM}/audit/refusals",
    f"{REALM}/audit/request",
    "/console/realms/ecoinvent/organizations/eco-customer/credentials",
    "/console/realms/m3ter/organizations/meridian/clients/billing",
    f"{REALM}/no-such-page",
]


def some_traffic(stage: Stage) -> None:
    """Pages with something on them say more than empty ones."""
    from stage import ask

    for secret, times in (("plain-secret-1234567890", 12), ("wrong", 3)):
        for _ in range(times):
            form = {"grant_type": "client_credentials", "client_id": "plain-client", "client_secret": secret}
            ask(f"{stage.base}/oauth/token", form=form)


def operator(stage: Stage, **how) -> Person:
    person = stage.person(**how)
    person.signs_in("default", stage.given["operator"])
    return person


FAULTS = {
    "label": "document.querySelector('label').remove()",
    "policy": "document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\">x</p>')",
    "wider than": "document.querySelector('main').insertAdjacentHTML('beforeend', '<svg width=3000 height=9></svg>')",
    "layout moved": "document.querySelector('main').insertAdjacentHTML('afterbegin', '<svg height=300></svg>')",
    "a script showed": "setTimeout(() => alert(1), 0)",
    "console error": "console.error('x')",
    "script failed": "setTimeout(() => { throw new Error('x'); }, 0)",
}


def the_judge_itself(stage: Stage) -> None:
    """Each fault that the judge is there for is put into a page, and has to be found."""
    for word, fault in FAULTS.items():
        person = stage.person()
        person.opens(MAIN["sign-in"])
        person.page.wait_for_timeout(600)  # What moves right after a press is excused.
        person.page.evaluate(f"() => {{ {fault} }}")
        person.page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
        stage.judged.clear()
        try:
            person.judge()
        except AssertionError as found:
            check(word in str(found), f"{word}: something else was found: {found}")
        else:
            raise AssertionError(f"{word}: the judge found nothing")
        person.context.close()


def narrow(stage: Stage) -> None:
    """On a telephone: nothing is wider than the window, nothing moves."""
    some_traffic(stage)
    visits(stage, operator(stage, width=360, height=740))


def wide(stage: Stage) -> None:
    """On a large screen, with axe-core in both colours."""
    visits(stage, operator(stage, width=1440, height=900))


def visits(stage: Stage, person: Person) -> None:
    for address in [*MAIN.values(), *OTHERS]:
        if address.endswith("sign-in"):
            continue
        status = person.opens(address)
        check(status in (200, 404), f"{address}: {status}")
        check((status == 404) == address.endswith("no-such-page"), f"{address}: {status}")
        person.page.get_by_role("heading", level=1).first.wait_for()
        person.judge()
    person.close()


def reasons(stage: Stage) -> None:
    """Why requests were refused is drawn, and each reason leads to its refusals: on a telephone and on a large screen."""
    some_traffic(stage)
    for width, height in ((360, 740), (1440, 900)):
        person = operator(stage, width=width, height=height)
        person.opens(MAIN["usage"])
        figure = person.page.get_by_role("figure").filter(has_text="Refusals by reason, over time")
        legend = figure.get_by_role("link", name="Wrong secret", exact=True)
        end = time.monotonic() + 120  # Refusals are counted every half minute, and this machine may be busy.
        while legend.count() == 0:
            check(time.monotonic() < end, "refusals are not drawn by reason")
            person.page.wait_for_timeout(500)
            person.page.reload()
        stage.judged.clear()
        person.sees("Usage")
        check(figure.get_by_role("img", name="Refusals by reason, over time").is_visible(), "there is no picture")
        figure.get_by_text("The numbers as a table").click()
        head = figure.get_by_role("columnheader", name="Wrong secret", exact=True)
        check(head.is_visible(), "the numbers do not stand behind it")
        legend.click()
        person.sees("Requests that were refused")
        rows = person.page.locator("tbody tr")
        check(rows.count() > 0, "no refusal is listed")
        for text in rows.all_inner_texts():
            check("wrong_secret" in text, f"another reason is listed: {text}")
        person.close()


def weight_and_time(stage: Stage) -> None:
    """With nothing kept from before, as a first visit is. The time is the server's, as the browser sees it."""
    person = operator(stage)
    device = person.context.new_cdp_session(person.page)
    device.send("Network.enable")
    device.send("Network.setCacheDisabled", {"cacheDisabled": True})
    received: list[float] = []
    device.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    figures = []
    for address in [*MAIN.values(), *OTHERS]:
        received.clear()
        answer = person.page.goto(address)
        # The page, its style sheet, two scripts; the tab's picture is asked for later, or not at all.
        end = time.monotonic() + 10
        while len(received) < 4:
            check(time.monotonic() < end, f"{address}: only {len(received)} files came")
            person.page.wait_for_timeout(5)
        timing = answer.request.timing
        took = timing["responseStart"] - timing["requestStart"]
        figures.append((took, sum(received), address))
        check(sum(received) <= MOST_BYTES, f"{address}: {sum(received):.0f} bytes with its files")
    for took, size, address in sorted(figures, reverse=True):
        print(f"{took:7.1f} ms {size / 1024:6.1f} KiB  {address}")
    person.close()


def screens(stage: Stage) -> None:
    """The main pages, light and dark, wide and narrow."""
    folder = Path(stage.given["pictures"])
    folder.mkdir(parents=True, exist_ok=True)
    some_traffic(stage)
    for width, height in ((1440, 900), (360, 740)):
        for dark in (False, True):
            stranger = stage.person(width=width, height=height, dark=dark)
            picture(stranger, folder, "sign-in", (width, dark))
            stranger.close()
            person = operator(stage, width=width, height=height, dark=dark)
            for name in MAIN:
                if name != "sign-in":
                    picture(person, folder, name, (width, dark))
            person.close()


def picture(person: Person, folder: Path, name: str, how: tuple[int, bool]) -> None:
    width, dark = how
    person.opens(MAIN[name])
    person.page.get_by_role("heading", level=1).first.wait_for()
    file = folder / f"{name}-{width}-{'dark' if dark else 'light'}.png"
    person.page.screenshot(path=file, full_page=True)
    print(file)


if __name__ == "__main__":
    run(screens) if sys.argv[2:] == ["screens"] else run(the_judge_itself, narrow, wide, reasons, weight_and_time)
