//! Signing the days of the audit: the manifest of each day that has ended, and the key that signs them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chrono::{Days, NaiveDate};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Process;
use super::in_force::InForce;
use crate::config;
use crate::credentials::credential_store::{AUDIT_SIGNING, AUDIT_SIGNING_FORMER, CredentialError, CredentialStore};
use crate::credentials::key_ring::{Ciphertexts, KeyError, KeyRing, random};
use crate::domain::chain;
use crate::evidence::head::AuditHead;
use crate::evidence::leaf::leaf_line;
use crate::evidence::manifest::{InForceThen, Manifest, sha256};
use crate::evidence::merkle::{Hash, Peaks, leaf_hash};
use crate::evidence::signature::{PublicKey, SigningKey};
use crate::store::{AuditDayRange, AuditDayRow, AuditDays, EncryptedCredential, KeyChange, SignedBy, Store, StoreError};

/// The most days without events that are signed together.
const TOGETHER: usize = 500;

/// Signs the days of the audit.
#[derive(Clone)]
pub struct Evidence {
    store: Store,
    credential_store: CredentialStore,
    state: PathBuf,
    configuration: String,
    definitions: InForce,
}

/// Why a day is not signed.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The master key.
    #[error("the key that signs the audit cannot be used")]
    Key(#[from] KeyError),
    /// The key that signs.
    #[error("the key that signs the audit cannot be used: {problem}")]
    Signing {
        /// What is wrong.
        problem: String,
    },
    /// The key was changed a moment ago, and the change is not complete.
    #[error(
        "the key that signs the audit was changed already, and the former key has not signed a day together with it; the change is complete \
         once the next day is signed, shortly after midnight UTC"
    )]
    ChangeOpen,
    /// There is no key that could be changed.
    #[error("no key signs the audit yet: the first one is made when the first day is signed, or by `tieline audit export`")]
    NoKey,
    /// Another process changed the key at the same moment.
    #[error("the key that signs the audit was changed by another process at this moment")]
    ChangedMeanwhile,
    /// The leaves do not give the tree of their seal.
    #[error("{day} cannot be signed: its leaves do not fit their seals; `tieline audit verify` names the first one that does not")]
    Broken {
        /// The day.
        day: NaiveDate,
    },
    /// A manifest in the ledger.
    #[error("the manifest of {day} in the ledger {problem}; `tieline audit verify` checks them all")]
    Manifest {
        /// The day.
        day: NaiveDate,
        /// What is wrong.
        problem: String,
    },
}

impl From<CredentialError> for EvidenceError {
    fn from(error: CredentialError) -> Self {
        Self::Signing { problem: chain(&error) }
    }
}

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// All days before today are signed.
    UpToDate,
    /// An event of an earlier day is not sealed yet.
    Waits,
}

/// The day before the next manifest, as the chain has it.
#[derive(Debug, Clone)]
struct Before {
    day: NaiveDate,
    sha256: Hash,
}

/// The key that signs, and until it has signed a day, the key before it, which signs that day too.
struct Keys {
    key: SigningKey,
    former: Option<SigningKey>,
}

/// A new key that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedKey {
    /// Its fingerprint.
    pub fingerprint: String,
    /// That of the key before.
    pub former: String,
}

impl Evidence {
    /// With what a process has.
    pub fn of(process: &Process) -> Self {
        Self {
            store: process.store.clone(),
            credential_store: process.credential_store.clone(),
            state: process.settings.state.directory.clone(),
            configuration: process.settings.fingerprint.clone(),
            definitions: process.definitions.clone(),
        }
    }

    /// Signs every day that has ended and is not signed, days without events too.
    ///
    /// # Errors
    /// [`EvidenceError`]; the days before stay signed.
    pub async fn sign_days(&self) -> Result<Signed, EvidenceError> {
        let days = self.store.audit_days_now().await?;
        let Some(first) = days.first else { return Ok(Signed::UpToDate) };
        let mut before = self.newest().await?;
        let next = |before: &Option<Before>| before.as_ref().map_or(Some(first), |before| before.day.checked_add_days(Days::new(1)));
        if next(&before).is_none_or(|day| day >= days.today) {
            return Ok(Signed::UpToDate);
        }
        if days.waits {
            return Ok(Signed::Waits);
        }
        let mut keys = self.keys().await?;
        let in_force = self.in_force().await;
        let mut head = None;
        while let Some(day) = next(&before).filter(|day| *day < days.today) {
            let range = self.store.audit_day_range(day).await?;
            // days without events are signed together
            let until = range.sealed.filter(|sealed| *sealed < days.today).unwrap_or(days.today);
            let mut manifest = self.manifest(day, &days, before.as_ref(), &keys.key, (&range, &in_force)).await?;
            let mut rows = vec![signed(&manifest, &keys)];
            let former = keys.former.take();
            let names = [AUDIT_SIGNING, AUDIT_SIGNING_FORMER];
            let by = SignedBy { key: keys.key.public().fingerprint(), names, former: former.as_ref().map(|_| AUDIT_SIGNING_FORMER) };
            while let Some(next) = manifest.day.succ_opt().filter(|next| *next < until && rows.len() < TOGETHER) {
                let last = rows.last().map(|row| sha256(row.manifest.as_bytes()));
                manifest = Manifest { day: next, previous: last, ..manifest };
                rows.push(signed(&manifest, &keys));
            }
            let sha256 = rows.last().map(|row| sha256(row.manifest.as_bytes())).unwrap_or_default();
            if self.store.audit_day_put(rows, manifest.last_leaf, by).await? {
                head = Some((manifest.day, AuditHead { leaf: manifest.last_leaf, root: manifest.root }, sha256));
                before = Some(Before { day: manifest.day, sha256 });
            } else {
                // another node signed it, or an event of that day was sealed meanwhile
                let newest = self.newest().await?;
                if newest.as_ref().is_none_or(|newest| newest.day < day) {
                    return Ok(Signed::Waits);
                }
                before = newest;
                keys = self.keys().await?;
            }
        }
        if let Some((day, head, sha256)) = head {
            self.store.audit_head_note(day, head, hex::encode(sha256), keys.key.public().fingerprint()).await?;
        }
        Ok(Signed::UpToDate)
    }

    /// The manifests of the days that are not signed in the ledger: those that wait, and today as far as it is sealed. They are provisional.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub async fn provisional(&self) -> Result<Vec<(Manifest, AuditDayRow)>, EvidenceError> {
        let days = self.store.audit_days_now().await?;
        let Some(first) = days.first else { return Ok(Vec::new()) };
        let before = self.newest().await?;
        let keys = self.keys().await?;
        let in_force = self.in_force().await;
        let day = match &before {
            Some(before) => before.day.checked_add_days(Days::new(1)),
            None => Some(first),
        };
        let Some(day) = day.filter(|day| *day <= days.today) else { return Ok(Vec::new()) };
        // one manifest: nothing may follow one that is not final
        let range = self.store.audit_day_range(day).await?;
        let mut manifest = self.manifest(day, &days, before.as_ref(), &keys.key, (&range, &in_force)).await?;
        manifest.provisional = Some(days.now);
        let row = signed(&manifest, &keys);
        Ok(vec![(manifest, row)])
    }

    async fn newest(&self) -> Result<Option<Before>, EvidenceError> {
        let newest = self.store.audit_day_newest().await?;
        Ok(newest.map(|row| Before { day: row.day, sha256: sha256(row.manifest.as_bytes()) }))
    }

    /// The manifest of a day over its leaves, which must give the tree of their seals.
    async fn manifest(
        &self,
        day: NaiveDate,
        days: &AuditDays,
        before: Option<&Before>,
        key: &SigningKey,
        (range, in_force): (&AuditDayRange, &InForceThen),
    ) -> Result<Manifest, EvidenceError> {
        let (first_leaf, last_leaf) = (leaf(&range.before) + 1, leaf(&range.after));
        let mut file = Sha256::new();
        if !range.removed {
            let mut tree = range.before.clone();
            let mut after = first_leaf - 1;
            loop {
                let page = self.store.leaf_lines(after, last_leaf).await?;
                let Some(last) = page.last() else { break };
                after = last.leaf;
                for one in &page {
                    let line = leaf_line(one.leaf, &one.line);
                    tree.push(leaf_hash(line.as_bytes()));
                    file.update(line);
                    file.update(b"\n");
                }
            }
            if tree != range.after {
                return Err(EvidenceError::Broken { day });
            }
        }
        Ok(Manifest {
            installation: days.installation,
            day,
            provisional: None,
            first_leaf,
            last_leaf,
            sha256: (!range.removed).then(|| file.finalize().into()),
            root: range.after.root(),
            before: range.before.clone(),
            previous: before.map(|before| before.sha256),
            in_force: in_force.clone(),
            key: key.public().fingerprint(),
        })
    }

    /// What is in force now.
    async fn in_force(&self) -> InForceThen {
        let program = tokio::task::spawn_blocking(program_sha256).await.ok().flatten();
        InForceThen {
            configuration: self.configuration.clone(),
            definitions: self.definitions.view().hash,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            program_sha256: program,
        }
    }

    /// The key that signs, made at the first use, and the former one while it is needed.
    async fn keys(&self) -> Result<Keys, EvidenceError> {
        if self.store.credential_get(AUDIT_SIGNING).await?.is_none() {
            self.make_key().await?;
        }
        let former = match self.store.credential_get(AUDIT_SIGNING_FORMER).await? {
            Some(_) => Some(self.stored(AUDIT_SIGNING_FORMER).await?),
            None => None,
        };
        Ok(Keys { key: self.stored(AUDIT_SIGNING).await?, former })
    }

    /// The key that signs; made at the first use.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub async fn key(&self) -> Result<SigningKey, EvidenceError> {
        Ok(self.keys().await?.key)
    }

    /// A stored key.
    async fn stored(&self, name: &'static str) -> Result<SigningKey, EvidenceError> {
        let credential = self.credential_store.credential(name).await?;
        let seed = hex::decode(credential.expose()).map(Zeroizing::new);
        let signing = |problem: String| EvidenceError::Signing { problem };
        let key = SigningKey::of_seed(&seed.map_err(|_| signing(format!("the credential `{name}` holds no key")))?).map_err(signing)?;
        match PublicKey::read(&credential.username) {
            Ok(public) if public == key.public() => Ok(key),
            _ => Err(signing(format!("the credential `{name}` holds another key than the one that it names"))),
        }
    }

    /// Makes another key that signs from the next day on. The present key signs that day too, so that nobody has to take the new one on trust;
    /// then it is removed.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub async fn change_key(&self, actor: String, why: String) -> Result<ChangedKey, EvidenceError> {
        if self.store.credential_get(AUDIT_SIGNING).await?.is_none() {
            return Err(EvidenceError::NoKey);
        }
        if self.store.credential_get(AUDIT_SIGNING_FORMER).await?.is_some() {
            return Err(EvidenceError::ChangeOpen);
        }
        let former = self.stored(AUDIT_SIGNING).await?.public();
        let secret = self.credential_store.credential(AUDIT_SIGNING).await?;
        let stored = Ciphertexts::of(self.store.credential_list().await?.len());
        let (credentials, path) = (self.credential_store.clone(), self.state.join("credential.lock"));
        let made = tokio::task::spawn_blocking(move || {
            let (lock, keys) = alone(&credentials, &path, stored)?;
            let seed = SecretString::from(secret.expose().to_owned());
            let former = encrypted(&keys, AUDIT_SIGNING_FORMER, &former.text(), &seed)?;
            let (row, public) = new_key(&keys)?;
            Ok::<_, EvidenceError>((lock, former, row, public))
        });
        let made = made.await.map_err(|_| EvidenceError::Signing { problem: "making it crashed".to_owned() })?;
        let (lock, former_row, row, public) = made?;
        let changed = ChangedKey { fingerprint: public.fingerprint(), former: former.fingerprint() };
        let by = KeyChange { fingerprint: changed.fingerprint.clone(), former: changed.former.clone(), actor, why };
        if !self.store.audit_key_change(former_row, row, by).await? {
            return Err(EvidenceError::ChangedMeanwhile);
        }
        drop(lock);
        Ok(changed)
    }

    async fn make_key(&self) -> Result<(), EvidenceError> {
        let stored = self.store.credential_list().await?.len();
        let (credentials, path) = (self.credential_store.clone(), self.state.join("credential.lock"));
        let made = tokio::task::spawn_blocking(move || {
            let (lock, keys) = alone(&credentials, &path, Ciphertexts::of(stored))?;
            let (row, public) = new_key(&keys)?;
            Ok::<_, EvidenceError>((lock, row, public))
        })
        .await;
        let (lock, encrypted, public) = made.map_err(|_| EvidenceError::Signing { problem: "making it crashed".to_owned() })??;
        let fingerprint = public.fingerprint();
        if self.store.audit_key_add(encrypted, fingerprint.clone()).await? {
            tracing::info!(fingerprint, "a key that signs the audit was made: write its fingerprint down outside");
        }
        drop(lock);
        Ok(())
    }
}

/// The key ring, and the lock that keeps the master key from being rotated until what it encrypts is stored.
fn alone(credentials: &CredentialStore, lock: &Path, ciphertexts: Ciphertexts) -> Result<(std::fs::File, KeyRing), EvidenceError> {
    let locked = || {
        let file = config::open_private(lock)?;
        file.lock()?;
        Ok(file)
    };
    let file = locked().map_err(|source| KeyError::File { path: lock.to_owned(), action: "locked", source })?;
    Ok((file, credentials.keys(ciphertexts)?))
}

/// A new key, encrypted.
fn new_key(keys: &KeyRing) -> Result<(EncryptedCredential, PublicKey), EvidenceError> {
    let seed = Zeroizing::new(random::<32>()?);
    let public = SigningKey::of_seed(&*seed).map_err(|problem| EvidenceError::Signing { problem })?.public();
    let secret = SecretString::from(hex::encode(*seed));
    Ok((encrypted(keys, AUDIT_SIGNING, &public.text(), &secret)?, public))
}

fn encrypted(keys: &KeyRing, name: &str, public: &str, secret: &SecretString) -> Result<EncryptedCredential, EvidenceError> {
    let encrypted = keys.encrypt(name, public, secret.expose_secret())?;
    Ok(EncryptedCredential {
        name: name.to_owned(),
        username: public.to_owned(),
        key_id: encrypted.key_id,
        nonce: encrypted.nonce,
        ciphertext: encrypted.ciphertext,
        updated_at: chrono::Utc::now(),
    })
}

/// The last leaf of a tree.
fn leaf(tree: &Peaks) -> i64 {
    i64::try_from(tree.size()).unwrap_or(i64::MAX)
}

fn signed(manifest: &Manifest, keys: &Keys) -> AuditDayRow {
    let text = manifest.text();
    let signature = keys.key.sign(text.as_bytes());
    let former_signature = keys.former.as_ref().map(|former| former.sign(text.as_bytes()));
    AuditDayRow { day: manifest.day, manifest: text, signature, former_signature }
}

/// SHA-256 of the program's own file, read once.
fn program_sha256() -> Option<String> {
    static HASH: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let mut file = std::fs::File::open(std::env::current_exe().ok()?).ok()?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match std::io::Read::read(&mut file, &mut buffer).ok()? {
                0 => return Some(hex::encode(hash.finalize())),
                read => hash.update(buffer.get(..read)?),
            }
        }
    };
    HASH.get_or_init(read).clone()
}
