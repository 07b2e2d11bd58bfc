//! What Tieline itself keeps of sign-ins: attempts that began here, and whose name is whose.

use super::*;

/// The refusals of sign-ins in the audit.
fn refusals(site: &Site) -> Vec<(String, Value)> {
    actions(site).into_iter().filter(|(_, detail)| detail["action"] == "sign in refused").collect()
}

#[test]
fn what_did_not_begin_here_leaves_no_event() {
    let site = Site::alone();
    let signer = Signer::new("one");
    let port = free_port();
    let issuer = format!("http://127.0.0.1:{port}");
    let mut service = serve(&site, &issuer, &[]);
    let mock = Mock::start(port, &signer);
    let spare = key(&site);
    // the form of an attempt, with the state that belongs to it: anybody can make that up
    let part = |bytes: &[u8]| base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes);
    let text = format!("{}.{}.{}", "7".repeat(64), chrono::Utc::now().timestamp(), part(b"/"));
    let state = |text: &str| part(&<sha2::Sha256 as sha2::Digest>::digest(format!("tieline sign-in state {text}"))[..]);
    let back = |browser: &mut Browser, state: &str| {
        browser.ask("GET", &format!("{}/sign-in/callback?error=access_denied&state={state}", console(&site)), "")
    };
    let made_up = [text.clone(), format!("{text}."), format!("{text}.{}", part(&[0; 32])), "x".into()];
    for cookie in &made_up {
        let mut browser = Browser::default();
        browser.keep(&console(&site), "/sign-in", "tieline_sign_in", cookie);
        let page = back(&mut browser, &state(&text));
        assert!(page.status == 403 && page.body.contains("has not begun to sign in here"), "{cookie}: {} {}", page.status, page.body);
    }
    assert!(refusals(&site).is_empty(), "{:?}", refusals(&site));
    let metrics = crate::http::ask(&site, "GET", "/metrics", Some(&spare), "").unwrap().2;
    assert!(metrics.contains(&format!("\ntieline_sign_in_refusals_unwritten_total {}\n", made_up.len())), "{metrics}");

    // one that began here, before a restart
    let mut begun = begin(&site, &mock);
    assert_eq!(service.terminate(), Some(0));
    service = serve(&site, &issuer, &[]);
    let state = begun.state.clone();
    let page = back(&mut begun.browser, &state);
    assert!(page.status == 403 && shown(&page.body).contains("`access_denied`"), "{} {}", page.status, page.body);
    assert_eq!(refusals(&site).len(), 1);
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn an_administrator_frees_the_name_of_an_account_that_no_longer_exists() {
    let site = Site::alone();
    let signer = Signer::new("one");
    let port = free_port();
    let mut service = serve(&site, &format!("http://127.0.0.1:{port}"), &[]);
    let mock = Mock::start(port, &signer);
    let sign_in = |subject: &str, name: &str| {
        let mut begun = begin(&site, &mock);
        let mut claims = liar::claims(&mock.issuer, &begun.nonce);
        (claims["sub"], claims["preferred_username"]) = (json!(subject), json!(name));
        mock.lie(|lie| lie.token = signer.token(&json!({ "alg": "ES256", "kid": "one" }), &claims));
        let state = begun.state.clone();
        let page = begun.come_back(&site, &format!("code=x&state={state}"));
        let open = begun.browser.ask("GET", &format!("{}/close", console(&site)), "").status;
        (page.status, shown(&page.body).replace("&#39;", "'"), open, begun.browser)
    };
    let (_, page, open, mut before) = sign_in("u1", "copa");
    assert_eq!(open, 200, "{page}");
    // the account was deleted at the provider, and created again; the name in Cyrillic letters looks the same
    for name in ["copa", "COPA", "\u{441}\u{43e}\u{440}\u{430}"] {
        let (status, page, ..) = sign_in("u2", name);
        assert!(
            status == 403 && page.contains("a name is one person's") && page.contains("tieline person free"),
            "{name}: {status} {page}"
        );
    }
    for (name, why) in [("co\u{200b}pa", "invisible character"), ("c\u{43e}pa", "several scripts"), ("ｃopa", "stands for others")] {
        let (status, page, ..) = sign_in("u2", name);
        assert!(status == 403 && page.contains(why), "{name}: {status} {page}");
    }
    let run = |arguments: &[&str]| {
        let out = site.run(arguments);
        (out.status.success(), text(&out))
    };
    let (good, said) = run(&["person", "free", "copo", "--why", "left"]);
    assert!(!good && said.contains("tieline person list"), "{said}");
    let (good, said) = run(&["person", "free", "Copa", "--why", "the account was created again"]);
    assert!(good && said.contains("`copa` of `u1`"), "{said}");
    assert_eq!(before.ask("GET", &format!("{}/close", console(&site)), "").status, 303, "the session has ended");
    assert_eq!(sign_in("u2", "copa").2, 200);
    // the former account cannot take it back
    let (status, page, ..) = sign_in("u1", "copa");
    assert!(status == 403 && page.contains("a name is one person's"), "{status} {page}");
    let (good, said) = run(&["person", "list", "--output", "json"]);
    let people: Value = serde_json::from_str(&said).unwrap();
    assert!(good && people.as_array().unwrap().len() == 2, "{said}");
    let freed = actions(&site).into_iter().find(|(_, detail)| detail["action"] == "free name").unwrap();
    assert!(freed.0.starts_with("user "), "{freed:?}");
    assert_eq!(
        (&freed.1["subject"], &freed.1["name"], &freed.1["why"]),
        (&json!("u1"), &json!("copa"), &json!("the account was created again"))
    );
    assert_eq!(service.terminate(), Some(0));
}
