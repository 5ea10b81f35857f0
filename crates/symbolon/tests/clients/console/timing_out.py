"""What time ends: a session that nothing comes from, a session that has lasted long enough, and the proof that a
password was. The server's clock is moved on; the browser's own goes as ever.
"""

import struct
import time
from urllib.error import URLError

from playwright.sync_api import expect

from stage import Person, Stage, ask, check, run

MINUTE = 60
CUSTOMER = "/console/realms/default/organizations/plain-org"


def passes(stage: Stage, seconds: int) -> None:
    """So much time passes at the server, and then it has looked at its database again."""
    with open(stage.given["clock"], "r+b") as file:
        (ahead,) = struct.unpack("=q", file.read(8))
        file.seek(0)
        file.write(struct.pack("=q", ahead + seconds * 1000))
    end = time.monotonic() + 30
    while True:
        try:
            if ask(f"{stage.base}/readyz")[0] == 200:
                return
        except URLError:
            pass
        check(time.monotonic() < end, "the server is not ready after its clock was moved")
        time.sleep(0.02)


def signs_in_again(person: Person) -> None:
    person.sees("Sign in")
    person.reads("Your session has ended. Sign in, and you are back where you were.")
    person.enters("Email", person.stage.given["operator"])
    person.enters("Password", person.stage.given["password"])
    person.presses("Sign in")
    person.is_in()


def idle(stage: Stage) -> None:
    for scripts in (True, False):
        person = stage.person(scripts=scripts)
        person.signs_in("default", stage.given["operator"])
        person.opens(f"{CUSTOMER}/clients")
        person.sees("Clients")
        # Whatever is done begins the time anew.
        for _ in range(3):
            passes(stage, 14 * MINUTE)
            person.follows("Nightly import")
            person.sees("Nightly import")
            person.page.go_back()
            person.sees("Clients")
        passes(stage, 15 * MINUTE)
        person.follows("Nightly import")
        signs_in_again(person)
        # The very page that was wanted.
        person.sees("Nightly import")
        check(person.page.url.startswith(f"{stage.base}{CUSTOMER}/clients/plain-client"), person.page.url)
        # A form that comes too late leads back to its page, and does nothing.
        person.opens("/console/realms/default/organizations/new")
        person.sees("New organization")
        person.enters("Name", "Too late")
        passes(stage, 16 * MINUTE)
        person.presses("Make the organization")
        signs_in_again(person)
        person.sees("New organization")
        person.opens("/console/realms/default/organizations")
        person.sees("Organizations")
        person.reads_not("Too late")
        person.close()


def absolute(stage: Stage) -> None:
    """Twelve hours, however busy somebody is."""
    person = stage.person()
    person.signs_in("default", stage.given["operator"])
    cookie = next(one["value"] for one in person.context.cookies() if one["name"] == "symbolon")
    for quarter in range(60):
        answer = person.context.request.get("/console/account", max_redirects=0)
        if answer.status != 200:
            break
        passes(stage, 14 * MINUTE)
    check(answer.status == 303, f"after {quarter * 14} minutes: {answer.status}")
    # The first request that came after twelve hours was the one that was refused.
    check((quarter - 1) * 14 < 12 * 60 <= quarter * 14, f"it ended after {quarter * 14} minutes")
    person.opens("/console/account")
    signs_in_again(person)
    person.sees("Your account")
    after = next(one["value"] for one in person.context.cookies() if one["name"] == "symbolon")
    check(after != cookie, "the session of before goes on")
    person.close()


def proves(person: Person) -> None:
    person.sees("Is it you?")
    person.enters("Password of operator@console.example", "not the password")
    person.presses("Continue")
    person.reads("The password is wrong.")
    person.enters("Password of operator@console.example", person.stage.given["password"])
    person.presses("Continue")


def proof(stage: Stage) -> None:
    """Ten minutes; then one shows again who one is, and what was entered is there and is made once."""
    for scripts in (True, False):
        name = f"Entered before ({'with' if scripts else 'without'} scripts), <b>kept</b>; \"all\" of it"
        person = stage.person(scripts=scripts)
        person.signs_in("default", stage.given["operator"])
        passes(stage, 9 * MINUTE)
        person.opens(f"{CUSTOMER}/clients/new")
        person.sees("New client")
        passes(stage, 2 * MINUTE)
        # Nothing else has to be proved.
        person.opens("/console/realms/default/organizations/new")
        person.sees("New organization")
        person.opens(f"{CUSTOMER}/clients/new")
        proves(person)
        person.sees("New client")
        person.enters("Name", name)
        passes(stage, 11 * MINUTE)
        person.presses("Create")
        proves(person)
        person.sees("Go on")
        person.reads("What you had entered is kept")
        person.presses("Go on")
        person.sees("Client created")
        person.follows("Close")
        person.reads(name)
        person.opens(f"{CUSTOMER}/clients")
        person.sees("Clients")
        made = person.page.get_by_role("link", name=name)
        expect(made).to_have_count(1)
        client = made.get_attribute("href")
        # What removes credentials asks, too.
        passes(stage, 11 * MINUTE)
        person.opens(f"{client}/delete")
        proves(person)
        person.presses("Delete")
        person.reads_not(name)
        person.close()


if __name__ == "__main__":
    run(idle, absolute, proof)
