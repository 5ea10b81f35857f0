"""What other sites and other people's data try with a browser that is signed in."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import expect

from stage import Person, Stage, check, run

# Each would show a dialog or ask for a file of its own if any page took it for more than text.
PAYLOADS = [
    "<script>alert('script')</script>",
    "<img src=x onerror=alert('img')>",
    "\"><svg onload=alert('svg')>",
    "' autofocus onfocus=alert('focus') x='",
    "{{7*7}}<a href=\"javascript:alert('link')\">x</a>",
]


class OtherSite:
    """Another origin, whose pages do what the test says."""

    def __init__(self, host: str):
        self.pages: dict[str, str] = {}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path, "<title>nothing</title>")
                # Else the browser asks for an icon when it likes, perhaps after this site's end, and counts that as a fault.
                body = page.replace("<title>", '<link rel="icon" href="data:,"><title>').encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://{host}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def operator(stage: Stage, **how) -> Person:
    person = stage.person(**how)
    person.signs_in("default", stage.given["operator"])
    return person


def form(action: str, fields: dict) -> str:
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    return f'<!doctype html><title>Prizes</title><form method="post" action="{action}">{inputs}<button>Win</button></form>'


def forged_forms(stage: Stage) -> None:
    """Forms of other origins change nothing: of another port of this host (same site, so the cookie comes along), and
    of another host."""
    person = operator(stage)
    target = f"{stage.base}/console/realms/default/organizations/new"
    for host in ("localhost", "127.0.0.1"):
        site = OtherSite(host)
        site.pages["/"] = form(target, {"name": f"Forged by {host}", "id": "", "once": "req_01M81FK94BTQ3CKQYHGP0P1K5A"})
        site.pages["/out"] = form(f"{stage.base}/console/sign-out", {})
        for path in ("/", "/out"):
            person.page.goto(site.base + path)
            with person.page.expect_response(lambda answer: answer.request.method == "POST") as refused:
                person.page.get_by_role("button", name="Win").click()
            check(refused.value.status in (401, 403), f"{host}{path}: {refused.value.status}")
            person.reads("This did not come from the console")
        # Without a form: a script of that page cannot read the console, nor send with the cookie.
        person.page.goto(site.base + "/nothing")
        seen = person.page.evaluate(
            """async (url) => { try { const answer = await fetch(url, {credentials: "include"});
               return (await answer.text()).slice(0, 80); } catch (error) { return "refused"; } }""",
            f"{stage.base}/console/realms/default",
        )
        check(seen == "refused", f"another origin read the console: {seen}")
        person.problems.clear()  # The browser notes that it refused.
        site.end()
    person.opens("/console/realms/default/organizations")
    person.sees("Organizations")
    person.reads_not("Forged by")
    person.close()


def frames(stage: Stage) -> None:
    person = operator(stage)
    site = OtherSite("localhost")
    site.pages["/"] = f'<!doctype html><title>x</title><iframe src="{stage.base}/console/realms/default"></iframe>'
    person.page.goto(site.base + "/")
    frame = person.page.frames[-1]
    frame.wait_for_load_state()
    check(frame.locator("body").inner_text().find("Organizations") < 0, "the console was shown in a frame")
    check(any("frame-ancestors" in one or "X-Frame-Options" in one or "refused" in one.lower()
              for one in person.problems), f"nothing was refused: {person.problems}")
    person.problems.clear()
    site.end()
    person.context.close()


def fixed_session(stage: Stage) -> None:
    """A cookie that somebody else put there is not the one that a sign-in makes its own."""
    person = stage.person()
    person.context.add_cookies([{"name": "symbolon", "value": "sym_session_planted", "url": stage.base}])
    person.signs_in("default", stage.given["operator"])
    cookie = next(one for one in person.context.cookies() if one["name"] == "symbolon")
    check(cookie["value"] != "sym_session_planted", "the planted session was taken over")
    check(cookie["httpOnly"] and cookie["sameSite"] == "Lax", f"{cookie}")
    check("symbolon" not in person.page.evaluate("document.cookie"), "scripts can read the cookie")
    before = cookie["value"]
    person.presses("Sign out")
    person.reads("You are signed out.")
    person.context.clear_cookies()
    person.context.add_cookies([{"name": "symbolon", "value": before, "url": stage.base}])
    person.opens("/console/account")
    person.sees("Sign in")
    person.close()


def open_redirects(stage: Stage) -> None:
    for away in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/console/../../evil"):
        person = stage.person()
        person.page.goto(f"/console/realms/default/sign-in?next={away}")
        person.enters("Email", stage.given["operator"])
        person.enters("Password", stage.given["password"])
        person.presses("Sign in")
        person.page.wait_for_url(lambda url: "sign-in" not in url)
        person.page.wait_for_load_state()
        check(person.page.url.startswith(stage.base), f"{away} led to {person.page.url}")
        person.close()


def payloads_in_every_text(stage: Stage) -> None:
    """Names, metadata, scopes: what is entered comes back as text, on every page that shows it."""
    person = operator(stage)
    everywhere = []
    for number, payload in enumerate(PAYLOADS):
        person.opens("/console/realms/default/organizations/new")
        person.enters("Name", payload)
        person.enters("Id", f"xss-{number}")
        person.presses("Make the organization")
        person.reads("The organization was made.")
        organization = f"/console/realms/default/organizations/xss-{number}"
        person.opens(f"{organization}/edit")
        person.enters("Metadata name 1", payload)
        person.enters("Metadata value 1", payload)
        person.presses("Save")
        person.reads("The organization was saved.")
        person.opens(f"{organization}/clients/new")
        person.sees("New client")
        person.enters("Name", payload)
        person.presses("Create")
        person.sees("Client created")
        person.follows("Close")
        person.reads(payload)
        client = person.page.url.split("?")[0]
        everywhere += [organization, f"{organization}/edit", f"{organization}/clients", client, f"{client}/settings",
                       f"{client}/delete", f"{client}/quick-start", f"{client}/try", f"{client}/scopes"]
    person.opens("/console/realms/default/policies/new")
    person.enters("Name", PAYLOADS[0])
    person.enters("Scopes 1", PAYLOADS[1].replace(" ", ""))
    person.enters("APIs 1", "*")
    person.presses("Make the policy")
    person.reads(PAYLOADS[0])
    person.opens("/console/realms/default/resource-servers/new")
    person.enters("Identifier", "https://xss.example/<script>alert(1)</script>")
    person.enters("Name", PAYLOADS[2])
    person.enters("Scopes", "read:<img/src=x/onerror=alert(1)>")
    person.presses("Make the resource server")
    person.is_in()
    realm = "/console/realms/default"
    everywhere += [f"{realm}/organizations", f"{realm}/clients", f"{realm}/policies", f"{realm}/resource-servers",
                   f"{realm}/audit", f"{realm}/usage", f"{realm}/revocations/new?kind=organization&q=%3C",
                   f"{realm}/audit?subject=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&subject_kind=user",
                   f"{realm}/audit/request?id=%3Cimg%20src=x%20onerror=alert(1)%3E",
                   f"{realm}/clients?q=%22%3E%3Csvg%20onload=alert(1)%3E",
                   "/console/account?done=%3Cscript%3Ealert(1)%3C/script%3E",
                   f"{realm}/%3Cscript%3Ealert(1)%3C/script%3E"]
    for address in everywhere:
        person.opens(address)
        expect(person.page.get_by_role("heading", level=1)).to_be_visible()
        check(person.page.locator("main script, main img, [onerror], [onload], [onfocus], a[href^='javascript']").count()
              == 0, f"{address}: a payload became a part of the page")
        # Whatever would have run has run by now: events of pictures and of focus.
        person.page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))")
        person.fine()
    person.close()


def other_peoples_ids(stage: Stage) -> None:
    """One customer's administrator with another customer's addresses."""
    person = stage.person()
    person.signs_in("default", "admin@second.example")
    theirs = "/console/realms/default/organizations/plain-org"
    for address in (theirs, f"{theirs}/clients", f"{theirs}/clients/plain-client", f"{theirs}/members",
                    f"{theirs}/clients/plain-client/delete", f"{theirs}/usage", f"{theirs}/audit",
                    "/console/realms/default/organizations/second-org/clients/plain-client",
                    "/console/realms/default/settings", "/console/realms/meti/organizations/custodian",
                    "/console/realms/default/organizations", "/console/realms"):
        status = person.opens(address)
        check(status in (403, 404), f"{address}: {status}")
        person.judge()
    person.close()


def guessing(stage: Stage) -> None:
    """Wrong passwords are told apart from nothing, and lock nobody out: the right one works afterwards."""
    person = stage.person()
    person.opens("/console/realms/default/sign-in")
    person.sees("Sign in")
    for guess in range(4):
        person.enters("Email", "admin@plain.example")
        person.enters("Password", f"guess number {guess}")
        person.presses("Sign in")
        person.reads("The email or the password is wrong")
    person.judge()
    person.signs_in("default", "admin@plain.example")
    person.sees("Plain Goods")
    person.close()


if __name__ == "__main__":
    run(forged_forms, frames, fixed_session, open_redirects, payloads_in_every_text, other_peoples_ids, guessing)
