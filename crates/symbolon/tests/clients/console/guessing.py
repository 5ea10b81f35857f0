"""Guessing at the volume of somebody who means it: hundreds of wrong passwords, accounts, codes and passkeys over HTTP,
and meanwhile programs that ask for tokens, and the people whose accounts they are.

Each act comes from addresses of its own (127.0.0.x), since failures are counted by network.
"""

import base64
import html
import json
import os
import re
import statistics
import struct
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from stage import check, totp

SIGN_IN = "/console/realms/default/sign-in"
AT_ONCE = 16
given = json.load(open(sys.argv[1], encoding="utf-8"))
OPERATOR, PASSWORD, BASE = given["operator"], given["password"], given["base"]
HOST = urlsplit(BASE).netloc


class Answer:
    def __init__(self, status, headers, text, seconds):
        self.status, self.text, self.seconds = status, text, seconds
        self.location = headers.get("location", "")
        self.retry_after = headers.get("retry-after")
        self.cookies = headers.get_all("set-cookie") or []
        self.kept = headers.get("cache-control")

    def __repr__(self):
        return f"{self.status} {self.location} {self.text[:300]}"


class Browser:
    """As much of one as signing in needs: cookies, and where its forms come from."""

    def __init__(self, address: str):
        self.address, self.cookies = address, {}

    def send(self, method: str, path: str, fields: dict | None = None) -> Answer:
        port = int(HOST.rsplit(":", 1)[1])
        began = time.monotonic()
        connection = HTTPConnection("127.0.0.1", port, timeout=60, source_address=(self.address, 0))
        headers = {"Host": HOST}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None
        if fields is not None:
            body = urlencode(fields)
            headers |= {"Origin": BASE, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read().decode(), time.monotonic() - began)
        connection.close()
        for line in answer.cookies:
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
            if "Max-Age=0" in line:
                del self.cookies[name]
        return answer

    def tries(self, email: str, password: str) -> Answer:
        return self.send("POST", SIGN_IN, {"email": email, "password": password})

    def gets_in(self, email: str, password: str = PASSWORD) -> None:
        """Whoever has the right password; the server may be too busy to look at it, and says when to come again."""
        end = time.monotonic() + 60
        while True:
            answer = self.tries(email, password)
            if answer.status == 303:
                return
            check(answer.status == 503 and int(answer.retry_after) >= 1, f"{email} is not let in: {answer}")
            check(time.monotonic() < end, f"{email} is not let in for a minute: {answer}")
            time.sleep(0.05)

    def halfway(self, email: str) -> None:
        self.gets_in(email)
        check("symbolon-pending" in self.cookies, "no second factor was asked for")

    def is_in(self) -> bool:
        return self.send("GET", "/console/account").status == 200


def at_once(work, count: int) -> list[Answer]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, range(count)))


def judged(answers: list[Answer], wrong: int = 422) -> dict:
    """Every answer says the same of a wrong guess, or when to come again; none is kept by anybody."""
    counts: dict = {}
    texts = set()
    for answer in answers:
        counts[answer.status] = counts.get(answer.status, 0) + 1
        check(answer.status in (wrong, 429, 503), f"{answer}")
        check(answer.kept == "no-store", f"kept: {answer.kept}")
        if answer.status == wrong:
            texts.add(re.search(r'<p class="mistake"[^>]*>(.*?)</p>', answer.text, re.S)[1].strip())
        else:
            check(answer.retry_after and int(answer.retry_after) >= 1, f"no Retry-After: {answer}")
    check(len(texts) <= 1, f"wrong guesses read differently: {texts}")
    return counts


class Tokens:
    """A program that asks for tokens all the while."""

    def __init__(self):
        self.times, self.failures, self.going = [], [], True
        self.thread = threading.Thread(target=self.ask)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.going = False
        self.thread.join()

    def ask(self):
        connection = HTTPConnection("127.0.0.1", int(HOST.rsplit(":", 1)[1]), timeout=60)
        form = urlencode({"grant_type": "client_credentials", "client_id": "plain-client",
                          "client_secret": "plain-secret-1234567890"})
        while self.going:
            began = time.monotonic()
            connection.request("POST", "/oauth/token", form,
                               {"Host": HOST, "Content-Type": "application/x-www-form-urlencoded"})
            response = connection.getresponse()
            text = response.read().decode()
            self.times.append(time.monotonic() - began)
            if response.status != 200:
                self.failures.append(f"{response.status} {text}")
            time.sleep(0.002)
        connection.close()

    def told(self, least: int = 100) -> str:
        """How long they took: half of them, and all but one in a hundred."""
        check(not self.failures, f"tokens were refused meanwhile: {self.failures[:3]}")
        check(len(self.times) >= least, f"only {len(self.times)} tokens")
        times = sorted(self.times)
        p50, p99 = statistics.median(times), times[len(times) * 99 // 100]
        check(p99 < 2, f"one token in a hundred took {p99:.2f} s")
        return f"{len(times)} tokens, p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms"


def quiet() -> str:
    """What tokens take while nobody guesses, to compare with."""
    with Tokens() as tokens:
        while len(tokens.times) < 500:
            time.sleep(0.01)
    return tokens.told()


def one_account() -> str:
    address = "127.0.0.11"
    with Tokens() as tokens:
        answers = at_once(lambda n: Browser(address).tries("viewer@plain.example", f"guess {n}"), 300)
        counts = judged(answers)
        # The owner, from the guessers' own network, and while they go on.
        with ThreadPoolExecutor(AT_ONCE) as pool:
            more = [pool.submit(Browser(address).tries, "viewer@plain.example", f"more {n}") for n in range(100)]
            owner = Browser(address)
            owner.gets_in("viewer@plain.example")
            check(owner.is_in(), "signed in, and not let in")
            judged([one.result() for one in more])
    check(counts.get(429, 0) >= 200, f"guesses are not delayed: {counts}")
    check(counts.get(422, 0) <= 20, f"too many guesses were answered plainly: {counts}")
    # Sent at once, no guess waited for all those before it.
    slowest = max(answer.seconds for answer in answers)
    return f"{counts}, slowest answer {slowest:.1f} s; {tokens.told()}"


def many_accounts() -> str:
    address = "127.0.0.12"
    with Tokens() as tokens:
        emails = [f"person{n}@plain.example" for n in range(280)]
        emails[50:50] = ["admin@plain.example", "viewer@plain.example", OPERATOR] * 6
        answers = at_once(lambda n: Browser(address).tries(emails[n], "the same for all of them"), len(emails))
        counts = judged(answers)
    check(counts.get(429, 0) >= 100, f"a network that sprays is not delayed: {counts}")
    owner = Browser(address)
    owner.gets_in("admin@plain.example")
    check(owner.is_in(), "signed in, and not let in")
    return f"{counts}; {tokens.told()}"


def known_and_unknown() -> str:
    """One after the other, so that nothing waits; each pair from a network of its own, so that nothing is delayed."""
    times: dict = {"known": [], "unknown": []}
    texts = set()
    for pair in range(30):
        for kind, email in (("known", "admin@second.example"), ("unknown", f"nobody{pair}@second.example")):
            answer = Browser(f"127.0.1.{pair + 1}").tries(email, "certainly wrong")
            check(answer.status == 422, f"{answer}")
            times[kind].append(answer.seconds)
            texts.add(re.sub(r'value="[^"]*"|data-options="[^"]*"', "", answer.text))
    check(len(texts) == 1, "the pages differ by more than what was entered")
    # What else the machine does only adds to a time: the shortest of each say what the server itself takes.
    known, unknown = (min(times[kind]) for kind in ("known", "unknown"))
    told = ", ".join(f"{kind} {min(of) * 1000:.0f} to {max(of) * 1000:.0f} ms" for kind, of in times.items())
    check(abs(known - unknown) < max(0.3 * max(known, unknown), 0.01), told)
    return told


def sets_up(browser: Browser) -> tuple[str, list[str]]:
    """An app and recovery codes."""
    page = browser.send("GET", "/console/account/app").text
    secret = re.search(r'id="secret" readonly value="([^"]+)"', page)[1].replace(" ", "")
    state = html.unescape(re.search(r'name="state" value="([^"]+)"', page)[1])
    done = browser.send("POST", "/console/account/app", {"state": state, "code": code(secret)})
    check(done.status == 303, f"{done}")
    page = browser.send("POST", "/console/account/recovery-codes", {}).text
    codes = re.search(r'<pre id="codes"[^>]*>(.*?)</pre>', page, re.S)[1].split()
    check(len(codes) == 10, f"{codes}")
    return secret, codes


def ahead() -> float:
    with open(given["clock"], "rb") as file:
        return struct.unpack("=q", file.read(8))[0] / 1000


def code(secret: str, steps_on: int = 0) -> str:
    """What an app shows whose clock goes with the server's."""
    return totp(secret, steps_on, time.time() + ahead())


def passes(seconds: int) -> None:
    millis = int((ahead() + seconds) * 1000)
    with open(given["clock"], "r+b") as file:
        file.write(struct.pack("=q", millis))
    end = time.monotonic() + 30
    while Browser("127.0.0.10").send("GET", "/readyz").status != 200:
        check(time.monotonic() < end, "the server is not ready after its clock was moved")
        time.sleep(0.02)


def second(browser: Browser, method: str, value: str) -> Answer:
    return browser.send("POST", f"{SIGN_IN}/second", {"method": method, method: value})


def codes_and_recovery_codes() -> str:
    address, email = "127.0.0.13", "admin@second.example"
    owner = Browser(address)
    owner.gets_in(email)
    secret, recovery = sets_up(owner)
    thief = Browser("127.0.0.14")
    thief.halfway(email)
    right = {code(secret, step) for step in range(-2, 4)}
    wrong = [one for one in (f"{n:06}" for n in range(400)) if one not in right][:200]

    def guess(n: int) -> Answer:
        browser = Browser("127.0.0.14")
        browser.cookies = dict(thief.cookies)
        return second(browser, "code", wrong[n])

    counts = judged(at_once(guess, len(wrong)))
    check(counts.get(429, 0) >= 150, f"codes are not refused after ten: {counts}")
    # Not even the right one is looked at now, for an hour; the guesser finds nothing out by going on.
    rests = second(thief, "code", code(secret, 1))
    check(rests.status == 429 and 3000 < int(rests.retry_after) <= 3600, f"{rests}, {rests.retry_after}")

    # Recovery codes are too long to be guessed; they are delayed all the same.
    def guess_recovery(n: int) -> Answer:
        browser = Browser("127.0.0.15")
        browser.cookies = dict(thief.cookies)
        return second(browser, "recovery", f"ABCD-EFGH-JKLM-{n:04}")

    told = judged(at_once(guess_recovery, 200))
    check(told.get(429, 0) >= 150, f"recovery codes are not delayed: {told}")

    # The owner gets in by one meanwhile, even from where the guesses come from; and of many that bring the same one
    # at once, one gets in.
    halves = []
    for _ in range(8):
        half = Browser("127.0.0.15")
        half.halfway(email)
        halves.append(half)
    used = at_once(lambda n: second(halves[n], "recovery", recovery[0]), len(halves))
    entered = [answer for answer in used if answer.status == 303 and "sign-in" not in answer.location]
    check(len(entered) == 1, f"one recovery code let in {len(entered)}")
    check(sum(half.is_in() for half in halves) == 1, "one recovery code opened several sessions")

    # After the hour the app works again; and of many that bring the same code at once, one gets in.
    passes(61 * 60)
    halves = []
    for _ in range(8):
        half = Browser(address)
        half.halfway(email)
        halves.append(half)
    now = code(secret)
    used = at_once(lambda n: second(halves[n], "code", now), len(halves))
    check(sum(half.is_in() for half in halves) == 1, f"one code let in several: {used}")
    return f"codes {counts}, recovery codes {told}"


def passkeys() -> str:
    """Answers to a challenge that is really there, by devices that nobody has."""
    address = "127.0.0.16"
    page = Browser(address).send("GET", SIGN_IN).text
    state = html.unescape(re.search(r'name="state" value="([^"]+)"', page)[1])
    options = json.loads(html.unescape(re.search(r'data-options="([^"]+)"', page)[1]))

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    def guess(_: int) -> Answer:
        own = encoded(os.urandom(16))
        client = {"type": "webauthn.get", "challenge": options["challenge"], "origin": BASE}
        response = {"clientDataJSON": encoded(json.dumps(client).encode()), "authenticatorData": encoded(os.urandom(37)),
                    "signature": encoded(os.urandom(70)), "userHandle": encoded(os.urandom(32))}
        answer = {"id": own, "rawId": own, "type": "public-key", "clientExtensionResults": {}, "response": response}
        return Browser(address).send("POST", f"{SIGN_IN}/passkey", {"state": state, "answer": json.dumps(answer)})

    with Tokens() as tokens:
        counts = judged(at_once(guess, 300))
    # These cost no hash: they are over soon.
    times = tokens.told(10)
    check(counts.get(429, 0) >= 150, f"passkeys are not delayed: {counts}")
    owner = Browser(address)
    owner.gets_in("viewer@plain.example")
    check(owner.is_in(), "signed in, and not let in")
    return f"{counts}; {times}"


def main() -> None:
    told = []
    try:
        for act in (quiet, one_account, many_accounts, known_and_unknown, codes_and_recovery_codes, passkeys):
            began = time.monotonic()
            result = act()
            told.append(f"{act.__name__} {time.monotonic() - began:.1f} s: {result}")
            print(told[-1], flush=True)
    except Exception as error:
        traceback.print_exc()
        print(f"error: {type(error).__name__}: {error}", flush=True)
        sys.exit(1)
    print("ok " + " | ".join(told), flush=True)


main()
