//! The OData service over HTTP: authentication, refusals and their format.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::http::header::{ALLOW, AUTHORIZATION, ContentType, WWW_AUTHENTICATE};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use base64::Engine;

use super::metadata::{edmx, service_document};
use super::options::Switches;
use super::query::{Query, Refusal};
use super::state::{PageRead, Shared};
use super::{control, enet};
use crate::faults::inject;

/// The path of the service.
pub(super) const SERVICE: &str = "/SYSPRO8Odata/SYSPROOData";

/// Adds the service and the control routes to an app.
pub(super) fn configure(config: &mut web::ServiceConfig, shared: &web::Data<Shared>) {
    config.app_data(shared.clone()).app_data(web::Data::new(shared.faults.clone()));
    config.service(web::scope("/_sim").configure(control::configure));
    config.service(
        web::scope(SERVICE)
            .wrap(from_fn(inject))
            .route("/{company}", web::route().to(serve))
            .route("/{company}/", web::route().to(serve))
            .route("/{company}/{table}", web::route().to(serve))
            .default_service(web::route().to(not_found)),
    );
    enet::configure(config);
    config.default_service(web::route().to(not_found));
}

async fn not_found() -> HttpResponse {
    html(StatusCode::NOT_FOUND, "404 - File or directory not found.")
}

async fn serve(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let switches = shared.switches();
    if switches.latency_ms > 0 {
        actix_rt::time::sleep(Duration::from_millis(switches.latency_ms)).await;
    }
    let company = request.match_info().get("company").unwrap_or_default().to_owned();
    let table = request.match_info().get("table").unwrap_or_default().to_owned();
    let response = answer(&request, &shared, &switches, &company, &table);
    shared.record(&company, &table, response.status().as_u16(), response.body().size());
    response
}

fn answer(request: &HttpRequest, shared: &Shared, switches: &Switches, company: &str, table: &str) -> HttpResponse {
    if switches.max_query_length.is_some_and(|most| request.query_string().len() > most) {
        // IIS refuses it before the service checks the password
        return html(
            StatusCode::NOT_FOUND,
            "404.15 - The request filtering module is configured to deny a request where the query string is too long.",
        );
    }
    if switches.busy {
        return html(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    }
    if !authorized(request, shared) {
        return HttpResponseBuilder::new(StatusCode::UNAUTHORIZED)
            .insert_header((WWW_AUTHENTICATE, "Basic realm=\"SYSPRO OData\""))
            .content_type(ContentType::html())
            .body(page("401 - Unauthorized: Access is denied due to invalid credentials."));
    }
    if request.method() != Method::GET {
        let mut response =
            refused(switches, &Refusal { status: 405, message: "The requested resource does not support http method.".into() });
        response.headers_mut().insert(ALLOW, actix_web::http::header::HeaderValue::from_static("GET"));
        return response;
    }
    let context = format!("{}/{company}", service_url(request));
    let database = shared.database();
    let Ok(rows) = database.company(company) else {
        return refused(switches, &Refusal { status: 404, message: format!("The company '{company}' was not found.") });
    };
    match table {
        "" if switches.metadata => odata().json(service_document(&context, switches)),
        "$metadata" if switches.metadata => odata().content_type("application/xml").body(edmx(switches)),
        _ => {
            let Ok(rows) = rows.table(table) else {
                return refused(switches, &Refusal { status: 404, message: format!("Resource not found for the segment '{table}'.") });
            };
            let query = match Query::read(request.query_string(), rows.schema, switches) {
                Ok(query) => query,
                Err(refusal) => return refused(switches, &refusal),
            };
            let page = query.run(rows, switches, &context, request.query_string());
            drop(database);
            let read = PageRead { company: company.to_owned(), table: table.to_owned(), rows: page.rows, examined: page.examined };
            shared.page_was_read(&read);
            odata().content_type("application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8").body(page.body)
        }
    }
}

/// The service's address as the client wrote it.
fn service_url(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    let scheme = if request.app_config().secure() { "https" } else { connection.scheme() };
    format!("{scheme}://{}{SERVICE}", connection.host())
}

fn authorized(request: &HttpRequest, shared: &Shared) -> bool {
    let header = request.headers().get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let encoded = header.and_then(|header| header.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let decoded = encoded.and_then(|(_, encoded)| base64::prelude::BASE64_STANDARD.decode(encoded.trim()).ok());
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    text.as_deref().and_then(|text| text.split_once(':')).is_some_and(|(username, password)| shared.may_read(username, password))
}

fn odata() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header(("OData-Version", "4.0")).insert_header(("Server", "Microsoft-IIS/10.0"));
    response
}

fn refused(switches: &Switches, refusal: &Refusal) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if switches.iis_html_errors {
        return html(status, &format!("{status}"));
    }
    let mut response = HttpResponseBuilder::new(status);
    response.insert_header(("OData-Version", "4.0"));
    response.json(serde_json::json!({ "error": { "code": refusal.status.to_string(), "message": refusal.message } }))
}

fn html(status: StatusCode, title: &str) -> HttpResponse {
    HttpResponseBuilder::new(status).content_type(ContentType::html()).body(page(title))
}

fn page(title: &str) -> String {
    format!(
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\r\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\">\r\n<head>\r\n<title>{title}</title>\r\n</head>\r\n<body>\r\n\
         <div id=\"header\"><h1>Server Error</h1></div>\r\n<div><h2>{title}</h2></div>\r\n</body>\r\n</html>\r\n"
    )
}
