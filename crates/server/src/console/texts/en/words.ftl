# The words of the domain. Some realms call clients service users, and their secrets access keys.

product = Symbolon
clients = { $vocabulary ->
    [service-users] Service Users
   *[oauth] Clients
}
client = { $vocabulary ->
    [service-users] Service User
   *[oauth] Client
}
clients-inline = { $vocabulary ->
    [service-users] service users
   *[oauth] clients
}
client-inline = { $vocabulary ->
    [service-users] service user
   *[oauth] client
}
access-keys = { $vocabulary ->
    [service-users] Access Keys
   *[oauth] Client secrets
}
access-key = { $vocabulary ->
    [service-users] Access Key
   *[oauth] Client secret
}
access-keys-inline = { $vocabulary ->
    [service-users] access keys
   *[oauth] client secrets
}
access-key-inline = { $vocabulary ->
    [service-users] access key
   *[oauth] client secret
}
time-seconds = { $value ->
    [one] { $value } second
   *[other] { $value } seconds
}
time-minutes = { $value ->
    [one] { $value } minute
   *[other] { $value } minutes
}
time-hours = { $value ->
    [one] { $value } hour
   *[other] { $value } hours
}
time-days = { $value ->
    [one] { $value } day
   *[other] { $value } days
}
