//! ServiceNow: the token, each target table and its columns.

use std::cell::Cell;

use futures_util::future::LocalBoxFuture;

use super::{Finding, Verdict};
use crate::actors::Deps;
use crate::actors::vault::SERVICENOW;
use crate::retry::Class;
use crate::servicenow::{ProbeVerdict, ServiceNow, ServiceNowError, Token, TokenSource, TokenState, fetch_token};

/// The one token that this command fetches; a refusal is reported, not answered with another one.
struct OneToken {
    token: Token,
    refused: Cell<bool>,
}

impl TokenSource for OneToken {
    fn token(&self) -> LocalBoxFuture<'_, Result<Token, ServiceNowError>> {
        let problem = "the instance refused the token that it had just given".to_owned();
        let token = if self.refused.get() { Err(ServiceNowError::TokenUnavailable { problem }) } else { Ok(self.token.clone()) };
        Box::pin(std::future::ready(token))
    }

    fn refused(&self, _: u64) {
        self.refused.set(true);
    }
}

pub(super) async fn servicenow(deps: &Deps, findings: &mut Vec<Finding>) {
    let credential = match deps.vault.credential(SERVICENOW).await {
        Ok(credential) => credential,
        Err(error) => return findings.push(Finding::failed("ServiceNow credential", error.to_string(), "set the credential")),
    };
    let client = match ServiceNow::new(&deps.settings.servicenow) {
        Ok(client) => client,
        Err(error) => return findings.push(Finding::failed("ServiceNow", error.chain(), "correct `[servicenow]`")),
    };
    let tokens = match fetch_token(client.http(), client.settings(), &credential).await {
        Ok(answer) => OneToken { token: TokenState::default().accept(answer, tokio::time::Instant::now()), refused: Cell::new(false) },
        Err(error) => {
            let mut finding = Finding::failed("ServiceNow token", error.chain(), "see the message");
            finding.unreachable = error.class() == Class::Transient;
            return findings.push(finding);
        }
    };
    findings.push(Finding::ok("ServiceNow token", "given"));
    let targets: Vec<_> = deps.definitions.plans.iter().flat_map(|plan| &plan.targets).collect();
    for probe in client.probe(&tokens, &targets).await {
        findings.push(Finding {
            what: format!("ServiceNow {}", probe.table),
            verdict: match probe.verdict {
                ProbeVerdict::Ok => Verdict::Ok,
                ProbeVerdict::Warning => Verdict::Warning,
                ProbeVerdict::Failed => Verdict::Failed,
                ProbeVerdict::CouldNotTell => Verdict::CouldNotTell,
            },
            found: probe.message,
            to_do: probe.next_step.unwrap_or_default(),
            unreachable: false,
        });
    }
}
