//! The client against servers with a single answer each; `tests/it` uses the simulator.

mod fuzz;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures_util::future::LocalBoxFuture;

use super::*;
use crate::config::settings::SysproSettings;
use crate::credentials::secret::Credential;
use crate::domain::setup_object::{SetupAction, SetupCall, SetupMode, SetupObject};
use crate::retry::Class;
use crate::syspro::scripted::settings_for;

const ID: &str = "3EA613166FE4BF47925DF1CEA14E910100  ";

/// A server that answers each request with the next of these (status, body), and keeps the requested addresses.
struct Says {
    settings: SysproSettings,
    asked: Arc<Mutex<Vec<String>>>,
}

fn says(answers: &[(u16, &str)]) -> Says {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (answers, log) = (answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect::<Vec<_>>(), asked.clone());
    let port = listener.local_addr().expect("address").port();
    std::thread::spawn(move || {
        for (status, body) in answers {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let (mut request, mut part) = (Vec::new(), [0; 4096]);
            while !request.windows(4).any(|window| window == b"\r\n\r\n") {
                match stream.read(&mut part) {
                    Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
                    _ => break,
                }
            }
            let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
            log.lock().expect("no panic").push(line);
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat());
        }
    });
    let url = url::Url::parse(&format!("http://127.0.0.1:{port}/SYSPROWCFService/Rest")).expect("address");
    Says { settings: SysproSettings { enet_url: Some(url), ..settings_for(port) }, asked }
}

impl Says {
    fn paths(&self) -> Vec<String> {
        let path = |line: &String| line.split(['?', ' ']).nth(1).unwrap_or_default().replace("/SYSPROWCFService/Rest/", "");
        self.asked.lock().expect("no panic").iter().map(path).collect()
    }
}

fn operator() -> Credential {
    Credential::new("TIELINE", "s3cret&word".into())
}

async fn ask(enet: &Enet, company: &str) -> Result<String, EnetError> {
    enet.query(&operator(), &company.into(), "COMFND", "<Query/>".into(), "a query of `ApSupplier`".into()).await
}

fn client(says: &Says) -> Enet {
    Enet::new(&says.settings, String::new().into(), Rc::new(Alone)).expect("client")
}

#[actix_rt::test]
async fn the_id_goes_back_as_it_came_and_a_company_has_its_own_session() {
    let says = says(&[(200, ID), (200, "<A/>"), (200, "<A/>"), (200, "0"), (200, ID), (200, "<A/>"), (200, "0")]);
    let enet = client(&says);
    for company in ["EDU1", "EDU1", "1"] {
        assert_eq!(ask(&enet, company).await.expect("answer"), "<A/>");
    }
    enet.log_off().await;
    enet.log_off().await;
    assert_eq!(says.paths(), ["Logon", "Query/Query", "Query/Query", "Logoff", "Logon", "Query/Query", "Logoff"]);
    let asked = says.asked.lock().expect("no panic").clone();
    assert!(asked[0].contains("Operator=TIELINE&OperatorPassword=s3cret%26word&CompanyId=EDU1&CompanyPassword= "), "{}", asked[0]);
    assert!(asked[1].contains("UserId=3EA613166FE4BF47925DF1CEA14E910100%20%20&BusinessObject=COMFND&"), "{}", asked[1]);
}

#[actix_rt::test]
async fn a_dead_session_is_replaced_once_however_it_shows() {
    let xml = "<Session><ErrorDescription>The session is not valid</ErrorDescription></Session>";
    for dead in [(200, "ERROR: whatever"), (200, xml), (500, "<html>Request Error</html>")] {
        let says = says(&[(200, ID), dead, dead, (200, "ERROR: unknown"), (200, ID), (200, "<A/>")]);
        assert_eq!(ask(&client(&says), "EDU1").await.expect("answer"), "<A/>", "{dead:?}");
        assert_eq!(says.paths(), ["Logon", "Query/Query", "GetLogonProfile", "Logoff", "Logon", "Query/Query"]);
    }
    let (a, b) = ((200, "ERROR: a"), (200, "ERROR: b"));
    let says = says(&[(200, ID), a, a, (200, "0"), (200, ID), b, b, (200, "0")]);
    let error = ask(&client(&says), "EDU1").await.expect_err("dead twice");
    assert!(matches!(error, EnetError::SessionLost { .. }) && error.to_string().contains("ERROR: b"), "{error}");
    assert_eq!(says.paths().last().map(String::as_str), Some("Logoff"));
}

#[actix_rt::test]
async fn a_refusal_is_not_taken_for_a_dead_session() {
    let says = says(&[(200, ID), (200, "ERROR: Column 'X' not found"), (200, "<LogonProfile/>"), (200, "<A/>")]);
    let enet = client(&says);
    let error = ask(&enet, "EDU1").await.expect_err("refused");
    assert!(matches!(error, EnetError::Refused { .. }) && error.to_string().contains("Column 'X'"), "{error}");
    assert_eq!(ask(&enet, "EDU1").await.expect("the same session"), "<A/>");
    let says = self::says(&[(200, ID), (500, "<html>x</html>"), (200, "<LogonProfile/>")]);
    let error = ask(&client(&says), "EDU1").await.expect_err("failed");
    assert!(matches!(error, EnetError::NotData { status: 500, .. }) && error.class() == Class::Transient, "{error}");
}

fn site_object() -> SetupCall {
    let object = SetupObject::parse("SITSXX", "setup").expect("a setup object");
    let parameters = "<A><ValidateOnly>{ValidateOnly}</ValidateOnly></A>".into();
    SetupCall { object, action: SetupAction::Add, template: "<A/>".into(), parameters, lengths: BTreeMap::new() }
}

/// A session store whose operator another node has used since the last call.
struct TakenOver(std::cell::Cell<u32>);

impl SessionStore for TakenOver {
    fn renew_every(&self) -> std::time::Duration {
        std::time::Duration::from_secs(60)
    }

    fn hold<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, Result<Held, EnetError>> {
        let before = self.0.replace(self.0.get() + 1);
        Box::pin(std::future::ready(Ok(Held { ours: before == 0, ..Held::default() })))
    }

    fn opening<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, Result<(), EnetError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn opened<'a>(&'a self, _: &'a str, _: &'a secrecy::SecretString) -> LocalBoxFuture<'a, Result<(), EnetError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn closed<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    fn give<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

#[actix_rt::test]
async fn a_call_that_writes_is_not_repeated_once_another_node_has_used_the_operator() {
    let answers = [(200, ID), (200, "ERROR: no session"), (200, "ERROR: no session"), (200, "0"), (200, ID), (200, "<A/>")];
    let says = says(&answers);
    let session_store = Rc::new(TakenOver(std::cell::Cell::default()));
    let enet = Enet::new(&says.settings, String::new().into(), session_store).expect("client");
    let call = EnetCall::setup(&site_object(), SetupMode::Real, "<A/>".into(), "adding `x`".into());
    let error = enet.call(&operator(), &"EDU1".into(), &call).await.expect_err("not repeated");
    assert!(matches!(error, EnetError::SessionLost { .. }), "{error}");
    assert_eq!(says.paths().iter().filter(|path| path.starts_with("Setup")).count(), 1);
}

#[actix_rt::test]
async fn a_call_that_writes_is_not_repeated_after_a_failure_of_the_server() {
    let says = says(&[(200, ID), (500, "<html>x</html>"), (500, "<html>x</html>"), (200, "0")]);
    let call = EnetCall::setup(&site_object(), SetupMode::Real, "<A/>".into(), "adding `x`".into());
    let error = client(&says).call(&operator(), &"EDU1".into(), &call).await.expect_err("failed");
    assert!(matches!(error, EnetError::NotData { status: 500, .. }), "{error}");
    assert_eq!(says.paths(), ["Logon", "Setup/Add", "GetLogonProfile", "Logoff"]);
}

#[actix_rt::test]
async fn a_person_in_the_operators_place_is_left_alone() {
    let says = says(&[(200, ID), (200, "ERROR: The operator has been logged in elsewhere")]);
    let enet = client(&says);
    for _ in 0..3 {
        let error = ask(&enet, "EDU1").await.expect_err("evicted");
        assert!(matches!(error, EnetError::Evicted { .. }) && error.class() == Class::Throttled, "{error}");
        assert!(error.retry_after().is_some_and(|wait| wait.as_secs() > 200), "{error}");
    }
    assert_eq!(says.paths(), ["Logon", "Query/Query"], "nothing is asked meanwhile, nobody is thrown out");
}

#[actix_rt::test]
async fn every_refusal_has_its_name_and_no_secret() {
    let one = |says: Says| async move { ask(&client(&says), "EDU1").await.expect_err("refused") };
    let wrong = one(says(&[(200, "ERROR: Invalid operator password")])).await;
    assert!(matches!(wrong, EnetError::WrongPassword { .. }), "{wrong}");
    let seat = one(says(&[(200, "ERROR: The maximum number of concurrent users has been reached")])).await;
    assert!(matches!(seat, EnetError::NoSeat { .. }) && seat.class() == Class::Throttled, "{seat}");
    let refused = one(says(&[(200, "ERROR: s3cret&word is not good for company EDU1")])).await;
    assert!(matches!(refused, EnetError::LogonRefused { .. }) && !refused.to_string().contains("s3cret"), "{refused}");
    let page = one(says(&[(200, "<html>Log in</html>")])).await;
    assert!(matches!(page, EnetError::NotData { .. }), "{page}");
    let unlicensed = one(says(&[(200, ID), (200, "ERROR: e.net exception raised: 100000")])).await;
    assert!(matches!(unlicensed, EnetError::Unlicensed { .. }) && unlicensed.to_string().contains("`COMFND`"), "{unlicensed}");
    let echo = format!("<html>GET /x?UserId={}%20%20</html>", ID.trim_end());
    let long = one(says(&[(200, ID), (414, &echo)])).await;
    assert!(matches!(long, EnetError::Refused { status: 414, .. }) && !format!("{long:?}").contains("3EA6"), "{long:?}");
}
