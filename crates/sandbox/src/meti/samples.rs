//! METI's public sources, which every account sees.

use serde_json::{Map, json};

use crate::meti::sources::{Details, Source};

const PUBLISHED: &str = "2025-01-06T10:00:00.000Z";

/// The public sources.
pub(crate) fn public() -> Vec<Source> {
    [
        ("src_public_rice", "Rice paddies, Mekong delta", "Agriculture", "Viet Nam"),
        ("src_public_dairy", "Dairy herds, Friesland", "Agriculture", "Netherlands"),
        ("src_public_landfill", "Landfill gas, Harris County", "Waste", "United States"),
        ("src_public_compressor", "Compressor station 14", "Oil and gas", "Canada"),
        ("src_public_mine", "Ventilation shaft, Upper Silesia", "Coal mining", "Poland"),
    ]
    .map(|(id, name, methodology, country)| Source {
        id: id.to_owned(),
        account_id: None,
        created_at: PUBLISHED.to_owned(),
        updated_at: PUBLISHED.to_owned(),
        details: Details {
            name: name.to_owned(),
            methodology: Some(methodology.to_owned()),
            more: Map::from_iter([("country".to_owned(), json!(country))]),
        },
    })
    .into()
}
