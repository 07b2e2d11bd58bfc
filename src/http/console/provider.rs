//! Signing in through the OpenID provider of the site: the way there, and the way back.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::answer::{Page, Refusal, html, see_other};
use super::session::{BEGIN, SignInFailed, cookie_named, hash_of, in_hand, new_token, safe_target, secure, set_cookie};
use super::view::{CodeText, Layout};
use crate::domain::chain;
use crate::http::caller::from;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::oidc::{Answer, LIFE, Provider};
use crate::operations::sign_in::{self, Begun, SignInRefused};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![Route::page(BEGIN, None, begin), Route::page("/sign-in/callback", None, finish)]
}

/// The cookie of an attempt.
const COOKIE: &str = "tieline_sign_in";

#[derive(Template)]
#[template(path = "signed_in.html")]
struct SignedInPage {
    layout: Layout,
    to: String,
}

#[derive(Template)]
#[template(path = "sign_in_refused.html")]
struct SignInRefusedPage {
    layout: Layout,
    detail: CodeText,
    next_step: CodeText,
}

fn provider(app_state: &AppState) -> Result<&Provider, Refusal> {
    let none = || Problem::not_found("this site has no OpenID provider", "sign in with an API key; `[sign_in]` names a provider");
    Ok(app_state.provider.as_deref().ok_or_else(none)?)
}

/// Sends the browser to the provider.
pub(super) async fn begin(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let to = Params::parse(request.query_string(), &["to"])?.text("to").unwrap_or_default();
    let provider = provider(&app_state)?;
    let _in_hand = in_hand(&app_state, &request)?;
    match sign_in::begin(&app_state.process, provider, safe_target(&to)).await {
        Ok(Begun { url, cookie }) => {
            let mut response = see_other(url.as_str());
            keep(&mut response, &cookie, Duration::seconds(LIFE.num_seconds()), secure(&app_state, &request))?;
            Ok(response)
        }
        Err(refused) => Ok(refusal(&refused)),
    }
}

/// The provider sends the browser back here. The session's cookie is for requests from pages of this server alone, so that the answer is a
/// page of this server, which leads on.
pub(super) async fn finish(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let provider = provider(&app_state)?;
    let _in_hand = in_hand(&app_state, &request)?;
    let token = new_token()?;
    let (cookie, from) = (cookie_named(&request, COOKIE), from(request.peer_addr()));
    let answer = answer(request.query_string());
    let (process, limit) = (&app_state.process, &app_state.sign_in_refusals);
    let signed_in = sign_in::finish(process, provider, cookie.as_deref(), answer, hash_of(&token), &from, limit).await;
    let secure = secure(&app_state, &request);
    let mut response = match signed_in {
        Ok(to) => {
            let page = SignedInPage { layout: Layout::outside("Signed in"), to: safe_target(&to).to_owned() };
            let mut response = html(StatusCode::OK, &page);
            let life = Duration::try_from(provider.settings().session).unwrap_or(Duration::HOUR);
            set_cookie(&mut response, token, life, secure)?;
            response
        }
        Err(SignInRefused::Ledger(error)) => return Err(error.into()),
        Err(refused) => refusal(&refused),
    };
    keep(&mut response, "", Duration::ZERO, secure)?;
    Ok(response)
}

/// What the provider says in the address. It may add what nobody asked for, and the first value of a name counts.
fn answer(query: &str) -> Answer {
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let text = |name: &str| pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone().into_owned());
    Answer {
        code: text("code"),
        state: text("state"),
        error: text("error"),
        error_description: text("error_description"),
        issuer: text("iss"),
    }
}

/// A page that says why nobody was signed in. It does not load again by itself, because an answer counts once.
fn refusal(refused: &SignInRefused) -> HttpResponse {
    let trouble = refused.is_trouble();
    if trouble {
        tracing::warn!(error = %chain(refused), "a sign-in through the OpenID provider failed");
    }
    let page = SignInRefusedPage {
        layout: Layout::outside("Not signed in"),
        detail: CodeText(chain(refused)),
        next_step: CodeText(refused.next_step().to_owned()),
    };
    let mut response = html(if trouble { StatusCode::BAD_GATEWAY } else { StatusCode::FORBIDDEN }, &page);
    if !trouble {
        response.extensions_mut().insert(SignInFailed);
    }
    response
}

/// Keeps an attempt in the browser. The cookie comes along when another site, the provider, sends the browser back (`Lax`).
fn keep(response: &mut HttpResponse, value: &str, lifetime: Duration, secure: bool) -> Result<(), Problem> {
    let cookie = Cookie::build(COOKIE, value).max_age(lifetime).path("/sign-in").http_only(true).same_site(SameSite::Lax).secure(secure);
    response.add_cookie(&cookie.finish()).map_err(|error| Problem::unavailable(error.to_string(), "try again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_adds_to_its_answer_is_passed_over() {
        let read = answer("code=a%2Bb&state=s&session_state=x&iss=https%3A%2F%2Fid.example&code=other");
        assert_eq!((read.code.as_deref(), read.state.as_deref()), (Some("a+b"), Some("s")));
        assert_eq!((read.issuer.as_deref(), read.error), (Some("https://id.example"), None));
        assert!(answer("").code.is_none());
    }
}
