//! Sends style sheet, script and icon. A browser may cache them forever.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use super::answer::Page;
use super::embedded::{ICON, SCRIPT, STYLE};
use crate::http::problem::Problem;
use crate::http::route::Route;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::page("/assets/{name}", None, serve)]
}

pub(super) async fn serve(name: web::Path<String>) -> Page {
    let wanted = format!("/assets/{name}");
    let found = [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.path == wanted);
    let Some(asset) = found else {
        return Err(Problem::not_found("there is no such file", "load the page again: it names the files of this version").into());
    };
    let kept = (header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    Ok(HttpResponse::Ok().insert_header(kept).content_type(asset.kind).body(asset.text))
}
