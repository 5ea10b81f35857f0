//! What a realm's settings may be changed to, and by whom: its addresses concern every realm, and who operates it
//! concerns whoever asks.

use super::{Caller, Reach, RealmAccess};
use crate::edit::EditError;
use crate::id::RealmId;
use crate::realm::RealmSettings;

impl Caller {
    /// Whether the caller may make these settings of a realm's. Which requests and which issuer are the realm's own
    /// is decided by who answers for all realms: its operators could otherwise take the address of another one, and
    /// publish keys there that its tokens are verified by. And no client takes management away from itself, which is
    /// hardly ever meant, and could not be taken back with its tokens.
    pub(super) fn check_settings(
        &self,
        realm: &RealmId,
        before: &RealmSettings,
        after: &RealmSettings,
    ) -> Result<(), EditError> {
        let addresses = |of: &RealmSettings| (of.hosts.clone(), of.issuer.clone());
        if self.reach != Reach::Installation && addresses(before) != addresses(after) {
            return Err(EditError::NotOffered(
                "the issuer and the hosts of a realm are set by the operators of the default realm, who answer for \
                 all realms"
                    .to_owned(),
            ));
        }
        let own =
            self.operates.as_ref().filter(|_| self.home.as_ref().is_some_and(|home| home.id() == realm));
        if let Some(own) = own
            && before.operators.as_ref() == Some(own)
            && after.operators != before.operators
        {
            return Err(EditError::Invalid(format!(
                "this would take the realm's management away from the organization {own}, of which you are: give \
                 operators: {own} with the settings, or do it at the machine, with --local"
            )));
        }
        Ok(())
    }
}

impl RealmAccess<'_> {
    /// Whether the realm may be given these settings by the caller.
    pub async fn check_settings(&self, after: &RealmSettings) -> Result<(), EditError> {
        let before = &self.view.realm().settings;
        self.caller.check_settings(self.id(), before, after)?;
        let Some(operators) = after.operators.as_ref().filter(|_| after.operators != before.operators) else {
            return Ok(());
        };
        match self.store().find_organization(self.id(), operators).await? {
            Some(_) => Ok(()),
            None => Err(EditError::no_operators(operators)),
        }
    }
}
