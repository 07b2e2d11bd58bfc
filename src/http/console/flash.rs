//! Flash messages: the result of an action, shown on the next page. The text is in the address, signed with the session's own secret, so
//! that a page shows only messages that this server sent to this session, on any node.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::signed_in::Session;
use crate::domain::ids::RunId;

/// The longest text that is shown: a message of another system may be long, and an address must not.
const LONGEST: usize = 700;

/// A message, and the run that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FlashMessage {
    pub(super) text: String,
    pub(super) run: Option<RunId>,
}

impl FlashMessage {
    /// A message without a run.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), run: None }
    }

    /// The page at this path, with the message.
    pub(super) fn on(&self, session: &Session, path: &str) -> String {
        let mut text: String = self.text.chars().take(LONGEST).collect();
        if text.len() < self.text.len() {
            text.push('…');
        }
        let run = self.run.map(|run| run.to_string()).unwrap_or_default();
        let sealed = format!("{}:{run}:{text}", seal(&session.csrf, &run, &text));
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("done", &sealed).finish();
        let (path, sign) = (path, if path.contains('?') { '&' } else { '?' });
        format!("{path}{sign}{query}")
    }

    /// Reads a message from an address, if it was made for this session.
    pub(super) fn read(csrf: &str, sealed: &str) -> Option<Self> {
        let (given, rest) = sealed.split_once(':')?;
        let (run, text) = rest.split_once(':')?;
        let genuine = bool::from(given.as_bytes().ct_eq(seal(csrf, run, text).as_bytes()));
        genuine.then(|| Self { text: text.to_owned(), run: run.parse().ok() })
    }
}

fn seal(secret: &str, run: &str, text: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("tieline said {run}:{text}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(secret: &str, text: &str) -> String {
        format!("{}::{text}", seal(secret, "", text))
    }

    #[test]
    fn only_what_was_said_to_this_session_is_told() {
        let said = sealed("a", "12 sent again: 9 delivered.");
        assert_eq!(FlashMessage::read("a", &said), Some(FlashMessage::text("12 sent again: 9 delivered.")));
        assert_eq!(FlashMessage::read("b", &said), None, "another session");
        assert_eq!(FlashMessage::read("a", &said.replace('9', "12")), None, "another text");
        for nonsense in ["", "replay", "::", ":::x", "12 sent again"] {
            assert_eq!(FlashMessage::read("a", nonsense), None, "{nonsense}");
        }
    }
}
