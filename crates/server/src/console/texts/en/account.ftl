# Signing in.

sign-in-title = Sign in
sign-in-to = to { $value }
sign-in-email = Email
sign-in-password = Password
sign-in-submit = Sign in
sign-in-wrong = The email or the password is wrong, or the account is switched off.
sign-in-forgotten = Forgotten your password? Ask an administrator of your organization, or the operator, for a new link.
done-signed-out = You are signed out.
