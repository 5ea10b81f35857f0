# What a customer's people see.

# Overview.
overview-edit = Edit the organization
organization-tokens = Tokens today
overview-refused = Refused today
organization-attention = Needs attention
overview-all-well = Nothing needs your attention.
overview-more = There is more than is shown here. Look through the list for the rest.
overview-lag = Today began at midnight UTC. Its figures may be a few seconds old.
attention-unused-label = Not used
attention-unused = { $name }: { $thing } has got no token in the last 90 days
attention-ending-label = Ends soon
attention-expiring = { $name }: { $thing } ends in { $time }
attention-ended-label = Ended
attention-expired = { $name }: { $thing } ended { $time } ago
attention-licence-ending = The { $name } licence for { $thing } ends in { $time }
attention-licence-ended = The { $name } licence for { $thing } ended { $time } ago
attention-rotation = Safe to retire
attention-safe = { $name }: one of two { access-keys-inline } is no longer used

# Lists of clients.
clients-none = There are no { clients-inline } yet. One stands for a program of yours that calls the API.
clients-none-in-realm = There are no { clients-inline } yet. They are made within an organization.
clients-name = Name
clients-organization = Organization
clients-id = ID
clients-licence = Licence
clients-created = Created

# One client.
client-new = New { client-inline }
client-new-hint = Make one for each program, so that each can be followed and switched off on its own.
client-name = Name
client-name-hint = What the program is called, for instance "Nightly import".
client-name-missing = Enter a name.
client-with-key = Generate the first { access-key-inline } along with it
client-make = Create
client-created = { client } created
client-id = { client } ID
client-about = About
client-settings = Settings
client-default-audience = Audience when none is asked for
client-default-audience-hint = The API that tokens are for when the program does not say which.
client-audience-unchanged = As it is
client-networks = Networks
client-networks-hint = Addresses or networks that it may ask from, one a line, for instance 203.0.113.0/24. Empty means anywhere.
client-network-wrong = { $value } is neither an address nor a network. Write for instance 203.0.113.7 or 203.0.113.0/24.
client-any-network = Anywhere
client-lifetime = Life of its tokens
client-lifetime-hint = In seconds. Empty means as the API has it.
client-lifetime-wrong = Enter a number of seconds, or nothing.
client-licence-kind = Stands for the licence
client-licence-kind-hint = It then gets tokens with a licence of this kind alone, and is listed under API credentials.
client-any-licence = Any
client-changed-meanwhile = Somebody else changed it in the meantime. Look at it again before you save.
client-quota = Quota
client-danger = Switch off or delete
client-disable = Switch off
client-disable-title = Switch off { $value }?
client-disable-text = It gets no tokens any more, and every token that it has is dead at once. It can be switched on again; those tokens stay dead.
client-enable = Switch on
client-enable-title = Switch on { $value }?
client-enable-text = It gets tokens again. Tokens from before it was switched off stay dead.
client-delete = Delete
client-delete-title = Delete { $value }?
client-delete-text = This cannot be undone. Every token that it has is dead at once, and programs that use it stop working.
client-delete-kept = What it did stays on record: audit, and the counts of its tokens.
client-delete-key = { access-key } { $value } is removed
client-tokens-alive = Tokens that may still be alive: { $count }. So many were issued within { $life }, the longest that one lasts
client-used-lately = { $value ->
    [one] It got { $value } token in the last 30 days
   *[other] It got { $value } tokens in the last 30 days
}
done-client-created = Created.
done-client-saved = Saved.
done-client-scopes-saved = Saved. It counts from the next token on.
done-client-disabled = Switched off. Its tokens are dead.
done-client-enabled = Switched on.
done-client-deleted = Deleted. Its tokens are dead.

# A client's claims of its own.
own-claims-title = Claims of its own
own-claims-about = They stand in a token where an API's claim rules ask for them, as in {"{client.claims.plan}"}.
own-claims-by-operator = The operator of this service sets them. Some APIs put them into tokens.
own-claims-none = There are none. Set some for APIs whose claim rules ask for them, as in {"{client.claims.plan}"}.
own-claims-change = Change
own-claims-edit-title = Claims of { $value }
own-claims-hint = One a row; empty a name and its value to take a claim away. A value is a text, or JSON: a number, true, false, a list, an object. The preview offers more rows.
own-claim-name = Name
own-claim-kind = Value is
own-claim-value = Value
own-claim-text = Text
own-claim-json = JSON
own-claim-nameless = Give each value a name.
own-claim-twice = The name { $value } stands there twice. Each may stand there once.
own-claim-no-json = The value of { $name } is no JSON ({ $error }). If it is meant as a text, choose Text beside it.
own-claims-meanwhile = Somebody else changed this { client-inline } in the meantime. Below is what you entered; saving it now replaces the claims that are stored: { $value }
own-claims-none-stored = none
own-claims-audience = For the API
own-claims-no-audience = It may ask for no API yet, so there is no token to show.
done-client-claims-saved = Saved. Its next token has them, where the API asks for them.

# What a client may do.
grants-title = Scopes and policies
grants-change = Change
grants-hint = Tick what the program needs, and nothing more. It counts from the next token on.
grants-hint-operator = Tick the scopes that it is given at each API, and its policies. It counts from the next token on.
grants-policies = Policies
grants-policies-hint = A policy gives scopes at many APIs, or takes them away.
grants-api = API
grants-scopes = Scopes
grants-no-scopes = none
grants-none = It may do nothing yet, so its tokens are refused by every API.
grants-no-apis = There are no APIs with scopes yet. Make a resource server first.
grants-nothing-offered = What it may do is set by the operator of this service.

# Access keys.
key-id = { $vocabulary ->
    [service-users] Access Key ID
   *[oauth] Secret ID
}
key-status = Status
key-active = ACTIVE
key-inactive = INACTIVE
key-ended = ENDED
key-created = Created
key-expires = Ends
key-expires-never = never
key-used = Last used
key-used-never = never
key-used-ago = { $ago } ago
key-actions = Actions
key-none = There are no { access-keys-inline } yet. Generate one to get tokens.
key-generate = { $vocabulary ->
    [service-users] Generate Access Key
   *[oauth] Generate client secret
}
key-generate-ending = Generate one that ends on a day
key-generated = { access-key } generated
key-expires-on = Ends on
key-expires-hint = At the begin of that day, in UTC, it stops working. Empty means never.
key-expires-past = That day has begun already. Choose a later one.
key-expires-wrong = Enter a day, for instance 2027-01-31.
key-third = Two { access-keys-inline } are the most. To generate another, make one inactive and remove it.
key-activate = Activate
key-activate-title = Activate { $value }?
key-activate-text = It gets tokens again. Tokens from before stay dead.
key-deactivate = Make inactive
key-deactivate-title = Make { $value } inactive?
key-deactivate-text = It gets no tokens any more, and those that it got are dead at once. It can be activated again.
key-remove = Remove
key-remove-title = Remove { $value }?
key-remove-text = It is gone for good. Only one that is inactive can be removed.
key-last-used = Last used { $ago } ago, from { $from }
key-never-used = Never used
key-safe = Safe to retire: the other one has taken over
done-key-generated-before = It was generated already. The secret was shown then and cannot be shown again: if you did not copy it, remove it and generate another.
done-key-activated = Activated.
done-key-deactivated = Made inactive. The tokens that it got are dead.
done-key-removed = Removed.

# A secret, shown once.
made-once = Copy the secret now. It is shown this once and cannot be shown again.
made-organization = Organization ID
made-client = { client } ID
made-key = { $vocabulary ->
    [service-users] Access Key ID
   *[oauth] Secret ID
}
made-secret = { $vocabulary ->
    [service-users] API Secret
   *[oauth] Client secret
}
made-try = Try it (opens a new tab)
made-never-browser = Never use these credentials in a browser, in an app, or anywhere that others can read them.

# Rotation.
rotation-title = Rotation
rotation-intro = Two { access-keys-inline } may work at a time, so that the secret can be changed while programs go on.
rotation-verdict = Safe to retire
rotation-safe = Yes
rotation-not-safe = Not yet
rotation-steps = Steps
rotation-next = Next
rotation-step-1 = Generate a second one.
rotation-step-2 = Put the new secret into every program, and wait until it is used.
rotation-step-3 = Wait until the old one has been silent for { $value } days, then make it inactive.
rotation-step-4 = Remove it.
rotation-none = There is none yet. Generate the first one.
rotation-generate = Generate the second one. The first goes on working.
rotation-take-up = The new one has not been used yet. Put its secret into your programs.
rotation-wait = Both are in use. A program still has the old secret: find it by the address that it was last used from. After { $value } days of silence the old one is safe to retire.
rotation-retire = One has taken over. Make the other one inactive; if something was forgotten, activate it again.
rotation-remove = One is inactive. If every program still works, remove it.
rotation-back = Back

# Quick start.
start-title = Quick start
start-intro = A program gets a token with its ID and secret, and sends it along with every call of the API.
start-no-key = It has no secret yet.
start-to-keys = Generate one first.
start-endpoint = Token endpoint
start-id = ID
start-audience = Audience
start-examples = Examples
start-secret = They read the secret from the environment, so that it stands in no file:
start-set-secret = Setting the secret
start-keep = Keep the token until about 30 seconds before it ends, then get the next one. Call the API with the header "Authorization: Bearer" and the token.
start-postman = Download a Postman collection
start-postman-item = Get a token

# Try it.
try-title = Try it
try-intro = Gets a real token with a secret of yours, as your program would, and shows what is in it. It counts as use, and your own address must be in the allowed networks. The secret is not kept.
try-secret-hint = Paste it. It is used for this one request and then forgotten.
try-secret-missing = Paste the secret.
try-too-long = That is too long.
try-default-audience = None: its own
try-scope = Scopes
try-scope-hint = Separated by spaces. Empty means everything that it may do.
try-submit = Get a token
try-got = A token was issued.
try-not-shown = The token itself is not shown: your program gets its own.
try-refused = No token: { $code }. { $text }
claim-header = Header
claim-claims = Claims
claim-member = Name
claim-value = Value
claim-meaning = Meaning
claim-alg = How it is signed.
claim-typ = What kind of token it is.
claim-kid = The signing key.
claim-iss = Who issued it.
claim-sub = Whom it stands for.
claim-aud = The API that it is for.
claim-exp = When it ends.
claim-iat = When it was issued.
claim-nbf = From when on it counts.
claim-jti = Its own id, which audit knows.
claim-scope = What it allows.
claim-client-id = The client that got it.
claim-key-id = The access key that it was got with.
claim-org-id = The organization.
claim-iat-ms = When it was issued, in milliseconds: revocations are compared with it.
claim-own = Set by the API.
claim-left = In { $left }.

# Licences.
licence-api = API
licences-kind = Licence
licence-state = State
licences-starts = Begins
licences-ends = Ends
licence-no-end = never
licence-left = in { $left }
licence-active = Active
licence-ended = Ended
licence-not-begun = Not begun
licence-off = Switched off
licences-hint = A licence is the time in which your organization may use an API. The operator of this service gives and renews them.
licences-hint-operator = A licence is the time in which this organization may use an API. You give and renew them.
licences-new = New licence
licences-none = There are no licences. APIs that need one refuse tokens; ask the operator of this service.
licences-none-operator = There are no licences. APIs that need one refuse its tokens; give it one, or take the need away on the API's page.
licences-none-auditor = There are no licences. APIs that need one refuse its tokens, until an owner or admin of this realm gives it one.

# API credentials by licence.
credentials-hint = One pair for each kind of licence. Change the secret from time to time: make a new one, use it everywhere, then remove the old one.
credentials-none = There are no licences, so there is nothing to have credentials for. Ask the operator of this service for a trial.
credentials-none-operator = There are no licences, so there is nothing to have credentials for. Give this organization a licence first.
credentials-new = New secret
credentials-new-title = Make a new secret for the { $value } licence?
credentials-first = It is shown once. Have a safe place for it ready.
credentials-second = It is shown once. The old secret goes on working until you make it inactive and remove it.
credentials-third = There are two secrets already. Make one inactive and remove it on the page of this ID, then make a new one.
credentials-too-many = There are too many clients to find the pairs among them. Make secrets on the client's own page.
credentials-name = { $value } licence
credentials-no-secret = No secret yet
credentials-no-licence = No active licence
credentials-not-yet = Made with the first secret
credentials-secret-hidden = Secrets are shown only when they are made.
credentials-licence = Licence for
credentials-until = until

# Members.
members-none = There are no members yet.
member-email = Email
member-role = Role
member-role-admin = Admin: manages members, and everything below
member-role-developer = Developer: manages programs and their secrets
member-role-viewer = Viewer: looks
member-role-missing = Choose a role.
member-id = ID
member-invited = Invited
member-invite = Invite somebody
member-invite-hint = You get a link to send. Whoever opens it chooses a password and can then sign in.
member-invite-submit = Make the link
member-email-taken = Somebody has this address already.
member-access = Access
member-not-oneself = This is you. Somebody else has to change your role or switch you off.
member-link = Make a link
member-link-title = Make a link for { $value }?
member-link-text = With it a password is chosen. A link that was made before ends.
member-link-made = A link for signing in
member-link-once = Send it to nobody else. It is shown this once, can be used once, and ends by itself.
member-link-for = For
member-link-field = Link
member-link-operator = For a forgotten password, ask the operator of this service for a link.
member-disable = Switch off
member-disable-title = Switch off { $value }?
member-disable-text = Whoever it is cannot sign in any more. Its sessions end, and its tokens are dead at once.
member-enable = Switch on
member-enable-title = Switch on { $value }?
member-enable-text = Whoever it is can sign in again.
done-member-saved = Saved.
done-member-disabled = Switched off.
done-member-enabled = Switched on.
done-member-invited-before = Invited already. If the link was not copied, make another.
