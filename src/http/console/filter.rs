//! Filter forms for lists: described once per page, written by one template, kept in the address.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::domain::word;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::http::state::AppState;
use crate::operations::check_names;

/// One field of a form.
pub(super) enum Spec {
    /// One of the companies.
    Company,
    /// One of the entities.
    Entity,
    /// The first and the last day of a period.
    Period,
    /// A text, with its name, label and width.
    Text(&'static str, &'static str, u8),
    /// One of some values: the label for no value, then each value with its label.
    Choice(&'static str, &'static str, &'static str, Vec<(String, String)>),
}

impl Spec {
    /// A choice between values that need no labels.
    pub(super) fn words(
        name: &'static str,
        label: &'static str,
        none: &'static str,
        words: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        Self::Choice(name, label, none, words.into_iter().map(|word| (word.to_owned(), word.replace('_', " "))).collect())
    }
}

/// A choice of a field.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) chosen: bool,
}

/// A field for the template.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) choices: Vec<Choice>,
    pub(super) size: u8,
    /// A day, with its time where there is one.
    pub(super) day: bool,
    pub(super) instant: String,
}

/// A form with its selected values.
pub(super) struct Filter {
    pub(super) path: String,
    pub(super) fields: Vec<Field>,
    /// Whether anything is selected.
    pub(super) active: bool,
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) until: Option<DateTime<Utc>>,
    /// Whether the page is not the first.
    pub(super) later: bool,
    /// The name of one item of the list, for an empty result.
    pub(super) noun: &'static str,
    /// The number of items without the filter, if it is counted.
    pub(super) without: Option<String>,
    query: Vec<(&'static str, String)>,
}

impl Filter {
    /// The form of the page at this path, with the values in its address. `more` are the other parameters of the page.
    ///
    /// # Errors
    /// 400 for an unknown name, a value that is not one of the choices, or an invalid day.
    /// 422 for a company or an entity that does not exist: an empty list would look like an all-clear.
    pub(super) async fn of(
        app_state: &AppState,
        query: &str,
        path: &str,
        specs: Vec<Spec>,
        more: &[&str],
    ) -> Result<(Self, Params), Problem> {
        let names: Vec<&'static str> = specs.iter().flat_map(names).collect();
        let params = Params::parse(query, &[&names[..], more].concat())?;
        check_names(&app_state.process, params.text("company").as_deref(), params.text("entity").as_deref()).await?;
        for spec in &specs {
            let Spec::Choice(name, _, _, words) = spec else { continue };
            let Some(text) = params.text(name) else { continue };
            word::check("value", &text, words.iter().map(|(word, _)| word.as_str()))
                .map_err(|unknown| Problem::bad_request(format!("parameter `{name}`: {}", unknown.detail()), unknown.next_step()))?;
        }
        let mut filter = Self {
            path: path.to_owned(),
            fields: Vec::new(),
            active: false,
            since: day(&params, "since", Edge::First)?,
            until: day(&params, "until", Edge::Last)?,
            later: params.text("after").is_some(),
            noun: "entry",
            without: None,
            query: names.iter().filter_map(|name| Some((*name, params.text(name)?))).collect(),
        };
        filter.active = !filter.query.is_empty();
        for spec in specs {
            filter.add(app_state, &params, spec);
        }
        Ok((filter, params))
    }

    fn add(&mut self, app_state: &AppState, params: &Params, spec: Spec) {
        let plain = |name: &str| (name.to_owned(), name.to_owned());
        let (name, label, none, words) = match spec {
            Spec::Company => {
                let companies = app_state.process.settings.syspro.companies.iter().map(|company| plain(company.as_str()));
                ("company", "Company", "every company", companies.collect())
            }
            Spec::Entity => {
                let definitions = app_state.process.definitions.now();
                let entities = definitions.plans.iter().map(|plan| (plan.entity.to_string(), plan.entity.spoken()));
                ("entity", "Entity", "every entity", entities.collect())
            }
            Spec::Choice(name, label, none, words) => (name, label, none, words),
            Spec::Text(name, label, size) => {
                let value = params.text(name).unwrap_or_default();
                return self.fields.push(Field { name, label, value, choices: Vec::new(), size, day: false, instant: String::new() });
            }
            Spec::Period => {
                // the form has the last day, the filter the first time after it
                let last = self.until.map(|until| until - TimeDelta::milliseconds(1));
                for (name, label, at, instant) in [("since", "From", self.since, self.since), ("until", "To", last, self.until)] {
                    let value = at.map(|at| at.date_naive().to_string()).unwrap_or_default();
                    let instant = instant.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)).unwrap_or_default();
                    self.fields.push(Field { name, label, value, choices: Vec::new(), size: 0, day: true, instant });
                }
                return;
            }
        };
        let value = params.text(name).unwrap_or_default();
        let first = Choice { value: String::new(), label: none.to_owned(), chosen: value.is_empty() };
        // a value of an old address that no longer exists stays visible
        let gone = (!value.is_empty() && !words.iter().any(|(word, _)| *word == value)).then(|| plain(&value));
        let rest = words.into_iter().chain(gone).map(|(word, label)| Choice { chosen: word == value, value: word, label });
        let choices = std::iter::once(first).chain(rest).collect();
        self.fields.push(Field { name, label, value, choices, size: 0, day: false, instant: String::new() });
    }

    /// The same, with the name of one item of the list.
    pub(super) fn listing(mut self, noun: &'static str) -> Self {
        self.noun = noun;
        self
    }

    /// The selected value of a name; `None`: nothing.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.query.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    /// What is selected, in words; empty: nothing.
    pub(super) fn words(&self) -> String {
        self.query.iter().map(|(name, value)| format!("{} {value}", name.replace('_', " "))).collect::<Vec<_>>().join(", ")
    }

    /// Another path with the selected values of these names.
    pub(super) fn part_of(&self, path: &str, names: &[&str]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.query.iter().filter(|(name, _)| names.contains(name)));
        match query.finish() {
            none if none.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// The same list at another path, or with more parameters.
    pub(super) fn link(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.query.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()));
        match query.finish() {
            none if none.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }

    /// The page after the one that ends here.
    pub(super) fn next(&self, after: &str) -> String {
        self.link(&self.path, &[("after", after)])
    }

    /// The first page of the list.
    pub(super) fn first(&self) -> String {
        self.link(&self.path, &[])
    }
}

fn names(spec: &Spec) -> Vec<&'static str> {
    match spec {
        Spec::Company => vec!["company"],
        Spec::Entity => vec!["entity"],
        Spec::Period => vec!["since", "until"],
        Spec::Text(name, ..) | Spec::Choice(name, ..) => vec![name],
    }
}

/// The first or the last day of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    First,
    Last,
}

/// The time for a day or a time in an address. A last day is included completely.
fn day(params: &Params, name: &str, edge: Edge) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = params.text(name) else { return Ok(None) };
    if let Ok(day) = text.parse::<NaiveDate>() {
        let first = match edge {
            Edge::First => Some(day),
            Edge::Last => day.checked_add_days(Days::new(1)),
        };
        return Ok(first.map(|day| day.and_time(NaiveTime::MIN).and_utc()));
    }
    params.value(name, "a day such as 2026-01-31, or an instant such as 2026-01-31T08:00:00Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_day_is_meant_whole() {
        let params = |query| Params::parse(query, &["since", "until"]).expect("names");
        let at = |query, name, edge| day(&params(query), name, edge).expect("a day").map(|at| at.to_rfc3339());
        assert_eq!(at("since=2026-01-31", "since", Edge::First).as_deref(), Some("2026-01-31T00:00:00+00:00"));
        assert_eq!(at("until=2026-01-31", "until", Edge::Last).as_deref(), Some("2026-02-01T00:00:00+00:00"));
        assert_eq!(at("until=2026-01-31T22:00:00Z", "until", Edge::Last).as_deref(), Some("2026-01-31T22:00:00+00:00"));
        assert_eq!(at("until=", "until", Edge::Last), None);
        assert_eq!(day(&params("since=soon"), "since", Edge::First).expect_err("no day").status, 400);
    }
}
