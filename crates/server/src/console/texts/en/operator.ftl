# What operators see.
