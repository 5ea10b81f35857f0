//! ecoinvent's API: `GET /v0/versions`. Any valid token will do; without a licence there is none.

use axum::http::Method;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use symbolon_guard::Guard;
use symbolon_guard::protocol::scope::InvalidScope;

/// The routes.
pub(crate) fn routes(guard: &Guard) -> Result<Router, InvalidScope> {
    let layer = guard.layer().require_for(Method::GET, "")?;
    Ok(Router::new().route("/v0/versions", get(versions).layer(layer)))
}

async fn versions() -> Json<Value> {
    const CUT_OFF: &str = "cutoff";
    const CONSEQUENTIAL: &str = "consequential";
    const APOS: &str = "apos";
    Json(json!([
        { "version": "3.11", "released": "2024-11-20", "system_models": [CUT_OFF, CONSEQUENTIAL, APOS] },
        { "version": "3.10.1", "released": "2024-05-28", "system_models": [CUT_OFF, CONSEQUENTIAL, APOS] },
        { "version": "3.9.1", "released": "2022-12-20", "system_models": [CUT_OFF, APOS] },
    ]))
}
