//! A canary: secrets that must turn up in no log, no error, no audit row and no debug output.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use symbolon_core::apply::{self, description::Description};
use symbolon_core::edit::access_key;
use symbolon_core::protocol::client_auth::UnverifiedCredentials;
use symbolon_core::protocol::parameters::{Encoding, Parameters};
use symbolon_core::secret::Secret;

use crate::support::{Bed, Log, Node, Request, Way, in_default};

const CANARY: &str = "canary-secret-0123456789";
const SONG: &str = "canary password 0123456789";
const WHO: (&str, &str) = ("canary", CANARY);

async fn with_canary(bed: &Bed) {
    bed.apply(&in_default(&format!(
        "  - id: cage\n    clients:\n    - id: canary\n      settings: {{ grants: [{{ audience: \
         \"https://api.meti.io\", scopes: [\"read:sources\"] }}] }}\n      access_keys: [{{ id: canary-key, secret: \
         {CANARY} }}]\n    users: [{{ email: canary@example.org, role: viewer, password: {SONG} }}]\n"
    )))
    .await;
}

/// The canaries in every form in which they travel.
fn forms() -> Vec<String> {
    let all = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    vec![
        CANARY.to_owned(),
        SONG.to_owned(),
        all(CANARY),
        all(SONG),
        SONG.replace(' ', "+"),
        BASE64.encode(format!("canary:{CANARY}")),
        BASE64.encode(CANARY),
    ]
}

/// Requests with the canary in every place where a secret can stand, and where it should not.
fn requests(token: &str) -> Vec<Request> {
    let mut requests = Vec::new();
    for path in [
        "/oauth/token",
        "/realms/default/protocol/openid-connect/token",
        "/oauth/introspect",
        "/oauth/revoke",
    ] {
        for way in Way::ALL {
            requests.push(way.token(path, WHO, &[("token", token)]));
            requests.push(way.token(path, ("nobody", CANARY), &[("token", CANARY)]));
            requests.push(way.token(path, (CANARY, "canary"), &[("token", token)]));
            requests.push(way.request(path, WHO, &[]));
        }
        requests.push(Way::Form.token(&format!("{path}?client_secret={CANARY}"), WHO, &[]));
        requests.push(Way::Form.token(&format!("{path}?x={CANARY}"), WHO, &[]));
        requests.push(Request::post(path).basic(WHO.0, WHO.1).raw("text/plain", CANARY.as_bytes()));
        requests
            .push(Request::post(path).raw("application/json", format!("{{\"a\":\"{CANARY}\"").as_bytes()));
        requests.push(Request::post(path).basic("x", CANARY).basic(WHO.0, WHO.1).form(&[]));
        requests.push(Request::get(path).bearer(CANARY));
        requests.push(Request::post(path).header("authorization", CANARY).form(&[("grant_type", "x")]));
        requests.push(Request::post(path).header("cookie", CANARY).form(&[("client_secret", CANARY)]));
    }
    for password in [SONG, "wrong"] {
        let body = json!({ "email": "canary@example.org", "password": password });
        requests.push(Request::post("/token").json(&body));
        requests.push(Request::post("/token").json(&json!({ "email": "x@y.example", "password": SONG })));
        requests.push(Request::post("/token").json(&json!({ "email": SONG, "password": "x@y.example" })));
    }
    requests
}

#[tokio::test]
async fn no_log_line_holds_a_secret_or_a_token_even_at_the_finest_level() {
    let log = Log::listen();
    let bed = Bed::start().await;
    with_canary(&bed).await;
    let token = bed.access_token("/oauth/token", WHO.0, WHO.1).await;
    let (node, store) = Node::faulty(&bed).await;
    let mut tokens = vec![token.clone()];
    for faults in [&[][..], &["append_tokens"][..], &["find_credential"][..]] {
        store.fail(faults);
        for request in requests(&token) {
            for answer in [bed.send(request.clone()).await, node.send(request).await] {
                for member in ["access_token", "token"] {
                    tokens.extend(answer.body[member].as_str().map(str::to_owned));
                }
            }
        }
    }
    let client = bed.find_client("default", "canary").await.client;
    let made = bed
        .operator("default", async |editor| access_key::create(editor, &client, None).await.unwrap())
        .await;
    let rehashing =
        Node::with_peppers(&bed, [crate::support::key("new", 40), crate::support::key("test", 100)]);
    rehashing.await.send(Way::Form.token("/oauth/token", WHO, &[])).await;
    let text = log.text();
    assert!(text.contains("answered") && text.contains("/oauth/token"), "the log was listened to");
    assert!(text.contains("status=503") && text.contains("reason="), "the log says why");
    for form in forms() {
        assert!(!text.contains(&form), "{form}");
    }
    assert!(!text.contains(made.secret.expose()));
    for token in tokens {
        assert!(!text.contains(token.rsplit('.').next().unwrap()), "a token's signature");
    }
}

#[tokio::test]
async fn no_refusal_and_no_audit_row_holds_a_secret() {
    let bed = Bed::start().await;
    with_canary(&bed).await;
    let token = bed.access_token("/oauth/token", WHO.0, WHO.1).await;
    for request in requests(&token) {
        let answer = bed.send(request).await;
        let mut texts = vec![answer.text.replace(&token, ""), format!("{:?}", answer.headers)];
        if answer.status != 200 {
            let refusal = bed.refusal(&answer).await;
            texts.push(format!("{refusal:?}"));
        }
        for (text, form) in texts.iter().flat_map(|text| forms().into_iter().map(move |form| (text, form))) {
            assert!(!text.contains(&form), "{form} in {text}");
        }
    }
    for row in bed.audit("default", 0, None).await {
        let text = format!("{row:?}");
        assert!(forms().iter().all(|form| !text.contains(form)), "{text}");
    }
}

#[tokio::test]
async fn nothing_that_can_be_printed_prints_a_secret() {
    let yaml = in_default(&format!(
        "  - id: cage\n    clients:\n    - id: canary\n      access_keys: [{{ id: k, secret: {CANARY} }}]\n    users: \
         [{{ email: canary@example.org, role: viewer, password: {SONG} }}]\n"
    ));
    let bed = Bed::start().await;
    let description = Description::parse(&yaml).unwrap();
    let plan = apply::plan(&bed.authority, &description).await.unwrap();
    let body = format!("client_id=canary&client_secret={CANARY}");
    let parameters = Parameters::read(Encoding::Form, body.as_bytes()).unwrap();
    let credentials = UnverifiedCredentials::read(None, &parameters).unwrap();
    with_canary(&bed).await;
    let known = bed.find_client("default", "canary").await;
    let secret = Secret::new(CANARY.to_owned());
    let printed = [
        format!("{description:?}"),
        format!("{plan:?}"),
        plan.to_string(),
        format!("{parameters:?}"),
        format!("{credentials:?}"),
        format!("{known:?}"),
        format!("{secret:?}"),
    ];
    for text in printed {
        assert!(forms().iter().all(|form| !text.contains(form)), "{text}");
        assert!(!text.contains(&known.keys[0].secret.hmac.to_string()), "{text}");
    }
}

#[test]
fn a_mistake_in_a_description_is_told_without_its_secrets() {
    let key = format!("{{ id: canary-key, secret: {CANARY}, wek: true }}");
    for broken in [
        in_default(&format!("  - id: cage\n    clients:\n    - id: canary\n      access_keys: [{key}]\n")),
        in_default(&format!("  - id: cage\n    clients: [{{ id: canary, {CANARY}: x }}]\n    x: {SONG}\n"))
            .replace(&format!("{CANARY}: x"), &format!("settings: {CANARY}")),
        format!("realms: {CANARY}"),
        format!("- {CANARY}"),
    ] {
        let error = Description::parse(&broken).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains(CANARY) && !text.contains(SONG), "{text}");
    }
}
