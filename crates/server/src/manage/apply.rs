//! A whole description at once: what `symbolon apply` and `symbolon import` send. The answer is made while the work goes
//! on, a line of JSON for each thing that there is to tell, so that neither a long import nor its answer has to be
//! waited for as a whole.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use symbolon_core::apply::description::Description;
use symbolon_core::apply::plan::Plan;
use symbolon_core::apply::{ApplyError, MadeSecret};
use symbolon_core::authority::Authority;
use symbolon_core::edit::EditError;
use symbolon_core::permission::AllowedPlan;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use utoipa::ToSchema;

use crate::manage::body::{Described, Parameters};
use crate::manage::caller::Manager;
use crate::manage::error::{Problem, ProblemBody};
use crate::manage::whole_query::ApplyQuery;
use crate::middleware::request_id::RequestId;

/// The longest description, in bytes: some ten thousand clients.
pub(crate) const LARGEST: usize = 16 * 1024 * 1024;
/// A description is read, and held in memory with everything that has to be done, one at a time.
static TURN: Semaphore = Semaphore::const_new(1);
/// Nobody waits longer for the one before to be done.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a step does.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StepEffect)]
pub(crate) enum Effect {
    /// Makes something.
    Create,
    /// Changes something.
    Change,
}

/// One line of the answer: first every step that there is to take, then how far they are, at last the end.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = AppliedLine)]
pub(crate) enum Line {
    /// A step that is to be taken.
    Step {
        /// The kind of thing.
        kind: &'static str,
        effect: Effect,
        /// The step in words: the thing, and the names of what is changed of it. No values.
        text: String,
    },
    /// A secret that is made. It stands in this line and nowhere else; its key follows if nothing goes wrong.
    Secret { realm: String, client: String, access_key: String, secret: String },
    /// So many steps are done for good.
    Done { steps: usize },
    /// The last line if a step failed. Those before it are done; the same description goes on from there.
    Failed {
        /// The step in words.
        step: String,
        problem: ProblemBody,
    },
    /// The last line if nothing failed. Without it, something is missing.
    End {
        /// How many steps there are.
        steps: usize,
        /// Whether they were taken.
        applied: bool,
    },
}

/// Make everything as a description says
///
/// The description is that of `symbolon apply`, in JSON, or in YAML as `application/yaml`. It needs `write:realms`, and beside it what each thing
/// in it would need by itself. Everything is read, checked and compared before the first step is taken. Applying it
/// again changes nothing.
#[utoipa::path(post, path = "/apply", tag = "descriptions", operation_id = "applyDescription", params(ApplyQuery),
    security(("oauth2" = ["write:realms"])),
    request_body = Description,
    responses((status = 200, description = "Lines of JSON", body = Line, content_type = "application/x-ndjson")))]
pub(crate) async fn apply(
    manager: Manager,
    query: Parameters<ApplyQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let applying = manager.applying()?;
    let query = query.read()?;
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    // Whoever sends slowly, or nothing more, keeps nobody else waiting: the turn begins when everything is here.
    let body = Described::arrival(request, LARGEST).await?;
    let Ok(Ok(turn)) = tokio::time::timeout(LONGEST_WAIT, TURN.acquire()).await else {
        return Err(Problem::occupied());
    };
    let description: Description = body.read()?;
    for realm in &description.realms {
        manager.check_host(realm.id.as_str())?;
    }
    let plan = applying.plan(&description).await?;
    drop(description);
    let (lines, answer) = mpsc::unbounded_channel();
    let lines = Lines(lines);
    for step in steps(plan.plan()) {
        lines.tell(&step);
    }
    if query.plan {
        lines.tell(&Line::End { steps: plan.plan().steps.len(), applied: false });
    } else {
        tokio::spawn(work(Arc::clone(manager.authority()), plan, lines, (id, turn)));
    }
    Ok(answered(answer))
}

fn steps(plan: &Plan) -> impl Iterator<Item = Line> {
    plan.steps.iter().map(|step| Line::Step {
        kind: step.kind(),
        effect: if step.creates() { Effect::Create } else { Effect::Change },
        text: step.to_string(),
    })
}

/// Takes the steps, as long as somebody reads what comes of them.
async fn work(
    authority: Arc<Authority>,
    plan: AllowedPlan,
    lines: Lines,
    (request_id, turn): (String, SemaphorePermit<'static>),
) {
    let steps = plan.plan().steps.len();
    let tell = |made: MadeSecret| lines.secret(&made);
    let done = |steps| {
        lines.tell(&Line::Done { steps });
    };
    let ended = tokio::select! {
        // What was begun is taken back, as when the command is cut off at a terminal.
        () = lines.0.closed() => {
            tracing::warn!(request_id, "whoever had a description applied is gone before its end");
            return;
        }
        ended = plan.execute(&authority, tell, done) => ended,
    };
    drop(turn);
    match ended {
        Ok(()) => lines.tell(&Line::End { steps, applied: true }),
        Err(ApplyError { step, source }) => {
            tracing::warn!(request_id, step, error = %source, "a description is applied up to this step");
            let problem = Problem::from(source).body(&request_id);
            lines.tell(&Line::Failed { step, problem })
        }
    };
}

/// Where lines are told. What waits there to be sent is bounded by the number of steps.
struct Lines(mpsc::UnboundedSender<Result<Bytes, Infallible>>);

impl Lines {
    /// Says whether somebody still reads.
    fn tell(&self, line: &Line) -> bool {
        let Ok(mut text) = serde_json::to_vec(line) else { return false };
        text.push(b'\n');
        self.0.send(Ok(text.into())).is_ok()
    }

    fn secret(&self, made: &MadeSecret) -> Result<(), EditError> {
        let line = Line::Secret {
            realm: made.realm.to_string(),
            client: made.client.to_string(),
            access_key: made.access_key.to_string(),
            secret: made.secret.expose().to_owned(),
        };
        if self.tell(&line) {
            return Ok(());
        }
        Err(EditError::Invalid("nobody is there to be told a new secret".to_owned()))
    }
}

fn answered(lines: mpsc::UnboundedReceiver<Result<Bytes, Infallible>>) -> Response {
    let lines = stream::unfold(lines, |mut lines| async { lines.recv().await.map(|line| (line, lines)) });
    let mut response = HttpBody::from_stream(lines).into_response();
    let kind = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
