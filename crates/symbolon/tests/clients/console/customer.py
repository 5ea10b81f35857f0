"""What a customer's developer does in the console, as the five systems' documents tell it, and then with what was
copied there against the token endpoint and the API. The main journeys are made twice: with scripts and without.
"""

import re

from playwright.sync_api import expect

from stage import Person, Stage, ask, check, refused_within_a_second, run, token


def copies(person: Person, label: str) -> str:
    """Copies a value by its button, by keyboard alone; without scripts by selecting it."""
    shown = person.value(label)
    if not person.scripts:
        return shown
    field = person.page.get_by_label(label, exact=True).first
    button = field.locator("xpath=following-sibling::button")
    field.focus()
    person.page.keyboard.press("Tab")
    expect(button).to_be_focused()
    person.page.keyboard.press("Enter")
    expect(button).to_have_text("Copied")
    copied = person.page.evaluate("navigator.clipboard.readText()")
    check(copied == shown, f"{label}: {copied!r} was copied instead of {shown!r}")
    return copied


def generates(person: Person) -> dict:
    """Generate Access Key: the dialog with three values, and Close."""
    person.presses("Generate Access Key")
    person.sees("Access Key generated")
    pair = {
        "organization": copies(person, "Organization ID"),
        "id": copies(person, "Access Key ID"),
        "secret": copies(person, "API Secret"),
    }
    person.follows("Close")
    person.reads_not(pair["secret"])
    expect(person.row(pair["id"])).to_contain_text("ACTIVE")
    return pair


def asks(stage: Stage, pair: dict) -> tuple[int, dict]:
    """m3ter's request: HTTP Basic and a JSON body."""
    status, _, answer = ask(
        stage.given["apis"]["m3ter"]["token_url"],
        basic=(pair["id"], pair["secret"]),
        json_body={"grant_type": "client_credentials"},
    )
    return status, answer


def m3ter(stage: Stage, scripts: bool) -> None:
    name = f"Usage feed {'with' if scripts else 'without'} scripts"
    person = stage.person(scripts=scripts)
    person.signs_in("default", "admin@meridian.example")
    person.sees("Meridian Cloud")
    side = person.page.get_by_role("navigation", name="Main navigation")
    expect(side.get_by_role("heading", name="Settings")).to_be_visible()
    expect(side.get_by_role("heading", name="Access")).to_be_visible()
    person.navigates("Service Users")
    person.sees("Service Users")
    person.reads("Billing export")
    person.follows("New service user")
    person.sees("New service user")
    person.enters("Name", name)
    person.ticks("Generate the first access key along with it")
    # The realm offers its customers scopes of another API, too; this one is for m3ter's.
    for scope in ("read:projects", "read:usage"):
        person.page.get_by_label(scope, exact=True).uncheck()
    person.presses("Create")
    person.sees("Service User created")
    first = {label: person.value(label) for label in ("Organization ID", "Access Key ID", "API Secret")}
    check(first["Organization ID"] == "meridian-cloud", f"{first}")
    person.follows("Close")
    person.sees(name)
    expect(person.page.get_by_role("heading", name="Access Keys")).to_be_visible()
    expect(person.row(first["Access Key ID"])).to_contain_text("ACTIVE")

    # S5.2, S5.3: the second, and no third.
    second = generates(person)
    person.sees(name)
    expect(person.page.get_by_role("button", name="Generate Access Key")).to_have_count(0)
    person.reads("Two access keys are the most.")

    # S5.4, S5.5: what was copied gets a token. S5.6: the API refuses it without a policy.
    api = stage.given["apis"]["m3ter"]["api_url"]
    status, answer = asks(stage, second)
    check(status == 200, f"{status} {answer}")
    check(answer["token_type"] == "Bearer" and answer["expires_in"] == 18000, f"{answer}")
    status, _, refused = ask(api, token=answer["access_token"])
    check(status == 403, f"without a policy: {status} {refused}")
    operator = stage.person(scripts=scripts)
    operator.signs_in("default", stage.given["operator"])
    operator.navigates("Service Users")
    operator.sees("Service Users")
    operator.follows(name)
    operator.sees(name)
    operator.follows("Change")
    operator.sees("Scopes and policies")
    operator.ticks("Administrator")
    operator.presses("Save")
    operator.reads("Saved. It counts from the next token on.")
    operator.close()
    status, answer = asks(stage, second)
    status, _, products = ask(api, token=answer["access_token"])
    check(status == 200 and isinstance(products["data"], list), f"with a policy: {status} {products}")

    # S5.3: rotation. The old one is made inactive, gets no token, is removed; then there is room for another.
    old = first["Access Key ID"]
    person.follows(re.compile(f"Make inactive.*{re.escape(old)}"))
    person.sees(re.compile("^Make .* inactive"))
    person.presses("Make inactive")
    person.reads("Made inactive.")
    expect(person.row(old)).to_contain_text("INACTIVE")
    status, answer = asks(stage, {"id": old, "secret": first["API Secret"]})
    check(status == 401, f"an inactive key got {status} {answer}")
    person.sees(name)
    person.follows(re.compile(f"Remove.*{re.escape(old)}"))
    person.sees(re.compile("^Remove "))
    person.presses("Remove")
    person.reads("Removed.")
    expect(person.row(old)).to_have_count(0)
    third = generates(person)
    check(asks(stage, third)[0] == 200, "the new key got no token")
    expect(person.row(second["id"])).to_contain_text("ACTIVE")
    person.follows("Rotation")
    person.sees("Rotation")
    # The use is noted a moment after the token.
    person.comes_to_read("Both are in use.")
    person.close()


def m3ter_with_scripts(stage: Stage) -> None:
    m3ter(stage, True)


def m3ter_without_scripts(stage: Stage) -> None:
    m3ter(stage, False)


def metafold(stage: Stage, scripts: bool) -> None:
    """S3.1, S3.2: made, used, deleted; what it had got is dead at once."""
    name = f"Render farm {'with' if scripts else 'without'} scripts"
    system = stage.given["apis"]["metafold"]
    person = stage.person(scripts=scripts)
    person.signs_in("default", "admin@lattice.example")
    person.sees("Lattice Works")
    person.navigates("Service Users")
    person.sees("Service Users")
    person.follows("New service user")
    person.sees("New service user")
    person.presses("Create")
    if scripts:
        # The browser asks for a name by itself.
        person.sees("New service user")
    person.enters("Name", name)
    person.presses("Create")
    person.sees("Service User created")
    pair = {"id": copies(person, "Access Key ID"), "secret": copies(person, "API Secret")}
    bearer = token(system["token_url"], pair, audience=system["audience"])
    status, _, usage = ask(system["api_url"], token=bearer)
    check(status == 200 and "projects" in usage, f"{status} {usage}")
    person.follows("Close")
    person.sees(name)
    person.follows("Delete")
    person.sees(f"Delete {name}?")
    person.reads("This cannot be undone.")
    person.follows("Cancel")
    person.sees(name)
    person.follows("Delete")
    person.sees(f"Delete {name}?")
    person.presses("Delete")
    person.reads("Deleted. Its tokens are dead.")
    refused_within_a_second(system["api_url"], bearer)
    form = {"grant_type": "client_credentials", "client_id": pair["id"], "client_secret": pair["secret"]}
    status, _, answer = ask(system["token_url"], form=form | {"audience": system["audience"]})
    check((status, answer["error"]) == (401, "invalid_client"), f"a deleted client got {status} {answer}")
    person.reads_not(name)
    person.close()


def metafold_with_scripts(stage: Stage) -> None:
    metafold(stage, True)


def metafold_without_scripts(stage: Stage) -> None:
    metafold(stage, False)


def meti(stage: Stage) -> None:
    """S1.6: an administrator gives a client a scope in the console; the next token has it."""
    system = stage.given["apis"]["meti_v2"]
    readonly = {"id": system["readonly"]["client_id"], "secret": system["readonly"]["client_secret"]}
    source = {"name": "By the console's grace", "methodology": "Agriculture"}
    before = token(system["token_url"], readonly, audience=system["audience"])
    status, _, answer = ask(system["api_url"], token=before, json_body=source)
    check(status == 403, f"{status} {answer}")
    person = stage.person()
    person.signs_in("default", stage.given["operator"])
    person.navigates("Organizations")
    person.sees("Organizations")
    person.follows("Service Users: Northfield Farms")
    person.sees("Service Users")
    person.follows("Northfield reports")
    person.sees("Northfield reports")
    person.follows("Change")
    person.sees("Scopes and policies")
    person.ticks("write:sources")
    person.presses("Save")
    person.reads("Saved. It counts from the next token on.")
    person.sees("Northfield reports")
    after = token(system["token_url"], readonly, audience=system["audience"])
    status, _, answer = ask(system["api_url"], token=after, json_body=source)
    check(status in (200, 201), f"{status} {answer}")
    person.close()


def ecoinvent(stage: Stage, scripts: bool) -> None:
    """S4.6: one pair for each licence kind, its secret made anew beside the old one."""
    system = stage.given["apis"]["ecoinvent"]
    kind = "Trial" if scripts else "Beta"
    person = stage.person(scripts=scripts)
    person.signs_in("ecoinvent", "admin@alder.example")
    person.sees("Alder LCA")
    person.navigates("API credentials")
    person.sees("API credentials")
    expect(person.page.get_by_role("main").get_by_role("heading", level=2)).to_have_count(2)
    for pair in ("ecoinvent_trial", "ecoinvent_beta"):
        person.reads(pair)
    person.reads("Secrets are shown only when they are made.")
    person.follows(re.compile(f"^New secret {kind}", re.IGNORECASE))
    person.sees(re.compile("^Make a new secret"))
    person.presses("New secret")
    person.sees("Client secret generated")
    made = {"id": copies(person, "Client ID"), "secret": copies(person, "Client secret")}
    person.follows("Close")
    person.sees("API credentials")
    person.reads_not(made["secret"])
    old = system if scripts else system["beta"]
    check(made["id"] == old["client_id"], f"a new pair instead of a new secret: {made['id']}")
    for pair in (made, {"id": old["client_id"], "secret": old["client_secret"]}):
        bearer = token(system["token_url"], pair)
        status, _, versions = ask(system["api_url"], token=bearer)
        check(status == 200, f"{status} {versions}")
    person.close()


def ecoinvent_with_scripts(stage: Stage) -> None:
    ecoinvent(stage, True)


def ecoinvent_without_scripts(stage: Stage) -> None:
    ecoinvent(stage, False)


def ecoinvent_licence(stage: Stage) -> None:
    """S4.1: no token without a licence; the operator gives one, and the same secret gets a token."""
    system = stage.given["apis"]["ecoinvent"]
    pair = {"id": system["licence_ended"]["client_id"], "secret": system["licence_ended"]["client_secret"]}
    form = {"grant_type": "client_credentials", "client_id": pair["id"], "client_secret": pair["secret"]}
    status, _, answer = ask(system["token_url"], form=form)
    check(status in (400, 401, 403), f"a token without a licence: {status} {answer}")
    person = stage.person()
    person.signs_in("ecoinvent", "admin@birch.example")
    person.navigates("API credentials")
    person.sees("API credentials")
    person.reads(re.compile("No active licence|Ended"))
    person.navigates("Licences")
    person.sees("Licences")
    person.reads("Ended")
    person.close()
    operator = stage.person()
    operator.signs_in("default", stage.given["operator"])
    operator.navigates("Realms")
    operator.sees("Realms")
    operator.follows("ecoinvent")
    operator.sees("ecoinvent")
    operator.navigates("Organizations")
    operator.sees("Organizations")
    operator.follows("Licences: Birch Studio")
    operator.sees("Licences")
    operator.follows("New licence")
    operator.sees(re.compile("^New licence"))
    # The one API that there is need not be chosen.
    operator.chooses("Kind", "Trial")
    operator.enters("Ends (UTC)", "2020-01-01T00:00:00")
    operator.presses("Make the licence")
    operator.reads("A licence must end after it starts.")
    operator.judge()
    operator.enters("Ends (UTC)", "")
    operator.presses("Make the licence")
    operator.reads("The licence was made.")
    operator.judge()
    operator.close()
    bearer = token(system["token_url"], pair)
    status, _, versions = ask(system["api_url"], token=bearer)
    check(status == 200, f"{status} {versions}")


def quick_start(stage: Stage) -> None:
    """A developer's way from the client's page to a token, without reading anything else."""
    person = stage.person()
    person.signs_in("default", "admin@meridian.example")
    person.navigates("Service Users")
    person.follows("Billing export")
    person.sees("Billing export")
    person.follows("Quick start")
    person.sees("Quick start")
    for language in ("Python", "Node", "Rust"):
        person.page.get_by_text(language, exact=True).click()
        expect(person.page.get_by_role("region", name=language)).to_be_visible()
    with person.page.expect_download() as download:
        person.follows("Download a Postman collection")
    check(download.value.suggested_filename.endswith(".json"), download.value.suggested_filename)
    person.follows("Try it")
    person.sees("Try it")
    person.enters("API Secret", "wrong")
    person.presses("Get a token")
    person.reads(re.compile("^No token: invalid_client"))
    person.judge()
    person.enters("API Secret", stage.given["apis"]["m3ter"]["api_secret"])
    person.presses("Get a token")
    person.reads("A token was issued.")
    person.judge()
    expect(person.row("https://api.m3ter.com").first).to_be_visible()
    person.close()


if __name__ == "__main__":
    run(
        m3ter_with_scripts,
        m3ter_without_scripts,
        metafold_with_scripts,
        metafold_without_scripts,
        meti,
        ecoinvent_with_scripts,
        ecoinvent_without_scripts,
        ecoinvent_licence,
        quick_start,
    )
