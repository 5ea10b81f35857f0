//! What happens to every request, whichever handler it goes to.

pub(crate) mod address;
mod log_share;
pub(crate) mod request_id;
