//! `symbolon explain`: what happened to a request, by the id that its answer carried.

use std::process::ExitCode;

use symbolon_core::record::{RefusalRecord, Remark, TokenRecord};
use symbolon_core::store::Store;

use crate::cli::ExplainOptions;
use crate::config::Config;
use crate::open_store;

/// Runs the command. Needs no keys: nothing that it reads is sealed.
pub async fn run(options: ExplainOptions) -> anyhow::Result<ExitCode> {
    let config = Config::load(options.settings)?;
    config.database.expect_there().map_err(|error| {
        anyhow::anyhow!(
            "{error}: name the installation on this machine by --data or --config, or ask a server as an operator: \
             symbolon request explain {}",
            options.request_id
        )
    })?;
    let store = open_store::open(config.database).await?;
    let found = find(&*store, &options.request_id).await;
    store.close().await;
    let (tokens, refusals) = found?;
    if options.json {
        println!("{}", serde_json::json!({ "tokens": tokens, "refusals": refusals }));
    } else {
        print!("{}", tell(&options.request_id, &tokens, &refusals));
    }
    let found = !tokens.is_empty() || !refusals.is_empty();
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Finds what is recorded of a request.
pub async fn find(
    store: &dyn Store,
    request_id: &str,
) -> anyhow::Result<(Vec<TokenRecord>, Vec<RefusalRecord>)> {
    let tokens = store.find_tokens_by_request(request_id).await?;
    Ok((tokens, store.find_refusals_by_request(request_id).await?))
}

/// What a person is told of it.
pub fn tell(request_id: &str, tokens: &[TokenRecord], refusals: &[RefusalRecord]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    for refusal in refusals {
        line("refused", &format!("{} at {} ({})", refusal.error, refusal.at, refusal.endpoint));
        line("reason", &format!("{} ({})", refusal.detail, refusal.reason));
        line("realm", refusal.realm.as_str());
        line("named", refusal.unverified_client.as_deref().unwrap_or("no client"));
        line("from", &refusal.from);
    }
    for token in tokens {
        let what = if token.remark == Some(Remark::Reused) { "given again" } else { "issued" };
        line(what, &format!("{} at {}", token.jti, token.at));
        if token.remark == Some(Remark::BeyondQuota) {
            line("quota", "beyond the client's tokens of that hour, which are only watched");
        }
        let grant = token.grant.read();
        line("audience", &grant.audience);
        line("scope", &grant.scope);
        line("expires", &token.expires_at.to_string());
        line("realm", grant.realm.as_str());
        if let Some(client) = &grant.client {
            line("client", client.as_str());
        }
        if let Some(key) = &grant.access_key {
            line("access key", key.as_str());
        }
        if let Some(user) = &grant.user {
            line("user", user.as_str());
        }
        line("from", &token.from.to_string());
    }
    if text.is_empty() {
        return format!(
            "Nothing is recorded under {request_id}. Requests that neither got a token nor were refused leave no \
             record, and refusals may be dropped under heavy load.\n"
        );
    }
    format!("{request_id}\n{text}")
}
