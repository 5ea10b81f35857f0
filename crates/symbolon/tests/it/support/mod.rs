//! The test bed: a world of realms and customers (world.yaml) behind the real router, at a time that stands
//! still until a test moves it. Roles are what a test speaks as: anybody, a client, an operator.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]
#![expect(unreachable_pub, reason = "what is public here is public to the tests")]

mod additions;
mod answer;
mod api;
mod bad_clients;
mod bed;
mod changes;
mod discovery;
mod faults;
mod node;
mod request;
mod spy;
mod subjects;
pub(crate) mod systems;
mod ways;

pub use answer::Answer;
pub(crate) use api::Api;
pub(crate) use bad_clients::{REFUSED, in_default, kept_of};
pub use bed::{Bed, NOW, secrets};
pub(crate) use changes::realm_id;
pub(crate) use faults::{FAULT, FaultyStore, all_methods};
pub(crate) use node::{Node, key};
pub use request::Request;
pub(crate) use spy::Log;
pub(crate) use subjects::{API, HOLDER, INTROSPECTOR, Switch};
pub(crate) use ways::Way;
