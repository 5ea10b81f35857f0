//! Moments as this API writes and reads them: RFC 3339.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use symbolon_core::clock::Timestamp;
use utoipa::ToSchema;

/// A moment (RFC 3339), in UTC and to the millisecond where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-22T08:00:00.000Z")]
pub(crate) struct Time(pub(crate) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = Timestamp::parse(&text);
        time.map(Self)
            .ok_or_else(|| serde::de::Error::custom("not a time of RFC 3339, such as 2026-11-22T08:00:00Z"))
    }
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}
