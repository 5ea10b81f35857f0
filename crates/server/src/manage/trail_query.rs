//! What people look for among changes, tokens and refusals: the parameters of those lists.

use serde::Deserialize;
use symbolon_core::audit::{ActorKind, SubjectKind};
use symbolon_core::id::{ClientId, OrganizationId};
use symbolon_core::trail::{ChangeFilter, Order, Period, Query, TokenFilter, TrailRequest};
use utoipa::{IntoParams, ToSchema};

use crate::manage::error::{Kind, Problem};
use crate::manage::page::request;
use crate::manage::time::Time;

/// Which end comes first.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TrailOrder)]
pub(crate) enum Ordered {
    /// The latest first.
    #[default]
    Newest,
    /// The earliest first.
    Oldest,
}

/// Which changes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangesQuery {
    /// Those that concern this organization.
    organization: Option<String>,
    /// Those of this kind of actor.
    #[param(value_type = Option<String>)]
    actor_kind: Option<ActorKind>,
    /// Those of this actor; needs its kind.
    actor: Option<String>,
    /// Those of this kind of thing.
    #[param(value_type = Option<String>)]
    subject_kind: Option<SubjectKind>,
    /// Those of this thing; needs its kind.
    subject: Option<String>,
    /// Those in which this was done: `create`, `update`, `delete`, …
    action: Option<String>,
    /// Those that came with this request.
    request_id: Option<String>,
    /// From this moment on.
    from: Option<Time>,
    /// Up to, and without, this moment.
    to: Option<Time>,
    #[serde(default)]
    #[param(inline)]
    order: Ordered,
    /// At most so many; 50 unless it is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Where to continue: `next` of the part before.
    cursor: Option<String>,
}

/// Which tokens.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TokensQuery {
    /// Those of this organization.
    organization: Option<String>,
    /// Those of this client.
    client: Option<String>,
    /// From this moment on.
    from: Option<Time>,
    /// Up to, and without, this moment.
    to: Option<Time>,
    #[serde(default)]
    #[param(inline)]
    order: Ordered,
    /// At most so many; 50 unless it is said. A page may have fewer, or none, and still a next one.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Where to continue: `next` of the part before.
    cursor: Option<String>,
}

/// Which refusals.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefusalsQuery {
    /// Those whose request named this client or one of its access keys. A customer has to say which.
    pub(crate) client: Option<String>,
    /// Those for this reason, by its stable name.
    reason: Option<String>,
    /// From this moment on.
    from: Option<Time>,
    /// Up to, and without, this moment.
    to: Option<Time>,
    #[serde(default)]
    #[param(inline)]
    order: Ordered,
    /// At most so many; 50 unless it is said. A page may have fewer, or none, and still a next one.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Where to continue: `next` of the part before.
    cursor: Option<String>,
}

fn period(from: Option<Time>, to: Option<Time>) -> Period {
    Period { from: from.map(|time| time.0), to: to.map(|time| time.0) }
}

fn part(order: Ordered, limit: Option<u32>, cursor: Option<&str>) -> Result<TrailRequest, Problem> {
    let order = match order {
        Ordered::Newest => Order::NewestFirst,
        Ordered::Oldest => Order::OldestFirst,
    };
    let page = request(limit, cursor)?;
    Ok(TrailRequest { after: page.after, limit: page.limit, order })
}

fn organization(text: Option<&str>) -> Result<Option<OrganizationId>, Problem> {
    let id = text.map(OrganizationId::new).transpose();
    id.map_err(|_| Problem::new(Kind::InvalidParameter, "organization is not an id"))
}

fn client(text: Option<&str>) -> Result<Option<ClientId>, Problem> {
    let id = text.map(ClientId::new).transpose();
    id.map_err(|_| Problem::new(Kind::InvalidParameter, "client is not an id"))
}

impl ChangesQuery {
    /// As core wants it.
    pub(crate) fn query(self) -> Result<(Query, TrailRequest), Problem> {
        let page = part(self.order, self.limit, self.cursor.as_deref())?;
        let of =
            |name: &str| Problem::new(Kind::InvalidParameter, format!("{name} needs {name}_kind beside it"));
        if self.actor.is_some() && self.actor_kind.is_none() {
            return Err(of("actor"));
        }
        if self.subject.is_some() && self.subject_kind.is_none() {
            return Err(of("subject"));
        }
        let filter = ChangeFilter {
            organization: organization(self.organization.as_deref())?,
            actor: self.actor_kind.map(|kind| (kind, self.actor)),
            subject: self.subject_kind.map(|kind| (kind, self.subject)),
            action: self.action,
            request_id: self.request_id,
            period: period(self.from, self.to),
        };
        Ok((Query::Changes(filter), page))
    }
}

impl TokensQuery {
    /// As core wants it.
    pub(crate) fn query(self) -> Result<(Query, TrailRequest), Problem> {
        let page = part(self.order, self.limit, self.cursor.as_deref())?;
        let filter = TokenFilter {
            organization: organization(self.organization.as_deref())?,
            client: client(self.client.as_deref())?,
            period: period(self.from, self.to),
        };
        Ok((Query::Tokens(filter), page))
    }
}

impl RefusalsQuery {
    /// As core wants it.
    pub(crate) fn query(self) -> Result<(Query, TrailRequest), Problem> {
        let page = part(self.order, self.limit, self.cursor.as_deref())?;
        let (reason, client) = (self.reason, client(self.client.as_deref())?);
        Ok((Query::Refusals { reason, client, period: period(self.from, self.to) }, page))
    }
}
