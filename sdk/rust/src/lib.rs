#![doc = include_str!("../README.md")]

mod address;
mod answer;
mod attempt;
mod backoff;
mod builder;
mod clock;
mod disk;
mod error;
mod life;
mod request;
mod secret;
mod source;
mod token;
mod transport;
#[cfg(feature = "reqwest")]
mod with_reqwest;
#[cfg(feature = "tower")]
mod with_tower;

pub use backoff::{Backoff, InvalidBackoff};
pub use builder::Builder;
pub use error::Error;
pub use request::Auth;
pub use secret::{Secret, SecretProvider, SecretSource, SecretsFuture};
pub use source::TokenSource;
pub use token::Token;
pub use transport::{Transport, TransportError, TransportFuture};
#[cfg(feature = "reqwest")]
pub use with_reqwest::{ReqwestTransport, SendWithToken};
#[cfg(feature = "tower")]
pub use with_tower::{BoxError, CloneBody, NeverAgain, Replay, TokenLayer, TokenService};

/// The programs of docs/calling compile.
#[cfg(doctest)]
mod calling {
    #[doc = include_str!("../../../docs/calling/ecoinvent.md")]
    struct Ecoinvent;
    #[doc = include_str!("../../../docs/calling/m3ter.md")]
    struct M3ter;
    #[doc = include_str!("../../../docs/calling/metafold.md")]
    struct Metafold;
    #[doc = include_str!("../../../docs/calling/meti.md")]
    struct Meti;
}
