//! Whoever is told: a web server and a mail server that keep what they are sent, and answer as they are bid.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What was sent to a receiver, and what it answers next; then it takes everything.
#[derive(Clone, Default)]
struct Desk {
    seen: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    fn answer(&self, usual: &str) -> String {
        let mut answers = self.answers.lock().unwrap();
        if answers.is_empty() { usual.to_owned() } else { answers.remove(0) }
    }
}

/// A receiver on loopback.
pub struct Receiver {
    pub port: u16,
    desk: Desk,
}

impl Receiver {
    /// A web server; it keeps head and body.
    pub fn web() -> Self {
        Self::start(|mut stream, desk| {
            let mut reader = BufReader::new(stream.try_clone()?);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
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
            reader.read_exact(&mut body)?;
            desk.seen.lock().unwrap().push(format!("{head}\r\n{}", String::from_utf8(body).unwrap()));
            let status = desk.answer("200 OK");
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhm")
        })
    }

    /// A mail server without TLS; it keeps each mail as it was written.
    pub fn mail() -> Self {
        Self::start(|mut stream, desk| {
            let mut reader = BufReader::new(stream.try_clone()?);
            write!(stream, "220 mail.test ESMTP\r\n")?;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                let word = line.split([' ', ':', '\r']).next().unwrap_or_default().to_ascii_uppercase();
                match word.as_str() {
                    "EHLO" => write!(stream, "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n")?,
                    "AUTH" => write!(stream, "235 welcome\r\n")?,
                    "DATA" => {
                        write!(stream, "354 go on\r\n")?;
                        let mut mail = String::new();
                        loop {
                            let mut line = String::new();
                            if reader.read_line(&mut line)? == 0 || line == ".\r\n" {
                                break;
                            }
                            mail += &line;
                        }
                        let answer = desk.answer("250 queued as 42");
                        // what is refused has not been received
                        if answer.starts_with("250") {
                            desk.seen.lock().unwrap().push(mail);
                        }
                        write!(stream, "{answer}\r\n")?;
                    }
                    "QUIT" => return write!(stream, "221 bye\r\n"),
                    _ => write!(stream, "250 ok\r\n")?,
                }
            }
        })
    }

    fn start(serve: impl Fn(TcpStream, &Desk) -> std::io::Result<()> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, desk) = (listener.local_addr().unwrap().port(), Desk::default());
        let own = desk.clone();
        // it ends with the test's process
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = serve(stream, &own);
            }
        });
        Self { port, desk }
    }

    /// The next answer is this one.
    pub fn answers(&self, text: &str) {
        self.desk.answers.lock().unwrap().push(text.to_owned());
    }

    /// Everything that was sent so far.
    pub fn seen(&self) -> Vec<String> {
        self.desk.seen.lock().unwrap().clone()
    }
}
