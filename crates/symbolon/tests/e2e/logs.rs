//! Logs as JSON: each line is one object, names its request, and holds no secret.

use serde_json::Value;

use crate::served::{CLIENT, Pem, Prepared, SECRET};
use crate::support::access_token;

#[test]
fn json_logs_parse_line_by_line_name_the_request_and_hold_no_secret() {
    let mut prepared = Prepared::with(&Pem::usual());
    prepared.arguments = vec!["--log-format".to_owned(), "json".to_owned()];
    let mut served = prepared.start();
    let user = format!("{CLIENT}:{SECRET}");
    let form = ["-u", &user, "-d", "grant_type=client_credentials"];
    let issued = served.over_tls("/oauth/token", &form);
    let token = access_token(&issued);
    let wrong = format!("{CLIENT}:canary-canary-canary");
    let refused = served.over_tls("/oauth/token", &["-u", &wrong, "-d", "grant_type=client_credentials"]);
    assert_eq!(refused.status, 401);
    let query = served.over_tls("/oauth/token?client_secret=canary-canary-canary", &["-d", "a=b"]);
    assert_eq!(query.status, 400);
    served.running.stop();

    let log = served.running.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
    for (answer, status) in [(&issued, 200), (&refused, 401), (&query, 400)] {
        let id = answer.header("x-request-id");
        let named = lines.iter().find(|line| line["message"] == "answered" && line["request_id"] == id);
        let named = named.unwrap_or_else(|| panic!("{id} is not in the log: {log}"));
        assert_eq!((&named["status"], &named["path"]), (&status.into(), &"/oauth/token".into()));
        assert_eq!((&named["endpoint"], &named["realm"]), (&"token".into(), &"default".into()));
        assert!(
            named["method"] == "POST" && named["micros"].as_u64().is_some_and(|micros| micros > 0),
            "{named}"
        );
    }
    for canary in [SECRET, token.as_str(), "canary-canary-canary", "3q2+7wABAgME", "PRIVATE KEY"] {
        assert!(!log.contains(canary), "{canary} is in the log");
    }
}
