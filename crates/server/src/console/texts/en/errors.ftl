# What went wrong, and what to do. The request's id stands below each of them.

error-not-found-title = There is no such page
error-not-found = It is not there, or it belongs to somebody else. Check the address, or go back to the overview.
error-forbidden-title = You may not do that
error-forbidden = Your role does not include it. Ask an administrator of your organization.
error-forbidden-operator = Your role does not include it. Ask an owner of this realm, who gives operators their roles.
error-stale-title = Somebody else was faster
error-stale = It was changed in the meantime, and nothing of yours was saved. Go back, look at it again, and repeat your change.
error-refused-title = That cannot be done
error-invalid-title = That cannot be saved
error-form-title = The form could not be read
error-form = A part of it is missing or too large. Go back and send it again.
error-origin-title = This did not come from the console
error-origin = For your safety, changes are only taken from the console's own pages. Open the console and try again there.
error-unavailable-title = Not available now
error-unavailable = The database cannot be reached now. If you were changing something, look whether it was done before you repeat it.
error-busy-title = Too many attempts
error-busy = Wait { $value } seconds, then try again.
error-method-title = That is not offered here
error-method = This address is only for looking at. Go back to the overview.
error-request-id = Request id
error-back = To the overview
