# What a customer's people see.
