//! Panics as text: logged once, where they happen, and kept for the report of the death they caused.

use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::error::Error;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

thread_local! {
    /// The last panic of this thread: its text, and its file and line.
    static LAST: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// From now on every panic of the process is one `error!` line instead of text on standard error.
///
/// It may be called again. As long as no subscriber is set, panics are printed as before, so that none is silent.
pub fn log_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note(info);
            if tracing::dispatcher::has_been_set() { log(info) } else { before(info) }
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    // Both are unavailable only while the thread itself ends: then nobody needs the place any more.
    let _ = LAST.try_with(|last| last.try_borrow_mut().map(|mut last| *last = Some((text_of(info.payload()), place))));
}

fn log(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let place = info.location().map(ToString::to_string);
    let backtrace = std::backtrace::Backtrace::capture(); // empty unless RUST_BACKTRACE asks for it
    tracing::error!(
        thread = thread.name().unwrap_or("unnamed"),
        place = place.as_deref().unwrap_or("unknown"),
        %backtrace,
        "panicked: {}",
        text_of(info.payload())
    );
}

/// The full text of a caught panic, with its file and line when [`log_panics`] is in effect.
pub fn describe(payload: &(dyn Any + Send)) -> String {
    let text = text_of(payload);
    let last = LAST.try_with(|last| last.try_borrow_mut().ok().and_then(|mut last| last.take())).ok().flatten();
    match last {
        // `resume_unwind` bypasses the hook: the stored place may then belong to another panic, which the text shows
        Some((said, place)) if said == text => format!("panicked at {place}: {text}"),
        _ => format!("panicked: {text}"),
    }
}

/// The text of a payload: `panic!` gives `&str` or `String`, `panic_any` any type.
fn text_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else if let Some(text) = payload.downcast_ref::<Box<str>>() {
        text.to_string()
    } else if let Some(text) = payload.downcast_ref::<Cow<'static, str>>() {
        text.to_string()
    } else if let Some(error) = payload.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        chain_of(error.as_ref())
    } else if let Some(error) = payload.downcast_ref::<Box<dyn Error + Send>>() {
        chain_of(error.as_ref())
    } else {
        "a value that is not text".to_owned()
    }
}

fn chain_of(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::panic::{catch_unwind, panic_any, resume_unwind};
    use std::sync::{Arc, Mutex};

    fn caught(work: impl FnOnce()) -> String {
        let payload = catch_unwind(panic::AssertUnwindSafe(work)).expect_err("it must panic");
        describe(payload.as_ref())
    }

    #[test]
    fn no_text_is_lost_whatever_was_thrown() {
        let long = "x".repeat(5_000);
        let number = 7;
        assert!(caught(|| panic!("plain")).ends_with(": plain"));
        assert!(caught(|| panic!("number {number}")).ends_with(": number 7"));
        assert!(caught(|| panic!("{long}")).ends_with(&long), "long texts are whole");
        assert!(caught(|| panic!("two\nlines")).ends_with("two\nlines"));
        assert!(caught(|| panic_any("boxed".to_owned().into_boxed_str())).ends_with(": boxed"));
        assert!(caught(|| panic_any(Cow::Borrowed("borrowed"))).ends_with(": borrowed"));
        let error: Box<dyn Error + Send + Sync> = io::Error::other("disk is gone").into();
        assert!(caught(|| panic_any(error)).ends_with(": disk is gone"));
        assert!(caught(|| panic_any(42_u8)).ends_with(": a value that is not text"));
    }

    /// A subscriber that counts its error lines.
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panics").push(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn with_the_hook_a_panic_is_one_log_line_and_its_place_is_known() {
        log_panics();
        log_panics();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || Lines(kept.clone())).finish();
        let cause = tracing::subscriber::with_default(subscriber, || caught(|| panic!("told once")));
        assert!(cause.starts_with("panicked at src/supervision/panics.rs:"), "{cause}");
        assert!(cause.ends_with(": told once"), "{cause}");
        let lines = lines.lock().expect("no writer panics");
        assert_eq!(lines.iter().filter(|line| line.contains("ERROR") && line.contains("told once")).count(), 1, "{lines:?}");

        // without the hook, the place of an earlier panic must not be used
        assert_eq!(caught(|| resume_unwind(Box::new("passed by"))), "panicked: passed by");
    }
}
