//! A message as mail.

use std::path::Path;
use std::time::Duration;

use lettre::Message as Mail;
use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{Error, commands};
use tokio::time::timeout;

use super::Message;
use super::not_taken::{NotTaken, advised};
use crate::config::settings::{MailSettings, MailTls};
use crate::credentials::secret::Credential;
use crate::redact::Quoted;

/// The time limit for each answer of the server, and for a connection to one of its addresses.
const PATIENCE: Duration = Duration::from_secs(20);
/// The time limit for the connection: the lookup of the name, all its addresses, TLS and the greeting.
const CONNECT_LIMIT: Duration = Duration::from_secs(60);
/// The time limit for the answer to the mail itself. A server may check it before it answers; a mail whose answer is late is sent again.
const MAIL_LIMIT: Duration = Duration::from_secs(120);

/// How the connection to the mail server is secured, and its trusted authorities: the machine's, and those of `ca_file`. Reads files.
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
    let mail = mail.body(message.text.clone()).map_err(|error| wrong(format!("the mail cannot be composed: {error}")))?;
    let handed_over = hand_over(settings, security, credential, mail.envelope(), &mail.formatted()).await;
    match handed_over {
        Ok(Taken { answer, refused }) if refused.is_empty() => Ok(format!("{server} accepted it: {answer}").into()),
        Ok(Taken { answer, refused }) => {
            Ok(format!("{server} accepted it: {answer}; but not for {}. Correct `notices.mail_to`", refused.join("; nor for ")).into())
        }
        // its text contains the cause already
        Err(Refusal { recipient, problem }) => {
            let whom = recipient.map(|address| format!(" for {address}")).unwrap_or_default();
            let text = advised(format!("{server} did not accept it{whom}: {problem}"), "notices.mail_server");
            Err(NotTaken { text: text.into(), permanent: problem.is_permanent() })
        }
    }
}

/// The server's answer to a mail that it accepted for at least one recipient.
struct Taken {
    /// The answer to the mail.
    answer: String,
    /// The recipients that it refused permanently, each with its answer.
    refused: Vec<String>,
}

/// Why the server accepted the mail for nobody.
struct Refusal {
    /// The recipient that the refusal is about, in backticks.
    recipient: Option<String>,
    problem: Problem,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { recipient: None, problem }
    }
}

/// What went wrong with one command.
#[derive(Debug, thiserror::Error)]
enum Problem {
    /// The server refused it, or the connection broke. The text contains the cause.
    #[error("{0}")]
    Smtp(Error),
    #[error("it did not answer within {} s", .0.as_secs())]
    Late(Duration),
}

impl Problem {
    fn is_permanent(&self) -> bool {
        matches!(self, Self::Smtp(error) if error.is_permanent())
    }
}

/// Waits for an answer. The library limits only the time of a connection: without a limit, a server that stays silent would end all notices.
async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Problem> {
    match timeout(limit, answer).await {
        Ok(answer) => answer.map_err(Problem::Smtp),
        Err(_) => Err(Problem::Late(limit)),
    }
}

/// One connection and one mail. A recipient that the server refuses permanently does not stop the mail to the others. One that it refuses
/// temporarily does: the mail goes to all of them later, so that nobody gets it twice.
async fn hand_over(
    settings: &MailSettings,
    security: &Tls,
    credential: Option<&Credential>,
    envelope: &Envelope,
    mail: &[u8],
) -> Result<Taken, Refusal> {
    let mut connection = within(CONNECT_LIMIT, connect(settings, security)).await?;
    if let Some(credential) = credential {
        let credentials = Credentials::new(credential.username.clone(), credential.expose().to_owned());
        within(PATIENCE, connection.auth(DEFAULT_MECHANISMS, &credentials)).await?;
    }
    let taken = converse(&mut connection, envelope, mail).await;
    // the result does not depend on how the connection ends
    match &taken {
        Ok(_) => drop(within(PATIENCE, connection.quit()).await),
        Err(_) => drop(timeout(PATIENCE, connection.abort()).await),
    }
    taken
}

async fn connect(settings: &MailSettings, security: &Tls) -> Result<AsyncSmtpConnection, Error> {
    let (name, server) = (ClientId::default(), (settings.host.as_str(), settings.port));
    let wrapped = if let Tls::Wrapper(parameters) = security { Some(parameters.clone()) } else { None };
    let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(PATIENCE), &name, wrapped, None).await?;
    if let Tls::Required(parameters) = security {
        connection.starttls(parameters.clone(), &name).await?;
    }
    Ok(connection)
}

async fn converse(connection: &mut AsyncSmtpConnection, envelope: &Envelope, mail: &[u8]) -> Result<Taken, Refusal> {
    let mut parameters = Vec::new();
    if envelope.to().iter().chain(envelope.from()).any(|address| !address.to_string().is_ascii()) {
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !mail.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    within(PATIENCE, connection.command(commands::Mail::new(envelope.from().cloned(), parameters))).await?;
    let (mut refused, mut last) = (Vec::new(), None);
    for recipient in envelope.to() {
        match within(PATIENCE, connection.command(commands::Rcpt::new(recipient.clone(), Vec::new()))).await {
            Ok(_) => {}
            Err(problem) if problem.is_permanent() => {
                refused.push(format!("`{recipient}`: {problem}"));
                last = Some(Refusal { recipient: Some(format!("`{recipient}`")), problem });
            }
            Err(problem) => return Err(Refusal { recipient: Some(format!("`{recipient}`")), problem }),
        }
    }
    if let Some(refusal) = last.filter(|_| refused.len() == envelope.to().len()) {
        return Err(refusal);
    }
    within(PATIENCE, connection.command(commands::Data)).await?;
    let answer = within(MAIL_LIMIT, connection.message(mail)).await?;
    Ok(Taken { answer: answer.message().next().unwrap_or_default().to_owned(), refused })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stays_silent_is_left_and_tried_again_later() {
        let silent = within(PATIENCE, std::future::pending::<Result<(), Error>>()).await.unwrap_err();
        assert_eq!(silent.to_string(), "it did not answer within 20 s");
        assert!(!silent.is_permanent());
    }
}
