"""What an operator does: customers, people, settings, records, and the end of a leak."""

import re
import time

from playwright.sync_api import expect

from stage import Person, Stage, ask, check, refused_within_a_second, run, token


def signed_in(stage: Stage, **how) -> Person:
    person = stage.person(**how)
    person.signs_in("default", stage.given["operator"])
    person.sees("default")
    return person


def invitation(stage: Stage) -> None:
    """A new customer, its first administrator by a link, and the colleague whom that one invites."""
    person = signed_in(stage)
    person.navigates("Organizations")
    person.sees("Organizations")
    person.follows("New organization")
    person.sees("New organization")
    person.enters("Name", "Orchard Works")
    person.enters(re.compile("^Id"), "orchard-works")
    person.presses("Make the organization")
    person.reads("The organization was made.")
    person.judge()
    person.navigates("Organizations")
    person.sees("Organizations")
    person.follows("Members: Orchard Works")
    person.sees("Members")
    link = invites(person, "ada@orchard.example", "Admin")
    person.close()
    ada = accepts(stage, link, "ada@orchard.example")
    ada.sees("Orchard Works")
    ada.navigates("Members")
    ada.sees("Members")
    link = invites(ada, "bert@orchard.example", "Viewer")
    bert = accepts(stage, link, "bert@orchard.example")
    bert.sees("Orchard Works")
    bert.navigates("Service Users")
    bert.sees("Service Users")
    expect(bert.page.get_by_role("link", name="New service user")).to_have_count(0)
    # The administrator switches him off: his session is over at once.
    ada.navigates("Members")
    ada.follows("bert@orchard.example")
    ada.sees("bert@orchard.example")
    ada.follows("Switch off")
    ada.sees("Switch off bert@orchard.example?")
    ada.presses("Switch off")
    ada.reads("Switched off.")
    ada.close()
    bert.opens("/console/account")
    bert.sees("Sign in")
    bert.close()


def invites(person: Person, email: str, role: str) -> str:
    person.follows("Invite somebody")
    person.sees("Invite somebody")
    person.enters("Email", email)
    person.ticks(re.compile(f"{role}:"))
    person.presses("Make the link")
    person.sees("A link for signing in")
    link = person.value("Link")
    person.follows("Close")
    person.reads(email)
    return link


def accepts(stage: Stage, link: str, email: str) -> Person:
    person = stage.person()
    person.opens(link)
    person.sees("You are invited")
    person.reads(email)
    password = "four quiet herons over the harbour"
    person.enters("New password", password)
    person.enters("New password, once more", password)
    person.presses("Set the password")
    person.reads("Your password is set.")
    person.enters("Email", email)
    person.enters("Password", password)
    person.presses("Sign in")
    person.is_in()
    return person


def audit_and_refusals(stage: Stage) -> None:
    system = stage.given["apis"]["meti_v2"]
    form = {"grant_type": "client_credentials", "client_id": system["client_id"], "client_secret": "wrong"}
    status, headers, _ = ask(system["token_url"], form=form)
    check(status == 401, f"{status}")
    refused = headers["x-request-id"]
    person = signed_in(stage)
    person.navigates("Audit")
    person.sees("What was changed")
    person.follows("Refusals")
    person.sees("Requests that were refused")
    # Refusals are written a moment later.
    person.comes_to_read(refused)
    person.follows(refused)
    person.sees("Why was this refused?")
    person.reads("It was refused")
    person.reads("What to do:")
    person.reads("invalid_client")
    person.enters("Request id", "req_nothing")
    person.presses("Explain")
    person.reads("Nothing is recorded of this request here.")
    person.judge()
    person.navigates("Audit")
    person.sees("What was changed")
    person.chooses("Done to", "User")
    person.presses("Filter")
    person.page.wait_for_url("**/audit?*subject_kind=user*")
    person.sees("What was changed")
    person.page.get_by_role("main").get_by_role("table").get_by_role("link").first.click()
    person.sees(re.compile("^User: "))
    person.reads("Place in the chain")
    token(system["token_url"], {"id": system["client_id"], "secret": system["client_secret"]},
          audience=system["audience"])
    person.navigates("Audit")
    person.follows("Tokens")
    person.sees("Tokens that were issued")
    person.comes_to_read("read:sources")
    person.judge()
    person.navigates("Usage")
    person.sees("Usage")
    person.comes_to_read("The numbers as a table")
    person.page.get_by_text("The numbers as a table").first.click()
    person.judge()
    person.close()


def revocation(stage: Stage) -> None:
    """Everything of an organization: its tokens are dead within a second, another's live on."""
    metafold, m3ter = stage.given["apis"]["metafold"], stage.given["apis"]["meti_v2"]
    pair = {"id": metafold["client_id"], "secret": metafold["client_secret"]}
    bearer = token(metafold["token_url"], pair, audience=metafold["audience"])
    other = token(m3ter["token_url"], {"id": m3ter["client_id"], "secret": m3ter["client_secret"]},
                  audience=m3ter["audience"])
    check(ask(metafold["api_url"], token=bearer)[0] == 200, "the token does not work")
    person = signed_in(stage)
    person.navigates("Revocations")
    person.sees("Revocations")
    person.follows("Revoke everything of …")
    person.sees("Revoke everything of …")
    person.chooses("Kind", "Organization")
    person.enters("Name, email or id", "Nobody")
    person.presses("Search")
    person.reads("Nobody was found.")
    person.judge()
    person.enters("Name, email or id", "Lattice")
    person.presses("Search")
    person.follows("Revoke everything: Lattice Works")
    person.sees("Revoke every token of Lattice Works?")
    person.reads("This cannot be undone.")
    person.presses("Revoke everything now")
    person.reads("Everything of it is revoked.")
    refused_within_a_second(metafold["api_url"], bearer)
    check(ask(m3ter["api_url"], token=other)[0] == 200, "another customer's token died with it")
    time.sleep(1)  # Tokens are told apart by the millisecond they were issued in; the clock has to go on.
    again = token(metafold["token_url"], pair, audience=metafold["audience"])
    check(ask(metafold["api_url"], token=again)[0] == 200, "no new token works")
    person.sees("Revocations")
    person.reads("lattice-works")
    person.close()


def one_token(stage: Stage) -> None:
    """A token that got into the wrong hands, pasted: it alone is dead within a second."""
    system = stage.given["apis"]["metafold"]
    pair = {"id": system["client_id"], "secret": system["client_secret"]}
    stolen, other = (token(system["token_url"], pair, audience=system["audience"]) for _ in range(2))
    check(ask(system["api_url"], token=stolen)[0] == 200, "the token does not work")
    person = signed_in(stage)
    person.navigates("Revocations")
    person.sees("Revocations")
    person.follows("Revoke one token …")
    person.sees("Revoke one token …")
    person.enters("Token, or its id (jti)", "this is none")
    person.presses("Look it up")
    person.reads("This is neither a token of this service nor a token's id.")
    person.judge()
    person.enters("Token, or its id (jti)", stolen)
    person.presses("Look it up")
    person.sees("Revoke this token?")
    check(stolen not in person.page.content() and stolen not in person.page.url, "the token is shown")
    person.judge()
    person.presses("Revoke this token")
    person.reads("The token is revoked.")
    refused_within_a_second(system["api_url"], stolen)
    check(ask(system["api_url"], token=other)[0] == 200, "another token died with it")
    person.close()


def settings(stage: Stage) -> None:
    person = signed_in(stage)
    person.navigates("Realm settings")
    person.sees("Realm settings")
    before = person.value("Life of a token, in seconds")
    person.enters("Life of a token, in seconds", "7200")
    person.chooses("Words of the console", "Clients and client secrets")
    person.presses("Save")
    person.reads("The realm was saved.")
    person.sees("Realm settings")
    check(person.value("Life of a token, in seconds") == "7200", "it was not kept")
    person.navigates("Clients")
    person.sees("Clients")
    # Two who look at the same settings: the slower one is told.
    slow = signed_in(stage)
    slow.navigates("Realm settings")
    slow.sees("Realm settings")
    person.navigates("Realm settings")
    person.sees("Realm settings")
    person.enters("Life of a token, in seconds", before)
    person.chooses("Words of the console", "Service users and access keys")
    person.presses("Save")
    person.reads("The realm was saved.")
    slow.enters("Life of a token, in seconds", "100")
    slow.presses("Save")
    expect(slow.page.get_by_text("The realm was saved.")).to_have_count(0)
    slow.reads(re.compile("meantime|changed"))
    slow.judge()
    slow.close()
    person.enters("Life of a token, in seconds", "0")
    person.presses("Save")
    expect(person.page.get_by_role("alert").or_(person.page.locator(".mistake")).first).to_be_visible()
    person.judge()
    check(person.value("Life of a token, in seconds") == "0", "what was entered was not kept")
    person.close()


def apis_and_policies(stage: Stage) -> None:
    person = signed_in(stage)
    person.navigates("Resource servers")
    person.sees("Resource servers")
    person.follows("New resource server")
    person.sees("New resource server")
    person.enters("Identifier", "https://api.orders.example")
    person.enters("Name", "Orders")
    person.enters("Scopes", "read:orders\nwrite:orders")
    person.presses("Make the resource server")
    person.reads("The resource server was made.")
    person.judge()
    person.navigates("Resource servers")
    person.sees("Resource servers")
    person.follows("https://api.meti.io")
    person.sees(re.compile("METI|api.meti.io"))
    expect(person.page.get_by_role("heading", name="Preview of the token")).to_be_visible()
    person.page.get_by_label("For (id)").fill("meti_v2")
    # The preview follows what is entered, without a press.
    expect(person.page.get_by_role("region", name="Claims")).to_contain_text("northfield-farms")
    person.judge()
    person.navigates("Policies")
    person.sees("Policies")
    person.follows("New policy")
    person.sees("New policy")
    person.enters("Name", "Order readers")
    person.enters("Scopes 1", "read:*")
    person.enters("APIs 1", "https://api.orders.example")
    person.presses("Make the policy")
    person.reads("The policy was made.")
    person.judge()
    person.navigates("Signing keys")
    person.sees("Signing keys")
    person.follows("Rotate now")
    person.judge()
    person.page.get_by_role("main").get_by_role("button").last.click()
    person.reads("The next key is published.")
    person.judge()
    person.navigates("Operators")
    person.sees("Operators")
    person.follows("Invite an operator")
    person.sees("Invite an operator")
    person.enters("Email", "auditor@console.example")
    person.chooses("Role", "Auditor")
    person.presses("Make the invitation")
    person.sees("Link for auditor@console.example")
    person.follows("Close")
    person.sees("auditor@console.example")
    person.navigates("Operators")
    person.sees("Operators")
    expect(person.row("auditor@console.example")).to_contain_text("Invited")
    person.close()


if __name__ == "__main__":
    run(invitation, audit_and_refusals, revocation, one_token, settings, apis_and_policies)
