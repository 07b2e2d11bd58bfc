//! Style sheet, script and icon. They are embedded in the binary and named by a hash of their content, so that a browser may cache them
//! forever.

use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use sha2::{Digest, Sha256};

use super::Page;
use crate::http::problem::Problem;
use crate::http::route::Route;

pub(in crate::http) const ROUTES: &[Route] = &[Route::page("/assets/{name}", None, || web::get().to(serve))];

/// One file, with its path on the server.
pub(super) struct Asset {
    /// `/assets/console-0123456789abcdef.css`
    pub(super) path: String,
    kind: &'static str,
    text: &'static str,
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

/// `GET /assets/{name}`
pub(super) async fn serve(name: web::Path<String>) -> Page {
    let wanted = format!("/assets/{name}");
    let found = [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.path == wanted);
    let Some(asset) = found else {
        return Err(Problem::not_found("there is no such file", "load the page again: it names the files of this version").into());
    };
    let kept = (header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    Ok(HttpResponse::Ok().insert_header(kept).content_type(asset.kind).body(asset.text))
}
