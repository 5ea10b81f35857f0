//! Runs one vector, step by step.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use symbolon_client::{
    Auth, Backoff, BoxError, Builder, Error, SecretSource, Token, TokenLayer, TokenSource,
};
use tower::{Layer as _, ServiceExt as _};

use crate::format::{Ask, Outcome, Source, Step, Told, Vector};
use crate::world::{Safe, Wire, World};

/// A runtime whose time stands still unless everybody waits.
pub(crate) fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

pub(crate) fn run(vector: &Vector) -> Result<(), String> {
    paused().block_on(async {
        let world = World::new(vector.wall_ms, vector.source.secrets.clone());
        let source = build(vector, &world)?;
        let mut given = HashMap::new();
        for (number, step) in vector.steps.iter().enumerate() {
            let told = match step {
                Step::AdvanceMs(ms) => {
                    tokio::time::advance(Duration::from_millis(*ms)).await;
                    Ok(())
                }
                Step::JumpWallMs(ms) => {
                    world.jump(*ms);
                    Ok(())
                }
                Step::Secrets(secrets) => {
                    world.secrets.lock().expect("the lock").clone_from(secrets);
                    Ok(())
                }
                Step::Token(ask) => token(&source, &world, ask, &mut given).await,
                Step::Call(ask) => call(&source, &world, ask).await,
                Step::ReportUnauthorized { token, retry } => {
                    let token = given.get(token).ok_or("no such token was given")?;
                    let seen = source.report_unauthorized(token);
                    if seen == *retry { Ok(()) } else { Err(format!("retry is {seen}")) }
                }
            };
            told.map_err(|fault| format!("step {number}: {fault}"))?;
        }
        Ok(())
    })
}

pub(crate) fn builder(source: &Source, secret: SecretSource) -> Builder {
    let text = |text: &Option<String>| text.clone().expect("a member");
    let mut builder = match source.dialect.as_str() {
        "client_credentials" => {
            let auth = match source.auth.as_deref() {
                Some("basic") => Auth::Basic,
                Some("form") => Auth::Form,
                Some("json") => Auth::Json,
                other => panic!("no such auth: {other:?}"),
            };
            TokenSource::client_credentials(text(&source.client_id), secret).auth(auth)
        }
        "keycloak" => TokenSource::keycloak(
            text(&source.base_url),
            text(&source.realm),
            text(&source.client_id),
            secret,
        ),
        "access_key" => TokenSource::access_key(text(&source.client_id), secret),
        "password" => TokenSource::password(text(&source.email), secret),
        other => panic!("no such dialect: {other}"),
    };
    if let Some(url) = &source.token_url {
        builder = builder.token_url(url);
    }
    if let Some(issuer) = &source.issuer {
        builder = builder.issuer(issuer);
    }
    if let Some(audience) = &source.audience {
        builder = builder.audience(audience);
    }
    if let Some(resource) = &source.resource {
        builder = builder.resource(resource);
    }
    if let Some(scope) = &source.scope {
        builder = builder.scope(scope);
    }
    builder
}

fn build(vector: &Vector, world: &Arc<World>) -> Result<TokenSource, String> {
    let options = &vector.options;
    let ms = |given: Option<u64>, usual| Duration::from_millis(given.unwrap_or(usual));
    let backoff = Backoff::new(ms(options.backoff_base, 500), ms(options.backoff_cap, 60_000));
    let (clock, random) = (Arc::clone(world), vector.random);
    builder(&vector.source, SecretSource::provider(Safe(Arc::clone(world))))
        .patience(ms(options.patience, 30_000))
        .backoff(backoff.map_err(|error| error.to_string())?)
        .assumed_life(ms(options.assumed_life, 300_000))
        // The vectors say how long an answer takes.
        .timeout(Duration::from_hours(1))
        .transport(Wire(Arc::clone(world)))
        .wall_clock(move || clock.wall())
        .random(move || random)
        .build()
        .map_err(|error| error.to_string())
}

async fn token(
    source: &TokenSource,
    world: &World,
    ask: &Ask,
    given: &mut HashMap<String, Token>,
) -> Result<(), String> {
    world.expect(&ask.exchanges);
    let outcome = source.token().await;
    world.settle().await?;
    match (&ask.outcome, outcome) {
        (Outcome::Token(wanted), Ok(token)) if token.expose() == wanted => {
            given.insert(wanted.clone(), token);
            Ok(())
        }
        (Outcome::Error(told), Err(error)) => compare(told, &error),
        (wanted, Ok(token)) => Err(format!("the token {} instead of {wanted:?}", token.expose())),
        (wanted, Err(error)) => Err(format!("{error:?} instead of {wanted:?}")),
    }
}

async fn call(source: &TokenSource, world: &Arc<World>, ask: &Ask) -> Result<(), String> {
    world.expect(&ask.exchanges);
    let api = Arc::clone(world);
    let client = TokenLayer::new(source.clone()).layer(tower::service_fn(move |request: Request<Bytes>| {
        let api = Arc::clone(&api);
        async move { api.answer(request).await.map_err(BoxError::from) }
    }));
    let request = Request::get("https://api.example.com/things").body(Bytes::new()).expect("a request");
    let outcome = client.oneshot(request).await;
    world.settle().await?;
    match (&ask.outcome, outcome) {
        (Outcome::Status(wanted), Ok(response)) if response.status() == *wanted => Ok(()),
        (Outcome::Error(told), Err(error)) => match error.downcast_ref::<Error>() {
            Some(error) => compare(told, error),
            None => Err(format!("{error:?}")),
        },
        (wanted, outcome) => Err(format!("{outcome:?} instead of {wanted:?}")),
    }
}

fn compare(told: &Told, error: &Error) -> Result<(), String> {
    let seen = Told {
        kind: error.kind().to_owned(),
        temporary: error.is_temporary(),
        code: error.code().map(str::to_owned),
        description: error.description().map(str::to_owned),
        request_id: error.request_id().map(str::to_owned),
        retry_after_ms: error
            .retry_after()
            .map(|wait| u64::try_from(wait.as_millis()).expect("an hour at most")),
    };
    let same = told.kind == seen.kind
        && told.temporary == seen.temporary
        && agrees(told.code.as_ref(), seen.code.as_ref())
        && agrees(told.description.as_ref(), seen.description.as_ref())
        && agrees(told.request_id.as_ref(), seen.request_id.as_ref())
        && agrees(told.retry_after_ms.as_ref(), seen.retry_after_ms.as_ref());
    if same { Ok(()) } else { Err(format!("{seen:?} instead of {told:?}")) }
}

/// Whether something is as it was named, if it was.
fn agrees<T: PartialEq>(wanted: Option<&T>, seen: Option<&T>) -> bool {
    wanted.is_none() || wanted == seen
}
