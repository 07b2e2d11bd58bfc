//! Credentials: the master keys and what is encrypted with them, the types whose values are never printed, and API keys.
//!
//! The ledger keeps ciphertexts (`store/credential.rs`, `store/enet_session.rs`). Only this module decrypts: `CredentialStore` reads a
//! credential by its name, or opens the id of an e.net session that a crash left. `KeyRing::rotate` opens every credential and encrypts it
//! with a new key.

pub mod api_key;
pub mod change;
pub mod credential_store;
pub mod key_ring;
pub mod secret;
