//! Comparable rows of both sides, and the comparison of their fields. Pure.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::{Decimal, RoundingStrategy};

use crate::definition::plan::{FieldSource, Form, Place, ReferenceForm, TargetPlan};
use crate::definition::tie_out::PeriodRecord;
use crate::domain::FlowId;
use crate::domain::money::parse_decimal;
use crate::domain::tie_out::Cause;
use crate::domain::tie_out_group::{GroupBy, Groups};
use crate::servicenow::{ServiceNow, StoredRow, same};
use crate::store::{NewDifference, TieOutFound, TieOutPair, TieOutRow};

/// What a listing depends on, as a text: what is asked of the rows, and which of their fields divide the sums.
pub(super) fn asked(target: &TargetPlan) -> String {
    let groups = target.tie_out.groups.iter().map(|(by, field)| format!(" {by}={field}"));
    groups.fold(ServiceNow::asked_of_rows(target), |asked, group| asked + &group)
}

/// What the keys of a flow's records begin with.
pub(super) fn prefix(flow: &FlowId) -> String {
    format!("{}/{}/", flow.company, flow.entity)
}

type Fields = BTreeMap<String, String>;

/// The amount in a field: a number, or `EUR;10.00`. With its currency, if the field names it.
fn amount(text: &str) -> Option<(Option<&str>, Decimal)> {
    let text = text.trim();
    match text.split_once(';') {
        Some((code, amount)) => Some((Some(code.trim()).filter(|code| !code.is_empty()), parse_decimal(amount.trim())?)),
        None => Some((None, parse_decimal(text)?)),
    }
}

/// The amount and the currency of a record. A currency within the amount counts: ServiceNow may have converted it.
fn money(target: &TargetPlan, fields: &Fields) -> (Option<Decimal>, String) {
    let of = |name: &Option<String>| name.as_ref().and_then(|name| fields.get(name)).map(String::as_str);
    let plan = &target.tie_out;
    let amount = of(&plan.amount).and_then(amount);
    let own = amount.and_then(|(code, _)| code).or(of(&plan.currency)).unwrap_or_default();
    (amount.map(|(_, amount)| amount), own.trim().to_owned())
}

/// Whether a field is filled in later than the record is mapped, so that it is never compared.
fn filled_later(target: &TargetPlan, name: &str) -> bool {
    let field = target.fields.iter().find(|field| field.name == name);
    field.is_some_and(|field| match &field.source {
        FieldSource::Header => true,
        FieldSource::Reference { write, .. } => *write == ReferenceForm::SysId,
        _ => false,
    })
}

/// The fields that are compared and that ServiceNow has a column for, as JSON with its keys in order.
fn comparable(target: &TargetPlan, fields: &Fields) -> String {
    let compared: BTreeMap<&str, &str> = fields
        .iter()
        .filter(|(name, _)| target.tie_out.column(name).is_some() && !filled_later(target, name))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    serde_json::to_string(&compared).unwrap_or_default()
}

/// A record as ServiceNow should have it.
pub(super) fn expected(target: &TargetPlan, document_key: &str, document_hash: [u8; 32], record: &PeriodRecord) -> TieOutRow {
    let fields = record.record.fields.to_map();
    let (amount, currency) = money(target, &fields);
    TieOutRow {
        document_key: document_key.to_owned(),
        record_key: record.record.record_key.clone(),
        document_hash: Some(document_hash),
        year: record.year,
        period: record.period,
        currency,
        amount,
        fields: comparable(target, &fields),
        unmapped: None,
        groups: groups(target, &fields),
    }
}

/// The supplier, account and document type of a record, by the fields that the definition names.
fn groups(target: &TargetPlan, fields: &Fields) -> Groups {
    let of = |by: GroupBy| target.tie_out.groups.get(&by).and_then(|name| fields.get(name)).cloned();
    Groups { supplier: of(GroupBy::Supplier), account: of(GroupBy::Account), document_type: of(GroupBy::Type) }
}

/// A record that SYSPRO no longer has, as it was delivered.
pub(super) fn gone(target: &TargetPlan, place: (String, String), payload: &str, period: (Option<i32>, Option<i32>)) -> TieOutRow {
    let fields: Fields = serde_json::from_str(payload).unwrap_or_default();
    let (amount, currency) = money(target, &fields);
    TieOutRow {
        document_key: place.0,
        record_key: place.1,
        year: period.0,
        period: period.1,
        currency,
        amount,
        fields: comparable(target, &fields),
        groups: groups(target, &fields),
        ..TieOutRow::default()
    }
}

/// The number of a fiscal year or period in a row: of the field that copies this column.
fn number_of(target: &TargetPlan, column: Option<Place>, values: &Fields) -> Option<i32> {
    let field = target.copy_of(column?)?;
    values.get(&field.name)?.trim().parse().ok()
}

/// A row of ServiceNow.
pub(super) fn found(target: &TargetPlan, place: (String, String), table: &str, row: StoredRow) -> TieOutFound {
    let (amount, currency) = money(target, &row.values);
    TieOutFound {
        document_key: place.0,
        record_key: place.1,
        year: number_of(target, target.tie_out.year, &row.values),
        period: number_of(target, target.tie_out.period, &row.values),
        currency,
        amount,
        fields: comparable(target, &row.values),
        groups: groups(target, &row.values),
        sys_id: row.sys_id.into(),
        target_table: table.to_owned(),
        updated_by: row.updated_by,
        updated_at: row.updated_at,
    }
}

/// Whether the stored number is the other one, rounded or cut to fewer decimals.
fn is_rounded(ours: &str, theirs: &str) -> bool {
    let (Some((_, ours)), Some((_, theirs))) = (amount(ours), amount(theirs)) else { return false };
    let places = theirs.scale();
    let ways = [RoundingStrategy::MidpointAwayFromZero, RoundingStrategy::MidpointNearestEven, RoundingStrategy::ToZero];
    places < ours.scale() && ways.into_iter().any(|way| ours.round_dp_with_strategy(places, way) == theirs)
}

/// The fields of a record that have two values. A field that ServiceNow did not return is not compared, unless it is the amount.
pub(super) fn differences(target: &TargetPlan, pair: &TieOutPair) -> Vec<NewDifference> {
    let fields = |text: &str| serde_json::from_str::<Fields>(text).unwrap_or_default();
    let (ours, theirs) = (fields(&pair.fields), fields(&pair.found_fields));
    let plan = &target.tie_out;
    let mut found = Vec::new();
    let other_currency = !pair.found_currency.is_empty() && pair.found_currency != pair.currency;
    let name_of = |field: &Option<String>| field.clone().unwrap_or_default();
    let there_of = |field: &Option<String>| theirs.get(&name_of(field)).map_or("", String::as_str);
    // the column of the amount may have a currency of its own
    let converted = other_currency && amount(there_of(&plan.amount)).is_some_and(|(code, _)| code.is_some());
    for (name, value) in &ours {
        let is = |field: &Option<String>| field.as_ref() == Some(name);
        let there = match theirs.get(name) {
            Some(there) => there.as_str(),
            // an amount that a row does not show is no amount that agrees
            None if is(&plan.amount) => "",
            None => continue,
        };
        if same(target.form(name), value, there) && !(converted && is(&plan.amount)) {
            continue;
        }
        let new = |currency: &str, amount: Option<Decimal>, cause: Option<Cause>| NewDifference {
            of: pair.clone(),
            field: name.clone(),
            syspro_value: value.clone(),
            servicenow_value: there.to_owned(),
            currency: currency.to_owned(),
            amount,
            cause,
        };
        let rounded = (target.form(name) == Form::Number && is_rounded(value, there)).then_some(Cause::Rounding);
        // all of the amount is missing in one currency, and is too much in the other
        let moved = |cause: Option<Cause>| {
            [new(&pair.currency, pair.amount.map(|amount| -amount), cause), new(&pair.found_currency, pair.found_amount, cause)]
        };
        if converted && is(&plan.amount) {
            found.extend(moved(Some(Cause::Rounding)));
        } else if is(&plan.currency) && other_currency && !converted {
            found.extend(moved(None));
        } else if is(&plan.amount) && !other_currency {
            let effect = pair.found_amount.unwrap_or_default() - pair.amount.unwrap_or_default();
            found.push(new(&pair.currency, Some(effect), rounded));
        } else {
            found.push(new(&pair.currency, None, rounded));
        }
    }
    found
}

/// Fields with a column that no row returned.
pub(super) fn not_compared(target: &TargetPlan, returned: &BTreeSet<String>) -> Vec<String> {
    let own = target.fields.iter().filter(|field| target.tie_out.column(&field.name).is_some() && !filled_later(target, &field.name));
    own.map(|field| field.name.clone()).filter(|name| !returned.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::plan::{ClearWith, FieldPlan, PartialWrite, TieOutPlan, WriteMode};

    fn target() -> TargetPlan {
        let field = |name: &str, form| FieldPlan { name: name.into(), source: FieldSource::Company, limit: None, form };
        TargetPlan {
            align: None,
            watch: None,
            tie_out: TieOutPlan { amount: Some("amount".into()), currency: Some("currency".into()), ..TieOutPlan::default() },
            block: "header".into(),
            table: "t".into(),
            write: WriteMode::Table,
            target_table: "t".into(),
            key_column: Some("key".into()),
            version_column: None,
            natural_key: Vec::new(),
            fields: vec![field("amount", Form::Number), field("currency", Form::Text), field("text", Form::Text)],
            child: None,
            on_gone: Vec::new(),
            only_if: Vec::new(),
            partial_write: PartialWrite::Fail,
            clear_with: ClearWith::Null,
        }
    }

    /// The differing fields of a record, each with its currency and its effect on the sum.
    fn found(ours: &str, theirs: &str) -> Vec<(String, String, Option<String>)> {
        let target = target();
        let read = |json: &str| money(&target, &serde_json::from_str(json).expect("fields"));
        let ((amount, currency), (found_amount, found_currency)) = (read(ours), read(theirs));
        let pair = TieOutPair {
            document_key: "1".into(),
            record_key: String::new(),
            year: None,
            period: None,
            currency,
            amount,
            fields: ours.into(),
            document_hash: None,
            found_currency,
            found_amount,
            found_fields: theirs.into(),
            sys_id: None,
            target_table: None,
            updated_by: None,
            updated_at: None,
        };
        let differing = differences(&target, &pair).into_iter();
        differing.map(|one| (one.field, one.currency, one.amount.map(|amount| amount.to_string()))).collect()
    }

    #[test]
    fn every_difference_says_what_it_adds_to_the_sum() {
        let some = |field: &str, currency: &str, amount: &str| (field.to_owned(), currency.to_owned(), Some(amount.to_owned()));
        let ours = r#"{"amount":"10.50","currency":"ZAR","text":"a"}"#;
        assert_eq!(found(ours, r#"{"amount":"10.5","currency":"ZAR","text":"a"}"#), []);
        assert_eq!(found(ours, r#"{"amount":"10.00","currency":"ZAR","text":"a"}"#), [some("amount", "ZAR", "-0.50")]);
        // all of it is missing in one currency, and too much in the other
        let other = found(ours, r#"{"amount":"10.50","currency":"USD","text":"a"}"#);
        assert_eq!(other, [some("currency", "ZAR", "-10.50"), some("currency", "USD", "10.50")]);
        assert_eq!(found(ours, r#"{"amount":"10.50","currency":"ZAR","text":"b"}"#), [("text".into(), "ZAR".into(), None)]);
        // the column of the amount has its own currency, and converts
        let converted = found(ours, r#"{"amount":"USD;0.60","currency":"ZAR","text":"a"}"#);
        assert_eq!(converted, [some("amount", "ZAR", "-10.50"), some("amount", "USD", "0.60")]);
        // a text that is not returned is not compared; an amount that is not returned does not agree
        assert_eq!(found(ours, r#"{"currency":"ZAR"}"#), [some("amount", "ZAR", "-10.50")]);
    }

    #[test]
    fn a_rounded_number_has_fewer_decimals_and_nothing_else() {
        for (ours, theirs) in
            [("10.55", "10.6"), ("10.55", "10.5"), ("10.45", "10.4"), ("12.34", "12"), ("-0.005", "-0.01"), ("10.555", "EUR;10.56")]
        {
            assert!(is_rounded(ours, theirs), "{ours} {theirs}");
        }
        for (ours, theirs) in [("10.55", "10.7"), ("10.00", "10.01"), ("10.5", "10.50"), ("10", "11"), ("10.55", ""), ("12.34", "13")] {
            assert!(!is_rounded(ours, theirs), "{ours} {theirs}");
        }
    }
}
