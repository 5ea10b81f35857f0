//! Takes over a renewed certificate while the server runs. Whatever is wrong with it, the old one goes on.

use std::sync::Arc;

use arc_swap::ArcSwap;
use symbolon_core::clock::Timestamp;

use super::pem_files::{Looks, PemFiles};
use super::{CurrentTls, Pair, TlsError, Validity};

/// Keeps a configuration at what two files hold.
pub struct Reloader {
    files: PemFiles,
    tls: Arc<CurrentTls>,
    last: Looks,
    /// What the certificate in use, or the decision against another one, was made of; none while that may yet change
    /// without the files.
    judged: Option<Looks>,
    /// What was last warned of, and the files that it was about.
    warned: Option<(Looks, String)>,
}

impl Reloader {
    /// Reads the files for the first time. A certificate outside its time is served all the same and warned of: there
    /// is no better one, and its renewal will be taken over.
    pub fn open(files: PemFiles, now: Timestamp) -> Result<Self, TlsError> {
        let looks = files.look();
        let pair = files.read()?;
        let validity = pair.validity(now);
        if validity != Validity::Valid {
            let problem = TlsError::NotNow(files.certificate.clone(), validity);
            tracing::warn!("{problem}: clients will refuse it; renew it, and it is taken over at once");
        }
        let tls = Arc::new(CurrentTls(ArcSwap::new(Arc::clone(&pair.config))));
        let reloader = Self { files, tls, last: looks.clone(), judged: Some(looks), warned: None };
        reloader.say("certificate in use", &pair);
        Ok(reloader)
    }

    /// What listeners serve.
    pub fn tls(&self) -> Arc<CurrentTls> {
        Arc::clone(&self.tls)
    }

    /// Takes the files over if they have changed since they were last judged. To be called every few seconds: files
    /// that still change from one look to the next are left alone, because certificate and key come one after the
    /// other.
    pub fn look(&mut self, now: Timestamp) {
        let looks = self.files.look();
        let stands_still = looks == self.last;
        self.last = looks;
        if stands_still && self.judged.as_ref() != Some(&self.last) {
            self.judge(now);
        }
    }

    /// Takes the files over now, because somebody asked for it.
    pub fn reload(&mut self, now: Timestamp) {
        self.warned = None;
        self.judge(now);
    }

    fn judge(&mut self, now: Timestamp) {
        // What changes while it is read looks different afterwards, and is judged again.
        let looks = self.files.look();
        let error = match self.readable(now) {
            Ok(pair) => {
                self.tls.0.store(Arc::clone(&pair.config));
                self.say("certificate taken over", &pair);
                (self.judged, self.warned) = (Some(looks), None);
                return;
            }
            Err(error) => error,
        };
        let passes = matches!(error, TlsError::Unreadable(..) | TlsError::NotNow(_, Validity::NotYet(_)));
        let until = if passes { "this is over" } else { "the files change again" };
        let warning = Some((looks.clone(), error.to_string()));
        if self.warned != warning {
            tracing::warn!("{error}; the certificate in use stays until {until}");
            self.warned = warning;
        }
        self.judged = (!passes).then_some(looks);
    }

    fn readable(&self, now: Timestamp) -> Result<Pair, TlsError> {
        let pair = self.files.read()?;
        match pair.validity(now) {
            Validity::Valid => Ok(pair),
            other => Err(TlsError::NotNow(self.files.certificate.clone(), other)),
        }
    }

    fn say(&self, what: &str, pair: &Pair) {
        let expires = pair.ends().map_or_else(|| "unknown".to_owned(), |moment| moment.to_string());
        let file = self.files.certificate.display();
        tracing::info!(%file, names = pair.names().join(" "), expires, "{what}");
    }
}
