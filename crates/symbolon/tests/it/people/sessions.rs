//! A session: who it belongs to, when it ends, and that nobody can bring one along.

use std::time::Duration;

use symbolon_core::edit::{self, session as ending};
use symbolon_core::realm::Status;
use symbolon_core::rotation::Upkeep;
use symbolon_core::secret::Secret;
use symbolon_core::session::{self, NotSignedIn, Visit};
use symbolon_core::sign_in::{SignIn, password};
use symbolon_core::user::{MemberRole, Membership};

use super::desk::{ADMIN, DEV, Desk, secret, visit};
use crate::support::{Bed, Node, key, realm_id, secrets};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_session_is_its_persons_and_nobody_elses() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let dev = desk.signs_in(DEV).await;
    let admin = desk.signs_in(ADMIN).await;
    assert_eq!(desk.asks(&dev.token).await.unwrap().user().id.as_str(), "usr_dev");
    assert_eq!(desk.asks(&admin.token).await.unwrap().user().id.as_str(), "usr_admin");
    let text = dev.token.expose();
    // One's id with the other's secret, changed and cut tokens, and what was never one.
    let (_, others) = admin.token.expose().rsplit_once('_').unwrap();
    let (own, _) = text.rsplit_once('_').unwrap();
    let mut forged = vec![format!("{own}_{others}"), String::new(), "sym_session".to_owned()];
    forged.extend((0..text.len()).map(|length| text[..length].to_owned()));
    forged.extend((0..text.len()).map(|place| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
        String::from_utf8(bytes).unwrap()
    }));
    for token in forged {
        let answer = session::authenticate(&bed.authority, &token, visit("req_1")).await;
        assert!(matches!(answer, Err(NotSignedIn::Unknown)), "{token}");
    }
}

#[tokio::test]
async fn session_fixation_is_impossible() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    // Somebody brings a session of his own, or of nobody's: signing in takes no token, and gives a new one.
    let attackers = desk.signs_in(ADMIN).await;
    let victims = desk.signs_in(DEV).await;
    assert!(victims.token != attackers.token && victims.session.id != attackers.session.id);
    assert_eq!(desk.asks(&attackers.token).await.unwrap().user().id.as_str(), "usr_admin");
    // Proving again who one is gives a new token, and the old one is dead at once.
    let person = desk.asks(&victims.token).await.unwrap();
    let proven = password::prove(desk.attempt(), &person, &secret(secrets::PASSWORD)).await.unwrap();
    let SignIn::Done(proven) = proven else { panic!("{proven:?}") };
    assert_eq!(proven.session.id, victims.session.id);
    assert!(matches!(desk.asks(&victims.token).await, Err(NotSignedIn::Unknown)));
    assert!(desk.asks(&proven.token).await.is_ok());
}

#[tokio::test]
async fn a_session_ends_when_nothing_came_for_a_quarter_of_an_hour() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let token = desk.signs_in(DEV).await.token;
    for _ in 0..4 {
        bed.advance(MINUTE * 14).await;
        assert!(desk.asks(&token).await.is_ok());
    }
    bed.advance(MINUTE * 15).await;
    assert!(matches!(desk.asks(&token).await, Err(NotSignedIn::Ended)));
}

#[tokio::test]
async fn a_session_ends_after_half_a_day_whatever_comes() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let token = desk.signs_in(DEV).await.token;
    for _ in 0..71 {
        bed.advance(MINUTE * 10).await;
        assert!(desk.asks(&token).await.is_ok());
    }
    bed.advance(MINUTE * 10).await;
    assert!(matches!(desk.asks(&token).await, Err(NotSignedIn::Ended)));
}

#[tokio::test]
async fn a_request_is_noted_once_a_minute() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let begun = desk.signs_in(DEV).await;
    let noted = async || bed.store().find_session(&begun.session.id).await.unwrap().unwrap().last_seen_at;
    bed.advance(Duration::from_secs(59)).await;
    desk.asks(&begun.token).await.unwrap();
    assert_eq!(noted().await, begun.session.created_at);
    bed.advance(Duration::from_secs(1)).await;
    let person = desk.asks(&begun.token).await.unwrap();
    assert_eq!((noted().await, person.session().last_seen_at), (bed.authority.now(), bed.authority.now()));
}

#[tokio::test]
async fn a_proof_is_fresh_for_ten_minutes() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let token = desk.signs_in(DEV).await.token;
    bed.advance(Duration::from_millis(599_999)).await;
    assert!(desk.asks(&token).await.unwrap().is_proven(bed.authority.now()));
    bed.advance(Duration::from_millis(1)).await;
    let person = desk.asks(&token).await.unwrap();
    assert!(!person.is_proven(bed.authority.now()));
    let proven = password::prove(desk.attempt(), &person, &secret(secrets::PASSWORD)).await.unwrap();
    let SignIn::Done(proven) = proven else { panic!("{proven:?}") };
    assert!(desk.asks(&proven.token).await.unwrap().is_proven(bed.authority.now()));
}

#[tokio::test]
async fn whoever_is_switched_off_is_out_at_once() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let barred = async |token: &Secret| matches!(desk.asks(token).await, Err(NotSignedIn::Barred(_)));

    let token = desk.signs_in(ADMIN).await.token;
    bed.change_organization("default", "custodian", |o| o.status = Status::Disabled).await;
    assert!(barred(&token).await);
    bed.change_organization("default", "custodian", |o| o.status = Status::Active).await;
    assert!(desk.asks(&token).await.is_ok());

    bed.change_realm("default", |realm| realm.status = Status::Disabled).await;
    assert!(barred(&token).await);
    bed.change_realm("default", |realm| realm.status = Status::Active).await;

    // A user's sessions do not come back with the user.
    bed.change_user("default", ADMIN, |user| user.status = Status::Disabled).await;
    assert!(matches!(desk.asks(&token).await, Err(NotSignedIn::Unknown)));
    bed.change_user("default", ADMIN, |user| user.status = Status::Active).await;
    assert!(matches!(desk.asks(&token).await, Err(NotSignedIn::Unknown)));
}

#[tokio::test]
async fn another_role_or_password_from_elsewhere_ends_all_sessions_of_the_user_alone() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let other = desk.signs_in(ADMIN).await.token;
    for change in 0..2 {
        let tokens = [desk.signs_in(DEV).await.token, desk.signs_in(DEV).await.token];
        let custodian = symbolon_core::id::OrganizationId::new("custodian").unwrap();
        let hash = bed
            .operator("default", async |editor| {
                edit::user::hash_password(editor, &secret(secrets::PASSWORD), "somebody@api.example")
                    .await
                    .unwrap()
            })
            .await;
        bed.change_user("default", DEV, |user| match change {
            0 => user.password = Some(hash),
            _ => user.membership = Some(Membership { organization: custodian, role: MemberRole::Viewer }),
        })
        .await;
        for token in tokens {
            assert!(matches!(desk.asks(&token).await, Err(NotSignedIn::Unknown)));
        }
    }
    assert!(desk.asks(&other).await.is_ok());
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let before = bed.store().last_change().await.unwrap();
    let mut tokens = Vec::new();
    for _ in 0..4 {
        tokens.push(desk.signs_in(DEV).await.token);
        bed.advance(MINUTE).await;
    }
    let person = desk.asks(&tokens[3]).await.unwrap();
    let (realm, user) = (realm_id("default"), person.user());
    let listed = async || session::list(bed.store(), &realm, &user.id, bed.authority.now()).await.unwrap();
    let all = listed().await;
    assert_eq!(all.len(), 4);
    assert_eq!(all[0].id, person.session().id, "the newest comes first");
    assert_eq!((all[0].address, all[0].user_agent.as_str()), ([192, 0, 2, 7].into(), "Browser/1.0"));

    ending::end(person.editor(&bed.authority), user, &all[3].id).await.unwrap();
    assert!(matches!(desk.asks(&tokens[0]).await, Err(NotSignedIn::Unknown)));
    assert!(ending::end(person.editor(&bed.authority), user, &all[3].id).await.is_err());
    assert_eq!(ending::end_others(&bed.authority, &person).await.unwrap(), 2);
    assert_eq!(listed().await.len(), 1);
    ending::sign_out(&bed.authority, &person).await.unwrap();
    assert!(matches!(desk.asks(&tokens[3]).await, Err(NotSignedIn::Unknown)));

    let actions: Vec<String> =
        bed.audit("default", before, None).await.into_iter().map(|row| row.action).collect();
    let expected = ["sign_in"; 4].into_iter().chain(["end_session", "end_sessions", "sign_out"]);
    assert_eq!(actions, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_user_has_fifty_sessions_and_the_one_idle_for_the_longest_time_makes_room() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let before = bed.store().last_change().await.unwrap();
    let mut begun = vec![desk.signs_in(DEV).await];
    bed.advance(Duration::from_secs(1)).await;
    begun.push(desk.signs_in(DEV).await);
    bed.advance(MINUTE).await;
    // The first is used again; nothing comes from the second.
    desk.asks(&begun[0].token).await.unwrap();
    let other = desk.signs_in(ADMIN).await.token;
    for _ in 2..session::MOST {
        begun.push(desk.signs_in(DEV).await);
    }
    let user = desk.user(DEV).await.id;
    let listed =
        async || session::list(bed.store(), &realm_id("default"), &user, bed.authority.now()).await.unwrap();
    assert_eq!(listed().await.len(), begun.len(), "all of them live");
    let newest = desk.signs_in(DEV).await.token;
    assert!(matches!(desk.asks(&begun[1].token).await, Err(NotSignedIn::Unknown)));
    for token in [&begun[0].token, &begun[2].token, &newest, &other] {
        assert!(desk.asks(token).await.is_ok());
    }
    assert_eq!(listed().await.len(), session::MOST as usize);
    let rows = bed.audit("default", before, None).await;
    let ended: Vec<_> = rows.iter().filter(|row| row.action == "end_sessions").collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].before, Some(serde_json::json!({ "sessions": [begun[1].session.id] })));
    assert_eq!(ended[0].actor.id, user.as_str(), "whoever signed in ended it");
}

#[tokio::test]
async fn nobody_ends_anothers_session() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let others = desk.signs_in(ADMIN).await;
    let dev = desk.person(DEV).await;
    assert!(ending::end(dev.editor(&bed.authority), dev.user(), &others.session.id).await.is_err());
    assert!(desk.asks(&others.token).await.is_ok());
}

#[tokio::test]
async fn sessions_that_are_over_are_forgotten() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let over = desk.signs_in(DEV).await.session.id;
    let mut upkeep = Upkeep::begin(bed.authority.now());
    // The clock is trusted once it has been steady for an hour.
    bed.advance(MINUTE * 60).await;
    let live = desk.signs_in(DEV).await.session.id;
    upkeep.round(&bed.authority, MINUTE * 60).await;
    assert!(bed.store().find_session(&over).await.unwrap().is_none());
    assert!(bed.store().find_session(&live).await.unwrap().is_some());
}

#[tokio::test]
async fn sessions_are_the_same_on_every_node_and_outlive_a_pepper() {
    let bed = Bed::start().await;
    let token = Desk::of(&bed.authority).signs_in(DEV).await.token;
    let node = Node::with_peppers(&bed, [key("newer", 60), key("test", 100)]).await;
    assert!(Desk::of(&node.authority).asks(&token).await.is_ok());
    let without = Node::with_peppers(&bed, [key("newer", 60)]).await;
    assert!(matches!(Desk::of(&without.authority).asks(&token).await, Err(NotSignedIn::Unknown)));
}

#[tokio::test]
async fn a_directory_that_is_too_old_lets_nobody_in() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let token = desk.signs_in(DEV).await.token;
    bed.clock.advance(Duration::from_secs(10));
    assert!(matches!(desk.asks(&token).await, Err(NotSignedIn::TooOld(_))));
}

#[tokio::test]
async fn what_a_browser_calls_itself_is_cut() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let name = format!("<script>\u{0}\u{1b}{}", "x".repeat(10_000));
    let visit = Visit { user_agent: &name, ..visit("req_1") };
    let attempt = symbolon_core::sign_in::Attempt { visit, ..desk.attempt() };
    let done = password::sign_in(attempt, DEV, &secret(secrets::PASSWORD)).await.unwrap();
    let SignIn::Done(done) = done else { panic!("{done:?}") };
    let kept = bed.store().find_session(&done.session.id).await.unwrap().unwrap().user_agent;
    assert!(kept.starts_with("<script>x") && kept.len() == 200);
}
