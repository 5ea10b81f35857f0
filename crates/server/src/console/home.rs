//! Where the console begins: each person's own overview.

use axum::response::Redirect;

use crate::console::page;
use crate::console::visitor::Visitor;

/// To where the person belongs.
pub(super) async fn show(visitor: Visitor) -> Redirect {
    Redirect::to(&page::home(&visitor))
}
