//! Ending sessions.

use serde_json::json;

use crate::authority::Authority;
use crate::edit::user::subject;
use crate::edit::{EditError, Editor};
use crate::session::{Person, SessionId};
use crate::store::{Ended, StoreError};
use crate::user::User;

/// Ends the session that a person is in.
pub async fn sign_out(authority: &Authority, person: &Person) -> Result<(), EditError> {
    let id = &person.session().id;
    delete(person.editor(authority), "sign_out", person.user(), Ended::One(id)).await?;
    Ok(())
}

/// Ends one session of a user.
pub async fn end(editor: Editor<'_>, user: &User, id: &SessionId) -> Result<(), EditError> {
    match delete(editor, "end_session", user, Ended::One(id)).await? {
        0 => Err(StoreError::NotFound.into()),
        _ => Ok(()),
    }
}

/// Ends all sessions of a person but the one that it is in, and says how many.
pub async fn end_others(authority: &Authority, person: &Person) -> Result<u64, EditError> {
    let id = &person.session().id;
    delete(person.editor(authority), "end_sessions", person.user(), Ended::Others(id)).await
}

/// Ends all sessions of a user, and says how many.
pub async fn end_all(editor: Editor<'_>, user: &User) -> Result<u64, EditError> {
    delete(editor, "end_sessions", user, Ended::All).await
}

async fn delete(
    editor: Editor<'_>,
    action: &'static str,
    user: &User,
    ended: Ended<'_>,
) -> Result<u64, EditError> {
    let which = match ended {
        Ended::One(id) => json!({ "session": id }),
        Ended::Others(id) => json!({ "all_but": id }),
        Ended::All => json!({ "all": true }),
    };
    let change = editor.change(action, subject(user), Some(&which), None);
    let count = editor.store().delete_sessions(editor.realm, &user.id, ended, &change).await?;
    editor.done().await?;
    Ok(count)
}
