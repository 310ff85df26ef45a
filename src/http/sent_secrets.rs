//! The secrets that servers and proxies received, and that must not be shown if they echo them.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::secret::{Secret, redact};
use crate::text::{printable, shortened};

/// The longest text of a server that is shown, in characters.
const LONGEST: usize = 300;

/// Of so many secrets at a time other forms are looked for: a server echoes what it was just sent.
const LATEST: usize = 8;

/// Every secret that this run has sent.
#[derive(Default)]
pub(super) struct SentSecrets {
    all: RefCell<BTreeSet<Secret>>,
    latest: RefCell<Vec<Secret>>,
}

impl SentSecrets {
    pub(super) fn add(&self, secrets: impl IntoIterator<Item = Secret>) {
        let (mut all, mut latest) = (self.all.borrow_mut(), self.latest.borrow_mut());
        for secret in secrets {
            latest.retain(|known| *known != secret);
            latest.truncate(LATEST - 1);
            latest.insert(0, secret.clone());
            all.insert(secret);
        }
    }

    /// The text without any secret, sent or not.
    pub(super) fn redact(&self, text: &str) -> String {
        let (all, latest) = (self.all.borrow(), self.latest.borrow());
        let forms: Vec<Secret> = latest.iter().cloned().flat_map(Secret::forms).collect();
        redact(text, &all.iter().chain(&forms).collect::<Vec<_>>())
    }

    /// Removes secrets, then terminal control characters, then shortens the text.
    pub(super) fn clean(&self, text: &str) -> String {
        shortened(&printable(self.redact(text).trim()), LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(secret: &str) -> SentSecrets {
        let sent = SentSecrets::default();
        sent.add([Secret::new(secret)]);
        sent
    }

    #[test]
    fn clean_of_secrets_and_control_characters() {
        let text = "hush/hush hush%2Fhush eyJa.b.c \u{1b}[31m\r\n\u{202e}x";
        assert_eq!(
            sent("hush/hush").clean(text),
            r"[redacted] [redacted] [redacted] \u{1b}[31m\r\n\u{202e}x"
        );
    }

    #[test]
    fn shortened_after_the_secrets_are_out() {
        let secret = "s".repeat(50);
        let text = format!("{}{secret}", "é".repeat(280));
        let clean = sent(&secret).clean(&text);
        assert_eq!(clean.chars().count(), 290);
        assert!(clean.ends_with("[redacted]"));
        let clean = SentSecrets::default().clean(&"é".repeat(400));
        assert_eq!(clean.chars().count(), 300);
    }

    #[test]
    fn a_part_of_a_jwt_and_other_letters() {
        let sent = sent("eyJhbGci.eyJqdGkiOiJqdGlfMSJ9.c2lnbmF0dXJlLWFuZC1tb3Jl");
        let text = "bad c2lnbmF0dXJlLWFuZC1tb3Jl, C2LNBMF0DXJLLWFUZC1TB3JL, eyJhbGci%2EeyJqdGki";
        assert_eq!(sent.clean(text), "bad [redacted], [redacted], [redacted]");
    }

    #[test]
    fn the_longest_secret_goes_first() {
        let sent = sent("hush");
        sent.add([Secret::new("hush-hush"), Secret::new("")]);
        assert_eq!(sent.redact("hush-hush hush"), "[redacted] [redacted]");
    }
}
