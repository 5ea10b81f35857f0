//! Which tokens are let in: everything about the token itself, in the memory of verified ones or not.

use proptest::prelude::*;
use serde_json::{Value, json};
use symbolon_guard::protocol::algorithm::Algorithm;
use symbolon_guard::{Guard, Issuer, Refusal, Revocations, SharedKeys};

use crate::support::{AUDIENCE, ISSUER, NOW, World, claims, claims_with, key, key_of, set, sign};

/// Base64url without padding, by hand, for forged headers.
fn encode(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[bits >> (18 - 6 * place) & 63]));
        }
    }
    text
}

/// A token signed by the world's key under a header of one's own.
fn sign_under(world: &World, header: &Value) -> String {
    world.key.sign(&encode(header.to_string().as_bytes()), claims().to_string().as_bytes()).unwrap()
}

#[test]
fn the_caller_says_all_that_the_token_says() {
    let world = World::new();
    let caller = world.verify(&world.token()).unwrap();
    assert_eq!(caller.issuer(), ISSUER);
    assert_eq!(caller.subject(), "cli_1");
    assert_eq!(caller.client_id(), Some("cli_1"));
    assert_eq!(caller.organization(), Some("org_1"));
    assert_eq!(caller.key_id(), Some("key_1"));
    assert_eq!(caller.token_id(), Some("tok_1"));
    assert_eq!(caller.audience(), AUDIENCE);
    assert_eq!(caller.expires_at(), NOW + 3600);
    assert_eq!(caller.issued_at_ms(), Some(NOW * 1000 + 7));
    assert_eq!(caller.signing_key(), "k1");
    assert_eq!(caller.scopes().to_string(), "read:sources write:sources");
    assert!(caller.has_scope("read:sources"));
    assert!(!caller.has_scope("read"));
    assert_eq!(caller.claim("https://api.example/role"), Some(&json!("editor")));
    assert_eq!(caller.claims()["iss"], ISSUER);
}

#[test]
fn every_algorithm_verifies_from_the_signature_and_from_memory() {
    let world = World::new();
    for algorithm in Algorithm::ALL {
        let key = key_of(algorithm, "k1");
        world.keys.publish(set([&key]));
        let token = sign(&key, &claims());
        assert!(world.verify(&token).is_ok(), "{algorithm}");
        assert!(world.verify(&token).is_ok(), "{algorithm}");
    }
}

#[test]
fn a_token_expires_at_its_very_exp_in_memory_too() {
    let world = World::new();
    let token = world.token();
    let exp_ms = (NOW + 3600) * 1000;
    world.clock.set_ms(exp_ms - 1);
    assert!(world.verify(&token).is_ok());
    world.clock.set_ms(exp_ms);
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::Expired);
    let fresh = world.sign(&claims_with("jti", "tok_2".into()));
    assert_eq!(world.verify(&fresh).unwrap_err(), Refusal::Expired);
}

#[test]
fn nbf_and_iat_may_lie_thirty_seconds_ahead_and_no_more() {
    let world = World::new();
    for (name, unit) in [("nbf", 1), ("iat", 1), ("iat_ms", 1000)] {
        let edge = claims_with(name, ((NOW + 30) * unit).into());
        assert!(world.verify(&world.sign(&edge)).is_ok(), "{name}");
        let beyond = claims_with(name, ((NOW + 30) * unit + 1).into());
        assert_eq!(world.verify(&world.sign(&beyond)).unwrap_err(), Refusal::NotYetValid, "{name}");
    }
}

#[test]
fn both_leeways_can_be_set() {
    let world = World::with(Revocations::new(), |builder| {
        builder.leeway(std::time::Duration::ZERO).expiry_leeway(std::time::Duration::from_secs(5))
    });
    let token = world.token();
    world.clock.set_ms(NOW * 1000 + 6);
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::NotYetValid);
    world.clock.set_ms((NOW + 3605) * 1000 - 1);
    assert!(world.verify(&token).is_ok());
    world.clock.set_ms((NOW + 3605) * 1000);
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::Expired);
}

#[test]
fn memory_answers_no_question_of_time_when_the_clock_jumps() {
    let world = World::new();
    let token = world.token();
    assert!(world.verify(&token).is_ok());
    world.clock.pass_s(-31);
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::NotYetValid);
    world.clock.pass_s(31 + 3600);
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::Expired);
}

#[test]
fn extreme_times_are_refused_or_accepted_without_overflow() {
    let world = World::new();
    assert!(world.verify(&world.sign(&claims_with("exp", i64::MAX.into()))).is_ok());
    assert_eq!(
        world.verify(&world.sign(&claims_with("exp", i64::MIN.into()))).unwrap_err(),
        Refusal::Expired
    );
    assert_eq!(
        world.verify(&world.sign(&claims_with("nbf", i64::MAX.into()))).unwrap_err(),
        Refusal::NotYetValid
    );
    assert!(world.verify(&world.sign(&claims_with("nbf", i64::MIN.into()))).is_ok());
    world.clock.set_ms(i64::MAX);
    assert_eq!(world.verify(&world.token()).unwrap_err(), Refusal::Expired);
}

#[test]
fn threat_14_every_prefix_and_every_flipped_bit_is_refused_even_beside_the_remembered_original() {
    let world = World::new();
    let token = world.token();
    assert!(world.verify(&token).is_ok());
    for end in 0..token.len() {
        assert!(world.verify(&token[..end]).is_err(), "prefix of {end}");
    }
    for at in 0..token.len() {
        for bit in 0..7 {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(world.verify(&changed).is_err(), "bit {bit} of byte {at}");
        }
    }
    assert!(world.verify(&format!("{token}=")).is_err());
    assert!(world.verify(&token).is_ok());
}

#[test]
fn threat_14_a_remembered_signature_vouches_for_nothing_but_what_it_is_over() {
    for algorithm in Algorithm::ALL {
        let world = World::new();
        let key = key_of(algorithm, "k1");
        world.keys.publish(set([&key]));
        let [one, other] = ["cli_1", "cli_2"].map(|id| sign(&key, &claims_with("client_id", json!(id))));
        for token in [&one, &other] {
            assert!(world.verify(token).is_ok(), "{algorithm}");
        }
        let parts = |token: &str| {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let (header, payload) = signed.split_once('.').unwrap();
            [header, payload, signature].map(str::to_owned)
        };
        let ([header, payload, signature], [_, other_payload, other_signature]) =
            (parts(&one), parts(&other));
        let header_again =
            encode(json!({"typ": "JWT", "alg": algorithm.name(), "kid": "k1"}).to_string().as_bytes());
        for forged in [
            format!("{header}.{other_payload}.{signature}"),
            format!("{header}.{payload}.{other_signature}"),
            format!("{header_again}.{payload}.{signature}"),
        ] {
            assert_eq!(world.verify(&forged).unwrap_err(), Refusal::BadSignature, "{algorithm}");
        }
        for malformed in [format!(".{signature}"), format!("..{signature}"), format!("{header}.{signature}")]
        {
            assert_eq!(world.verify(&malformed).unwrap_err(), Refusal::Malformed, "{algorithm}");
        }
        assert_eq!(world.verify(&one).unwrap().client_id(), Some("cli_1"));
        assert_eq!(world.verify(&other).unwrap().client_id(), Some("cli_2"));
    }
}

#[test]
fn all_claims_are_the_same_from_the_signature_and_from_memory() {
    let world = World::new();
    let token = world.sign(&claims_with("nested", json!({"a": [1, {"b": null}], "c": "\u{e9}\n"})));
    for _ in 0..2 {
        let caller = world.verify(&token).unwrap();
        let expected = claims_with("nested", json!({"a": [1, {"b": null}], "c": "\u{e9}\n"}));
        assert_eq!(Value::Object(caller.claims().clone()), expected);
    }
    let forgetful = World::with(Revocations::new(), |builder| builder.verified_tokens(0));
    let caller = forgetful.verify(&forgetful.token()).unwrap();
    assert_eq!(Value::Object(caller.claims().clone()), claims());
}

#[test]
fn threat_15_a_foreign_audience_is_refused_and_a_list_may_name_others_beside() {
    let world = World::new();
    for foreign in [
        json!("https://api.example/"),
        json!("https://api.example.evil"),
        json!("HTTPS://API.EXAMPLE"),
        json!(""),
        json!([]),
        json!(["https://a.example", "https://b.example"]),
    ] {
        let token = world.sign(&claims_with("aud", foreign.clone()));
        assert_eq!(world.verify(&token).unwrap_err(), Refusal::ForeignAudience, "{foreign}");
    }
    let several = world.sign(&claims_with("aud", json!(["https://a.example", AUDIENCE])));
    assert_eq!(world.verify(&several).unwrap().audience(), AUDIENCE);
}

#[test]
fn a_guard_with_several_audiences_says_which_one_was_meant() {
    let second = "https://api.example/v2";
    let world = World::with(Revocations::new(), |builder| builder.audience(second));
    assert_eq!(world.verify(&world.token()).unwrap().audience(), AUDIENCE);
    assert_eq!(world.verify(&world.sign(&claims_with("aud", second.into()))).unwrap().audience(), second);
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    let world = World::new();
    for foreign in ["https://auth.example/", "https://AUTH.example", "", "https://auth.example.evil"] {
        let token = world.sign(&claims_with("iss", foreign.into()));
        assert_eq!(world.verify(&token).unwrap_err(), Refusal::ForeignIssuer, "{foreign}");
    }
}

#[test]
fn one_trusted_issuer_cannot_speak_for_another() {
    let (ours, theirs) = (key("k1"), key("k1"));
    let guard = Guard::builder()
        .issuer(Issuer::new(ISSUER, SharedKeys::new(set([&ours]))))
        .issuer(Issuer::new("https://partner.example", SharedKeys::new(set([&theirs]))))
        .audience(AUDIENCE)
        .clock(|| NOW * 1000)
        .build()
        .unwrap();
    let partners = claims_with("iss", "https://partner.example".into());
    assert!(guard.verify_now(&sign(&ours, &claims())).unwrap().is_ok());
    assert!(guard.verify_now(&sign(&theirs, &partners)).unwrap().is_ok());
    assert_eq!(guard.verify_now(&sign(&theirs, &claims())).unwrap().unwrap_err(), Refusal::BadSignature);
    assert_eq!(guard.verify_now(&sign(&ours, &partners)).unwrap().unwrap_err(), Refusal::BadSignature);
}

#[test]
fn only_types_of_access_tokens_are_accepted_in_any_case() {
    let world = World::new();
    let token = |typ: &str| sign_under(&world, &json!({"alg": "Ed25519", "kid": "k1", "typ": typ}));
    for good in ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt"] {
        assert!(world.verify(&token(good)).is_ok(), "{good}");
    }
    for bad in ["revocations+jwt", "client-authentication+jwt", "dpop+jwt", "logout+jwt", "", "at+jwt "] {
        assert_eq!(world.verify(&token(bad)).unwrap_err(), Refusal::WrongType, "{bad}");
    }
    let untyped = sign_under(&world, &json!({"alg": "Ed25519", "kid": "k1"}));
    assert_eq!(world.verify(&untyped).unwrap_err(), Refusal::WrongType);
    let strict = World::with(Revocations::new(), |builder| builder.accepted_types(["at+jwt"]));
    let old = strict.key.sign(&strict.key.encoded_header("JWT"), claims().to_string().as_bytes()).unwrap();
    assert_eq!(strict.verify(&old).unwrap_err(), Refusal::WrongType);
}

#[test]
fn the_algorithm_is_the_keys_whatever_the_header_says() {
    let world = World::new();
    for alg in ["none", "None", "HS256", "HS512", "ES256", "RS256", "PS256", "ES512", ""] {
        let token = sign_under(&world, &json!({"alg": alg, "kid": "k1", "typ": "at+jwt"}));
        assert_eq!(world.verify(&token).unwrap_err(), Refusal::WrongAlgorithm, "{alg}");
    }
    let rsa = key_of(Algorithm::Rs256, "k1");
    world.keys.publish(set([&rsa]));
    let as_pss = encode(json!({"alg": "PS256", "kid": "k1", "typ": "at+jwt"}).to_string().as_bytes());
    let token = rsa.sign(&as_pss, claims().to_string().as_bytes()).unwrap();
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::WrongAlgorithm);
}

#[test]
fn headers_that_bring_keys_or_extensions_are_refused() {
    let world = World::new();
    for member in ["jku", "x5u", "x5c", "jwk", "crit", "b64", "zip"] {
        let token =
            sign_under(&world, &json!({"alg": "Ed25519", "kid": "k1", "typ": "at+jwt", member: ["x"]}));
        assert_eq!(world.verify(&token).unwrap_err(), Refusal::Malformed, "{member}");
    }
    for kid in [json!(null), json!(""), json!(1), json!("k".repeat(129))] {
        let token = sign_under(&world, &json!({"alg": "Ed25519", "kid": kid, "typ": "at+jwt"}));
        assert_eq!(world.verify(&token).unwrap_err(), Refusal::Malformed, "{kid}");
    }
}

#[test]
fn threat_27_claims_of_a_wrong_type_are_refused_under_a_good_signature() {
    let world = World::new();
    let wrong = [
        ("exp", json!((NOW + 3600).to_string())),
        ("exp", json!(null)),
        ("nbf", json!("0")),
        ("iat", json!(true)),
        ("aud", json!({})),
        ("aud", json!([1])),
        ("iss", json!([ISSUER])),
        ("scope", json!(["read:sources"])),
        ("sub", json!(1)),
        ("jti", json!(1)),
        ("iat_ms", json!("1")),
        ("client_id", json!(1)),
    ];
    for (name, value) in wrong {
        let token = world.sign(&claims_with(name, value.clone()));
        assert_eq!(world.verify(&token).unwrap_err(), Refusal::Malformed, "{name}: {value}");
    }
    for name in ["iss", "sub", "aud", "exp"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(world.verify(&world.sign(&claims)).unwrap_err(), Refusal::Malformed, "without {name}");
    }
}

#[test]
fn duplicate_keys_are_refused_in_claims_and_in_the_header() {
    let world = World::new();
    let text = claims().to_string();
    let twice = text.replacen('{', &format!("{{\"exp\":{},", NOW + 9), 1);
    let token = world.key.sign(&world.key.encoded_header("at+jwt"), twice.as_bytes()).unwrap();
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::Malformed);
    let header = br#"{"alg":"Ed25519","kid":"k0","kid":"k1","typ":"at+jwt"}"#;
    let token = world.key.sign(&encode(header), text.as_bytes()).unwrap();
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::Malformed);
}

#[test]
fn a_token_of_more_than_8_kib_is_refused_though_its_signature_holds() {
    let world = World::new();
    let long = world.sign(&claims_with("padding", "x".repeat(6 * 1024).into()));
    assert!(long.len() > 8 * 1024);
    assert_eq!(world.verify(&long).unwrap_err(), Refusal::Malformed);
    let shorter = world.sign(&claims_with("padding", "x".repeat(5 * 1024).into()));
    assert!(world.verify(&shorter).is_ok());
}

#[test]
fn a_guard_without_memory_decides_the_same() {
    let world = World::with(Revocations::new(), |builder| builder.verified_tokens(0));
    let token = world.token();
    assert!(world.verify(&token).is_ok());
    assert!(world.verify(&token).is_ok());
    world.clock.pass_s(3600);
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::Expired);
}

#[test]
fn a_full_memory_forgets_and_goes_on() {
    let world = World::with(Revocations::new(), |builder| builder.verified_tokens(4));
    let tokens: Vec<_> =
        (0..40).map(|n| world.sign(&claims_with("jti", format!("tok_{n}").into()))).collect();
    for token in tokens.iter().chain(&tokens) {
        assert!(world.verify(token).is_ok());
    }
}

#[test]
fn a_caller_can_be_asked_for_scopes_later_on() {
    let world = World::new();
    let caller = world.verify(&world.token()).unwrap();
    let scopes = |text| symbolon_guard::protocol::scope::ScopeSet::parse(text).unwrap();
    assert!(caller.require(&scopes("write:sources")).is_ok());
    let needed = scopes("delete:sources");
    assert_eq!(caller.require(&needed).unwrap_err(), Refusal::InsufficientScope { needed });
}

#[test]
fn printing_a_caller_shows_no_claims_beyond_ids() {
    let world = World::new();
    let text = format!("{:?}", world.verify(&world.token()).unwrap());
    assert!(text.contains("cli_1") && !text.contains("editor"), "{text}");
}

#[test]
fn settings_that_make_no_guard_are_refused() {
    let issuer = || Issuer::new(ISSUER, SharedKeys::default());
    assert!(Guard::builder().audience(AUDIENCE).build().unwrap_err().is_about_issuers());
    let twice = Guard::builder().issuer(issuer()).issuer(issuer()).audience(AUDIENCE);
    assert!(twice.build().unwrap_err().is_about_issuers());
    assert!(Guard::builder().issuer(issuer()).build().unwrap_err().is_about_audience());
    for bad in ["a\"b", "a\r\nSet-Cookie: x", "é"] {
        let builder = || Guard::builder().issuer(issuer()).audience(AUDIENCE);
        assert!(builder().realm(bad).build().unwrap_err().is_about_challenge(), "{bad:?}");
        assert!(builder().resource_metadata(bad).build().unwrap_err().is_about_challenge(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_refused_without_panic(text in ".{0,300}", header in "\\{.{0,80}\\}", payload in "\\{.{0,80}\\}") {
        let world = World::new();
        prop_assert!(world.verify(&text).is_err());
        let forged = format!("{}.{}.AAAA", encode(header.as_bytes()), encode(payload.as_bytes()));
        prop_assert!(world.verify(&forged).is_err());
        let with_header = format!("{}.{}.AAAA", world.key.encoded_header("at+jwt"), encode(payload.as_bytes()));
        prop_assert!(world.verify(&with_header).is_err());
    }

    #[test]
    fn any_claims_under_a_good_signature_are_judged_without_panic(
        name in "(exp|nbf|iat|iat_ms|aud|iss|scope|jti|org_id)",
        number in any::<f64>(),
        text in ".{0,40}",
        as_text in any::<bool>(),
    ) {
        let world = World::new();
        let value = if as_text { json!(text) } else { json!(number) };
        let token = world.sign(&claims_with(&name, value));
        prop_assert_eq!(world.verify(&token).is_ok(), world.verify(&token).is_ok());
    }
}
