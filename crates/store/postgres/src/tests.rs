//! What cannot be seen from outside: the settings of the connections.
