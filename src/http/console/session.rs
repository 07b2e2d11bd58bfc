//! Signing in with an API key, and the session that follows. `provider` is the other way to sign in.
//!
//! The cookie contains 32 random bytes; the ledger stores their SHA-256. The token of the forms is another hash of the same bytes, so that
//! it need not be stored and does not reveal the cookie.

use std::collections::BTreeMap;
use std::net::IpAddr;

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::ServiceRequest;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use askama::Template;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::answer::{Page, Refusal, here, html, see_other};
use super::signed_in::Session;
use super::view::{CodeText, Layout};
use crate::credentials::key_ring::random;
use crate::domain::person::{key_actor, provider_actor};
use crate::domain::role::Permission;
use crate::domain::word;
use crate::http::body::LIMIT;
use crate::http::caller::{Caller, actor, key_of};
use crate::http::login_throttle::SignIn;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::store::UsedBy;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::page("/sign-in", None, form),
        Route::form("/sign-in", None, sign_in),
        Route::form("/sign-out", Some(Permission::Read), sign_out),
    ]
}

/// Where a sign-in through the provider begins.
pub(super) const BEGIN: &str = "/sign-in/provider";

/// The cookie's name.
const COOKIE: &str = "tieline_session";
/// How long a browser keeps the cookie.
const LIFETIME: Duration = Duration::hours(12);

/// Marks the answer to a wrong key, which the middleware counts and delays.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct SignInFailed;

/// The session of a request's cookie, if its role allows the page; `None` for open pages.
///
/// # Errors
/// Redirects to the sign-in page without a session; a page with 403 when the role does not allow it.
pub(in crate::http) async fn permit(
    request: &ServiceRequest,
    app_state: &AppState,
    needs: Option<Permission>,
) -> Result<Option<Caller>, Refusal> {
    let Some(needs) = needs else { return Ok(None) };
    let back = || Refusal::SignIn(if *request.method() == Method::GET { here(request.request()) } else { "/".to_owned() });
    let Some(token) = cookie(request.request()) else { return Err(back()) };
    let hash = hash_of(&token);
    let by = if request.match_info().as_str().starts_with("/live/") { UsedBy::Refresh } else { UsedBy::Person };
    let row = app_state.process.store.session_use(hash, by).await?.ok_or_else(back)?;
    // a site that no longer has the provider no longer lets in whom it vouched for
    let by_provider = row.issuer.is_some();
    let trusted = app_state.provider.as_ref().map(|provider| &provider.settings().issuer);
    if by_provider && row.issuer.as_ref() != trusted {
        return Err(back());
    }
    let role = row.role;
    let who = if by_provider { provider_actor(&row.name) } else { key_actor(&row.name, row.person.as_deref()) };
    let caller = Caller { name: actor(&who, request.peer_addr()), key: row.name.clone(), id: None };
    let session = Session { key: row.name, who: who.clone(), by_provider, role, csrf: csrf_of(&token), hash };
    request.extensions_mut().insert(session);
    if !role.allows(needs) {
        return Err(Problem::forbidden(
            format!("{} has the role {role}", who.replacen(' ', " `", 1) + "`"),
            "sign in with a role that may do this: auditor reads the audit, operator acts, controller closes periods, admin may do all",
        )
        .into());
    }
    Ok(Some(caller))
}

pub(super) fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn csrf_of(token: &str) -> String {
    hex::encode(Sha256::digest(format!("tieline form {token}").as_bytes()))
}

/// The value of the session cookie, if it is well-formed.
fn cookie(request: &HttpRequest) -> Option<String> {
    cookie_named(request, COOKIE).filter(|value| value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The value of a cookie.
pub(super) fn cookie_named(request: &HttpRequest, name: &str) -> Option<String> {
    let headers = request.headers().get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    // `request.cookie` finds none if any cookie is malformed, and other services on this host may set such ones
    let mut cookies = headers.flat_map(|value| value.split(';')).filter_map(|pair| Cookie::parse(pair).ok());
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

/// The session found by the middleware.
pub(super) fn of(request: &HttpRequest) -> Result<Session, Refusal> {
    request.extensions().get::<Session>().cloned().ok_or_else(|| Refusal::SignIn("/".into()))
}

/// A form's fields; a repeated name has all its values in their order.
#[derive(Debug)]
pub(super) struct Form(BTreeMap<String, Vec<String>>);

impl Form {
    async fn read(payload: web::Payload) -> Result<Self, Refusal> {
        let bytes = payload.to_bytes_limited(LIMIT).await.map_err(|_| Problem::too_large(LIMIT))?;
        let bytes = bytes.map_err(|error| Problem::bad_request(format!("the form is incomplete: {error}"), "send it again"))?;
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(&bytes) {
            fields.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Ok(Self(fields))
    }

    /// The form of a signed-in person. `fields`: what its action reads, besides the session's token.
    ///
    /// # Errors
    /// 403 without the session's token; 400 for a field that the action does not read: it would be ignored.
    pub(super) async fn of(session: &Session, payload: web::Payload, fields: &[&str]) -> Result<Self, Refusal> {
        let form = Self::read(payload).await?;
        let step = "load the page again, and send the form from there";
        if !bool::from(form.text("csrf").as_bytes().ct_eq(session.csrf.as_bytes())) {
            return Err(Problem::forbidden("the form belongs to another session", step).into());
        }
        for name in form.0.keys().filter(|name| *name != "csrf") {
            word::check("field", name, fields.iter().copied())
                .map_err(|unknown| Problem::bad_request(format!("the form: {}", unknown.detail()), step))?;
        }
        Ok(form)
    }

    /// All values of a field.
    pub(super) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// A field's text; empty if it is missing.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    layout: Layout,
    /// Why the key was refused.
    failed: Option<CodeText>,
    to: String,
    /// Where a person signs in through the provider, if the site has one.
    provider: Option<String>,
}

impl SignInPage {
    fn of(app_state: &AppState, failed: Option<String>, to: String) -> Self {
        let provider = app_state.provider.as_ref().map(|provider| {
            // where the provider sends people back: a cookie of another name of the service would not arrive there
            let mut url = provider.settings().callback.clone();
            url.set_path(BEGIN);
            url.query_pairs_mut().append_pair("to", &to);
            url.to_string()
        });
        Self { layout: Layout::outside("Sign in"), failed: failed.map(CodeText), to, provider }
    }
}

/// Allows only a path on this server, never another host.
pub(super) fn safe_target(to: &str) -> &str {
    let plain = to.starts_with('/') && !to.starts_with("//") && !to.bytes().any(|byte| byte == b'\\' || byte.is_ascii_control());
    if plain { to } else { "/" }
}

pub(super) async fn form(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let to = Params::parse(request.query_string(), &["to"])?.text("to").unwrap_or_default();
    Ok(html(StatusCode::OK, &SignInPage::of(&app_state, None, safe_target(&to).to_owned())))
}

/// There is no session yet whose token the form could contain, so it must come from a page of this server.
pub(super) async fn sign_in(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    if !from_here(&request) {
        let step = "open the console itself, and sign in there";
        return Err(Problem::forbidden("the form came from a page of another site", step).into());
    }
    let _in_hand = in_hand(&app_state, &request)?;
    let form = Form::read(payload).await?;
    let to = safe_target(form.text("to")).to_owned();
    let row = match key_of(form.text("key").trim(), &app_state).await {
        Ok(found) => found,
        Err(problem) if problem.status == 401 => {
            let mut response = html(StatusCode::UNAUTHORIZED, &SignInPage::of(&app_state, Some(refusal(problem)), to));
            response.extensions_mut().insert(SignInFailed);
            return Ok(response);
        }
        Err(problem) => return Err(problem.into()),
    };
    let token = new_token()?;
    let who = key_actor(&row.name, row.person.as_deref());
    app_state.process.store.session_open(hash_of(&token), row.id, actor(&who, request.peer_addr())).await?;
    let mut response = see_other(&to);
    set_cookie(&mut response, token, LIFETIME, secure(&app_state, &request))?;
    Ok(response)
}

/// Why a key was refused, for the page.
fn refusal(problem: Problem) -> String {
    match problem.title {
        "the API key has expired" => format!("{}. {}.", problem.detail, problem.next_step),
        _ => "This key is wrong, removed or expired. Create a new one with `tieline api-key add NAME --role ROLE`.".to_owned(),
    }
}

/// One of the sign-ins that may be in progress at a time.
pub(super) fn in_hand<'a>(app_state: &'a AppState, request: &HttpRequest) -> Result<SignIn<'a>, Problem> {
    let address = request.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
    let too_many = || Problem::too_many("too many sign-ins are in progress", "try again in a few seconds");
    app_state.login_throttle.sign_in(address).ok_or_else(too_many)
}

/// The value of a new session's cookie.
pub(super) fn new_token() -> Result<String, Problem> {
    let bytes = random::<32>().map_err(|error| Problem::unavailable(error.to_string(), "try again"))?;
    Ok(hex::encode(bytes))
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage {
    layout: Layout,
    /// Where the session at the provider ends, if it has such a place.
    provider: Option<String>,
}

pub(super) async fn sign_out(app_state: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Page {
    let session = of(&request)?;
    Form::of(&session, payload, &[]).await?;
    app_state.process.store.session_close(session.hash, actor(&session.who, request.peer_addr())).await?;
    let mut response = match app_state.provider.as_ref().filter(|_| session.by_provider) {
        // a page and no redirect: a form of ours must not lead to another host (`form-action`)
        Some(provider) => {
            let provider = provider.end_session().await.map(|url| url.to_string());
            html(StatusCode::OK, &SignedOutPage { layout: Layout::outside("Signed out"), provider })
        }
        None => see_other("/sign-in"),
    };
    set_cookie(&mut response, String::new(), Duration::ZERO, secure(&app_state, &request))?;
    Ok(response)
}

/// Sets `Secure` if the browser used TLS, to this server or to a proxy that reports it; a false report can only make the cookie stricter.
pub(super) fn secure(app_state: &AppState, request: &HttpRequest) -> bool {
    let told = request.headers().get("x-forwarded-proto").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"));
    told || app_state.secure()
}

pub(super) fn set_cookie(response: &mut HttpResponse, value: String, lifetime: Duration, secure: bool) -> Result<(), Problem> {
    let cookie = Cookie::build(COOKIE, value).max_age(lifetime).path("/").http_only(true).same_site(SameSite::Strict).secure(secure);
    response.add_cookie(&cookie.finish()).map_err(|error| Problem::unavailable(error.to_string(), "try again"))
}

/// Whether the browser says that a page of this server sent the form. A program that is not a browser says nothing, and cannot be misused
/// this way.
fn from_here(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text("host")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_target_is_a_path_of_ours() {
        assert_eq!(safe_target("/failures?entity=invoice"), "/failures?entity=invoice");
        for other in ["https://evil.example/", "//evil.example", "/\\evil.example", "/a\r\nSet-Cookie: x", "", "runs"] {
            assert_eq!(safe_target(other), "/", "{other}");
        }
    }

    #[test]
    fn a_form_for_signing_in_comes_from_here() {
        let ask = |headers: &[(&'static str, &'static str)]| {
            let request = headers.iter().fold(TestRequest::default(), |request, header| request.insert_header(*header));
            from_here(&request.to_http_request())
        };
        assert!(ask(&[]));
        assert!(ask(&[("host", "t.example"), ("origin", "https://t.example")]));
        assert!(!ask(&[("host", "t.example"), ("origin", "https://evil.example")]));
        assert!(!ask(&[("host", "t.example"), ("origin", "null")]));
        assert!(!ask(&[("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn the_forms_token_tells_nothing_of_the_cookie_kept() {
        let token = "ab".repeat(32);
        assert_ne!(csrf_of(&token), hex::encode(hash_of(&token)));
        let request = TestRequest::default().insert_header(("cookie", format!("a=b; malformed; {COOKIE}={token}"))).to_http_request();
        assert_eq!(cookie(&request), Some(token));
        let request = TestRequest::default().insert_header(("cookie", format!("{COOKIE}=short"))).to_http_request();
        assert_eq!(cookie(&request), None);
    }
}
