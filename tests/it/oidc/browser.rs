//! The part of a browser that a sign-in needs: cookies by site and path, and redirects.

use std::io::{Read, Write};
use std::net::TcpStream;

use url::Url;

struct Kept {
    origin: String,
    path: String,
    name: String,
    value: String,
}

/// Somebody's browser.
#[derive(Default)]
pub struct Browser {
    kept: Vec<Kept>,
}

/// One answer.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers(name).next()
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        let pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs.filter(move |(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

impl Browser {
    /// Sends one request, with the cookies for its address, and keeps those of the answer.
    pub fn ask(&mut self, method: &str, url: &str, body: &str) -> Reply {
        let url = Url::parse(url).unwrap_or_else(|error| panic!("{error}: {url}"));
        let port = url.port_or_known_default().unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let path = url.path();
        let sent = self.kept.iter().filter(|kept| kept.origin == origin(&url) && path.starts_with(&kept.path));
        let cookies = sent.map(|kept| format!("{}={}", kept.name, kept.value)).collect::<Vec<_>>().join("; ");
        let target = url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}:{port}\r\nConnection: close\r\nCookie: {cookies}\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            url.host_str().unwrap(),
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let answer = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer from {url}: {answer}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let reply = Reply { status, head: head.to_owned(), body: body.to_owned() };
        for set in reply.headers("set-cookie").collect::<Vec<_>>() {
            let mut parts = set.split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
            let own_path = set.split("; ").find_map(|part| part.strip_prefix("Path=").or_else(|| part.strip_prefix("path=")));
            let ended = value.is_empty() || attributes.iter().any(|one| one == "max-age=0");
            self.kept.retain(|kept| !(kept.origin == origin(&url) && kept.name == name && kept.path == own_path.unwrap_or("/")));
            if !ended {
                self.keep(&origin(&url), own_path.unwrap_or("/"), name, value);
            }
        }
        reply
    }

    /// Sends a request and follows where it leads, until there is a page.
    pub fn follow(&mut self, method: &str, url: &str, body: &str) -> (String, Reply) {
        let mut url = url.to_owned();
        let mut reply = self.ask(method, &url, body);
        for _ in 0..20 {
            let Some(location) = reply.header("location").filter(|_| (300..400).contains(&reply.status)) else { return (url, reply) };
            url = Url::parse(&url).unwrap().join(&location).unwrap().to_string();
            reply = self.ask("GET", &url, "");
        }
        panic!("it leads on and on: {url}");
    }

    /// Keeps a cookie.
    pub fn keep(&mut self, origin: &str, path: &str, name: &str, value: &str) {
        self.kept.push(Kept { origin: origin.into(), path: path.into(), name: name.into(), value: value.into() });
    }

    /// The value of a kept cookie.
    pub fn cookie(&self, name: &str) -> String {
        self.kept.iter().find(|kept| kept.name == name).unwrap_or_else(|| panic!("no cookie {name}")).value.clone()
    }
}

/// An attribute of the first element that begins like this.
pub fn attribute(page: &str, element: &str, name: &str) -> String {
    let begin = format!("{name}=\"");
    let rest = page.split(element).nth(1).and_then(|rest| rest.split_once('>')).map(|(tag, _)| tag.to_owned());
    let value = rest.as_ref().and_then(|tag| tag.split(&begin).nth(1)).and_then(|rest| rest.split('"').next());
    value.unwrap_or_else(|| panic!("no {name} of {element} in {page}")).replace("&#38;", "&").replace("&amp;", "&")
}
