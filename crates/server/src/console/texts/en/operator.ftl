# What operators see.

## Lists and forms

filter-name = Name or id begins with
filter-contains = Contains
filter-email = Email begins with
filter-id = Id begins with
filter-status = Status
filter-any = Any
filter-apply = Filter
filter-clear = Show all
filter-nothing = Nothing matches these filters.
column-created = Created
column-pages = Pages
column-id = Id
column-name = Name
column-organization = Organization
column-actions = Actions
edit = Edit
choose = Choose…
choose-one = Choose one of these.
yes = Yes
no = No
number-wrong = Enter a whole number.
moment-wrong = Enter a day and a time, such as 2026-12-31T23:59.

## Overview

overview-organizations = Organizations
overview-tokens = Tokens today
overview-refusals = Refused today
overview-today = Today began at midnight UTC. The latest minutes may not be counted yet.
overview-attention = What needs attention
overview-nothing = Nothing does.
overview-disabled = This realm is switched off: it gives no tokens.
overview-old-key = The signing key { $kid } has signed for { $old }; it should be replaced every { $every }.
overview-licence-ends = The licence of { $organization } for { $audience } ends in { $left }.
overview-client-errors = Refusals of { $client } today: { $count }.

## Realms

nav-realms = Realms
realms-title = Realms
realms-caption = The realms that you can reach
realm-new = New realm
realm-new-intro = A realm is an issuer of its own, with its own signing keys, customers and APIs. Everything else is set on the next page.
realm-create = Make the realm
realm-id = Name
realm-id-hint = It stands in addresses and cannot be changed: letters, digits, - . _ ~
realm-issuer = Issuer
realm-issuer-hint = Leave it empty for the one that belongs to the realm's address. With another issuer, APIs refuse tokens until they know it.
realm-issuer-now = Issuer now: { $value }
realm-hosts = Host names
realm-hosts-hint = One a line, without port. Requests to them belong to this realm alone.
realm-compatibility = Shaped for clients of
realm-compatibility-hint = A set of defaults for algorithm, type and issuer, so that existing programs work unchanged.
realm-compatibility-default = Nobody in particular (RFC 9068)
realm-compatibility-auth0 = Auth0
realm-compatibility-keycloak = Keycloak
realm-compatibility-m3ter = m3ter
realm-by-compatibility = As the compatibility says
realm-token-type = Type of tokens
realm-token-type-hint = The typ in the header, such as at+jwt. Leave it empty for what the compatibility says.
realm-bearer-claim = Claim typ: Bearer in tokens
realm-default-audience = API of whoever asks for none
realm-no-audience = None
realm-default-lifetime = Life of a token, in seconds
realm-maximum-lifetime = Longest life of a token, in seconds
realm-maximum-lifetime-hint = No setting elsewhere goes beyond it. Revocations are remembered as long as this.
realm-vocabulary = Words of the console
realm-vocabulary-hint = Only labels change.
realm-vocabulary-oauth = Clients and client secrets
realm-vocabulary-service-users = Service users and access keys
realm-safe-to-retire = Days until an unused key is safe to retire
realm-safe-to-retire-hint = After so many days in which only the other key was used.
realm-operators = Organization that manages by API
realm-operators-hint = The id of the organization whose { clients-inline } may manage this whole realm. Leave it empty for none.
realm-operators-wrong = This is not the id of an organization.
realm-self-grants = Scopes that customers may give themselves
realm-self-grants-hint = An API and scopes, separated by spaces. What a customer makes without choosing gets all of them. The page offers more rows when you save.
realm-self-grants-wrong = Choose the API of each row.
realm-self-policies = Policies that customers may give themselves
realm-self-policies-hint = Ids of policies, one a line.
realm-self-policies-wrong = There is no such policy. Enter ids of policies, one a line.
realm-password-on = Give tokens for email and password
realm-password-hint = For programs of an older API that send a person's email and password. Leave it off unless you need it.
realm-password-lifetime = Life of such a token, in seconds
realm-group-issuer = Issuer and addresses
realm-group-tokens = Tokens
realm-group-people = Customers
realm-group-quota = Quota of each { client-inline }
realm-group-password = Tokens for email and password
realm-disable = Switch the realm off
realm-disable-title = Switch off the realm { $value }?
realm-disable-tokens = All its tokens are refused within a second, and it gives no new ones.
realm-disable-people = None of its people can sign in.
realm-enable = Switch the realm on
realm-enable-title = Switch on the realm { $value }?
realm-enable-tokens = It gives tokens again. Those from before stay dead.
realm-own = You are signed in to this realm and would lock yourself out. Ask an operator of the default realm, or use the command line.
done-realm-made = The realm was made. Look through its settings.
done-realm-saved = The realm was saved.

## Quotas

quota-title = Quota of { $value }
quota-mode = What happens beyond the quota
quota-mode-none = No quota
quota-mode-realm = As the realm says
quota-mode-off = There is none
quota-mode-monitor = It is noted, and tokens are given
quota-mode-enforce = No tokens until the hour is over
quota-tokens = Tokens in an hour
quota-tokens-hint = Needed unless there is none.
quota-used = Used in this hour: { $used } of { $allowed } tokens. The latest minutes may not be counted yet.
quota-used-without = Tokens in this hour: { $value }. No quota limits them. The latest minutes may not be counted yet.
done-quota-saved = The quota was saved.

## Organizations

organizations-title = Organizations
organizations-caption = The customers of this realm, in the order of their ids unless sorted or filtered
organizations-empty = There are no customers yet. An organization is one customer: make the first.
organization-new = New organization
organization-create = Make the organization
organization-edit = Edit { $value }
organization-name = Name
organization-name-hint = What people call the customer. Tokens can carry it.
organization-id = Id
organization-id-hint = Leave it empty for a new one. Set it to keep the account id of another system; it cannot be changed.
organization-metadata = Metadata
organization-metadata-hint = Whatever is to be remembered. Claim maps can read it as organization.metadata. The page offers more rows when you save.
organization-metadata-name = Metadata name
organization-metadata-value = Metadata value
organization-metadata-nameless = Give each value a name.
organization-metadata-twice = Each name may stand there once.
organization-disable = Switch it off
organization-disable-title = Switch off { $name }?
organization-disable-tokens = All its tokens are refused within a second, and it gets no new ones.
organization-disable-clients = { clients } concerned: { $clients }. The members of { $name } cannot sign in.
organization-disable-after = You can switch it on again. Tokens from before stay dead then.
organization-enable = Switch it on
organization-enable-title = Switch on { $name }?
organization-enable-tokens = Its { clients-inline } get tokens again, and its members can sign in. Tokens from before stay dead.
done-organization-made = The organization was made. Next it needs a licence, members, or { clients-inline }.
done-organization-saved = The organization was saved.
done-organization-disabled = The organization is switched off, and its tokens are dead.
done-organization-enabled = The organization is switched on.

## Licences

licence-new = New licence
licence-new-title = New licence for { $value }
licence-create = Make the licence
licence-edit-title = Licence for { $value }
licence-edit-intro = An earlier end kills the tokens that rely on it.
licence-audience = API
licence-kind = Kind
licence-kind-trial = Trial
licence-kind-beta = Beta
licence-kind-full = Full
licence-starts = Starts (UTC)
licence-starts-hint = Leave it empty for now.
licence-ends = Ends (UTC)
licence-ends-hint = Leave it empty for a licence without an end.
licence-enable = Switch it on again
licence-end = End it now
licence-end-title = End the licence of { $name } for { $audience }?
licence-end-now = It would have lasted until: { $until }.
licence-end-tokens = The tokens of { $name } for this API are refused within a second, unless another licence opens it, or it needs none.
licence-end-after = To give it back, edit its end.
licence-for-ever = no end
done-licence-made = The licence was made.
done-licence-saved = The licence was saved.
done-licence-ended = The licence has ended.

## Resource servers

servers-title = Resource servers
servers-caption = The APIs that tokens are for
servers-empty = There is no API yet. A resource server is an API, with the scopes that it knows: make the first.
server-one = Resource server
server-new = New resource server
server-create = Make the resource server
server-identifier = Identifier
server-identifier-hint = The audience of its tokens: an absolute URI, such as https://api.example.com. It cannot be changed.
server-name = Name
server-scopes = Scopes
server-scopes-count = Scopes
server-scopes-hint = All that exist there, one a line.
server-aliases = Other identifiers
server-aliases-hint = Names under which programs ask for the same API, one a line. Tokens carry the identifier above.
server-lifetime = Life of a token, in seconds
server-lifetime-hint = Leave it empty for the realm's.
server-lifetime-realm = The realm's
server-algorithm = Signature algorithm
server-algorithm-realm = The realm's
server-reuse = Reuse tokens for, in seconds
server-reuse-hint = The same request gets the same token again for so long. Leave it empty for a new token each time.
server-claims = Claims
server-claims-hint = A template names things in braces, such as {"{organization.id}"} or {"{client.claims.role}"}. An expression is CEL. The preview offers more rows.
claim-name = Claim
claim-kind = Filled by
claim-kind-template = Template
claim-kind-cel = CEL expression
claim-rule = Rule
claim-nameless = Give each claim a name.
claim-twice = Each claim may stand there once.
server-licence = Customers need a licence
server-licence-needed = Needed
server-licence-free = Not needed
server-introspectors = Who may introspect its tokens
server-introspectors-hint = Ids of the { clients-inline } that the API uses itself, one a line.
server-introspectors-wrong = Enter ids, one a line.
server-group-api = API
server-group-tokens = Tokens
server-group-access = Access
server-disable = Switch it off
server-disable-title = Switch off { $value }?
server-disable-tokens = Nobody gets tokens for it any more. Those that are out live on until they expire; revoke them if they must not.
server-enable = Switch it on
server-enable-title = Switch on { $value }?
server-enable-tokens = Whoever may gets tokens for it again.
done-server-made = The resource server was made. Next, give its scopes to { clients-inline } or policies.
done-server-saved = The resource server was saved.

## Preview

preview-title = Preview of the token
preview-hint = With these settings, saved or not. No token is made.
preview-client = For (id)
preview-show = Preview
preview-no-client = Enter an id to see its token.
preview-unknown-client = Nobody here has the id { $value }.
preview-mistakes = Mend what is marked in the form to see the token.
preview-refused = It would be refused: { $value }
preview-granted = Scopes: { $scopes }. It lives { $seconds } seconds.
preview-no-scopes = none
preview-header = Header
preview-claims = Claims

## Policies

policies-title = Policies
policies-caption = Sets of rules that { clients-inline } are given
policy-new = New policy
policy-create = Make the policy
policy-name = Name
policy-id = Id
policy-id-hint = Leave it empty for a new one. It cannot be changed.
policy-statements = Statements
policy-statements-hint = Scopes and APIs, separated by spaces; * stands for any characters, as in read:*. Deny wins over everything. The page offers more rows when you save.
policy-effect = Effect
policy-allow = Allow
policy-deny = Deny
policy-actions = Scopes
policy-resources = APIs
policy-built-in = Built in
policy-fixed = You can look at this policy, but not change it.
policy-holders = Who has it
policy-holders-all = { clients } that have it: { $count }.
policy-holders-some = { clients } that have it: { $count } among the first { $looked }; there are more than those.
policy-delete = Delete
policy-delete-title = Delete the policy { $value }?
policy-delete-allowed = What it allows is gone with their next token.
policy-delete-denied = What it denies is denied no more.
done-policy-made = The policy was made. Give it to { clients-inline } on their pages.
done-policy-saved = The policy was saved; it acts on the next token.
done-policy-deleted = The policy was deleted.

## Signing keys

signing-keys-title = Signing keys
signing-keys-intro = Keys are exchanged by themselves: each signs for { $value }, is announced before, and stays published until its last token has died.
signing-keys-caption = The keys of this realm
signing-keys-empty = There is no key yet. The first is made with the first API.
signing-keys-rotate = Rotate now
signing-keys-rotate-intro = The next key is published now. It signs in { $value }, when every API has seen it. No token dies.
signing-key-kid = Key id
signing-key-algorithm = Algorithm
signing-key-state = State
signing-key-signs = Signs
signing-key-waits = Announced
signing-key-over = Signs no more
signing-key-published = Published
signing-key-active = Signs since
signing-key-retired = Signed until
signing-key-replace = Emergency replacement
signing-key-replace-title = Replace the key { $value } at once?
signing-key-replace-when = This is for a key that somebody else may know. To exchange keys in good order, rotate them instead.
signing-key-replace-active = A new { $value } key signs at once. APIs that do not know it yet refuse its tokens until they fetch the keys again.
signing-key-replace-pending = It has signed nothing yet. Another is announced when one is due.
signing-key-replace-retired = It signs no more; the key that signs now stays.
signing-key-replace-tokens = Every token that it signed is refused within a second. Everybody has to get a new one.
signing-key-replace-verifiers = APIs that check tokens by the published keys alone refuse them once they fetch the keys again.
done-signing-key-published = The next key is published.
done-signing-key-replaced = The key was revoked and is gone. Its tokens are dead.

## Operators

operators-title = Operators
operators-caption = The people who run this realm
operators-empty = Nobody operates this realm but operators of the default realm. Invite somebody.
operator-new = Invite an operator
operator-new-intro = You get a link to pass on. Whoever opens it chooses the password, so send it to nobody else.
operator-invite = Make the invitation
operator-email = Email
operator-role = Role
operator-role-hint = Owners do everything. Admins do everything but manage operators. Auditors look.
operator-role-owner = Owner
operator-role-admin = Admin
operator-role-auditor = Auditor
operator-invited = Invited
operator-is-invited = Invited; no password has been chosen yet.
operator-is-disabled = Switched off.
operator-has-password-alone = Signs in with a password alone, without a second factor.
operator-has-factors = Second factors: { $value }.
operator-own-role = You cannot change your own role. Ask another owner.
operator-own-status = You cannot switch yourself off. Ask another owner.
operator-link = Link
operator-link-title = Link for { $value }
operator-link-once = It is shown this once. Copy it now.
operator-link-invitation = The link works once, within seven days.
operator-link-reset = The link works once, within a day, and sets a new password.
operator-link-replaces = A link from before works no more.
operator-link-keeps = The password stays until the link is used.
operator-link-ask = Make a link for { $value }?
operator-link-make = Make the link
operator-link-again = New invitation link
operator-link-new = Link for a new password
operator-factors-remove = Remove second factors
operator-factors-title = Remove the second factors of { $value }?
operator-factors-what = Authenticator app, passkeys and recovery codes are gone. The password alone is enough then.
operator-factors-sure = Be sure that it is this person who asks, not somebody who pretends to be.
operator-disable = Switch off
operator-disable-title = Switch off { $value }?
operator-disable-sessions = All sessions end, and signing in is refused.
operator-disable-after = You can switch the operator on again.
operator-enable = Switch on
operator-enable-title = Switch on { $value }?
operator-enable-after = Signing in works again, with the password from before.
done-operator-invited = The invitation was made before. Make another link if you need it.
done-operator-saved = The operator was saved.
done-operator-factors-removed = The second factors are removed.

## Revocations

revocations-intro = Guards refuse these tokens within a second of the revocation. A revocation is forgotten when no token is left that it could concern.
revocations-caption = Revocations in force
revocations-empty = Nothing is revoked.
revocation-kind = Kind
revocation-dead = Dead tokens
revocation-before = Up to
revocation-all = All
revocation-realm = Realm
revocation-organization = Organization
revocation-licence = Licence
revocation-user = User
revocation-signing-key = Signing key
revocation-token = Token
revoke-everything = Revoke everything of …
revoke-intro = Look for whose tokens are to be revoked. You are asked once more before it is done.
revoke-search = Name, email or id
revoke-find = Search
revoke-nothing = Nobody was found. Names, emails and ids are found by how they begin; secrets' ids have to be whole.
revoke-found = Found
revoke-choose = Revoke everything
revoke-realm = Revoke everything of this realm
revoke-realm-hint = For when nothing else helps: every token of every customer is dead at once.
revoke-title = Revoke every token of { $name }?
revoke-whose = { $kind }: { $name } ({ $id })
revoke-clients = { clients } concerned: { $value }.
revoke-sessions = All sessions of this person end as well.
revoke-tokens = Every token that was given until now is refused within a second. This cannot be undone.
revoke-after = New tokens can be had at once. To stop that as well, switch it off instead.
revoke-now = Revoke everything now
done-revoked = Everything of it is revoked.
