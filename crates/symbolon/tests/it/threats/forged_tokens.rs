//! Tokens that were cut, changed, signed by others or with claims of the wrong type (14, 15, 27).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::protocol::jws::SigningKey;

use crate::support::{API, Bed, HOLDER, Way};

fn encode(value: &Value) -> String {
    BASE64URL.encode(value.to_string())
}

/// Signs whatever a test likes with the realm's own key.
fn signed(bed: &Bed, header: &Value, claims: &str) -> String {
    let realm = bed.authority.directory().realm("default").unwrap();
    let signer = realm.signer(Algorithm::Rs256).unwrap();
    signer.key.sign(&encode(header), claims.as_bytes()).unwrap()
}

struct Good {
    bed: Bed,
    token: String,
    header: Value,
    claims: Value,
}

async fn good() -> Good {
    let bed = Bed::start_with_switches().await;
    let answer = bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await;
    let token = answer.body["access_token"].as_str().unwrap().to_owned();
    Good { token, header: answer.token_header(), claims: answer.claims(), bed }
}

#[tokio::test]
async fn t14_no_prefix_of_a_token_is_a_token() {
    let Good { bed, token, .. } = good().await;
    assert!(bed.lives(&token).await);
    let dots: Vec<usize> = token.match_indices('.').map(|(at, _)| at).collect();
    let lengths = (1..token.len()).filter(|length| {
        // Every length near an edge, and every seventh between.
        let near = dots.iter().any(|dot| length.abs_diff(*dot) < 4) || token.len() - length < 12;
        near || length % 7 == 0
    });
    for length in lengths {
        assert!(!bed.lives(&token[..length]).await, "{length}");
    }
    for longer in [format!("{token}A"), format!("{token}."), format!("{token}="), format!(".{token}")] {
        assert!(!bed.lives(&longer).await);
    }
}

#[tokio::test]
async fn t14_no_changed_bit_goes_unnoticed() {
    let Good { bed, token, .. } = good().await;
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| BASE64URL.decode(part).unwrap()).collect();
    for (index, part) in parts.iter().enumerate() {
        for byte in 0..part.len() {
            let mut changed = parts.clone();
            changed[index][byte] ^= 1 << (byte % 8);
            let changed: Vec<String> = changed.iter().map(|part| BASE64URL.encode(part)).collect();
            assert!(!bed.lives(&changed.join(".")).await, "part {index}, byte {byte}");
        }
    }
    // The spare bits behind the last byte's base64 are no place to hide other spellings of the same token.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for other in alphabet.chars().filter(|other| !token.ends_with(*other)) {
        let respelled = format!("{}{other}", &token[..token.len() - 1]);
        assert!(!bed.lives(&respelled).await, "{other}");
    }
}

#[tokio::test]
async fn t14_parts_of_different_tokens_make_no_token() {
    let Good { bed, token, .. } = good().await;
    let other = bed.client_token().await;
    let (one, two): (Vec<&str>, Vec<&str>) = (token.split('.').collect(), other.split('.').collect());
    assert!(!bed.lives(&[one[0], two[1], one[2]].join(".")).await);
    assert!(!bed.lives(&[one[0], one[1], two[2]].join(".")).await);
    assert!(!bed.lives(&[one[0], one[1], ""].join(".")).await);
    assert!(!bed.lives(&[one[0], one[1]].join(".")).await);
}

#[tokio::test]
async fn t15_a_token_for_a_foreign_audience_is_nothing_to_an_introspector() {
    let Good { bed, header, claims, .. } = good().await;
    assert!(bed.lives(&signed(&bed, &header, &claims.to_string())).await, "the way of forging works");
    for audience in [
        json!("https://api.m3ter.com"),
        json!("https://api.meti.io.evil.example"),
        json!("https://API.METI.IO"),
        json!(""),
        json!([]),
        json!(["https://api.m3ter.com"]),
        json!(null),
        json!(1),
        json!({ "aud": API }),
    ] {
        let mut forged = claims.clone();
        forged["aud"] = audience.clone();
        assert!(!bed.lives(&signed(&bed, &header, &forged.to_string())).await, "{audience}");
    }
}

#[tokio::test]
async fn t27_claims_of_the_wrong_type_are_refused_not_skipped() {
    let Good { bed, header, claims, .. } = good().await;
    let exp = claims["exp"].as_i64().unwrap();
    let wrong = [
        (
            "exp",
            vec![json!(exp.to_string()), json!(null), json!([exp]), json!(true), json!({}), json!("never")],
        ),
        ("nbf", vec![json!("0"), json!([0]), json!(false)]),
        ("iat", vec![json!("0"), json!({}), json!([])]),
        ("iat_ms", vec![json!("9999999999999"), json!([])]),
        ("iss", vec![json!(1), json!(null), json!(["https://auth.example/"]), json!("https://auth.example")]),
        ("sub", vec![json!(1), json!(null), json!(["meti"])]),
        ("client_id", vec![json!(1), json!(["meti"])]),
        ("jti", vec![json!(1), json!([])]),
        ("scope", vec![json!(1), json!(["read:sources"])]),
        ("org_id", vec![json!(1)]),
        ("key_id", vec![json!(1)]),
    ];
    for (name, values) in wrong {
        for value in values {
            let mut forged = claims.clone();
            forged[name] = value.clone();
            assert!(!bed.lives(&signed(&bed, &header, &forged.to_string())).await, "{name}: {value}");
        }
    }
    for name in ["exp", "iss", "sub", "aud"] {
        let mut forged = claims.clone();
        forged.as_object_mut().unwrap().remove(name);
        assert!(!bed.lives(&signed(&bed, &header, &forged.to_string())).await, "{name} absent");
    }
    // The same key twice: two readers could take different ones.
    let text = claims.to_string();
    let doubled = format!("{{\"exp\":99999999999,{}", &text[1..]);
    assert!(!bed.lives(&signed(&bed, &header, &doubled)).await);
    for payload in ["", "null", "[]", "1", "{}", "not json"] {
        assert!(!bed.lives(&signed(&bed, &header, payload)).await, "{payload}");
    }
}

#[tokio::test]
async fn the_header_cannot_choose_algorithm_or_key() {
    let Good { bed, token, header, claims } = good().await;
    let changed = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        header
    };
    let headers = [
        changed("alg", json!("none")),
        changed("alg", json!("HS256")),
        changed("alg", json!("ES256")),
        changed("alg", json!("PS256")),
        changed("alg", json!("rs256")),
        changed("alg", json!(null)),
        changed("kid", json!("sig_unknown")),
        changed("kid", json!("")),
        changed("kid", json!("x".repeat(129))),
        changed("kid", json!("../../etc/passwd")),
        changed("kid", json!(1)),
        changed("typ", json!("logout+jwt")),
        changed("typ", json!("revocations+jwt")),
        changed("typ", json!(null)),
        changed("jku", json!("https://evil.example/jwks.json")),
        changed("x5u", json!("https://evil.example/x")),
        changed("x5c", json!(["x"])),
        changed("jwk", json!({ "kty": "RSA" })),
        changed("crit", json!(["exp"])),
        changed("b64", json!(false)),
    ];
    for header in headers {
        let forged = signed(&bed, &header, &claims.to_string());
        // Some of these are harmless beside a good signature; what is refused is refused, nothing is fetched.
        let harmless = header.get("x5c").is_some() || header.get("b64").is_some();
        assert!(harmless || !bed.lives(&forged).await, "{header}");
    }
    let (_, payload) = token.split_once('.').unwrap();
    let payload = payload.split('.').next().unwrap();
    let none =
        format!("{}.{payload}.", encode(&json!({ "alg": "none", "typ": "JWT", "kid": header["kid"] })));
    assert!(!bed.lives(&none).await);
    let twice = format!(r#"{{"alg":"none",{}"#, &header.to_string()[1..]);
    let twice = format!("{}.{payload}.{}", BASE64URL.encode(twice), token.rsplit('.').next().unwrap());
    assert!(!bed.lives(&twice).await);
}

#[tokio::test]
async fn a_key_of_the_same_name_that_is_not_the_realms_signs_nothing() {
    let Good { bed, header, claims, .. } = good().await;
    for algorithm in [Algorithm::Es256, Algorithm::Ed25519] {
        let pkcs8 = SigningKey::generate_pkcs8(algorithm).unwrap();
        let key = SigningKey::from_pkcs8(algorithm, header["kid"].as_str().unwrap(), &pkcs8).unwrap();
        for header in [encode(&header), key.encoded_header("JWT")] {
            let forged = key.sign(&header, claims.to_string().as_bytes()).unwrap();
            assert!(!bed.lives(&forged).await);
        }
    }
    // Another realm's key is not this realm's, whatever it signs.
    let plain = bed.authority.directory().realm("plain").unwrap();
    let signer = plain.signer(Algorithm::Es256).unwrap();
    let forged = signer.key.sign(&signer.key.encoded_header("JWT"), claims.to_string().as_bytes()).unwrap();
    assert!(!bed.lives(&forged).await);
    assert!(bed.lives(&bed.client_token().await).await);
}

#[tokio::test]
async fn a_token_that_is_not_valid_yet_is_inactive() {
    let Good { bed, header, claims, .. } = good().await;
    let mut forged = claims.clone();
    forged["nbf"] = json!(claims["nbf"].as_i64().unwrap() + 10);
    let token = signed(&bed, &header, &forged.to_string());
    assert!(!bed.lives(&token).await);
    bed.advance(std::time::Duration::from_secs(10)).await;
    assert!(bed.lives(&token).await);
}
