//! A message as mail.

use std::path::Path;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor};

use super::{Message, NotTaken, advised};
use crate::config::secret::Credential;
use crate::config::settings::{MailSettings, MailTls};
use crate::redact::Quoted;

/// How long the server may take for each of its answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the connection to the mail server is secured, and whom it trusts: the machine's authorities, and those of `ca_file`.
pub(super) fn security(settings: &MailSettings, ca_file: Option<&Path>) -> Result<Tls, String> {
    if settings.tls == MailTls::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(path) = ca_file {
        let fail = |problem: String| format!("`notices.ca_file` {} cannot be used: {problem}", path.display());
        let pem = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
        parameters = parameters.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| fail(error.to_string()))?);
    }
    let parameters = parameters.build().map_err(|error| format!("TLS cannot be used towards `{}`: {error}", settings.host))?;
    Ok(if settings.tls == MailTls::Tls { Tls::Wrapper(parameters) } else { Tls::Required(parameters) })
}

pub(super) async fn send(
    settings: &MailSettings,
    security: &Tls,
    credential: Option<&Credential>,
    message: &Message,
) -> Result<Quoted, NotTaken> {
    let server = format!("`{}:{}`", settings.host, settings.port);
    let wrong = |text: String| NotTaken { text: text.into(), permanent: true };
    let address = |key: &str, text: &str| -> Result<Mailbox, NotTaken> {
        text.parse().map_err(|error| wrong(format!("`notices.{key}`: `{text}` is not a mail address: {error}")))
    };
    let mut mail = Mail::builder().from(address("mail_from", &settings.from)?).subject(message.subject.as_str());
    for to in &settings.to {
        mail = mail.to(address("mail_to", to)?);
    }
    let mail = mail.body(message.text.clone()).map_err(|error| wrong(format!("the mail cannot be put together: {error}")))?;
    // "dangerous" is the builder's word for one that has no TLS of its own making
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host);
    let mut transport = transport.port(settings.port).tls(security.clone()).timeout(Some(PATIENCE));
    if let Some(credential) = credential {
        transport = transport.credentials(Credentials::new(credential.username.clone(), credential.expose().to_owned()));
    }
    match transport.build().send(mail).await {
        Ok(answer) => Ok(format!("{server} took it: {}", answer.message().next().unwrap_or_default()).into()),
        // its text names the cause already
        Err(error) => {
            let text = advised(format!("{server} did not take it: {error}"), "notices.mail_server");
            Err(NotTaken { text: text.into(), permanent: error.is_permanent() })
        }
    }
}
