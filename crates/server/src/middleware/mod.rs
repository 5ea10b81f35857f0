//! What happens to every request, whichever handler it goes to.

pub(crate) mod address;
pub(crate) mod request_id;
