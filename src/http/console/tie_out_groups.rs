//! The sums of a tie-out by supplier, account or document type: a page to which each sum of a tie-out leads, and the same as files.

use actix_web::{HttpRequest, web};
use askama::Template;
use rust_decimal::Decimal;

use super::answer::{Page, Refusal, ok};
use super::files::{self, ABOUT, Files};
use super::filter::{Filter, Spec};
use super::session;
use super::tie_out_names::{name, periods};
use super::view::{Layout, grouped};
use crate::domain::EntityName;
use crate::domain::fiscal::{FiscalPeriod, period_text};
use crate::domain::ids::TieOutId;
use crate::domain::money::amount_in;
use crate::domain::role::Permission;
use crate::domain::tie_out_group::GroupBy;
use crate::http::api::tie_outs::id;
use crate::http::query::Params;
use crate::http::route::Route;
use crate::http::state::AppState;
use crate::operations::export::ListFile;
use crate::operations::tie_out::files::Chosen;
use crate::operations::tie_out::{self, TieOutReport};
use crate::store::{TieOutBucket, TieOutGroup, TieOutGroups, TieOutItems};

pub(in crate::http) fn routes() -> Vec<Route> {
    let files = files::routes(["/tie-out/{id}/groups.csv", "/tie-out/{id}/groups.xlsx"], Permission::Read, file);
    [vec![Route::page("/tie-out/{id}/groups", Some(Permission::Read), page)], files].concat()
}

/// Groups on a page.
const PAGE: usize = 100;

/// The sums of one group.
struct GroupView {
    company: String,
    records: String,
    period: String,
    currency: Option<String>,
    value: String,
    syspro: String,
    gone: String,
    servicenow: String,
    /// The numbers of records beside amounts.
    counts: Option<[String; 3]>,
    difference: String,
    differs: bool,
}

impl From<TieOutGroup> for GroupView {
    fn from(group: TieOutGroup) -> Self {
        let with_amounts = !group.currency.is_empty();
        let cell = |amount: Option<Decimal>, records: i64| match with_amounts {
            true => amount_in(amount.unwrap_or_default(), &group.currency),
            false => grouped(records),
        };
        let counts = [group.syspro_records, group.gone_records, group.servicenow_records].map(grouped);
        Self {
            syspro: cell(group.syspro_amount, group.syspro_records),
            gone: cell(group.gone_amount, group.gone_records),
            servicenow: cell(group.servicenow_amount, group.servicenow_records),
            difference: if with_amounts { amount_in(group.difference(), &group.currency) } else { grouped(group.records_difference()) },
            differs: !group.difference().is_zero() || group.records_difference() != 0,
            counts: with_amounts.then_some(counts),
            records: name(&group.entity, &group.block),
            period: period_text(group.year, group.period),
            currency: with_amounts.then(|| group.currency.clone()),
            company: group.company,
            value: group.value,
        }
    }
}

/// A page of groups.
#[derive(Template)]
#[template(path = "tie_out_groups.html")]
struct GroupsPage {
    layout: Layout,
    filter: Filter,
    id: TieOutId,
    by: &'static str,
    groups: Vec<GroupView>,
    next: Option<String>,
    files: Files,
}

/// The links of a sum to its groups, each with its label.
pub(super) fn links(app_state: &AppState, id: TieOutId, bucket: &TieOutBucket) -> Vec<(&'static str, String)> {
    let definitions = app_state.process.definitions.now();
    let plan = definitions.plan(&EntityName::new(&bucket.entity));
    let target = plan.and_then(|plan| plan.targets.iter().find(|target| target.block == bucket.block));
    let divisions = target.into_iter().flat_map(|target| target.tie_out.groups.keys());
    let link = |by: &GroupBy| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([("by", by.as_str()), ("company", &bucket.company), ("entity", &bucket.entity), ("block", &bucket.block)]);
        if let Some(period) = bucket.year.and_then(|year| FiscalPeriod::of(year, bucket.period)) {
            query.append_pair("period", &period.to_string());
        }
        if !bucket.currency.is_empty() {
            query.append_pair("currency", &bucket.currency);
        }
        (by.text(), format!("/tie-out/{id}/groups?{}", query.finish()))
    };
    divisions.map(link).collect()
}

/// What the page's address selects.
struct Selected {
    filter: Filter,
    params: Params,
    groups: TieOutGroups,
}

impl Selected {
    async fn read(app_state: &AppState, request: &HttpRequest, report: &TieOutReport, limit: usize) -> Result<Self, Refusal> {
        let distinct = |of: fn(&TieOutBucket) -> &str| {
            let mut values: Vec<String> =
                report.buckets.iter().map(|bucket| of(bucket).to_owned()).filter(|value| !value.is_empty()).collect();
            values.sort();
            values.dedup();
            values.into_iter().map(|value| (value.clone(), value)).collect::<Vec<_>>()
        };
        let query = request.query_string();
        let specs = vec![
            Spec::Choice("by", "By", "supplier", GroupBy::ALL.iter().map(|by| (by.to_string(), by.text().to_owned())).collect()),
            Spec::Company,
            Spec::Entity,
            Spec::Choice("block", "Block", "every block", distinct(|bucket| &bucket.block)),
            Spec::Choice("period", "Period", "every period", periods(query, &report.buckets)),
            Spec::Choice("currency", "Currency", "every currency", distinct(|bucket| &bucket.currency)),
        ];
        let path = format!("/tie-out/{}/groups", report.run.id);
        let (filter, params) = Filter::of(app_state, query, &path, specs, &["after", ABOUT]).await?;
        // the form refuses other words
        let by = filter.text("by").and_then(|by| by.parse().ok()).unwrap_or(GroupBy::Supplier);
        let groups = TieOutGroups {
            company: filter.text("company"),
            entity: filter.text("entity"),
            block: filter.text("block"),
            period: filter.text("period").and_then(|period| period.parse().ok()),
            currency: filter.text("currency"),
            after: params.after()?,
            ..TieOutGroups::of(report.run.id, by, limit as i64)
        };
        Ok(Self { filter: filter.listing("sum"), params, groups })
    }
}

async fn page(app_state: web::Data<AppState>, request: HttpRequest) -> Page {
    let session = session::of(&request)?;
    let report = tie_out::find(&app_state.process, id(&request, 1)?).await?;
    let selected = Selected::read(&app_state, &request, &report, PAGE + 1).await?;
    let mut groups = app_state.process.store.tie_out_groups(selected.groups.clone()).await?;
    let more = groups.len() > PAGE;
    groups.truncate(PAGE);
    let id = report.run.id;
    ok(&GroupsPage {
        layout: Layout::of(&session, "/tie-out", "Tie-out").done(selected.params.text("done").as_deref()),
        next: groups.last().filter(|_| more).map(|group| selected.filter.next(&group.id.to_string())),
        files: Files::of(&selected.filter, &format!("/tie-out/{id}/groups"), "these sums"),
        by: selected.groups.by.text(),
        groups: groups.into_iter().map(GroupView::from).collect(),
        filter: selected.filter,
        id,
    })
}

/// All groups that match the filter as a file.
async fn file(app_state: web::Data<AppState>, request: HttpRequest) -> Result<ListFile, Refusal> {
    let report = tie_out::find(&app_state.process, id(&request, 1)?).await?;
    let selected = Selected::read(&app_state, &request, &report, 0).await?;
    let groups = &selected.groups;
    let chosen = Chosen {
        buckets: report.buckets.iter().filter(|bucket| groups.fit(bucket)).collect(),
        items: TieOutItems { of: report.run.id, company: groups.company.clone(), entity: groups.entity.clone(), ..TieOutItems::default() },
        filter: selected.filter.words(),
        by: session::of(&request)?.key,
        report: &report,
    };
    Ok(chosen.groups(&app_state.process, &selected.groups).await?)
}
