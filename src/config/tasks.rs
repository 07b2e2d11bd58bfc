//! `[tasks]`: what people must look at, as tasks in ServiceNow.

use std::collections::BTreeMap;

use super::check::Check;
use super::raw::RawTasks;
use super::settings::TaskSettings;

impl Check<'_> {
    pub(super) fn tasks(&mut self, raw: &RawTasks) -> TaskSettings {
        let mut fields = BTreeMap::new();
        for text in raw.fields.iter().flatten() {
            let pair = text.split_once('=').map(|(column, value)| (column.trim(), value.trim()));
            match pair.filter(|(column, _)| is_name(column)) {
                Some((column, value)) => drop(fields.insert(column.to_owned(), value.to_owned())),
                None => {
                    let text = format!("`tasks.fields` must hold texts such as `urgency = 2`, got `{text}`");
                    self.problem::<()>("tasks.fields", text);
                }
            }
        }
        let settings = TaskSettings {
            enabled: raw.enabled.unwrap_or(false),
            table: self.task_column("tasks.table", raw.table.as_deref()),
            together_above: self.number("tasks.together_above", raw.together_above, 0, 1000),
            most: self.number("tasks.most", raw.most, 1, 1000),
            check: self.seconds("tasks.check_seconds", raw.check_seconds, 1, 86_400),
            title_field: self.task_column("tasks.title_field", raw.title_field.as_deref()),
            text_field: self.task_column("tasks.text_field", raw.text_field.as_deref()),
            note_field: raw.note_field.clone().filter(|name| !name.is_empty()),
            correlation_field: self.task_column("tasks.correlation_field", raw.correlation_field.as_deref()),
            state_field: self.task_column("tasks.state_field", raw.state_field.as_deref()),
            closed_state: raw.closed_state.clone().unwrap_or_default(),
            closed_states: raw.closed_states.clone().unwrap_or_default(),
            assignment_group: raw.assignment_group.clone().filter(|group| !group.is_empty()),
            fields,
        };
        if settings.closed_state.is_empty() || !settings.closed_states.contains(&settings.closed_state) {
            let text = format!("`tasks.closed_states` must have the value of `tasks.closed_state`, which is `{}`", settings.closed_state);
            self.problem::<()>("tasks.closed_state", text);
        }
        let own = [&settings.title_field, &settings.text_field, &settings.correlation_field, &settings.state_field];
        if let Some(column) = settings.fields.keys().find(|column| own.contains(column)) {
            let text = format!("`tasks.fields` has `{column}`, which Tieline writes itself: leave it out");
            self.problem::<()>("tasks.fields", text);
        }
        settings
    }

    /// The name of a table or a column.
    fn task_column(&mut self, key: &str, name: Option<&str>) -> String {
        let name = name.unwrap_or_default();
        if !is_name(name) {
            self.problem::<()>(key, format!("`{key}` must be a name of letters, digits and `_`, got `{name}`"));
        }
        name.to_owned()
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
