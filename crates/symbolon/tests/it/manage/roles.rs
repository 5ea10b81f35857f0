//! Every operation, asked for by every role. The table says who may; an operation that is missing in it fails the
//! test, so that nothing is open by oversight.

use serde_json::{Value, json};
use symbolon_core::permission::AUDIENCE;
use symbolon_server::axum::http::Method;

use super::office::{Office, Role, is_problem};
use crate::support::Request;

/// Who may.
#[derive(Clone, Copy, PartialEq, Eq)]
enum May {
    /// Every operator.
    OperatorsRead,
    /// Operators but for auditors.
    OperatorsChange,
    /// The owner.
    Owner,
    /// Operators, and everybody of the organization.
    Read,
    /// Operators but for auditors, and the organization's people but for viewers.
    Change,
    /// Operators but for auditors, and the organization's administrators.
    Administer,
}

const TABLE: &[(&str, May)] = &[
    ("listRealms", May::OperatorsRead),
    ("createRealm", May::OperatorsChange),
    ("getRealm", May::OperatorsRead),
    ("updateRealm", May::OperatorsChange),
    ("listResourceServers", May::OperatorsRead),
    ("createResourceServer", May::OperatorsChange),
    ("getResourceServer", May::OperatorsRead),
    ("updateResourceServer", May::OperatorsChange),
    ("listPolicies", May::OperatorsRead),
    ("createPolicy", May::OperatorsChange),
    ("getPolicy", May::OperatorsRead),
    ("updatePolicy", May::OperatorsChange),
    ("deletePolicy", May::OperatorsChange),
    ("listOrganizations", May::OperatorsRead),
    ("createOrganization", May::OperatorsChange),
    ("getOrganization", May::Read),
    ("updateOrganization", May::OperatorsChange),
    ("listLicences", May::Read),
    ("createLicence", May::OperatorsChange),
    ("getLicence", May::Read),
    ("updateLicence", May::OperatorsChange),
    ("deleteLicence", May::OperatorsChange),
    ("listMembers", May::Read),
    ("createMember", May::Administer),
    ("getMember", May::Read),
    ("updateMember", May::Administer),
    ("inviteMember", May::Administer),
    ("resetMember", May::OperatorsChange),
    ("listOperators", May::OperatorsRead),
    ("createOperator", May::Owner),
    ("getOperator", May::OperatorsRead),
    ("updateOperator", May::Owner),
    ("inviteOperator", May::Owner),
    ("resetOperator", May::Owner),
    ("listClients", May::Read),
    ("createClient", May::Change),
    ("getClient", May::Read),
    ("updateClient", May::Change),
    ("deleteClient", May::Change),
    ("assignPolicy", May::Change),
    ("unassignPolicy", May::Change),
    ("listAccessKeys", May::Read),
    ("createAccessKey", May::Change),
    ("rotateAccessKey", May::Change),
    ("getAccessKey", May::Read),
    ("updateAccessKey", May::Change),
    ("deleteAccessKey", May::Change),
    ("activateAccessKey", May::Change),
    ("deactivateAccessKey", May::Change),
    ("listSigningKeys", May::OperatorsRead),
    ("rotateSigningKeys", May::OperatorsChange),
    ("replaceSigningKey", May::OperatorsChange),
    ("listRevocations", May::OperatorsRead),
    ("createRevocation", May::OperatorsChange),
    ("createOrganizationRevocation", May::Change),
    ("explainRequest", May::OperatorsRead),
    ("listChanges", May::OperatorsRead),
    ("listTokens", May::OperatorsRead),
    ("listRefusals", May::OperatorsRead),
    ("listOrganizationChanges", May::Read),
    ("listOrganizationTokens", May::Read),
    ("listOrganizationRefusals", May::Read),
    ("previewToken", May::Read),
    ("getUsage", May::OperatorsRead),
    ("getOrganizationUsage", May::Read),
    ("getBusiest", May::OperatorsRead),
    ("reportLeak", May::OperatorsChange),
    ("listRealmClients", May::OperatorsRead),
    ("applyDescription", May::OperatorsChange),
    ("exportInstallation", May::OperatorsRead),
    ("exportRealm", May::OperatorsRead),
    ("exportOrganization", May::Read),
];

impl May {
    fn allows(self, role: Role) -> bool {
        use Role::{Admin, Auditor, CustomerAdmin, CustomerDeveloper, CustomerViewer, Owner};
        let allowed: &[Role] = match self {
            Self::OperatorsRead => &[Owner, Admin, Auditor],
            Self::OperatorsChange => &[Owner, Admin],
            Self::Owner => &[Owner],
            Self::Read => &[Owner, Admin, Auditor, CustomerAdmin, CustomerDeveloper, CustomerViewer],
            Self::Change => &[Owner, Admin, CustomerAdmin, CustomerDeveloper],
            Self::Administer => &[Owner, Admin, CustomerAdmin],
        };
        allowed.contains(&role)
    }
}

/// An operation of the description.
pub(super) struct Operation {
    id: String,
    pub(super) method: Method,
    pub(super) path: String,
}

/// All of them.
pub(super) fn operations() -> Vec<Operation> {
    let api: Value = serde_json::from_str(&symbolon_server::manage::description()).unwrap();
    let mut all = Vec::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse() else { continue };
            let Some(id) = operation["operationId"].as_str() else { continue };
            all.push(Operation { id: id.to_owned(), method, path: path.clone() });
        }
    }
    all
}

/// A path with the names of things in it, of which some are there.
pub(super) fn address(path: &str) -> String {
    let named = path
        .replace("{realm}", "default")
        .replace("{organization}", "custodian")
        .replace("{client}", "meti")
        .replace("{key}", "meti-key")
        .replace("{member}", "usr_dev")
        .replace("{operator}", "usr_nobody")
        .replace("{licence}", "lic_nobody")
        .replace("{policy}", "pol_nobody")
        .replace("{identifier}", "https%3A%2F%2Fapi.meti.io")
        .replace("{kid}", "sig_nobody")
        .replace("{request_id}", "req_nobody");
    // What a query has to say.
    let asks_from = ["/usage", "/usage/busiest"].iter().any(|end| path.ends_with(end));
    let query = if asks_from { "?from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z" } else { "" };
    format!("/api/v1{named}{query}")
}

#[tokio::test]
async fn every_operation_is_in_the_table_and_the_table_has_no_other() {
    let mut served: Vec<_> = operations().into_iter().map(|operation| operation.id).collect();
    let mut listed: Vec<_> = TABLE.iter().map(|(id, _)| (*id).to_owned()).collect();
    served.sort();
    listed.sort();
    assert_eq!(served, listed);
}

#[tokio::test]
async fn every_role_may_do_what_the_table_says_and_nothing_else() {
    let office = Office::open().await;
    for role in Role::ALL {
        let token = office.token(role).await;
        for operation in operations() {
            let may = TABLE.iter().find(|(id, _)| *id == operation.id).unwrap().1;
            // A body that nothing can be made of: whoever may, is told so.
            let mut request = Request::new(operation.method.clone(), &address(&operation.path))
                .header("if-match", "\"0\"")
                .json(&json!({"nobody": "knows this"}));
            if let Some(token) = &token {
                request = request.bearer(token);
            }
            let answer = office.bed.send(request).await;
            let what = format!("{role:?} {} {}: {answer:?}", operation.method, operation.path);
            match role {
                Role::Anonymous | Role::Stranger | Role::EverythingEverywhere => {
                    is_problem(&answer, 401, "unauthenticated");
                }
                Role::OtherCustomer if operation.path.contains("{organization}") => {
                    is_problem(&answer, 404, "not-found");
                }
                role if may.allows(role) => assert!(![401, 403, 500].contains(&answer.status), "{what}"),
                _ => is_problem(&answer, 403, "insufficient-scope"),
            }
        }
    }
}

#[tokio::test]
async fn a_missing_token_is_challenged_without_an_error_and_a_bad_one_with_it() {
    let office = Office::open().await;
    let answer = office.send(Role::Anonymous, Request::get("/api/v1/realms")).await;
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"symbolon\"");
    let answer = office.bed.send(Request::get("/api/v1/realms").bearer("abc")).await;
    assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""), "{answer:?}");
    let answer =
        office.ask(Role::CustomerViewer, Method::DELETE, "/organizations/custodian/clients/meti", None).await;
    assert!(answer.header("www-authenticate").contains("scope=\"delete:clients\""), "{answer:?}");
}

#[tokio::test]
async fn the_policy_administrator_gives_nothing_in_management() {
    let office = Office::open().await;
    let pairs = [("grant_type", "client_credentials"), ("audience", AUDIENCE)];
    let request =
        Request::post("/oauth/token").basic("m3ter-user", crate::support::secrets::M3TER).form(&pairs);
    office.bed.send(request).await.refused(400, "invalid_target");
}

#[tokio::test]
async fn a_caller_that_is_switched_off_is_refused_at_once() {
    let office = Office::open().await;
    let token = office.token(Role::CustomerAdmin).await.unwrap();
    let path = "/organizations/custodian/clients/cus-admin";
    let answer = office.owner(Method::PATCH, path, Some(json!({"status": "disabled"}))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let path = "/api/v1/realms/default/organizations/custodian/clients";
    is_problem(&office.bed.send(Request::get(path).bearer(&token)).await, 401, "unauthenticated");
}
