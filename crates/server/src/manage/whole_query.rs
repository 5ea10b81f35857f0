//! What can be said of everything at once: how it is exported, and how a description is applied.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// The form of an export.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// A line of JSON for each thing, as this API shows it, and one for the end.
    #[default]
    Lines,
    /// A line of JSON for each thing, as a description has it.
    Items,
    /// A description in YAML.
    Description,
}

/// The form that is asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `lines` of JSON as this API shows things; the `description` that can be applied, in YAML; or its `items`, as
    /// lines of JSON.
    #[serde(default)]
    #[param(inline)]
    pub(crate) form: Form,
}

/// How a description is applied.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApplyQuery {
    /// Say what would be done, and do nothing.
    #[serde(default)]
    pub(crate) plan: bool,
}
