//! Style sheet, script and icon. They are embedded in the binary and named by a hash of their content, so that their paths change with it.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// One file, with its path on the server.
pub(super) struct Asset {
    /// `/assets/console-0123456789abcdef.css`
    pub(super) path: String,
    /// Its content type.
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
}

fn asset(name: &str, ending: &str, kind: &'static str, text: &'static str) -> Asset {
    let hash = hex::encode(&Sha256::digest(text.as_bytes())[..8]);
    Asset { path: format!("/assets/{name}-{hash}.{ending}"), kind, text }
}

/// The style sheet.
pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| asset("console", "css", "text/css; charset=utf-8", include_str!("../../../assets/console.css")));
/// The script.
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| asset("console", "js", "text/javascript; charset=utf-8", include_str!("../../../assets/console.js")));
/// The icon.
pub(super) static ICON: LazyLock<Asset> = LazyLock::new(|| asset("icon", "svg", "image/svg+xml", include_str!("../../../assets/icon.svg")));
