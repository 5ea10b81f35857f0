//! What happens to every request, whichever handler it goes to.

pub(crate) mod address;
pub(crate) mod host;
pub(crate) mod limit_fields;
mod log_share;
pub(crate) mod request_id;
pub(crate) mod unserved;
