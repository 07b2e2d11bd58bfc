//! Credentials: the master keys and what is encrypted with them, the types whose values are never printed, and API keys.
//!
//! The ledger keeps ciphertexts (`store/credential.rs`). The actor `CredentialStore` reads the key file on a thread that may block and decrypts one
//! credential by its name. Besides it, only `tieline credential rotate-key` decrypts.

pub mod api_key;
pub mod key_ring;
pub mod secret;
