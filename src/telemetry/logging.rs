//! The log: text for people, or one JSON object per line, to standard error. It never contains a secret, a token or a body.
//!
//! Field names, the same everywhere: `company`, `entity`, `run`, `attempt`, `batch`, `system`, `status`, `error`.

use std::io;

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// Libraries that repeat at `info` or `warn` what Tieline itself reports. A filter of the site that names one of them has priority.
const QUIET: &[(&str, &str)] =
    &[("r2d2", "off"), ("actix_http", "off"), ("actix_server", "warn"), ("rustls", "error"), ("h2", "error"), ("mio", "warn")];

/// Why the log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is not valid.
    #[error("`log.level` must be a level or a filter such as `info` or `info,tieline=debug`, got `{level}`")]
    Filter {
        /// What was set.
        level: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The process has a log already.
    #[error("the log is set up twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// The form of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Sets the log of this process up, to standard error. `level` is `log.level`. Call it once.
///
/// # Errors
/// See [`LoggingError`].
pub fn init(level: &str, format: LogFormat) -> Result<(), LoggingError> {
    init_with(level, format, io::stderr)
}

/// The same with another writer, such as one that makes room for progress bars.
///
/// # Errors
/// See [`LoggingError`].
pub fn init_with<W>(level: &str, format: LogFormat, writer: W) -> Result<(), LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Ok(subscriber(level, format, writer)?.try_init()?)
}

/// The subscriber, for callers that do not want it for the whole process.
///
/// # Errors
/// [`LoggingError::Filter`].
pub fn subscriber<W>(level: &str, format: LogFormat, writer: W) -> Result<impl Subscriber + Send + Sync, LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_span_events(FmtSpan::NONE);
    // no colours: the log goes to a journal or a file, where they are noise
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
        LogFormat::Text => layer.with_ansi(false).boxed(),
    };
    Ok(Registry::default().with(layer.with_filter(filter(level)?)))
}

fn filter(level: &str) -> Result<EnvFilter, LoggingError> {
    let quiet = QUIET.iter().filter(|(target, _)| !level.contains(target)).map(|(target, level)| format!(",{target}={level}"));
    let directives = format!("{level}{}", quiet.collect::<String>());
    EnvFilter::builder().parse(directives).map_err(|source| LoggingError::Filter { level: level.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use secrecy::SecretString;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, format: LogFormat, work: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(level, format, move || writer.clone()).expect("a good filter");
        tracing::subscriber::with_default(subscriber, work);
        String::from_utf8(page.0.lock().expect("not poisoned").clone()).expect("text")
    }

    #[test]
    fn json_is_one_object_per_line_with_plain_fields() {
        let text = logged("info", LogFormat::Json, || {
            tracing::warn!(entity = "invoice", attempt = 3, "write refused, will retry");
            tracing::debug!("not this");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).expect("an object");
        assert_eq!(line["message"], "write refused, will retry");
        assert_eq!((line["entity"].as_str(), line["attempt"].as_i64(), line["level"].as_str()), (Some("invoice"), Some(3), Some("WARN")));
    }

    #[test]
    fn filters_choose_and_secrets_stay_hidden() {
        let password = SecretString::from("hunter2");
        let text = logged("warn,tieline=debug", LogFormat::Text, || {
            tracing::debug!(username = "operator", ?password, "logging on");
            tracing::info!(target: "elsewhere", "not this");
            tracing::error!(target: "r2d2", "nor this");
        });
        assert!(text.contains("logging on") && text.contains("operator") && !text.contains("\u{1b}"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("this"), "{text}");
        assert!(logged("r2d2=error", LogFormat::Text, || tracing::error!(target: "r2d2", "asked for")).contains("asked for"));
        let error = subscriber("tieline=loud", LogFormat::Text, io::sink).err().expect("no such level");
        assert!(error.to_string().ends_with("got `tieline=loud`"), "{error}");
    }
}
