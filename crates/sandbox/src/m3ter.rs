//! m3ter's API: the products of an organization, a page at a time. The scope that it needs comes with a permission
//! policy, so a service user without one is refused.

use axum::http::Method;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use symbolon_guard::protocol::scope::InvalidScope;
use symbolon_guard::{Caller, Guard};

use crate::answer::{ApiError, InPath, Parameters};

/// The customer that has products.
const CUSTOMER: &str = "meridian-cloud";
const LARGEST_PAGE: usize = 200;

/// The routes.
pub(crate) fn routes(guard: &Guard) -> Result<Router, InvalidScope> {
    let layer = guard.layer().require_for(Method::GET, "config:read")?;
    Ok(Router::new()
        .route("/organizations/{organization}/products", get(list).layer(layer.clone()))
        .route("/organizations/{organization}/products/{id}", get(find).layer(layer)))
}

async fn list(
    caller: Caller,
    InPath(organization): InPath<String>,
    query: Parameters,
) -> Result<Json<Value>, ApiError> {
    own(&caller, &organization)?;
    let mut found = products_of(&organization);
    if let Some(ids) = query.get("ids") {
        found.retain(|product| ids.split(',').any(|id| product["id"] == id));
    }
    page(&found, query.get("pageSize"), query.get("nextToken")).map(Json)
}

async fn find(
    caller: Caller,
    InPath((organization, id)): InPath<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    own(&caller, &organization)?;
    let found = products_of(&organization).into_iter().find(|product| product["id"] == id.as_str());
    found.map(Json).ok_or_else(|| ApiError::not_found("There is no product of that id"))
}

/// Refuses an organization that is not the caller's own, whether there is one or not.
fn own(caller: &Caller, organization: &str) -> Result<(), ApiError> {
    if caller.organization() == Some(organization) {
        return Ok(());
    }
    Err(ApiError::denied("The service user belongs to another organization"))
}

/// One page. The token of the next is the id of this one's last product.
fn page(products: &[Value], size: Option<&str>, token: Option<&str>) -> Result<Value, ApiError> {
    let size = match size {
        None => LARGEST_PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| (1..=LARGEST_PAGE).contains(size))
            .ok_or_else(|| ApiError::bad(format!("pageSize is a number from 1 to {LARGEST_PAGE}")))?,
    };
    let start = match token {
        None => 0,
        Some(last) => products
            .iter()
            .position(|product| product["id"] == last)
            .map(|at| at + 1)
            .ok_or_else(|| ApiError::bad("nextToken is none that was given out; begin without it"))?,
    };
    let rest = products.get(start..).unwrap_or_default();
    let data = rest.get(..size).unwrap_or(rest);
    let next = if data.len() < rest.len() { data.last().map(|last| last["id"].clone()) } else { None };
    Ok(json!({ "data": data, "nextToken": next }))
}

fn products_of(organization: &str) -> Vec<Value> {
    if organization != CUSTOMER {
        return Vec::new();
    }
    [
        ("6f1c2b0e-0001-4c5e-9a51-0d2f7c6e1a01", "Object storage", "object_storage"),
        ("6f1c2b0e-0002-4c5e-9a51-0d2f7c6e1a02", "Compute", "compute"),
        ("6f1c2b0e-0003-4c5e-9a51-0d2f7c6e1a03", "Data transfer", "data_transfer"),
        ("6f1c2b0e-0004-4c5e-9a51-0d2f7c6e1a04", "Managed database", "managed_database"),
        ("6f1c2b0e-0005-4c5e-9a51-0d2f7c6e1a05", "Support", "support"),
    ]
    .map(|(id, name, code)| {
        json!({
            "id": id,
            "name": name,
            "code": code,
            "version": 1,
            "dtCreated": "2025-01-06T10:00:00.000Z",
            "dtLastModified": "2025-01-06T10:00:00.000Z",
        })
    })
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_everything_once_and_end() {
        let products = products_of(CUSTOMER);
        for size in ["1", "2", "5", "200"] {
            let (mut seen, mut token) = (Vec::new(), None::<String>);
            loop {
                let page = page(&products, Some(size), token.as_deref()).unwrap();
                seen.extend(page["data"].as_array().unwrap().clone());
                token = page["nextToken"].as_str().map(str::to_owned);
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(seen, products, "pages of {size}");
        }
        assert_eq!(page(&[], None, None).unwrap(), json!({ "data": [], "nextToken": null }));
    }

    #[test]
    fn what_cannot_be_a_page_is_refused() {
        for (size, token) in
            [(Some("0"), None), (Some("201"), None), (Some("x"), None), (None, Some("other"))]
        {
            assert!(page(&products_of(CUSTOMER), size, token).is_err(), "{size:?} {token:?}");
        }
    }
}
