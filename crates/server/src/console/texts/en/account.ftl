# Signing in, and a person's own account.

sign-in-title = Sign in
sign-in-to = to { $value }
sign-in-email = Email
sign-in-password = Password
sign-in-submit = Sign in
sign-in-wrong = The email or the password is wrong, or the account is switched off.
sign-in-expired = It took too long. Begin again.
sign-in-forgotten = Forgotten your password? Ask an administrator of your organization, or the operator, for a new link.
done-signed-out = You are signed out.
done-session-over = Your session has ended. Sign in, and you are back where you were.
done-sign-in-expired = It took too long. Sign in again.
done-password-set = Your password is set. Sign in with it.

passkey-use = Use a passkey
passkey-failed = The browser gave no passkey. Try again, or use your password.
passkey-wrong = The passkey was not accepted. Try again, or use your password.
passkey-impossible = Passkeys need https and a host name; this address has not both.
passkey-missing = This needs a browser with passkeys and with scripts switched on.

second-title = One more step
second-text = Your password was right. Now show the second thing that is yours.
second-code = Code of your app
second-submit = Continue
second-code-wrong = This is not the code that the app shows now, or it was used before. Wait for the next one.
second-recovery-title = I cannot use it: take a recovery code
second-recovery = Recovery code
second-recovery-wrong = This is none of your recovery codes, or it was used before.
second-no-passkeys-here = You have a passkey, but it cannot be used at this address.
second-back = Back to the beginning

prove-title = Is it you?
prove-text = Secrets are made, shown and removed only by somebody who has just proved who it is. This holds for ten minutes.
prove-password = Password of { $value }
prove-submit = Continue
prove-wrong = The password is wrong.

go-on-title = Go on
go-on-text = Thank you. What you had entered is kept: it is sent as soon as you go on.
go-on-submit = Go on

account-title = Your account
account-role = Role
account-realm = Realm
account-role-owner = Owner: may do everything, and make other operators
account-role-operator = Operator: may do everything but make operators
account-role-auditor = Auditor: may look at everything
account-role-admin = Administrator of your organization
account-role-developer = Developer in your organization
account-role-viewer = Viewer in your organization
account-factors = What you sign in with
account-no-factor = Your password is all that keeps others out. Add a passkey or an app that makes codes.
account-app = App that makes codes
account-app-since = Set up on
account-app-none = An app on your phone shows a new code every 30 seconds, which is asked for beside your password.
account-app-add = Set up an app
account-app-replace = Use another app
account-app-remove = Remove the app
account-passkeys = Passkeys
account-passkeys-none = A passkey lives in your device or your password manager, and signs you in without a password. It cannot be guessed or given away.
account-passkey-name = Name
account-passkey-synced = kept in several places
account-passkey-add = Add a passkey
account-passkey-remove = Remove the passkey
account-added = Added
account-last-used = Last used
account-never = Never
account-actions = Actions
account-rename = Rename
account-remove = Remove
account-recovery = Recovery codes
account-recovery-left = { $value ->
    [one] One recovery code is left.
   *[other] { $value } recovery codes are left.
}
account-recovery-renew = Make new recovery codes
account-recovery-none = They stand in for a second factor that is lost. Set one up first.
account-last-factor = This is your only second factor. Without it, your password alone opens your account, and your recovery codes end.
account-sessions = Where you are signed in
account-sessions-text = If you do not know one of these, end it and change your password. A session ends by itself after 15 minutes without use, and after 12 hours.
session-where = Browser
session-address = Network address
session-began = Since
session-seen = Last seen
session-here = this one
session-end = End
session-end-others = End all others
session-browser = { $browser } on { $system }
session-unknown = Unknown browser
done-session-ended = The session is ended.
done-sessions-ended = All other sessions are ended.

password-title = Change your password
password-text = All your other sessions end with it.
password-old = Old password
password-new = New password
password-again = New password, once more
password-hint = At least { $value } characters. Three or four words that do not belong together are a good one.
password-submit = Change the password
password-differs = The two are not the same.
done-password-changed = Your password is changed, and all your other sessions are over.

totp-title = Set up an app that makes codes
totp-scan = Scan this with the app.
totp-type = Or type this into it.
totp-confirm = Enter the code that the app shows, so that it is sure that it works.
totp-again = The app has the secret already: enter the code that it shows now.
totp-anew = Begin anew
totp-submit = Set it up
totp-remove-title = Remove the app that makes codes
totp-remove-text = Its codes are not asked for any more.
done-totp-set-up = The app is set up. It is asked for at your next sign-in.
done-totp-removed = The app is removed.

recovery-title = Recovery codes
recovery-text = Each of the ten codes stands in once for your second factor. Keep them where you will find them without this device.
recovery-replaces = You have { $value } left. They end as soon as new ones are made.
recovery-submit = Make ten codes
recovery-once = They are shown this once. Keep them before you go on.
recovery-copy = Copy
recovery-print = Print
recovery-kept = I have kept them

passkey-new-title = Add a passkey
passkey-new-text = Your browser will ask where to keep it.
passkey-new-submit = Add it
passkey-example = My laptop
passkey-title = Name of the passkey
passkey-remove-title = Remove the passkey
passkey-remove-text = It will not sign you in any more. Delete it in the device or the password manager, too.
done-passkey-added = The passkey is added.
done-passkey-renamed = The passkey has its new name.
done-passkey-removed = The passkey is removed.

link-first-title = Become the first operator
link-first = There is no operator yet. Whoever has this link becomes the owner of this installation.
link-invitation-title = You are invited
link-invitation = Choose a password, and you can sign in.
link-reset-title = Choose a new password
link-reset = The old one ends with it, and so does every session.
link-until = This link ends
link-submit = Set the password
link-email-missing = Enter your email address: you will sign in with it.
link-dead-title = This link has ended
link-dead = It was used, a newer one took its place, or its time is over. Ask whoever sent it to you for a new one. The first operator's link is made anew when the server starts.
