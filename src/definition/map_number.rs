//! Numbers and amounts of a document: computed exactly and rounded once; every lost digit causes a warning.

use std::borrow::Cow;

use crate::domain::currency::minor_units;
use crate::domain::ratio::{MAX_PLACES, Ratio};
use crate::domain::warning::WarningKind;
use crate::domain::{CompanyId, Document, Value};

use super::code_lists::CodeLists;
use super::map::RecordContext;
use super::plan::{Convert, Decimals, FieldPlan, NumberFrom, NumberPlan, Place, Plan, TotalControl, ValueDiscount};
use super::record::{MapError, MapWarning};
use super::transform;

/// Decimals of an amount if its currency defines none.
const USUAL_PLACES: u32 = 2;

pub(super) const TOO_LONG: &str = "it has more digits than can be computed exactly";

/// The value as a fraction; `None` for a blank.
pub(super) fn fraction(value: &Value) -> Result<Option<Ratio>, String> {
    match transform::number(value)? {
        Some(number) => Ratio::of(number).map(Some).ok_or_else(|| TOO_LONG.to_owned()),
        None => Ok(None),
    }
}

/// A hundredth.
fn percent(value: Ratio) -> Option<Ratio> {
    value.over(Ratio::of(100.into())?)
}

/// The smallest amount of a currency.
fn smallest_unit(code: &str) -> Option<Ratio> {
    let places = minor_units(code).unwrap_or(USUAL_PLACES);
    Ratio::ONE.over(Ratio::of(10_i64.checked_pow(places)?.into())?)
}

/// An amount for people.
pub(super) fn shown(amount: Ratio) -> String {
    amount.write(USUAL_PLACES, MAX_PLACES).map_or_else(|| "…".to_owned(), |written| written.text)
}

impl RecordContext<'_> {
    /// The text of a number.
    pub(super) fn number(&self, field: &FieldPlan, plan: &NumberPlan, said: &mut Vec<(WarningKind, String)>) -> Result<String, MapError> {
        let (value, amount, own) = match plan.from {
            NumberFrom::Sum { child, at } => {
                let mut sum = Ratio::ZERO;
                for row in self.delivered(child) {
                    let value = &row[at];
                    let wrong = |problem: String| self.error(field, self.child_name(child, at), value, problem);
                    let number = fraction(value).map_err(wrong)?.unwrap_or(Ratio::ZERO);
                    sum = sum.plus(number).ok_or_else(|| wrong(TOO_LONG.to_owned()))?;
                }
                (Cow::Owned(Value::Text(shown(sum).into())), Some(sum), None)
            }
            NumberFrom::Column(at) => {
                let wrong = |at: Place, problem: String| self.error(field, self.name(at), self.value(at), problem);
                let at = self.own_or_foreign(plan, at).map_err(|problem| wrong(at, problem))?;
                let value = self.value(at);
                (Cow::Borrowed(value), fraction(value).map_err(|problem| wrong(at, problem))?, Some(at))
            }
        };
        let Some(amount) = amount else { return Ok(String::new()) };
        let column = || match (plan.from, own) {
            (NumberFrom::Sum { child, at }, _) => self.child_name(child, at),
            (NumberFrom::Column(at), own) => self.name(own.unwrap_or(at)),
        };
        let wrong = |problem: String| self.error(field, column(), &value, problem);
        let amount = self.computed(plan, amount).map_err(wrong)?;
        let code = match plan.currency {
            Some(at) if plan.with_currency => {
                self.currency(at).map_err(|problem| self.error(field, self.name(at), self.value(at), problem))?
            }
            // an unknown currency code defines no decimals: no digit is removed. The field that writes the code reports it.
            Some(at) => self.currency(at).unwrap_or_default(),
            None => "".into(),
        };
        let (least, most) = match plan.decimals {
            Decimals::Places { least, most } => (least, most),
            Decimals::OfCurrency => minor_units(&code).map_or((USUAL_PLACES, MAX_PLACES), |places| (places, places)),
        };
        let written = amount.write(least, most).ok_or_else(|| wrong(TOO_LONG.to_owned()))?;
        if written.vanished {
            let decimals = match plan.decimals {
                Decimals::Places { .. } => match amount.places() {
                    Some(places) => format!("give the field more decimals in the profile: `as = \"decimal({least}..{places})\"`"),
                    None => format!("no field takes more than {MAX_PLACES} decimals: correct it in SYSPRO"),
                },
                Decimals::OfCurrency => {
                    let other = amount.places().map(|places| format!(", or write it `as = \"decimal({least}..{places})\"`"));
                    format!("an amount in {code} has {most} decimals; correct it in SYSPRO{}", other.unwrap_or_default())
                }
            };
            return Err(wrong(format!("the result is {}, and would be written as `{}`: {decimals}", shown(amount), written.text)));
        }
        // a computed amount is always rounded to the currency's smallest unit
        let by_nature = plan.is_computed() && plan.decimals == Decimals::OfCurrency;
        if !written.exact && !by_nature {
            said.push((WarningKind::Rounded, format!("rounded from {} to {}", shown(amount), written.text)));
        }
        if plan.with_currency {
            if code.is_empty() {
                return Err(wrong("its currency is empty, and the field is written with a currency".to_owned()));
            }
            return Ok(format!("{code};{}", written.text));
        }
        Ok(written.text)
    }

    /// The number of a row before it is written; `None` for a blank one. A currency in no code list counts as a foreign one.
    pub(super) fn exact(&self, plan: &NumberPlan, own: Place) -> Result<Option<Ratio>, String> {
        let at = match (plan.foreign, plan.currency) {
            (Some(foreign), Some(currency)) => self.column_in(&self.code(currency), own, foreign)?,
            _ => own,
        };
        fraction(self.value(at))?.map(|amount| self.computed(plan, amount)).transpose()
    }

    /// The place of the number: the foreign column when its currency is not the company's own.
    fn own_or_foreign(&self, plan: &NumberPlan, own: Place) -> Result<Place, String> {
        let (Some(foreign), Some(currency)) = (plan.foreign, plan.currency) else { return Ok(own) };
        self.column_in(&self.currency(currency)?, own, foreign)
    }

    /// The column of an amount in this currency.
    fn column_in(&self, code: &str, own: Place, foreign: Place) -> Result<Place, String> {
        if code.is_empty() || code == self.currency(Place::Currency)? {
            return Ok(own);
        }
        let nothing = |at: Place| Ok::<_, String>(fraction(self.value(at))?.is_none_or(Ratio::is_zero));
        if nothing(foreign)? && !nothing(own)? {
            let column = self.name(foreign);
            return Err(format!(
                "it is in the company's own currency, the record in {code}, and `{column}` holds nothing: correct it in SYSPRO"
            ));
        }
        Ok(foreign)
    }

    fn computed(&self, plan: &NumberPlan, amount: Ratio) -> Result<Ratio, String> {
        let long = || TOO_LONG.to_owned();
        let mut amount = amount;
        if let Some(convert) = &plan.convert {
            amount = amount.times(self.rate(convert)?).ok_or_else(long)?;
        }
        let mut reduced = false;
        for &at in &plan.less_percent {
            let less = fraction(self.value(at)).map_err(|problem| format!("`{}`: {problem}", self.name(at)))?.unwrap_or(Ratio::ZERO);
            let rest = percent(less).and_then(|less| Ratio::ONE.minus(less)).ok_or_else(long)?;
            if Ratio::ZERO.above(rest).unwrap_or(true) {
                return Err(format!(
                    "the discount `{}` is {} %, which is more than 100 %: correct it in SYSPRO",
                    self.name(at),
                    shown(less)
                ));
            }
            reduced |= !less.is_zero();
            amount = amount.times(rest).ok_or_else(long)?;
        }
        if let Some(discount) = &plan.less_value {
            amount = self.less_value(discount, amount, reduced)?;
        }
        if let Some(at) = plan.times {
            let by = fraction(self.value(at)).map_err(|problem| format!("`{}`: {problem}", self.name(at)))?.unwrap_or(Ratio::ZERO);
            amount = amount.times(by).ok_or_else(long)?;
        }
        Ok(amount)
    }

    /// The price less a discount that is a value; a discount that the definition does not cover is refused.
    fn less_value(&self, discount: &ValueDiscount, amount: Ratio, reduced: bool) -> Result<Ratio, String> {
        let (column, flag) = (self.name(discount.value), self.name(discount.flag));
        let value = fraction(self.value(discount.value)).map_err(|problem| format!("`{column}`: {problem}"))?;
        let Some(value) = value.filter(|value| !value.is_zero()) else { return Ok(amount) };
        let text = transform::plain(self.value(discount.flag));
        let told = format!("it has a discount `{column}` = `{}` with `{flag}` = `{text}`", shown(value));
        if reduced {
            return Err(format!("{told} beside discounts in percent, and their order is unknown"));
        }
        let long = || TOO_LONG.to_owned();
        let holds = |flags: &[String]| flags.iter().any(|flag| flag.trim() == text.trim());
        if holds(&discount.unit) {
            return amount.minus(value).ok_or_else(long);
        }
        if holds(&discount.line) {
            let quantity = discount.quantity.and_then(|at| fraction(self.value(at)).ok().flatten()).filter(|quantity| !quantity.is_zero());
            let Some(quantity) = quantity else { return Err(format!("{told} off the whole line, and the line has no quantity")) };
            return value.over(quantity).and_then(|each| amount.minus(each)).ok_or_else(long);
        }
        Err(format!(
            "{told}, and the definition does not say what such a discount reduces: name the flag under `unit` or `line` of `less_value` in \
             the profile"
        ))
    }

    /// The factor of a number.
    fn rate(&self, convert: &Convert) -> Result<Ratio, String> {
        let mut differ = false;
        if let Some((one, other)) = convert.units {
            let money = one == Place::Currency || other == Place::Currency;
            let text = |at: Place| if money { self.currency(at) } else { Ok(transform::plain(self.value(at))) };
            let (one, other) = (text(one)?, text(other)?);
            let (one, other) = (one.trim(), other.trim());
            differ = !one.is_empty() && !other.is_empty();
            if differ && one == other {
                return Ok(Ratio::ONE);
            }
        }
        let (factor_name, way_name) = (self.name(convert.factor), self.name(convert.way));
        let factor = fraction(self.value(convert.factor)).map_err(|problem| format!("`{factor_name}`: {problem}"))?;
        let Some(factor) = factor.filter(|factor| !factor.is_zero()) else {
            let units = convert.units.map(|(one, other)| {
                let of = |at| format!("`{}` is `{}`", self.name(at), transform::plain(self.value(at)));
                format!("{} and {}, and ", of(one), of(other))
            });
            return match (differ, units) {
                (false, Some(_)) => Ok(Ratio::ONE),
                (_, units) => Err(format!("{}`{factor_name}` is empty: correct it in SYSPRO", units.unwrap_or_default())),
            };
        };
        let way = transform::plain(self.value(convert.way));
        let rate = match (way.trim(), convert.back) {
            ("M", false) | ("D", true) => Some(factor),
            ("D", false) | ("M", true) => Ratio::ONE.over(factor),
            _ if factor == Ratio::ONE => Some(factor),
            (other, _) => return Err(format!("`{way_name}` is `{other}`, which is neither `M` (multiply) nor `D` (divide)")),
        };
        rate.ok_or_else(|| TOO_LONG.to_owned())
    }
}

impl Plan {
    /// Compares totals with the sums of their rows, and reports each difference. It never stops a delivery.
    pub(super) fn compare_totals(&self, company: &CompanyId, document: &Document, code_lists: &CodeLists) -> Vec<MapWarning> {
        let controls = self.read.totals().filter_map(|control| {
            let field = self.read.columns.get(control.total)?.clone();
            let text = match self.compare_total(control, company, document, code_lists) {
                Ok(difference) => difference?,
                Err(problem) => format!("cannot be compared with its `{}`: {problem}", self.read.children.get(control.child)?.name),
            };
            Some(MapWarning { kind: WarningKind::Difference, field, text })
        });
        controls.collect()
    }

    /// The message about a total; `None` when it is the sum of its rows.
    ///
    /// # Errors
    /// Why it cannot be compared.
    pub(super) fn compare_total(
        &self,
        control: &TotalControl,
        company: &CompanyId,
        document: &Document,
        code_lists: &CodeLists,
    ) -> Result<Option<String>, String> {
        let Some(target) = self.targets.first() else { return Ok(None) };
        RecordContext::of_root(self, target, company, &Value::Null, document, code_lists).compare(control)
    }
}

impl RecordContext<'_> {
    /// The message about a total; `None` when it is the sum of its rows.
    fn compare(&self, control: &TotalControl) -> Result<Option<String>, String> {
        let long = || TOO_LONG.to_owned();
        let Some(total) = fraction(self.value(Place::Root(control.total)))? else { return Ok(None) };
        let (mut sum, mut rows) = (Ratio::ZERO, 0_u32);
        for row in self.delivered(control.child) {
            sum = sum.plus(fraction(&row[control.at])?.unwrap_or(Ratio::ZERO)).ok_or_else(long)?;
            rows += 1;
        }
        let child = &self.plan.read.children[control.child];
        let code = |at: Option<&Place>| at.map_or_else(|| Ok("".into()), |at| self.currency(*at));
        let (of_total, of_sum) = (code(self.plan.read.amounts.get(&control.total))?, code(child.amounts.get(&control.at))?);
        let own = |amount: Ratio, code: &str| format!("{} {code}", shown(amount)).trim_end().to_owned();
        let mut said = own(total, &of_total);
        let (mut expected, mut tolerance) = (total, Ratio::ZERO);
        if let Some(convert) = control.convert.as_ref().filter(|_| of_total != of_sum && !of_total.is_empty() && !of_sum.is_empty()) {
            expected = total.times(self.rate(convert)?).ok_or_else(long)?;
            // each row was rounded separately
            tolerance = smallest_unit(&of_sum).and_then(|unit| unit.times(Ratio::of(rows.max(1).into())?)).ok_or_else(long)?;
            let rounded = expected.write(USUAL_PLACES, minor_units(&of_sum).unwrap_or(USUAL_PLACES)).ok_or_else(long)?;
            said = format!("{said}, which is {} {of_sum} at its rate", rounded.text);
        }
        let apart = sum.minus(expected).ok_or_else(long)?.size();
        if !apart.above(tolerance).ok_or_else(long)? {
            return Ok(None);
        }
        let column = child.column_names().nth(control.at).unwrap_or_default();
        Ok(Some(format!("is {said}; its {rows} `{}` add up to {} (`{column}`)", child.name, own(sum, &of_sum))))
    }
}
