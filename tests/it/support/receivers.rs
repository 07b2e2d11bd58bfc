//! Receivers of notices: a web server and a mail server that keep what they receive, and answer as the test sets.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a receiver got, and its next answers; after those it accepts everything.
#[derive(Clone, Default)]
struct Inbox {
    seen: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<String>>>,
    signed_in: Arc<Mutex<Vec<String>>>,
    overheard: Arc<Mutex<String>>,
    downgraded: Arc<AtomicBool>,
    /// Recipients that the mail server refuses, each with its answer.
    unknown: Arc<Mutex<Vec<(String, String)>>>,
}

impl Inbox {
    fn answer(&self, usual: &str) -> String {
        let mut answers = self.answers.lock().unwrap();
        if answers.is_empty() { usual.to_owned() } else { answers.remove(0) }
    }

    fn refusal_of(&self, line: &str) -> Option<String> {
        self.unknown.lock().unwrap().iter().find(|(address, _)| line.contains(address.as_str())).map(|(_, answer)| answer.clone())
    }
}

/// A site's own certificate authority, and a server certificate that it signed.
pub struct Authority {
    /// The authority's certificate, for the trust file of a client.
    pub pem: String,
    server: Arc<ServerConfig>,
}

impl Authority {
    /// An authority with a certificate for this server name.
    pub fn of(name: &str) -> Self {
        let mut authority = CertificateParams::new(vec![]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // each authority has its own name, so that no client confuses two of them
        authority.distinguished_name.push(DnType::CommonName, format!("authority {}", uuid::Uuid::now_v7()));
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone()];
        let private = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let server = Arc::new(config.with_no_client_auth().with_single_cert(chain, private).unwrap());
        Self { pem: issuer.pem(), server }
    }
}

/// A connection, plain or with TLS.
enum Wire {
    Clear(TcpStream),
    Secured(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn secured(stream: TcpStream, authority: &Authority) -> Self {
        let connection = ServerConnection::new(authority.server.clone()).unwrap();
        Self::Secured(Box::new(StreamOwned::new(connection, stream)))
    }

    fn io(&mut self) -> &mut dyn ReadWrite {
        match self {
            Self::Clear(stream) => stream,
            Self::Secured(stream) => stream.as_mut(),
        }
    }

    /// A line with its line end; empty at the end of the connection. Lines without TLS are also recorded as overheard.
    fn line(&mut self, inbox: &Inbox) -> io::Result<String> {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while line.last() != Some(&b'\n') && self.io().read(&mut byte)? == 1 {
            line.push(byte[0]);
        }
        let line = String::from_utf8(line).map_err(io::Error::other)?;
        if let Self::Clear(_) = self {
            inbox.overheard.lock().unwrap().push_str(&line);
        }
        Ok(line)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.io().write_all(text.as_bytes())?;
        self.io().flush()
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// How clients must connect to a mail server.
pub enum Speech {
    /// Plain; any user may sign in.
    Clear,
    /// STARTTLS, with this user and password.
    Starttls(Authority, &'static str, &'static str),
    /// TLS from the first byte, with this user and password.
    Tls(Authority, &'static str, &'static str),
}

impl Speech {
    fn asked(&self) -> Option<String> {
        match self {
            Self::Clear => None,
            Self::Starttls(_, user, password) | Self::Tls(_, user, password) => Some(format!("{user}:{password}")),
        }
    }
}

/// A receiver on loopback.
pub struct Receiver {
    pub port: u16,
    inbox: Inbox,
}

impl Receiver {
    /// A web server; it keeps the head and body of each request.
    pub fn web() -> Self {
        Self::start(|stream, inbox| take_post(Wire::Clear(stream), inbox))
    }

    /// A web server whose certificate comes from this authority.
    pub fn secured_web(authority: Authority) -> Self {
        Self::start(move |stream, inbox| take_post(Wire::secured(stream, &authority), inbox))
    }

    /// A mail server without TLS; it keeps the source of each mail.
    pub fn mail() -> Self {
        Self::mail_that(Speech::Clear)
    }

    /// A mail server with this kind of connection.
    pub fn mail_that(speech: Speech) -> Self {
        Self::start(move |stream, inbox| match &speech {
            Speech::Tls(authority, ..) => take_mail(Wire::secured(stream, authority), &speech, inbox),
            Speech::Starttls(..) | Speech::Clear => take_mail(Wire::Clear(stream), &speech, inbox),
        })
    }

    fn start(serve: impl Fn(TcpStream, &Inbox) -> io::Result<()> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, inbox) = (listener.local_addr().unwrap().port(), Inbox::default());
        let own = inbox.clone();
        // it ends with the test's process
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = serve(stream, &own);
            }
        });
        Self { port, inbox }
    }

    /// Sets the next answer.
    pub fn answers(&self, text: &str) {
        self.inbox.answers.lock().unwrap().push(text.to_owned());
    }

    /// The mail server refuses one recipient from now on.
    pub fn refuses(&self, address: &str, answer: &str) {
        let mut unknown = self.inbox.unknown.lock().unwrap();
        unknown.retain(|(known, _)| known != address);
        unknown.push((address.to_owned(), answer.to_owned()));
    }

    /// The mail server accepts every recipient again.
    pub fn refuses_nobody(&self) {
        self.inbox.unknown.lock().unwrap().clear();
    }

    /// Everything that was sent so far.
    pub fn seen(&self) -> Vec<String> {
        self.inbox.seen.lock().unwrap().clone()
    }

    /// Who signed in so far, each as `user:password`.
    pub fn signed_in(&self) -> Vec<String> {
        self.inbox.signed_in.lock().unwrap().clone()
    }

    /// Sets whether an attacker on the network removes STARTTLS from what the mail server offers.
    pub fn downgrade(&self, so: bool) {
        self.inbox.downgraded.store(so, Ordering::SeqCst);
    }

    /// What an attacker on the network could read from a mail server's clients.
    pub fn overheard(&self) -> String {
        self.inbox.overheard.lock().unwrap().clone()
    }
}

fn take_post(mut wire: Wire, inbox: &Inbox) -> io::Result<()> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let line = wire.line(inbox)?;
        if line.is_empty() {
            return Ok(());
        }
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    wire.io().read_exact(&mut body)?;
    inbox.seen.lock().unwrap().push(format!("{head}\r\n{}", String::from_utf8(body).unwrap()));
    let status = inbox.answer("200 OK");
    wire.say(&format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhm"))
}

fn take_mail(mut wire: Wire, speech: &Speech, inbox: &Inbox) -> io::Result<()> {
    let mut welcome = speech.asked().is_none();
    wire.say("220 mail.test ESMTP\r\n")?;
    loop {
        let line = wire.line(inbox)?;
        let word = line.split([' ', ':', '\r']).next().unwrap_or_default().to_ascii_uppercase();
        let downgraded = inbox.downgraded.load(Ordering::SeqCst);
        let answer = match (word.as_str(), speech, &wire) {
            ("", ..) => return Ok(()),
            ("QUIT", ..) => return wire.say("221 bye\r\n"),
            ("EHLO", Speech::Starttls(..), Wire::Clear(_)) if downgraded => "250-mail.test\r\n250 AUTH PLAIN LOGIN".to_owned(),
            ("EHLO", Speech::Starttls(..), Wire::Clear(_)) => "250-mail.test\r\n250-8BITMIME\r\n250 STARTTLS".to_owned(),
            ("EHLO", ..) => "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
            ("STARTTLS", Speech::Starttls(authority, ..), Wire::Clear(stream)) => {
                let stream = stream.try_clone()?;
                wire.say("220 go on\r\n")?;
                wire = Wire::secured(stream, authority);
                continue;
            }
            (_, Speech::Starttls(..), Wire::Clear(_)) if !downgraded => "530 must issue a STARTTLS command first".to_owned(),
            ("AUTH", ..) => {
                let given = line.trim_end().rsplit(' ').next().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
                let given = String::from_utf8_lossy(&given).trim_start_matches('\0').replace('\0', ":");
                inbox.signed_in.lock().unwrap().push(given.clone());
                welcome = speech.asked().is_none_or(|asked| asked == given);
                if welcome { "235 welcome" } else { "535 authentication failed" }.to_owned()
            }
            ("MAIL" | "RCPT" | "DATA", ..) if !welcome => "530 authentication required".to_owned(),
            ("RCPT", ..) if let Some(answer) = inbox.refusal_of(&line) => answer,
            ("DATA", ..) => {
                wire.say("354 go on\r\n")?;
                let mut mail = String::new();
                loop {
                    let line = wire.line(inbox)?;
                    if line.is_empty() || line == ".\r\n" {
                        break;
                    }
                    mail += &line;
                }
                let answer = inbox.answer("250 queued as 42");
                // a refused mail is not received
                if answer.starts_with("250") {
                    inbox.seen.lock().unwrap().push(mail);
                }
                answer
            }
            _ => "250 ok".to_owned(),
        };
        wire.say(&format!("{answer}\r\n"))?;
    }
}
