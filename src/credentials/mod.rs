//! Credentials: the master keys and what is encrypted with them, the types whose values are never printed, and API keys.
//!
//! The ledger keeps ciphertexts (`store/credential.rs`, `store/enet_session.rs`). `KeyRing` opens them. `KeyRing::decrypt` has two callers outside this
//! module: `CredentialStore` for one credential by its name, and `LedgerSessionStore` for the id of an open e.net session. `KeyRing::rotate` opens
//! every credential and encrypts it with a new key.

pub mod api_key;
pub mod key_ring;
pub mod secret;
