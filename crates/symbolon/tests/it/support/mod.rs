//! The test bed: a world of realms and customers (world.yaml) behind the real router, at a time that stands
//! still until a test moves it. Roles are what a test speaks as: anybody, a client, an operator.

mod answer;
mod bed;
mod request;

pub use answer::Answer;
pub use bed::{Bed, secrets};
pub use request::Request;
