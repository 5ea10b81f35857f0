//! Numbers that stay cheap however many things there are: counting ends at a bound, and then says so.

use symbolon_core::client::Client;
use symbolon_core::id::OrganizationId;
use symbolon_core::permission::RealmAccess;
use symbolon_core::store::{ListFilter, Page, PageRequest, StoreResult};

/// Counting ends here.
pub(super) const MOST: u32 = 100;

/// What is asked for to be counted.
pub(super) const fn request() -> PageRequest {
    PageRequest { after: None, limit: MOST }
}

/// The clients of a realm or of one organization, as many as are counted.
pub(super) async fn clients(
    access: &RealmAccess<'_>,
    organization: Option<&OrganizationId>,
) -> StoreResult<Page<Client>> {
    access.store().search_clients(access.id(), organization, &ListFilter::default(), &request()).await
}

/// How many there are, `100+` where there are more than are counted.
pub(super) fn words<T>(page: &Page<T>) -> String {
    let more = if page.next.is_some() { "+" } else { "" };
    format!("{}{more}", page.items.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_says_where_it_ended() {
        assert_eq!(words(&Page { items: vec![(), ()], next: None }), "2");
        assert_eq!(words(&Page { items: vec![(); 100], next: Some("x".to_owned()) }), "100+");
    }
}
