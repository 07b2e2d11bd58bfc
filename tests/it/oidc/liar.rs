//! A provider that answers what the test wants, right or wrong.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn part(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that signs tokens.
pub struct Signer {
    kid: String,
    pair: EcdsaKeyPair,
}

impl Signer {
    pub fn new(kid: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { kid: kid.to_owned(), pair }
    }

    /// The set of its public key.
    pub fn keys(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.kid, "x": part(&point[1..33]), "y": part(&point[33..]) }] })
    }

    pub fn token(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", part(signature))
    }

    /// A token that anybody can make: signed with the public key as if it were a secret.
    pub fn shared_secret_token(&self, claims: &Value) -> String {
        let signed = format!("{}.{}", part(json!({ "alg": "HS256", "kid": self.kid }).to_string()), part(claims.to_string()));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.pair.public_key().as_ref()).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", part(mac.finalize().into_bytes()))
    }
}

/// A token without a signature.
pub fn unsigned(claims: &Value) -> String {
    format!("{}.{}.", part(json!({ "alg": "none" }).to_string()), part(claims.to_string()))
}

/// The claims of a person who may sign in.
pub fn claims(issuer: &str, nonce: &str) -> Value {
    let now = chrono::Utc::now().timestamp();
    json!({
        "iss": issuer, "aud": "tieline", "sub": "u1", "nonce": nonce, "iat": now, "exp": now + 300,
        "preferred_username": "anna", "roles": ["staff", "finance-controllers"],
    })
}

/// What it answers next.
#[derive(Debug, Clone)]
pub struct Lie {
    /// Members of its description that are others.
    pub description: Value,
    /// The status of its description.
    pub status: u16,
    pub keys: Value,
    pub token: String,
    /// The status and the body of the exchange; 0: the token.
    pub exchange: u16,
    pub body: String,
}

impl Default for Lie {
    fn default() -> Self {
        Self { description: json!({}), status: 200, keys: json!({ "keys": [] }), token: String::new(), exchange: 0, body: String::new() }
    }
}

#[derive(Default)]
struct Shared {
    lie: Mutex<Lie>,
    asked: Mutex<String>,
    ended: AtomicBool,
}

/// The provider, until it is dropped.
pub struct Mock {
    pub issuer: String,
    port: u16,
    usual: Lie,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Mock {
    pub fn start(port: u16, signer: &Signer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let issuer = format!("http://127.0.0.1:{port}");
        let usual = Lie { keys: signer.keys(), ..Lie::default() };
        let shared = Arc::new(Shared { lie: Mutex::new(usual.clone()), ..Shared::default() });
        let (of, at) = (shared.clone(), issuer.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if of.ended.load(Ordering::SeqCst) {
                    return;
                }
                // who goes away in the middle is no matter
                let _ = stream.and_then(|stream| answer(stream, &of, &at));
            }
        });
        Self { issuer, port, usual, shared, thread: Some(thread) }
    }

    /// What it answers from now on: the truth, but for this.
    pub fn lie(&self, change: impl FnOnce(&mut Lie)) {
        let mut lie = self.usual.clone();
        change(&mut lie);
        *self.shared.lie.lock().unwrap() = lie;
    }

    /// The last exchange that it was asked for.
    pub fn asked(&self) -> String {
        self.shared.asked.lock().unwrap().clone()
    }

    /// What the verifier of that exchange proves.
    pub fn challenge(&self) -> String {
        let asked = self.asked();
        let verifier = asked.split("code_verifier=").nth(1).unwrap().split('&').next().unwrap();
        part(Sha256::digest(verifier))
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, shared: &Shared, issuer: &str) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let (head, mut body) = loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece)?;
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            break (head.to_owned(), body.to_owned());
        }
        if read == 0 {
            return Ok(());
        }
    };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
    while body.len() < length.unwrap_or_default() {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece)?;
        body.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    let lie = shared.lie.lock().unwrap().clone();
    let (status, text) = match head.split(' ').nth(1).unwrap_or_default() {
        "/.well-known/openid-configuration" => {
            let mut description = json!({
                "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/keys"),
            });
            for (name, value) in lie.description.as_object().unwrap() {
                description[name] = value.clone();
            }
            (lie.status, description.to_string())
        }
        "/keys" => (200, lie.keys.to_string()),
        "/token" => {
            *shared.asked.lock().unwrap() = body;
            if lie.exchange == 0 { (200, json!({ "id_token": lie.token }).to_string()) } else { (lie.exchange, lie.body) }
        }
        other => (404, format!("nothing at {other}")),
    };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}
