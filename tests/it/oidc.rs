//! Sign-in through an OpenID provider: npm's `oidc-provider` as a site would run it, and providers that lie.

mod browser;
mod liar;
mod own;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use self::browser::{Browser, attribute};
use self::liar::{Lie, Mock, Signer};
use crate::binary::{Service, Site, free_port, text, wait_until};
use crate::console::Person;
use crate::support::servers::Private;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// npm's `oidc-provider`, in a process of its own; killed when dropped.
struct Npm {
    child: Child,
    issuer: String,
    /// Without a reader it would end at its next message.
    _out: BufReader<ChildStdout>,
}

impl Npm {
    fn start(site: &Site) -> Self {
        let tools = root().join("target/tools/oidc");
        assert!(tools.join("node_modules/oidc-provider").is_dir(), "`scripts/setup.sh --lints` fetches what the test of sign-in needs");
        let port = free_port();
        let what = json!({ "tools": tools, "port": port, "console": console(site) });
        let mut child = Command::new("node")
            .arg(root().join("tests/oidc/provider.mjs"))
            .env("OIDC", what.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line.trim() != "ready" {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "the provider ended");
        }
        Self { child, issuer: format!("http://127.0.0.1:{port}"), _out: out }
    }
}

impl Drop for Npm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address under which people open the console. Providers of these tests are at another one, which is another site for a browser.
fn console(site: &Site) -> String {
    format!("http://localhost:{}", site.port)
}

/// The service with this provider, until it is dropped. More settings may follow.
fn serve(site: &Site, issuer: &str, more: &[(&str, &str)]) -> Service {
    let mut command = site.command(&["run"]);
    command
        .env("TIELINE__NOTICES__PUBLIC_URL", console(site))
        .env("TIELINE__SIGN_IN__ISSUER", issuer)
        .env("TIELINE__SIGN_IN__CLIENT_ID", "tieline")
        .env("TIELINE__SIGN_IN__ROLES", "admins = admin, finance-controllers = controller, staff = viewer");
    for (key, value) in more {
        command.env(format!("TIELINE__SIGN_IN__{key}"), value);
    }
    let service = site.serve_as(command);
    wait_until("the service answers", || crate::http::ask(site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200));
    service
}

fn key(site: &Site) -> String {
    let out = site.run(&["api-key", "add", "spare", "--role", "admin"]);
    assert!(out.status.success(), "{}", text(&out));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// What people did, by the events of the audit: who, and the details.
fn actions(site: &Site) -> Vec<(String, Value)> {
    let out = text(&site.run(&["audit", "--kind", "action", "--output", "json"]));
    let rows = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut rows: Vec<Value> = rows.collect();
    rows.sort_by_key(|row| row["id"].as_i64());
    rows.iter().map(|row| (row["actor"].as_str().unwrap_or_default().to_owned(), row["detail"].clone())).collect()
}

/// Goes from the sign-in page to the provider, and signs in there.
fn sign_in(browser: &mut Browser, site: &Site, login: &str) -> browser::Reply {
    let page = browser.ask("GET", &format!("{}/sign-in?to=%2Fclose", console(site)), "");
    let link = attribute(&page.body, "<a class=\"button main\" ", "href");
    let (_, page) = browser.follow("GET", &link, "");
    let (_, consent) =
        browser.follow("POST", &attribute(&page.body, "<form ", "action"), &format!("prompt=login&login={login}&password=x"));
    browser.follow("POST", &attribute(&consent.body, "<form ", "action"), "prompt=consent").1
}

#[test]
fn people_sign_in_through_npms_provider() {
    let site = Site::alone();
    let npm = Npm::start(&site);
    let secret = ["credential", "set", "sign-in", "--username", "tieline", "--password-stdin"];
    assert!(site.run_with(&secret, "SENTINEL client secret/1\n").status.success());
    // each client has another signature; the first has a secret as well
    for client in ["tieline", "tieline-ps", "tieline-es"] {
        let mut service = serve(&site, &npm.issuer, &[("CLIENT_ID", client)]);
        let mut anna = Browser::default();
        let page = sign_in(&mut anna, &site, "u1");
        assert!(page.status == 200 && page.body.contains("content=\"0;url=/close\""), "{client}: {} {}", page.status, page.body);
        let page = anna.ask("GET", &format!("{}/close", console(&site)), "");
        assert!(page.status == 200 && page.body.contains("Anna Berg (controller)"), "{client}: {} {}", page.status, page.body);
        assert_eq!(service.terminate(), Some(0));
        if client == "tieline" {
            assert!(site.run(&["credential", "remove", "sign-in"]).status.success());
        }
    }

    // of the provider's roles the first line of the settings decides; who has none of them is told so
    let mut service = serve(&site, &npm.issuer, &[("CLIENT_ID", "tieline-es"), ("SESSION_HOURS", "3")]);
    let mut ben = Browser::default();
    assert_eq!(sign_in(&mut ben, &site, "u2").status, 200);
    let page = ben.ask("GET", &format!("{}/", console(&site)), "");
    assert!(page.body.contains("ben (viewer)"), "{}", page.body);
    assert_eq!(ben.ask("GET", &format!("{}/audit", console(&site)), "").status, 403);
    let mut carl = Browser::default();
    let page = sign_in(&mut carl, &site, "u3");
    assert!(page.status == 403 && page.body.contains("has no role in Tieline"), "{} {}", page.status, page.body);
    assert_eq!(carl.ask("GET", &format!("{}/", console(&site)), "").status, 303);
    let ledger = Private { state: site.path("state") };
    let life = "SELECT DISTINCT expires_at - opened_at FROM console_session JOIN person ON person.id = person_id WHERE subject = 'u2'";
    assert_eq!(ledger.psql(life), "03:00:00");

    // signing out ends the session here, and leads to the provider
    let csrf = page_csrf(&ben.ask("GET", &format!("{}/", console(&site)), "").body);
    let page = ben.ask("POST", &format!("{}/sign-out", console(&site)), &format!("csrf={csrf}"));
    assert_eq!(page.status, 200);
    let there = attribute(&page.body, "<a class=\"button main\" ", "href");
    assert!(there.starts_with(&format!("{}/session/end?client_id=tieline-es&", npm.issuer)), "{there}");
    assert_eq!(ben.follow("GET", &there, "").1.status, 200, "the provider takes the address to return to");
    assert_eq!(ben.ask("GET", &format!("{}/", console(&site)), "").status, 303);

    let events = actions(&site);
    let signed_in: Vec<_> = events.iter().filter(|(_, detail)| detail["action"] == "sign in").collect();
    assert_eq!(signed_in.len(), 4, "{events:#?}");
    let (actor, detail) = signed_in[0];
    assert_eq!(actor, "person Anna Berg from 127.0.0.1");
    assert_eq!(*detail, json!({ "action": "sign in", "issuer": npm.issuer, "subject": "u1", "name": "Anna Berg", "role": "controller" }));
    let refused: Vec<_> = events.iter().filter(|(_, detail)| detail["action"] == "sign in refused").collect();
    assert!(refused.len() == 1 && refused[0].0 == "person carl from 127.0.0.1" && refused[0].1["subject"] == "u3", "{refused:#?}");
    assert!(events.iter().any(|(actor, detail)| actor == "person ben from 127.0.0.1" && detail["action"] == "sign out"), "{events:#?}");
    let verified = site.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", text(&verified));
    assert_eq!(service.terminate(), Some(0));
    let log = std::fs::read_to_string(site.path("service.log")).unwrap();
    assert!(!log.contains("SENTINEL") && !log.contains("id_token"), "{log}");
}

fn page_csrf(page: &str) -> String {
    attribute(page, "<input type=\"hidden\" name=\"csrf\" ", "value")
}

/// The first of these programs that there is.
fn program(names: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = names.iter().find_map(|name| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()));
    found.unwrap_or_else(|| panic!("none of {names:?} is on the PATH; `scripts/setup.sh --lints` installs what the tests need"))
}

#[test]
fn a_real_browser_signs_in_and_out() {
    let site = Site::alone();
    let npm = Npm::start(&site);
    let _service = serve(&site, &npm.issuer, &[("CLIENT_ID", "tieline-es")]);
    let walk = json!({
        "base": console(&site), "issuer": npm.issuer, "tools": root().join("target/tools/browser"),
        "chromium": program(&["chromium", "chromium-browser", "google-chrome"]),
    });
    let out = Command::new("node").arg(root().join("tests/oidc/walk.mjs")).env("WALK", walk.to_string()).output().unwrap();
    assert!(out.status.success(), "{}\n{}", text(&out), std::fs::read_to_string(site.path("service.log")).unwrap_or_default());
}

/// An attempt to sign in that has begun.
struct Begun {
    browser: Browser,
    nonce: String,
    state: String,
    challenge: String,
}

fn begin(site: &Site, mock: &Mock) -> Begun {
    let mut browser = Browser::default();
    let reply = browser.ask("GET", &format!("{}/sign-in/provider?to=%2Fruns", console(site)), "");
    assert_eq!(reply.status, 303, "{}", reply.body);
    let url = url::Url::parse(&reply.header("location").unwrap()).unwrap();
    assert!(url.as_str().starts_with(&format!("{}/authorize?", mock.issuer)), "{url}");
    let part = |name: &str| url.query_pairs().find(|(given, _)| given == name).map(|(_, value)| value.into_owned()).unwrap_or_default();
    assert_eq!((part("response_type"), part("code_challenge_method"), part("client_id")), ("code".into(), "S256".into(), "tieline".into()));
    assert_eq!(part("redirect_uri"), format!("{}/sign-in/callback", console(site)));
    let set = reply.header("set-cookie").unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/sign-in"] {
        assert!(set.contains(attribute), "{set}");
    }
    Begun { browser, nonce: part("nonce"), state: part("state"), challenge: part("code_challenge") }
}

impl Begun {
    fn come_back(&mut self, site: &Site, query: &str) -> browser::Reply {
        self.browser.ask("GET", &format!("{}/sign-in/callback?{query}", console(site)), "")
    }
}

/// A page's text, with code as in messages.
fn shown(page: &str) -> String {
    page.replace("<code class=\"inline\">", "`").replace("</code>", "`").replace("&#38;", "&")
}

#[test]
fn a_provider_that_is_away_or_lies_lets_nobody_in_and_keys_go_on_working() {
    let site = Site::alone();
    let signer = Signer::new("one");
    let port = free_port();
    let issuer = format!("http://127.0.0.1:{port}");
    let mut service = serve(&site, &issuer, &[]);
    let spare = key(&site);
    let begin_path = format!("{}/sign-in/provider", console(&site));
    let trouble = |why: &str| {
        let reply = Browser::default().ask("GET", &begin_path, "");
        let page = shown(&reply.body);
        assert!(reply.status == 502 && page.contains(why) && page.contains("sign in with an API key"), "{why}: {} {page}", reply.status);
    };
    trouble("the OpenID provider cannot be reached");
    Person::sign_in(&site, &spare);

    // what it says of itself
    let mock = Mock::start(port, &signer);
    for (more, why) in [
        (json!({ "issuer": "https://id.example" }), "its `issuer` is `https://id.example`"),
        (json!({ "token_endpoint": "http://id.example/token" }), "`token_endpoint` does not begin with `https://`"),
        (json!({ "jwks_uri": "keys" }), "`jwks_uri` is no address"),
        (json!({ "authorization_endpoint": 7 }), "cannot be used: invalid type"),
    ] {
        mock.lie(|lie| lie.description = more.clone());
        trouble(why);
    }
    mock.lie(|lie| lie.status = 500);
    trouble("its status is 500");
    mock.lie(|_| ());

    let code = "code=SENTINEL-code";
    let good = |nonce: &str| liar::claims(&mock.issuer, nonce);
    let header = || json!({ "alg": "ES256", "kid": "one" });
    let mut refusals = 0;
    let now = || chrono::Utc::now().timestamp();

    // a good one first; the proof of PKCE is that of this attempt
    let mut begun = begin(&site, &mock);
    mock.lie(|lie| lie.token = signer.token(&header(), &good(&begun.nonce)));
    let query = format!("{code}&state={}", begun.state);
    let before = begun.browser.cookie("tieline_sign_in");
    let page = begun.come_back(&site, &query);
    assert!(page.status == 200 && page.body.contains("content=\"0;url=/runs\""), "{} {}", page.status, page.body);
    assert_eq!(mock.challenge(), begun.challenge);
    assert!(mock.asked().contains("client_id=tieline") && !mock.asked().contains("client_secret"), "{}", mock.asked());
    let set = page.header("set-cookie").unwrap();
    assert!(page.head.contains("tieline_session=") && set.contains("HttpOnly") && page.head.contains("SameSite=Strict"), "{}", page.head);
    // the same answer once more, from a browser that has kept the attempt
    begun.browser.keep(&console(&site), "/sign-in", "tieline_sign_in", &before);
    let page = begun.come_back(&site, &query);
    assert!(page.status == 403 && page.body.contains("was used before"), "{} {}", page.status, page.body);
    refusals += 1;

    // tokens of all kinds
    for (name, header, more, why) in [
        ("another nonce", header(), json!({ "nonce": "another" }), "its `nonce` is that of another attempt"),
        ("expired", header(), json!({ "exp": now() - 120 }), "it expired at"),
        ("from the future", header(), json!({ "iat": now() + 600 }), "its `iat` is"),
        ("of an earlier day", header(), json!({ "iat": now() - 86_400 }), "its `iat` is"),
        ("another audience", header(), json!({ "aud": "payroll" }), "its `aud` is not `tieline`"),
        ("given to another", header(), json!({ "aud": ["tieline", "payroll"], "azp": "payroll" }), "its `azp` is not `tieline`"),
        ("another issuer", header(), json!({ "iss": "https://id.example" }), "its `iss` is `https://id.example`"),
        ("not signed", json!({ "alg": "none" }), json!({}), "it is signed by `none`"),
        ("signed with the public key", json!({ "alg": "HS256", "kid": "one" }), json!({}), "it is signed by `HS256`"),
        ("an unknown key", json!({ "alg": "ES256", "kid": "other" }), json!({}), "has no key `other`"),
    ] {
        let mut begun = begin(&site, &mock);
        let mut claims = good(&begun.nonce);
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let token = match name {
            "not signed" => liar::unsigned(&claims),
            "signed with the public key" => signer.shared_secret_token(&claims),
            _ => signer.token(&header, &claims),
        };
        mock.lie(|lie| lie.token = token);
        let reply = begun.come_back(&site, &format!("{code}&state={}", begun.state.clone()));
        let page = shown(&reply.body);
        assert!(reply.status == 502 && page.contains(why), "{name}: {} {page}", reply.status);
        assert!(!reply.head.contains("tieline_session="), "{name}");
        refusals += 1;
    }
    // a signature by a key of the same name that is not the provider's
    let stranger = Signer::new("one");
    let mut begun = begin(&site, &mock);
    mock.lie(|lie| lie.token = stranger.token(&header(), &good(&begun.nonce)));
    let reply = begun.come_back(&site, &format!("{code}&state={}", begun.state.clone()));
    assert!(reply.status == 502 && reply.body.contains("its signature is wrong"), "{}", reply.body);
    refusals += 1;

    // clocks that are a little apart, and a key that is new since the last sign-in
    let newer = Signer::new("two");
    for (signer, kid, more) in [(&signer, "one", json!({ "exp": now() - 20, "iat": now() - 200 })), (&newer, "two", json!({}))] {
        let mut begun = begin(&site, &mock);
        let mut claims = good(&begun.nonce);
        more.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
        mock.lie(|lie| {
            lie.keys = signer.keys();
            lie.token = signer.token(&json!({ "alg": "ES256", "kid": kid }), &claims);
        });
        let reply = begun.come_back(&site, &format!("{code}&state={}", begun.state.clone()));
        assert_eq!(reply.status, 200, "{kid}: {}", reply.body);
    }

    // the way back: no attempt, another attempt's state, another provider's answer, a refusal, a token endpoint that fails
    assert_eq!(Browser::default().ask("GET", &format!("{}/sign-in/callback?{query}", console(&site)), "").status, 403);
    let mut begun = begin(&site, &mock);
    let other = begin(&site, &mock);
    let page = begun.come_back(&site, &format!("{code}&state={}", other.state));
    assert!(page.status == 403 && page.body.contains("belongs to another attempt"), "{}", page.body);
    for (query, lie, status, why) in [
        ("code=x&iss=https://id.example", Lie::default(), 403, "its `iss` is `https://id.example`"),
        ("error=access_denied&error_description=not+you", Lie::default(), 403, "`access_denied` (not you)"),
        ("nothing=at+all", Lie::default(), 403, "no code and no error"),
        (
            code,
            Lie {
                exchange: 400,
                body: r#"{"error":"invalid_grant","error_description":"SENTINEL-code is used"}"#.into(),
                ..Lie::default()
            },
            403,
            "`invalid_grant` (*** is used)",
        ),
        (code, Lie { exchange: 503, body: "<html>busy</html>".into(), ..Lie::default() }, 502, "its status is 503"),
        (code, Lie { exchange: 200, body: "{}".into(), ..Lie::default() }, 502, "missing field `id_token`"),
    ] {
        let mut begun = begin(&site, &mock);
        mock.lie(|now| *now = lie.clone());
        let reply = begun.come_back(&site, &format!("{query}&state={}", begun.state.clone()));
        let page = shown(&reply.body);
        assert!(reply.status == status && page.contains(why), "{query}: {} {page}", reply.status);
        refusals += 1;
    }
    refusals += 1;

    // another person with the name of one who is known, a name that cannot be shown, and one whose name and role are others than before
    for (more, status, why) in [
        (json!({ "sub": "u9", "preferred_username": "ANNA" }), 403, "a name is one person's"),
        (json!({ "preferred_username": "anna (admin)" }), 403, "gives no usable name for the person `u1`"),
        (json!({ "preferred_username": null }), 403, "the ID token does not have it"),
        (json!({ "preferred_username": "anna.berg", "roles": "admins" }), 200, "Continue to Tieline"),
    ] {
        let mut begun = begin(&site, &mock);
        let mut claims = good(&begun.nonce);
        more.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
        mock.lie(|lie| {
            lie.keys = newer.keys();
            lie.token = newer.token(&json!({ "alg": "ES256", "kid": "two" }), &claims);
        });
        let reply = begun.come_back(&site, &format!("{code}&state={}", begun.state.clone()));
        let page = shown(&reply.body).replace("&#39;", "'");
        assert!(reply.status == status && page.contains(why), "{more}: {} {page}", reply.status);
        refusals += usize::from(status == 403);
        if status == 200 {
            let page = begun.browser.ask("GET", &format!("{}/audit", console(&site)), "");
            assert!(page.status == 200 && page.body.contains("anna (admin)"), "{} {}", page.status, page.body);
            // without the provider its people are no longer let in; a key still is
            drop(mock);
            assert_eq!(service.terminate(), Some(0));
            service = site.serve();
            wait_until("the service answers", || {
                crate::http::ask(&site, "GET", "/health/live", None, "").is_some_and(|(status, ..)| status == 200)
            });
            let page = begun.browser.ask("GET", &format!("{}/audit", console(&site)), "");
            assert_eq!(page.status, 303);
            Person::sign_in(&site, &spare);
            break;
        }
    }

    let events = actions(&site);
    let refused: Vec<_> = events.iter().filter(|(_, detail)| detail["action"] == "sign in refused").collect();
    assert_eq!(refused.len(), refusals, "{refused:#?}");
    assert!(
        refused.iter().any(|(actor, _)| actor == "person ANNA from 127.0.0.1")
            && refused.iter().any(|(actor, _)| actor == "somebody from 127.0.0.1")
    );
    let last = events.iter().rev().find(|(actor, detail)| actor.starts_with("person ") && detail["action"] == "sign in").unwrap();
    assert_eq!(
        last.1["difference"],
        json!(["name at the provider = anna.berg, known as anna", "role = admin, was controller"]),
        "{last:?}"
    );
    let written = format!("{events:?}{}", std::fs::read_to_string(site.path("service.log")).unwrap());
    assert!(!written.contains("SENTINEL"), "{written}");
    assert_eq!(service.terminate(), Some(0));
}
