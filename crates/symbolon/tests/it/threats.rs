//! What went wrong in other products, and the tests that would have caught it. The number in a test's name is its
//! weakness:
//!
//! - 02 an error while revoking was swallowed
//! - 06 disabled entities were still served; 07 an update enabled a disabled client; 08 a disabled audience was issued
//! - 09 of two not-before values the nearer one won
//! - 10 an oversized parameter was dropped silently; 11 junk passed beside a secret
//! - 12 deactivated service accounts got tokens; 13 inactive grants stood in claims
//! - 14 truncated tokens were accepted; 15 `aud` was not checked; 27 claims of the wrong type were skipped
//! - 16 a forwarded host was believed; 20 a bad X-Forwarded-For failed open; 25 forwarded addresses, URIs and user
//!   agents were trusted; 26 identity headers passed in another spelling
//! - 17 recycled ids carried access over; 18 scopes were issued beyond configuration; 19 introspection told of other
//!   clients' tokens; 22 another tenant's id in body or query was taken; 24 one grant skipped the checks
//! - 21 private keys stood in an answer

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod answers;
mod disabled;
mod forged_tokens;
mod leaks;
mod proxies;
mod requests;
mod rights;
