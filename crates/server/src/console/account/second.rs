//! The second step of signing in, or of proving again who one is: a code, a recovery code or a passkey.
//!
//! What the first step found out waits in a cookie, sealed, for five minutes.

use askama::Template;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use symbolon_core::authority::Authority;
use symbolon_core::sign_in::factors::Methods;
use symbolon_core::sign_in::{Pending, Refused, passkey, recovery, totp};

use crate::console::account::door::{Door, PasskeyForm, entered, onward, said};
use crate::console::address;
use crate::console::cookie::{self, Cookie};
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::list::ListQuery;
use crate::console::page::{Frame, Page, gone_to};
use crate::console::texts::Texts;

/// How long what waits is kept by the browser, in seconds; it ends by itself as soon.
const PATIENCE: u32 = 300;

#[derive(Template)]
#[template(path = "account/second.html")]
struct SecondContent<'a> {
    t: Texts,
    action: &'a str,
    next: &'a str,
    methods: Methods,
    mistakes: Mistakes,
    passkey: Option<PasskeyForm>,
    sign_in: &'a str,
}

/// To the page, with the cookie of what waits.
pub(super) fn wanted(authority: &Authority, sign_in: &str, pending: &Pending, next: &str) -> Response {
    let mut response = gone_to(&format!("{sign_in}/second?next={}", address::encoded(next)), "");
    let waiting = format!("{}.{}", written(pending.methods), pending.state.expose());
    let value = Cookie::Pending.set(cookie::are_secure(authority), &waiting, Some(PATIENCE));
    if let Some(value) = value {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// The ways that are offered, as the cookie says them. What a browser makes of it opens nothing: the answer is
/// judged by what is kept.
fn written(methods: Methods) -> String {
    let flags = [(methods.code, 'c'), (methods.passkey, 'p'), (methods.recovery_code, 'r')];
    flags.into_iter().filter_map(|(is_set, flag)| is_set.then_some(flag)).collect()
}

fn read(flags: &str) -> Methods {
    Methods { code: flags.contains('c'), passkey: flags.contains('p'), recovery_code: flags.contains('r') }
}

/// What waits: the ways that are offered, and the first step.
fn waiting(door: &Door, headers: &HeaderMap) -> Option<(Methods, String)> {
    let value = Cookie::Pending.read(cookie::are_secure(&door.authority), headers)?;
    let (flags, state) = value.split_once('.')?;
    Some((read(flags), state.to_owned()))
}

/// Back to the first step, because it took too long.
fn begin_anew(door: &Door, next: &str) -> Response {
    let to = format!("{}?next={}&done=sign-in-expired", door.sign_in(), address::encoded(next));
    let mut response = gone_to(&to, "");
    if let Some(value) = Cookie::Pending.gone(cookie::are_secure(&door.authority)) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

async fn page(
    door: &Door,
    (methods, state): (Methods, &str),
    next: &str,
    mistakes: Mistakes,
) -> Result<Response, Failure> {
    let t = door.texts();
    let mut passkey = None;
    if methods.passkey
        && let Some(rp) = door.site.relying_party(t)
    {
        match passkey::begin_second_factor(door.attempt(), &rp, state).await {
            Ok(ceremony) => passkey = Some(PasskeyForm::of(&ceremony, door.path())),
            Err(Refused::Expired) => return Ok(begin_anew(door, next)),
            Err(refused) => {
                said(refused, "")?;
            }
        }
    }
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let content =
        SecondContent { t, action: door.path(), next, methods, mistakes, passkey, sign_in: door.sign_in() };
    let frame = Frame::outside(&door.asked, t, t.of("second-title"));
    Ok(Page::new(frame, content).with_status(status).into_response())
}

/// The page.
pub(super) async fn show(door: Door, headers: HeaderMap) -> Result<Response, Failure> {
    let next = onward(ListQuery::of(&door.asked, &["next"]).set("next"));
    match waiting(&door, &headers) {
        Some((methods, state)) => page(&door, (methods, &state), &next, Mistakes::default()).await,
        None => Ok(begin_anew(&door, &next)),
    }
}

/// Takes one of the ways.
pub(super) async fn check(door: Door, headers: HeaderMap, form: Form) -> Result<Response, Failure> {
    let next = onward(form.filled("next"));
    let Some((methods, state)) = waiting(&door, &headers) else { return Ok(begin_anew(&door, &next)) };
    let (field, checked) = match form.text("method") {
        "code" => ("code", totp::sign_in(door.attempt(), &state, form.text("code")).await),
        "recovery" => ("recovery", recovery::sign_in(door.attempt(), &state, form.text("recovery")).await),
        "passkey" => {
            let rp = door.site.relying_party(door.texts()).ok_or(Failure::NotFound)?;
            let answer = serde_json::from_str(form.raw("answer")).map_err(|_| Failure::Form)?;
            ("", passkey::sign_in(door.attempt(), &rp, form.text("state"), &answer).await)
        }
        _ => return Err(Failure::Form),
    };
    match checked {
        Ok(signed_in) => Ok(entered(&door.authority, &signed_in, &next)),
        Err(Refused::Expired) => Ok(begin_anew(&door, &next)),
        Err(refused) => {
            let text = match field {
                "code" => "second-code-wrong",
                "recovery" => "second-recovery-wrong",
                _ => "passkey-wrong",
            };
            let mut mistakes = Mistakes::default();
            mistakes.add(field, door.texts().of(said(refused, text)?));
            page(&door, (methods, &state), &next, mistakes).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_that_are_offered_are_read_as_they_were_written() {
        for bits in 0..8_u8 {
            let methods = Methods { code: bits & 1 > 0, passkey: bits & 2 > 0, recovery_code: bits & 4 > 0 };
            assert_eq!(read(&written(methods)), methods);
        }
    }
}
