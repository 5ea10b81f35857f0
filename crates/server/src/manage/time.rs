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
        let time = Some(text.as_str()).filter(|text| is_rfc_3339(text)).and_then(Timestamp::parse);
        time.map(Self)
            .ok_or_else(|| serde::de::Error::custom("not a time of RFC 3339, such as 2026-11-22T08:00:00Z"))
    }
}

/// Whether a text has the shape of RFC 3339 §5.6, of which the library reads more than one dialect.
fn is_rfc_3339(text: &str) -> bool {
    let like = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(found, wanted)| match wanted {
                b'0' => found.is_ascii_digit(),
                b'T' => found.eq_ignore_ascii_case(&wanted),
                wanted => found == wanted,
            })
    };
    let Some((moment, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let fraction =
        rest.strip_prefix('.').map(|digits| digits.trim_start_matches(|c: char| c.is_ascii_digit()));
    let has_digits = fraction.is_none_or(|zone| zone.len() + 1 < rest.len());
    let zone = fraction.unwrap_or(rest);
    let is_zone = zone.eq_ignore_ascii_case("Z") || like(zone, "+00:00") || like(zone, "-00:00");
    like(moment, "0000-00-00T00:00:00") && has_digits && is_zone
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_rfc_3339_writes_them_and_in_no_other_way() {
        let read = |text: &str| serde_json::from_value::<Time>(text.into());
        for good in [
            "2026-11-22T08:00:00Z",
            "2026-11-22t08:00:00.5z",
            "2026-11-22T09:00:00+01:00",
            "2026-11-22T07:00:00.000000-01:00",
        ] {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "2026-11-22",
            "2026-11-22 08:00:00Z",
            "2026-11-22T08:00:00",
            "2026-11-22T08:00Z",
            "2026-11-22T08:00:00.Z",
            "2026-11-22T08:00:00+01",
            "2026-11-22T08:00:00Z[Europe/Berlin]",
            "20261122T080000Z",
            "2026-02-30T08:00:00Z",
            "2026-11-22T08:00:00é",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
