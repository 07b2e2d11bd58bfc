//! The master key, and what it encrypts. The key is a file outside the database, never in it; the database contains only ciphertexts.
//!
//! The file may contain several keys, the last one current. A rotation appends a key, encrypts everything again, and then drops the old
//! keys, so that at any moment each ciphertext can be decrypted. The cipher is XChaCha20-Poly1305, because its 24-byte nonce may be random
//! without counting. The credential's name and user name are bound as associated data, so that ciphertexts cannot be swapped.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// First line of a key file.
const HEADER: &str = "tieline-master-keys 1";

/// The name with which systemd's `LoadCredential=` passes the file.
pub const CREDENTIAL_NAME: &str = "tieline-master-key";

/// What is wrong with the key, or with what it should decrypt. The texts never contain a key or a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There are ciphertexts, but no key.
    #[error(
        "the master key {} is missing, and stored credentials need it: put the file back from its copy, or remove the credentials and set them again with `tieline credential set`",
        path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Other accounts than its owner may read or change the file.
    #[error("the master key {} can be used by others (mode {mode:04o}): run `chmod 600 {}`, and rotate it if others had access", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file belongs to a user who could replace it.
    #[error("the master key {} belongs to user id {owner}, not to user id {user} who runs this: change its owner, or run this as its owner", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The current user.
        user: u32,
    },
    /// It is not a key file, or a damaged one.
    #[error("{} is not a usable master key file: {problem}; put the file back from its copy", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The file cannot be read or written.
    #[error("the master key {} cannot be {action}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// The error of the system.
        source: io::Error,
    },
    /// The service manager owns the file, so it cannot be changed here.
    #[error("the master key comes from the service manager ({}): rotate it in the service manager", path.display())]
    Managed {
        /// The file.
        path: PathBuf,
    },
    /// It was encrypted with a key that is not in the file.
    #[error(
        "credential `{name}` is sealed with master key `{key_id}`, but {} holds {held}: put the right key file back, or set the credential again with `tieline credential set`",
        path.display()
    )]
    UnknownKey {
        /// The credential.
        name: String,
        /// The key it needs.
        key_id: String,
        /// The key file.
        path: PathBuf,
        /// The keys it holds.
        held: String,
    },
    /// The ciphertext, the name or the user name differs from what was encrypted.
    #[error("credential `{name}` of user `{username}` was altered since it was stored: set it again with `tieline credential set`")]
    Altered {
        /// The credential.
        name: String,
        /// Its user name.
        username: String,
    },
    /// The system gives no random numbers.
    #[error("the system provides no random numbers")]
    Random,
}

/// An encrypted secret, as stored in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// Random, 24 bytes.
    pub nonce: Vec<u8>,
    /// Ciphertext and tag.
    pub ciphertext: Vec<u8>,
    /// The key that decrypts it: the first eight hexadecimal digits of the key's SHA-256.
    pub key_id: String,
}

/// A secret as it is kept: the names for which it was encrypted, and the ciphertext.
#[derive(Debug, Clone)]
pub struct KeptSecret {
    /// The credential's name.
    pub name: String,
    /// Its user name.
    pub username: String,
    /// The secret, encrypted for these two names.
    pub encrypted: Encrypted,
}

/// The place of the master key.
#[derive(Debug, Clone)]
pub struct KeyPlace {
    path: PathBuf,
    managed: bool,
}

impl KeyPlace {
    /// `state.key_file`, unless the service manager passes a key in `credentials_directory` (`$CREDENTIALS_DIRECTORY`).
    pub fn new(key_file: &Path, credentials_directory: Option<&Path>) -> Self {
        let managed = credentials_directory.map(|directory| directory.join(CREDENTIAL_NAME)).filter(|path| path.exists());
        match managed {
            Some(path) => Self { path, managed: true },
            None => Self { path: key_file.to_owned(), managed: false },
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the service manager passes and protects it.
    pub fn is_managed(&self) -> bool {
        self.managed
    }
}

struct MasterKey {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl MasterKey {
    fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        let id = hex::encode(&Sha256::digest(bytes.as_slice())[..4]);
        Self { id, bytes }
    }

    fn generate() -> Result<Self, KeyError> {
        Ok(Self::new(Zeroizing::new(random()?)))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.bytes).into())
    }

    /// The MAC over a message, with a key of its own for each purpose: the cipher's key is never used for anything else.
    fn mac(&self, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
        let of_purpose = Zeroizing::new(<[u8; 32]>::from(
            keyed(&self.bytes).chain_update(b"tieline mac 1 ").chain_update(purpose.as_bytes()).finalize().into_bytes(),
        ));
        keyed(&of_purpose).chain_update(message)
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC takes a key of any length
    <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!("a key of 32 bytes"))
}

/// The master keys: the last one encrypts, all of them decrypt.
pub struct KeyRing {
    place: KeyPlace,
    keys: Vec<MasterKey>,
    current: MasterKey,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("place", &self.place).field("current", &self.current.id).finish_non_exhaustive()
    }
}

/// Whether anything was encrypted before, for which a key file must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ciphertexts {
    /// Something is stored that only the key file opens.
    Stored,
    /// Nothing is stored: a key may be made.
    None,
}

impl Ciphertexts {
    /// By how many are stored.
    pub fn of(count: usize) -> Self {
        if count > 0 { Self::Stored } else { Self::None }
    }
}

/// What becomes of a key file that is there when one is written.
#[derive(Clone, Copy)]
enum Existing {
    Keep,
    Replace,
}

impl KeyRing {
    /// Reads the key file. Creates one if there is none and nothing has been encrypted yet.
    ///
    /// # Errors
    /// [`KeyError::Missing`] when ciphertexts are stored and there is no file; the others when the file cannot be trusted or used.
    pub fn load(place: KeyPlace, ciphertexts: Ciphertexts) -> Result<Self, KeyError> {
        match fs::symlink_metadata(&place.path) {
            Ok(_) => Self::read(place),
            Err(error) if error.kind() == io::ErrorKind::NotFound && ciphertexts == Ciphertexts::Stored => {
                Err(KeyError::Missing { path: place.path })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let ring = Self { place, keys: Vec::new(), current: MasterKey::generate()? };
                match ring.write(Existing::Keep) {
                    Ok(()) => Ok(ring),
                    // another process was faster: its key is used
                    Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => Self::read(ring.place),
                    Err(error) => Err(error),
                }
            }
            Err(source) => Err(KeyError::File { path: place.path, action: "read", source }),
        }
    }

    fn read(place: KeyPlace) -> Result<Self, KeyError> {
        let path = &place.path;
        // the service manager protects its file with an access list, which shows as group bits
        if !place.managed {
            trusted(path)?;
        }
        let text = fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|source| KeyError::File { path: path.clone(), action: "read", source })?;
        let malformed = |problem: String| KeyError::Malformed { path: path.clone(), problem };
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        if lines.next() != Some(HEADER) {
            return Err(malformed(format!("its first line is not `{HEADER}`")));
        }
        let mut keys = Vec::new();
        for (at, line) in lines.enumerate() {
            let number = at + 1;
            let (id, encoded) = line.split_once(' ').ok_or_else(|| malformed(format!("key {number} is not `id key`")))?;
            let decoded = BASE64_STANDARD.decode(encoded.trim()).map(Zeroizing::new);
            let decoded = decoded.map_err(|_| malformed(format!("key `{id}` is not base64")))?;
            let bytes: [u8; 32] =
                decoded.as_slice().try_into().map_err(|_| malformed(format!("key `{id}` has {} bytes instead of 32", decoded.len())))?;
            let key = MasterKey::new(Zeroizing::new(bytes));
            if key.id != id {
                return Err(malformed(format!("key `{id}` is damaged: its content belongs to `{}`", key.id)));
            }
            keys.push(key);
        }
        let current = keys.pop().ok_or_else(|| malformed("it holds no key".into()))?;
        Ok(Self { place, keys, current })
    }

    /// Writes the file in one step: a concurrent reader sees either the old or the new one.
    fn write(&self, existing: Existing) -> Result<(), KeyError> {
        let path = &self.place.path;
        if self.place.managed {
            return Err(KeyError::Managed { path: path.clone() });
        }
        let mut text = Zeroizing::new(format!("{HEADER}\n# Keep a copy in a safe place: without it the stored credentials are lost.\n"));
        for key in self.keys.iter().chain([&self.current]) {
            let encoded = Zeroizing::new(BASE64_STANDARD.encode(key.bytes.as_slice()));
            text.push_str(&format!("{} {}\n", key.id, encoded.as_str()));
        }
        let written = (|| {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !directory.exists() {
                crate::config::make_state_directory(directory, None).map_err(io::Error::other)?;
            }
            let draft = directory.join(format!(".master-key-{}", std::process::id()));
            let _ = fs::remove_file(&draft);
            let result = write_private(&draft, text.as_bytes(), directory).and_then(|()| match existing {
                Existing::Replace => fs::rename(&draft, path),
                // unlike a rename, a link never replaces an existing file
                Existing::Keep => fs::hard_link(&draft, path),
            });
            let _ = fs::remove_file(&draft);
            result?;
            File::open(directory)?.sync_all()
        })();
        written.map_err(|source| KeyError::File { path: path.clone(), action: "written", source })
    }

    /// The id of the key that encrypts.
    pub fn current_id(&self) -> &str {
        &self.current.id
    }

    /// Encrypts a secret for this name and user name.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn encrypt(&self, name: &str, username: &str, secret: &str) -> Result<Encrypted, KeyError> {
        let nonce: [u8; 24] = random()?;
        let bound = bound(name, username);
        let payload = Payload { msg: secret.as_bytes(), aad: &bound };
        // the cipher fails only for texts of more than 256 GiB
        let ciphertext = self.current.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| KeyError::Random)?;
        Ok(Encrypted { nonce: nonce.to_vec(), ciphertext, key_id: self.current.id.clone() })
    }

    /// Decrypts what was encrypted for this name and user name.
    ///
    /// # Errors
    /// [`KeyError::UnknownKey`] when the key is not in the file, [`KeyError::Altered`] when anything differs from what was encrypted.
    pub fn decrypt(&self, name: &str, username: &str, encrypted: &Encrypted) -> Result<SecretString, KeyError> {
        let key = self.keys.iter().chain([&self.current]).find(|key| key.id == encrypted.key_id);
        let key = key.ok_or_else(|| KeyError::UnknownKey {
            name: name.to_owned(),
            key_id: encrypted.key_id.clone(),
            path: self.place.path.clone(),
            held: self.ids(),
        })?;
        let altered = || KeyError::Altered { name: name.to_owned(), username: username.to_owned() };
        let nonce: [u8; 24] = encrypted.nonce.as_slice().try_into().map_err(|_| altered())?;
        let bound = bound(name, username);
        let payload = Payload { msg: encrypted.ciphertext.as_slice(), aad: &bound };
        let secret = key.cipher().decrypt(&XNonce::from(nonce), payload).map_err(|_| altered())?;
        String::from_utf8(secret).map(SecretString::from).map_err(|_| altered())
    }

    /// The MAC of the current key over a message that comes back later: HMAC-SHA-256. A MAC for one purpose says nothing for another one.
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        self.current.mac(purpose, message).finalize().into_bytes().into()
    }

    /// Whether one of the keys made this MAC for this purpose over this message. Takes the same time for any MAC.
    pub fn made_mac(&self, purpose: &str, message: &[u8], mac: &[u8]) -> bool {
        self.keys.iter().chain([&self.current]).any(|key| key.mac(purpose, message).verify_slice(mac).is_ok())
    }

    /// Starts a rotation: adds a key, which encrypts from now on, and returns every secret encrypted with it, in the order given. Store them,
    /// then call [`KeyRing::drop_previous`].
    ///
    /// # Errors
    /// As for [`KeyRing::decrypt`] when one of the secrets cannot be decrypted, and [`KeyError::File`] and [`KeyError::Managed`]; the ring is then
    /// as before. [`KeyError::Random`].
    pub fn rotate(&mut self, kept: &[KeptSecret]) -> Result<Vec<Encrypted>, KeyError> {
        // a secret that cannot be decrypted is found before anything is changed
        let open = |one: &KeptSecret| self.decrypt(&one.name, &one.username, &one.encrypted);
        let secrets = kept.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        self.add_key()?;
        kept.iter().zip(&secrets).map(|(one, secret)| self.encrypt(&one.name, &one.username, secret.expose_secret())).collect()
    }

    /// Adds a key to the file. It is the current one from now on.
    fn add_key(&mut self) -> Result<(), KeyError> {
        self.keys.push(std::mem::replace(&mut self.current, MasterKey::generate()?));
        self.write(Existing::Replace).inspect_err(|_| {
            if let Some(previous) = self.keys.pop() {
                self.current = previous;
            }
        })
    }

    /// Ends a rotation: removes every key but the current one. Data still encrypted with those are lost.
    ///
    /// # Errors
    /// [`KeyError::File`] and [`KeyError::Managed`]; the ring is then unchanged.
    pub fn drop_previous(&mut self) -> Result<(), KeyError> {
        let previous = std::mem::take(&mut self.keys);
        match self.write(Existing::Replace) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.keys = previous;
                Err(error)
            }
        }
    }

    fn ids(&self) -> String {
        self.keys.iter().chain([&self.current]).map(|key| format!("`{}`", key.id)).collect::<Vec<_>>().join(", ")
    }
}

/// The associated data of a ciphertext; lengths distinguish (`ab`, `c`) from (`a`, `bc`).
fn bound(name: &str, username: &str) -> Vec<u8> {
    let mut bound = b"tieline credential 1".to_vec();
    for part in [name, username] {
        bound.extend((part.len() as u64).to_be_bytes());
        bound.extend(part.as_bytes());
    }
    bound
}

#[cfg(unix)]
fn trusted(path: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).map_err(|source| KeyError::File { path: path.to_owned(), action: "read", source })?;
    if !metadata.is_file() {
        return Err(KeyError::Malformed { path: path.to_owned(), problem: "it is not a file".into() });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed { path: path.to_owned(), mode });
    }
    // root may use the file of the service's account, which then also owns the directory
    let user = nix::unistd::geteuid().as_raw();
    let directory_owner = path.parent().and_then(|parent| fs::metadata(parent).ok()).map(|parent| parent.uid());
    if metadata.uid() != user && !(user == 0 && directory_owner == Some(metadata.uid())) {
        return Err(KeyError::NotOurs { path: path.to_owned(), owner: metadata.uid(), user });
    }
    Ok(())
}

#[cfg(not(unix))]
fn trusted(_: &Path) -> Result<(), KeyError> {
    Ok(()) // the directory's access list decides
}

/// Writes a file that only its owner can use, down to the disk.
fn write_private(path: &Path, bytes: &[u8], directory: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    crate::config::make_private(&file)?;
    file.write_all(bytes)?;
    crate::config::give_to_owner_of(directory, &file)?;
    file.sync_all()
}

/// Random bytes from the system.
///
/// # Errors
/// [`KeyError::Random`].
pub(crate) fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    <[u8; N]>::try_generate().map_err(|_| KeyError::Random)
}

#[cfg(all(test, unix))]
mod tests;
