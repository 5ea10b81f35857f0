//! What `apply` makes of a description that does not say everything: what is not described stays as it is.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use symbolon_core::apply::{self, description::Description};
use symbolon_core::id::OrganizationId;

use crate::support::{Bed, realm_id};

const WHOLE: &str = r#"
realms:
  - id: sparse
    settings: { hosts: [sparse.example], default_lifetime: 600, quota: { tokens_per_hour: 5, mode: enforce } }
    resource_servers:
      - { identifier: "https://sparse.example", settings: { scopes: [read, write], lifetime: 300 } }
    policies:
      - { id: readers, name: Readers, statements: [{ effect: allow, actions: [read], resources: ["*"] }] }
    organizations:
      - id: acme
        name: Acme
        metadata: { tier: gold }
        clients:
          - { id: job, settings: { policies: [readers], lifetime: 60 }, access_keys: [{ id: job-key, secret: job-secret-0123456789 }] }
"#;

/// Names everything and says nothing of it.
const BARE: &str = r#"
realms:
  - id: sparse
    resource_servers: [{ identifier: "https://sparse.example" }]
    policies: [{ id: readers, statements: [{ effect: allow, actions: [read], resources: ["*"] }] }]
    organizations: [{ id: acme, clients: [{ id: job, access_keys: [{ id: job-key }] }] }]
"#;

async fn steps(bed: &Bed, yaml: &str) -> Vec<String> {
    let plan = apply::plan(&bed.authority, &Description::parse(yaml).unwrap()).await.unwrap();
    plan.steps.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_a_description_does_not_say_of_a_thing_stays_as_it_is() {
    let bed = Bed::start().await;
    bed.apply(WHOLE).await;
    assert_eq!(steps(&bed, BARE).await, Vec::<String>::new());
    assert_eq!(steps(&bed, WHOLE).await, Vec::<String>::new());
    // Settings that are there are the whole of them.
    let fewer = BARE.replace("id: sparse\n", "id: sparse\n    settings: { hosts: [sparse.example] }\n");
    let told = steps(&bed, &fewer).await;
    assert!(told.len() == 1 && told[0].starts_with("~ realm sparse: default_lifetime"), "{told:?}");
    let none = BARE.replace("id: acme,", "id: acme, metadata: {},");
    assert_eq!(steps(&bed, &none).await, ["~ sparse: organization acme: metadata"]);
}

#[tokio::test]
async fn a_realm_that_is_described_without_settings_goes_on_at_its_host_names() {
    let bed = Bed::start().await;
    bed.apply(WHOLE).await;
    bed.apply("realms: [{id: sparse, organizations: [{id: other}]}]").await;
    let view = bed.authority.directory().realm_of_host("sparse.example").unwrap();
    assert_eq!((view.id().as_str(), view.realm().settings.default_lifetime), ("sparse", 600));
    let acme = OrganizationId::new("acme").unwrap();
    let acme = bed.store().find_organization(&realm_id("sparse"), &acme).await.unwrap().unwrap();
    assert_eq!((acme.name.as_str(), acme.metadata["tier"].as_str()), ("Acme", "gold"));
}

#[tokio::test]
async fn what_is_new_and_not_described_is_as_usual() {
    let bed = Bed::start().await;
    bed.apply(&BARE.replace("resources: [\"*\"]", "resources: [\"https://sparse.example\"]")).await;
    let view = bed.authority.directory().realm("sparse").unwrap();
    assert_eq!(view.realm().settings.default_lifetime, 3600);
    assert_eq!(view.policies().find(|policy| policy.id.as_str() == "readers").unwrap().name, "readers");
    let job = bed.find_client("sparse", "job").await;
    assert_eq!((job.client.settings.policies.len(), job.keys.len()), (0, 1));
}
