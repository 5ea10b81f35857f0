//! Rule 5: of several faults the earliest is told; a right secret passes any back-off; failures are alike.

use std::time::Duration;

use crate::support::{Answer, Bed, NOW, REFUSED, Request, Way, kept_of, secrets};

const PATHS: [&str; 2] = ["/realms/ecoinvent/oauth/token", "/realms/ecoinvent/protocol/openid-connect/token"];

/// The faults in the order in which they are told, with what each answers.
const FAULTS: [(u16, &str); 6] = [
    (400, "invalid_request"),
    (401, "invalid_client"),
    (400, "unsupported_grant_type"),
    (400, "invalid_target"),
    (400, "unauthorized_client"),
    (400, "invalid_scope"),
];

/// A request with the faults whose bits are set.
fn with_faults(path: &str, faults: usize, basic: bool) -> Request {
    let has = |fault: usize| faults & (1 << fault) != 0;
    let (id, secret) = if has(4) {
        ("eco-ended-client", secrets::ECOINVENT_ENDED)
    } else {
        ("eco-trial", secrets::ECOINVENT)
    };
    let secret = if has(1) { "wrong-secret-1234567890" } else { secret };
    let mut body = format!("grant_type={}", if has(2) { "password" } else { "client_credentials" });
    if has(0) {
        body.push_str("&twice=1&twice=2");
    }
    if has(3) {
        body.push_str("&audience=https%3A%2F%2Funknown.example");
    }
    if has(5) {
        body.push_str("&scope=nonsense");
    }
    let mut request = Request::post(path);
    if basic {
        request = request.basic(id, secret);
    } else {
        body.extend(["&client_id=", id, "&client_secret=", secret]);
    }
    // A network for each, so that back-off stays out of it.
    let network = format!("2001:db8:{:x}:{:x}::1", path.len(), faults * 2 + usize::from(basic));
    request.raw("application/x-www-form-urlencoded", body.as_bytes()).from(&network)
}

#[tokio::test]
async fn of_any_faults_together_the_earliest_is_told() {
    let bed = Bed::start().await;
    for path in PATHS {
        for basic in [false, true] {
            assert_eq!(bed.send(with_faults(path, 0, basic)).await.status, 200);
            for faults in 1_usize..64 {
                let (status, code) = FAULTS[faults.trailing_zeros() as usize];
                let answer = bed.send(with_faults(path, faults, basic)).await;
                answer.refused(status, code);
            }
        }
    }
}

#[tokio::test]
async fn a_media_type_or_method_that_is_not_read_goes_before_authentication() {
    let bed = Bed::start().await;
    let wrong = || Request::post(PATHS[0]).basic("eco-trial", "wrong-secret-1234567890");
    bed.send(wrong().raw("text/plain", b"grant_type=x")).await.refused(415, "invalid_request");
    bed.send(wrong().raw("application/json", b"{")).await.refused(400, "invalid_request");
    let get = Request::get(PATHS[0]).basic("eco-trial", "wrong-secret-1234567890");
    bed.send(get).await.refused(405, "invalid_request");
}

async fn fail(bed: &Bed, id: &str, from: &str) -> Answer {
    let request = Way::BasicForm.token("/oauth/token", (id, "wrong-secret-1234567890"), &[]);
    bed.send(request.from(from)).await
}

/// Fails until failures are delayed.
async fn exhaust(bed: &Bed, id: &str, from: &str) -> Answer {
    for _ in 0..10 {
        fail(bed, id, from).await.refused(401, "invalid_client");
    }
    fail(bed, id, from).await
}

#[tokio::test]
async fn a_right_secret_always_passes() {
    let bed = Bed::start().await;
    exhaust(&bed, "meti", "192.0.2.1").await.refused(429, "temporarily_unavailable");
    for way in Way::ALL {
        let answer = bed.send(way.token("/oauth/token", ("meti", secrets::METI), &[])).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    fail(&bed, "meti", "192.0.2.1").await.refused(429, "temporarily_unavailable");
}

#[tokio::test]
async fn unknown_ids_are_delayed_just_like_known_ones() {
    let bed = Bed::start().await;
    let alike = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        (answer.status, headers, answer.text.clone())
    };
    let known = exhaust(&bed, "meti", "192.0.2.1").await;
    let unknown = exhaust(&bed, "nobody-at-all", "192.0.2.1").await;
    assert_eq!(alike(&known), alike(&unknown));
    let (known, unknown) =
        (fail(&bed, "meti", "192.0.2.1").await, fail(&bed, "nobody-at-all", "192.0.2.1").await);
    assert_eq!(alike(&known), alike(&unknown));
}

#[tokio::test]
async fn nobody_can_lock_a_client_out_from_elsewhere() {
    let bed = Bed::start().await;
    exhaust(&bed, "meti", "192.0.2.1").await.refused(429, "temporarily_unavailable");
    fail(&bed, "meti", "192.0.2.2").await.refused(401, "invalid_client");
    fail(&bed, "meti-readonly", "192.0.2.1").await.refused(401, "invalid_client");
    // One subscriber's IPv6 network is one.
    exhaust(&bed, "meti", "2001:db8::1").await.refused(429, "temporarily_unavailable");
    fail(&bed, "meti", "2001:db8::ffff").await.refused(429, "temporarily_unavailable");
    fail(&bed, "meti", "2001:db8:0:1::1").await.refused(401, "invalid_client");
}

#[tokio::test]
async fn waits_double_and_are_forgiven() {
    let bed = Bed::start().await;
    let mut answer = exhaust(&bed, "meti", "192.0.2.1").await;
    for wait in [1_u64, 2, 4, 8, 16, 32, 60, 60] {
        answer.refused(429, "temporarily_unavailable");
        assert_eq!(answer.header("retry-after"), wait.to_string());
        let reset = bed.authority.now().seconds() + wait.cast_signed();
        assert_eq!(answer.header("x-ratelimit-reset"), reset.to_string());
        bed.advance(Duration::from_secs(wait)).await;
        answer = fail(&bed, "meti", "192.0.2.1").await;
    }
    assert!(bed.authority.now() > NOW);
    bed.advance(Duration::from_secs(301)).await;
    fail(&bed, "meti", "192.0.2.1").await.refused(401, "invalid_client");
}

#[tokio::test]
async fn the_endpoints_share_the_count() {
    let bed = Bed::start().await;
    let who = ("meti", "wrong-secret-1234567890");
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke"].into_iter().cycle().take(10) {
        let more = [("token", "x"), ("grant_type", "client_credentials")];
        bed.send(Way::Form.request(path, who, &more)).await.refused(401, "invalid_client");
    }
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke"] {
        let more = [("token", "x"), ("grant_type", "client_credentials")];
        bed.send(Way::Form.request(path, who, &more)).await.refused(429, "temporarily_unavailable");
    }
}

#[tokio::test]
async fn every_spelling_of_an_id_counts_for_the_same_one_and_is_on_record_under_it() {
    let bed = Bed::start().await;
    // A client, a key of its, and an id that nobody has, with one letter after the other encoded.
    for (id, kept, is_known) in
        [("meti", "meti", true), ("meti-key", "meti-key", true), ("nobody-at-all", "nobo…", false)]
    {
        let spelled = (0..id.len()).map(|at| {
            let code = format!("%{:02x}", id.as_bytes()[at]);
            format!("{}{code}{}", &id[..at], &id[at + 1..])
        });
        let spelled: Vec<String> = spelled.chain([id.to_owned()]).collect();
        let paths = ["/oauth/token", "/oauth/introspect", "/oauth/revoke"].into_iter().cycle();
        let more = [("token", "x"), ("grant_type", "client_credentials")];
        let asked = spelled.iter().cycle().zip(paths).map(|(id, path)| {
            Way::BasicForm.request(path, (id, "wrong-secret-1234567890"), &more).from("198.51.99.3")
        });
        for (number, request) in asked.take(11).enumerate() {
            let answer = bed.send(request).await;
            assert_eq!(answer.status, if number < 10 { 401 } else { 429 }, "{id}: {number}");
            let record = bed.refusal(&answer).await;
            assert_eq!(record.unverified_client.as_deref(), Some(kept));
            assert_eq!(record.client.is_some(), is_known, "{id}");
        }
    }
}

#[tokio::test]
async fn one_answer_outside_and_distinct_reasons_inside() {
    let bed = Bed::start_with_bad_clients().await;
    for (id, secret, reason) in REFUSED {
        let answer = bed.send(Way::BasicForm.token("/oauth/token", (id, secret), &[])).await;
        answer.refused(401, "invalid_client");
        let kept = bed.refusal(&answer).await;
        assert_eq!((kept.reason.as_str(), kept.error.as_str()), (reason, "invalid_client"));
        assert_eq!(kept.unverified_client.as_deref(), Some(kept_of(id)));
    }
}

#[tokio::test]
async fn a_failure_is_answered_no_sooner_than_the_floor_whatever_failed() {
    let floor = Duration::from_millis(40);
    let bed = Bed::start_with(|settings| settings.failure_floor = floor).await;
    for (id, secret) in [("meti", "wrong-secret-1234567890"), ("nobody", "x"), ("meti", "sym_sk_x")] {
        let began = std::time::Instant::now();
        bed.send(Way::Form.token("/oauth/token", (id, secret), &[])).await.refused(401, "invalid_client");
        assert!(began.elapsed() >= floor);
    }
}
