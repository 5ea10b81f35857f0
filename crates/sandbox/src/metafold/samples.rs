//! Metafold's sample data. Its times are written as RFC 1123 has them, and end in a literal `GMT`; the SDK takes a
//! project's members as they are, so there are no others.

use jiff::civil::{DateTime, date};
use serde_json::{Value, json};

/// The customer that has projects.
const CUSTOMER: &str = "lattice-works";
const USER: &str = "auth0|lattice-works";

/// A project.
#[derive(Clone)]
pub(crate) struct Project {
    pub(crate) id: &'static str,
    name: &'static str,
    access: &'static str,
    pub(crate) created: DateTime,
    pub(crate) modified: DateTime,
}

/// The projects that a customer sees.
pub(crate) fn projects_of(organization: Option<&str>) -> Vec<Project> {
    if organization != Some(CUSTOMER) {
        return Vec::new();
    }
    vec![
        Project {
            id: "1001",
            name: "Lattice bracket",
            access: "private",
            created: date(2025, 1, 6).at(10, 0, 0, 0),
            modified: date(2025, 2, 3).at(14, 30, 0, 0),
        },
        Project {
            id: "1002",
            name: "Gyroid heat exchanger",
            access: "org",
            created: date(2025, 1, 20).at(8, 15, 0, 0),
            modified: date(2025, 1, 28).at(16, 45, 30, 0),
        },
        Project {
            id: "1003",
            name: "Midsole, size 42",
            access: "private",
            created: date(2025, 3, 11).at(9, 5, 0, 0),
            modified: date(2025, 3, 11).at(9, 5, 0, 0),
        },
    ]
}

impl Project {
    /// A field that can be searched and sorted by.
    pub(crate) fn text(&self, field: &str) -> &'static str {
        match field {
            "id" => self.id,
            "user" => USER,
            _ => self.name,
        }
    }

    /// The project as the API shows it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "user": USER,
            "name": self.name,
            "access": self.access,
            "created": rfc_1123(self.created),
            "modified": rfc_1123(self.modified),
        })
    }

    /// What lies beneath it; `None` for a name of nothing.
    pub(crate) fn collection(&self, name: &str) -> Option<Vec<Value>> {
        let full = self.id == "1001";
        Some(match name {
            "assets" if full => vec![asset(self.id, self.created)],
            "jobs" if full => vec![job(self.id, self.modified)],
            "workflows" if full => vec![workflow(self.id, self.modified)],
            "assets" | "jobs" | "workflows" => Vec::new(),
            _ => return None,
        })
    }
}

fn asset(project: &str, at: DateTime) -> Value {
    json!({
        "id": "2001",
        "filename": "bracket.obj",
        "size": 184_320,
        "checksum": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "created": rfc_1123(at),
        "modified": rfc_1123(at),
        "project_id": project,
    })
}

fn job(project: &str, at: DateTime) -> Value {
    json!({
        "id": "3001",
        "name": "sample-mesh",
        "type": "sample_triangle_mesh",
        "state": "success",
        "created": rfc_1123(at),
        "started": rfc_1123(at),
        "finished": rfc_1123(at),
        "inputs": { "params": { "resolution": 64 }, "assets": {} },
        "outputs": { "params": {}, "assets": {} },
        "needs": [],
        "parameters": {},
        "meta": {},
        "project_id": project,
        "workflow_id": "4001",
    })
}

fn workflow(project: &str, at: DateTime) -> Value {
    json!({
        "id": "4001",
        "jobs": ["3001"],
        "state": "success",
        "created": rfc_1123(at),
        "started": rfc_1123(at),
        "finished": rfc_1123(at),
        "definition": "jobs:\n  sample-mesh:\n    type: sample_triangle_mesh\n",
        "project_id": project,
    })
}

fn rfc_1123(at: DateTime) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_sdk_reads_them() {
        assert_eq!(rfc_1123(date(2025, 1, 6).at(10, 0, 0, 0)), "Mon, 06 Jan 2025 10:00:00 GMT");
    }
}
