//! e.net over WCF REST: SYSPRO's business objects behind a session, over the same companies as the OData service.
//!
//! Every application answer has status 200, errors included. Where the behaviour is not known, a switch in [`options`] decides.

mod answer;
mod find;
mod inquiry;
pub mod options;
mod post;
mod sessions;
mod setup;
pub(super) mod state;
mod values;
mod xml;

use std::collections::HashMap;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

pub use options::{DeadSession, EnetAccounts, EnetSwitches, EnetTexts, WrapMode};
pub use sessions::SessionCounts;
pub use state::EnetStats;

use self::answer::{Answer, page};
use self::sessions::{Dead, Session};
use self::setup::Action;
use self::xml::Node;
use super::options::Switches;
use super::state::{PageRead, Shared};
use crate::faults::{NamedFault, inject};
use crate::lock::lock;

/// The path of the service, as it is printed; it is compared without regard to case.
pub(super) const REST: &str = "/SYSPROWCFService/Rest";

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::scope("/{service:(?i:SYSPROWCFService)}/{rest:(?i:Rest)}").wrap(from_fn(inject)).default_service(web::route().to(serve)),
    );
}

/// The parameters of one call: from the query string, or from the body of `PostLD`.
type Parameters = HashMap<String, String>;

async fn serve(request: HttpRequest, shared: web::Data<Shared>, body: web::Bytes) -> HttpResponse {
    let switches = shared.switches();
    let path = request.path().to_ascii_lowercase();
    let operation = path.splitn(4, '/').nth(3).unwrap_or_default().trim_end_matches('/').to_owned();
    if switches.enet.max_url_length.is_some_and(|most| request.uri().to_string().len() > most) {
        return page(414, "Request URI too long");
    }
    let known = [
        "logon",
        "logoff",
        "getversion",
        "getlogonprofile",
        "query/query",
        "query/browse",
        "query/fetch",
        "setup/add",
        "setup/update",
        "setup/delete",
        "transaction/post",
        "transaction/build",
        "transaction/postld",
    ];
    if !known.contains(&operation.as_str()) {
        return page(404, "Endpoint not found.");
    }
    let wanted = if operation == "transaction/postld" { "POST" } else { "GET" };
    if request.method().as_str() != wanted {
        return page(405, "Method not allowed.");
    }
    // a person logs in, or the session expires, just before this call
    let fault = request.extensions().get::<NamedFault>().map(|fault| fault.0.clone());
    match fault.as_deref() {
        Some("evict") => drop(shared.enet.sessions().evict_all()),
        Some("expire_session") => drop(shared.enet.expire()),
        _ => {}
    }
    let mut parameters: Parameters = url::form_urlencoded::parse(request.query_string().as_bytes())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.into_owned()))
        .collect();
    if operation == "transaction/postld" {
        match Node::parse(&String::from_utf8_lossy(&body)) {
            Ok(node) => parameters.extend(node.children.iter().map(|child| (child.name.to_ascii_lowercase(), child.text.clone()))),
            Err(_) => return page(400, "Request Error"),
        }
    }
    wait(switches.enet.latency_ms).await;
    let answer = match operation.as_str() {
        "logon" => logon(&parameters, &shared, &switches),
        "logoff" => logoff(&parameters, &shared, &switches),
        "getversion" => Answer::Text("8.0.0.0".into()),
        operation => in_session(operation, &parameters, &shared, &switches).await,
    };
    answer.response(switches.enet.wrap)
}

async fn wait(milliseconds: u64) {
    if milliseconds > 0 {
        actix_rt::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}

/// Opens a session, or answers why not.
fn logon(parameters: &Parameters, shared: &Shared, switches: &Switches) -> Answer {
    let texts = &switches.enet.texts;
    let names = ["operator", "operatorpassword", "companyid", "companypassword"];
    let refuse = |text: &str| {
        shared.enet.sessions().refused();
        Answer::Text(text.to_owned())
    };
    let [Some(operator), Some(password), Some(company), Some(company_password)] = names.map(|name| parameters.get(name)) else {
        return refuse(&texts.missing_parameter);
    };
    let accounts = lock(&shared.enet.accounts).clone();
    let Some((operator, right)) = accounts.operators.iter().find(|(code, _)| code.eq_ignore_ascii_case(operator)) else {
        return refuse(&texts.unknown_operator);
    };
    if right != password {
        return refuse("ERROR: Invalid operator password");
    }
    if shared.database().company(company).is_err() {
        return refuse(&texts.unknown_company);
    }
    if accounts.company_password != *company_password {
        return refuse(&texts.wrong_company_password);
    }
    if !switches.enet.licensed {
        return refuse(&texts.no_licence);
    }
    match shared.enet.sessions().open(operator, company, &switches.enet) {
        Ok(id) => Answer::Text(id),
        Err(()) => Answer::Text(texts.seats_taken.clone()),
    }
}

/// Closes a session.
fn logoff(parameters: &Parameters, shared: &Shared, switches: &Switches) -> Answer {
    let Some(id) = parameters.get("userid") else { return Answer::Text(switches.enet.texts.missing_parameter.clone()) };
    if shared.enet.sessions().close(id, &switches.enet) {
        return Answer::Text("0".into());
    }
    match id.chars().nth(32) {
        None | Some('0') => Answer::Text(switches.enet.texts.unknown_logoff.clone()),
        Some(instance) => Answer::Text(format!("ERROR: Unable to read the SYSPRO base directory registry string BaseDir{instance}")),
    }
}

/// A call within a session. The calls of one session run one after another, and only in its company.
async fn in_session(operation: &str, parameters: &Parameters, shared: &Shared, switches: &Switches) -> Answer {
    let texts = &switches.enet.texts;
    let Some(id) = parameters.get("userid") else { return Answer::Text(texts.missing_parameter.clone()) };
    let enter = || match shared.enet.sessions().call(id, &switches.enet) {
        Ok(session) => Ok(session),
        Err(Dead::Evicted) => Err(Answer::dead(&texts.evicted, &switches.enet)),
        Err(Dead::Unknown) => Err(Answer::dead(&texts.dead_session, &switches.enet)),
    };
    let session = match enter() {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let _turn = session.turn.lock().await;
    // the session may have ended while the previous call was served
    if let Err(answer) = enter() {
        return answer;
    }
    if operation == "getlogonprofile" {
        return inquiry::profile(&session, shared.database().today);
    }
    let object = match operation {
        "query/browse" => Some("COMBRW".to_owned()),
        "query/fetch" => Some("COMFCH".to_owned()),
        _ => parameters.get("businessobject").map(|object| object.trim().to_ascii_uppercase()),
    };
    let (Some(object), Some(xml)) = (object, parameters.get("xmlin")) else { return Answer::Text(texts.missing_parameter.clone()) };
    let document = match Node::parse(xml) {
        Ok(document) => document,
        Err(problem) => return Answer::Text(format!("ERROR: The XML cannot be read: {problem}")),
    };
    if operation == "query/query" && object == "COMFND" {
        wait(switches.enet.slow_query_ms).await;
    }
    run(operation, &object, &document, parameters, shared, switches, &session)
}

fn run(
    operation: &str,
    object: &str,
    document: &Node,
    parameters: &Parameters,
    shared: &Shared,
    switches: &Switches,
    session: &Session,
) -> Answer {
    let unlicensed = || Answer::Text("ERROR: e.net exception raised: 100000".into());
    let accounts = lock(&shared.enet.accounts).clone();
    if !accounts.licensed.iter().any(|licensed| licensed == object) {
        return unlicensed();
    }
    let missing = || Answer::Text(switches.enet.texts.missing_parameter.clone());
    let options = |parameters: &Parameters| parameters.get("xmlparameters").map(|text| Node::parse(text).unwrap_or_default());
    let gone = |error: crate::dataset::EditError| Answer::Text(format!("ERROR: {error}"));
    let name = match operation {
        "query/query" | "query/browse" | "query/fetch" => "Query",
        "setup/add" => "Setup/Add",
        "setup/update" => "Setup/Update",
        "setup/delete" => "Setup/Delete",
        "transaction/build" => "Transaction/Build",
        _ => "Transaction/Post",
    };
    shared.enet.count(&format!("{name}/{object}"));
    let action = match operation {
        "setup/add" => Some(Action::Add),
        "setup/update" => Some(Action::Update),
        "setup/delete" => Some(Action::Delete),
        _ => None,
    };
    if let Some(action) = action {
        let Some(options) = options(parameters) else { return missing() };
        let mut database = shared.database_mut();
        return match database.company_mut(&session.company) {
            Ok(company) => setup::setup(action, object, &options, document, company, &accounts).unwrap_or_else(unlicensed),
            Err(error) => gone(error),
        };
    }
    match (operation, object) {
        ("transaction/post" | "transaction/postld", "APSTIN") => {
            let Some(options) = options(parameters) else { return missing() };
            let mut database = shared.database_mut();
            let today = database.today;
            database
                .company_mut(&session.company)
                .map_or_else(gone, |company| post::post(&options, document, company, today, &switches.enet))
        }
        ("query/query", "COMFND") => {
            let database = shared.database();
            let company = match database.company(&session.company) {
                Ok(company) => company,
                Err(error) => return gone(error),
            };
            let (answer, read) = find::find(document, company, switches);
            drop(database);
            if answer.is_xml() && read.rows > 0 {
                let read = PageRead { company: session.company.clone(), table: read.table, rows: read.rows, examined: read.examined };
                shared.page_was_read(&read);
            }
            answer
        }
        ("query/query", "COMQCO") => inquiry::companies(&shared.database()),
        (_, "COMFCH" | "COMBRW" | "PORQRY") if name == "Query" => {
            let database = shared.database();
            database.company(&session.company).map_or_else(gone, |company| match object {
                "COMFCH" => inquiry::fetch(document, company, switches),
                "COMBRW" => inquiry::browse(document, company, &accounts, switches),
                _ => inquiry::order(document, company, &switches.enet),
            })
        }
        _ => unlicensed(),
    }
}

#[cfg(test)]
mod tests;
