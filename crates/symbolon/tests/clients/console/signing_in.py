"""The ways into the console: the first operator's link, password, code of an app, passkey, recovery code."""

from playwright.sync_api import expect

from stage import Stage, check, run, totp

EMAIL = "founder@console.example"
PASSWORD = "seven copper lanterns on a quiet hill"


def first_operator(stage: Stage) -> None:
    person = stage.person()
    person.opens(stage.given["first_operator"])
    person.sees("Become the first operator")
    person.enters("Email", EMAIL)
    person.enters("New password", PASSWORD)
    person.enters("New password, once more", "something else entirely")
    person.presses("Set the password")
    person.reads("The two are not the same.")
    person.enters("New password", PASSWORD)
    person.enters("New password, once more", PASSWORD)
    person.presses("Set the password")
    person.reads("Your password is set. Sign in with it.")
    person.sees("Sign in")
    check(person.opens(stage.given["first_operator"]) != 200, "the link worked twice")
    person.sees("This link has ended")
    person.close()


def password(stage: Stage) -> None:
    person = stage.person()
    check(person.opens("/console/realms/default/settings") == 200, "no page to sign in at")
    person.sees("Sign in")
    person.enters("Email", EMAIL)
    person.enters("Password", "not the password")
    person.presses("Sign in")
    person.reads("The email or the password is wrong")
    check(person.value("Email") == EMAIL, "the email was not kept")
    person.enters("Password", PASSWORD)
    person.presses("Sign in")
    # It leads on to where the person wanted to go.
    person.sees("Realm settings")
    person.presses("Sign out")
    person.reads("You are signed out.")
    person.close()


def code_and_recovery(stage: Stage) -> None:
    person = stage.person()
    person.signs_in("default", EMAIL, PASSWORD)
    person.opens("/console/account")
    person.sees("Your account")
    person.follows("Set up an app")
    person.sees("Set up an app that makes codes")
    secret = person.value("Or type this into it.")
    person.enters("Code of your app", "000000" if totp(secret) != "000000" else "111111")
    person.presses("Set it up")
    person.reads("The code is not the one that the app shows now")
    person.enters("Code of your app", totp(secret))
    person.presses("Set it up")
    # It leads on to what is needed when the app is lost.
    person.reads("The app is set up.")
    person.sees("Recovery codes")
    person.presses("Make ten codes")
    person.reads("They are shown this once.")
    person.judge()
    codes = person.page.locator("pre#codes").inner_text().split()
    check(len(codes) == 10, f"{len(codes)} codes")
    person.presses("Copy")
    expect(person.page.get_by_role("button", name="Copied")).to_be_visible()
    person.follows("I have kept them")
    person.presses("Sign out")

    halfway(person)
    # The step that set it up is used up; the next one's code is good a moment early.
    person.enters("Code of your app", totp(secret, 1))
    person.presses("Continue")
    person.is_in()
    person.presses("Sign out")

    halfway(person)
    person.page.get_by_text("I cannot use it: take a recovery code").click()
    person.enters("Recovery code", codes[0])
    person.page.get_by_role("button", name="Continue").last.click()
    person.is_in()
    person.presses("Sign out")

    halfway(person)
    person.page.get_by_text("I cannot use it: take a recovery code").click()
    person.enters("Recovery code", codes[0])
    person.page.get_by_role("button", name="Continue").last.click()
    person.reads("This is none of your recovery codes, or it was used before.")
    person.judge()
    person.enters("Recovery code", codes[1])
    person.page.get_by_role("button", name="Continue").last.click()
    person.is_in()
    person.opens("/console/account")
    person.sees("Your account")
    person.reads("8 recovery codes are left.")
    person.follows("Remove the app")
    person.sees("Remove the app that makes codes")
    person.presses("Remove the app")
    person.reads("The app is removed.")
    person.close()


def halfway(person) -> None:
    person.opens("/console/realms/default/sign-in")
    person.enters("Email", EMAIL)
    person.enters("Password", PASSWORD)
    person.presses("Sign in")
    person.sees("One more step")


def passkey(stage: Stage) -> None:
    person = stage.person()
    device = person.context.new_cdp_session(person.page)
    device.send("WebAuthn.enable")
    kind = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    authenticator = device.send("WebAuthn.addVirtualAuthenticator", {"options": kind})["authenticatorId"]
    person.signs_in("default", EMAIL, PASSWORD)
    person.opens("/console/account")
    person.follows("Add a passkey")
    person.sees("Add a passkey")
    person.enters("Name", "My <b>laptop</b>")
    person.presses("Add it")
    person.reads("The passkey is added.")
    person.sees("Your account")
    person.reads("My <b>laptop</b>")
    kept = device.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    check(len(kept) == 1 and kept[0]["rpId"] == "localhost", f"the device keeps {kept}")
    person.presses("Sign out")

    # Beside the password.
    halfway(person)
    person.presses("Use a passkey")
    person.is_in()
    person.presses("Sign out")

    # Instead of it.
    person.opens("/console/realms/default/sign-in")
    person.sees("Sign in")
    person.presses("Use a passkey")
    person.is_in()

    # A device that does not know its user.
    device.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    person.presses("Sign out")
    person.opens("/console/realms/default/sign-in")
    person.presses("Use a passkey")
    person.reads("The browser gave no passkey.")
    device.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": True})
    person.presses("Use a passkey")
    person.is_in()
    person.opens("/console/account")
    person.follows("Remove My <b>laptop</b>")
    person.sees("Remove the passkey")
    person.presses("Remove the passkey")
    person.reads("The passkey is removed.")
    person.close()


def sessions(stage: Stage) -> None:
    here, there = stage.person(), stage.person()
    here.signs_in("default", EMAIL, PASSWORD)
    there.signs_in("default", EMAIL, PASSWORD)
    here.opens("/console/account")
    here.sees("Your account")
    here.reads("this one")
    here.presses("End all others")
    here.reads("All other sessions are ended.")
    there.opens("/console/account")
    there.sees("Sign in")
    there.close()
    here.close()


if __name__ == "__main__":
    run(first_operator, password, code_and_recovery, passkey, sessions)
