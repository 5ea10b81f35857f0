//! Descriptions by the management API: what comes of one is told line by line while the server works on it.

use serde::Deserialize;
use symbolon_core::apply::plan::Counts;
use symbolon_core::secret::Secret;

use crate::manage::failure::{Done, Failure, Refusal};
use crate::manage::transport::{Content, Remote};

/// A secret that was made.
#[derive(Deserialize)]
pub struct Made {
    /// The realm.
    pub realm: String,
    /// The client.
    pub client: String,
    /// The access key.
    pub access_key: String,
    /// The only copy.
    pub secret: Secret,
}

/// A step that is to be taken.
#[derive(Deserialize)]
pub struct Step {
    /// The kind of thing.
    pub kind: String,
    effect: String,
    /// The step in words.
    pub text: String,
}

impl Step {
    /// Counts it.
    pub fn count(&self, counts: &mut Counts) {
        if self.effect == "create" { counts.create += 1 } else { counts.change += 1 }
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Step(Step),
    Secret(Made),
    Done {
        steps: usize,
    },
    Failed {
        step: String,
        problem: Box<Refusal>,
    },
    End {},
    /// A newer server may say more.
    #[serde(other)]
    Other,
}

/// What a description makes, as it is told.
pub enum Told {
    /// A step that is to be taken; all of them come first.
    Step(Step),
    /// A secret, before its key is there.
    Secret(Made),
    /// So many steps are done for good.
    Done(usize),
}

/// Whether the steps are only told, or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Told.
    Plan,
    /// Taken.
    Take,
}

/// Has a description applied.
pub async fn apply(
    remote: &mut Remote,
    content: &Content,
    how: How,
    mut told: impl FnMut(Told) -> Done,
) -> Done {
    let path = if how == How::Plan { "/api/v1/apply?plan=true" } else { "/api/v1/apply" };
    let mut answer = remote.stream(path, Some(content)).await?;
    while let Some(line) = answer.line().await.map_err(broken_off)? {
        // The error's own text could show a secret.
        let read = serde_json::from_slice(&line).map_err(|_| {
            Failure::Unreachable("the answer is not one of Symbolon's: check the address".to_owned())
        })?;
        match read {
            Line::Step(step) => told(Told::Step(step))?,
            Line::Secret(made) => told(Told::Secret(made))?,
            Line::Done { steps } => told(Told::Done(steps))?,
            Line::Failed { step, mut problem } => {
                problem.detail = format!("{step}: {}", problem.detail);
                problem.text = String::from_utf8_lossy(&line).into_owned();
                return Err(Failure::Refused(problem));
            }
            Line::End {} => return Ok(()),
            Line::Other => {}
        }
    }
    Err(broken_off("the answer has no end"))
}

/// What was done stays.
fn broken_off(why: impl std::fmt::Display) -> Failure {
    Failure::Unreachable(format!(
        "{why}\n  what was told to be done stays, and running it again goes on from there"
    ))
}
