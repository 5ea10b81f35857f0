//! Going on with a form that had to wait until its person had shown who it is: one button sends it.

use askama::Template;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use crate::console::address;
use crate::console::cookie::{self, Cookie};
use crate::console::entered::waiting;
use crate::console::page::{Frame, Page, Place, gone_to};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

#[derive(Template)]
#[template(path = "account/go_on.html")]
struct GoOnContent<'a> {
    t: Texts,
    action: &'a str,
    fields: &'a [(String, String)],
}

/// The page. What waited stands in it now, and in no cookie any more.
pub(super) async fn show(visitor: Visitor, headers: HeaderMap) -> Response {
    let Some(waiting) = waiting(&visitor, &headers) else { return gone_to(address::HOME, "") };
    let place = Place::nowhere();
    let t = place.texts(&visitor);
    let content = GoOnContent { t, action: &waiting.path, fields: waiting.form.pairs() };
    let frame = Frame::inside(&visitor, &place, t.of("go-on-title"));
    let mut response = Page::new(frame, content).into_response();
    if let Some(value) = Cookie::Entered.gone(cookie::are_secure(&visitor.authority)) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
