//! The purpose of a request, as a label of the metrics: a closed set of words, derived from its address.

use awc::http::Method;

use crate::telemetry::labels::System;

/// The word for a request of this method and path.
pub(super) fn kind(system: System, method: &Method, path: &str) -> &'static str {
    let read = *method == Method::GET;
    match system {
        System::SysproOdata if path.ends_with("/$metadata") => "metadata",
        System::SysproOdata => "page",
        System::SysproEnet => match path.rsplit('/').next().unwrap_or_default() {
            "Logon" => "logon",
            "Logoff" => "logoff",
            "Query" => "query",
            "Add" | "Update" | "Delete" => "setup",
            _ => "other",
        },
        System::ServiceNow if path.ends_with("/oauth_token.do") => "token",
        System::ServiceNow if path.ends_with("/batch") => "batch",
        System::ServiceNow if path.contains("/api/now/import/") => "import_set",
        System::ServiceNow if path.contains("/table/") => {
            if read {
                "look_up"
            } else {
                "table"
            }
        }
        System::ServiceNow => "other",
        System::Notices => "webhook",
        System::Timestamp => "timestamp",
        System::SignIn if path.ends_with("/openid-configuration") => "metadata",
        System::SignIn if read => "keys",
        System::SignIn => "token",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_is_for_is_in_its_address() {
        for (system, method, path, word) in [
            (System::SysproOdata, Method::GET, "/SYSPRO8Odata/SYSPROOData/EDU1/$metadata", "metadata"),
            (System::SysproOdata, Method::GET, "/SYSPRO8Odata/SYSPROOData/EDU1/ApInvoice", "page"),
            (System::SysproEnet, Method::GET, "/SYSPROWCFService/Rest/Logon", "logon"),
            (System::SysproEnet, Method::GET, "/SYSPROWCFService/Rest/Query/Query", "query"),
            (System::SysproEnet, Method::GET, "/SYSPROWCFService/Rest/Setup/Update", "setup"),
            (System::ServiceNow, Method::POST, "/oauth_token.do", "token"),
            (System::ServiceNow, Method::POST, "/api/now/v1/batch", "batch"),
            (System::ServiceNow, Method::POST, "/api/now/import/sn_apo_invoice", "import_set"),
            (System::ServiceNow, Method::GET, "/api/now/table/cmn_cost_center", "look_up"),
            (System::SignIn, Method::GET, "/realms/x/.well-known/openid-configuration", "metadata"),
            (System::SignIn, Method::GET, "/jwks", "keys"),
            (System::SignIn, Method::POST, "/token", "token"),
            (System::ServiceNow, Method::PATCH, "/api/now/v2/table/cmn_cost_center/0", "table"),
        ] {
            assert_eq!(kind(system, &method, path), word, "{path}");
        }
    }
}
