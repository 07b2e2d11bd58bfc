//! Writes `STEPS.md`: what an administrator does with the files, with the names of this application. The steps are those of
//! `docs/servicenow.md`, with the same numbers.

use std::fmt::Write as _;

use super::compose::{INTEGRATION, VIEWER};
use super::fluent::SDK;
use super::ids::role_name;
use super::model::{Application, Operation, Table, TableRights};
use super::output::TABLES;
use super::rights::TRIAL_ROW;
use super::scope::Scope;

/// What the guide names besides the application.
#[derive(Debug, Clone, Copy)]
pub struct Guide<'a> {
    /// The application.
    pub application: &'a Application,
    /// The same tables without a scope.
    pub by_hand: &'a Application,
    /// The scope.
    pub scope: &'a Scope,
}

/// A step. Its number is its place here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Write,
    Build,
    Users,
    OAuth,
    Maps,
    Profile,
    Check,
}

impl Step {
    const ALL: [Self; 7] = [Self::Write, Self::Build, Self::Users, Self::OAuth, Self::Maps, Self::Profile, Self::Check];

    fn number(self) -> usize {
        self as usize + 1
    }

    fn title(self) -> &'static str {
        match self {
            Self::Write => "Write the application",
            Self::Build => "Build and install it",
            Self::Users => "Create the user and give it roles",
            Self::OAuth => "Register the OAuth client",
            Self::Maps => "Change the maps of Source-to-Pay",
            Self::Profile => "Use the profile of the application",
            Self::Check => "Check it",
        }
    }
}

/// The text.
pub fn text(guide: Guide<'_>) -> String {
    let Guide { application, by_hand, scope } = guide;
    let profile = &application.profile;
    let mut text = format!(
        "# Steps\n\n\
         `tieline servicenow-app` wrote these files for the profile `{profile}` and the scope `{scope}`.\n\
         Tieline's page `docs/servicenow.md` explains each step; the numbers are the same.\n\n"
    );
    for step in Step::ALL {
        let _ = write!(text, "## {}. {}\n\n", step.number(), step.title());
        match step {
            Step::Write => write(&mut text, profile, scope),
            Step::Build => build(&mut text, application),
            Step::Users => users(&mut text, application, scope),
            Step::OAuth => oauth(&mut text),
            Step::Maps => changes(&mut text, application),
            Step::Profile => settings(&mut text, profile),
            Step::Check => check(&mut text),
        }
    }
    hand(&mut text, by_hand, profile);
    text
}

fn write(text: &mut String, profile: &str, scope: &Scope) {
    let _ = write!(
        text,
        "Done. After an upgrade of Tieline or a change of your definitions, run the command again:\n\n    \
         tieline servicenow-app --profile {profile} --scope {scope} --output .\n\n\
         It keeps the `sys_id` of every record, raises the version in `package.json` if the application\n\
         changed, and replaces only files that nobody else changed. Keep all files in your version control,\n\
         `src/fluent/generated/keys.ts` and `tieline-files.json` too.\n\n"
    );
}

fn build(text: &mut String, application: &Application) {
    let _ = write!(
        text,
        "You need Node.js 20.18 or newer. This installs ServiceNow's SDK {SDK} (340 MB) into this\n\
         directory:\n\n    \
         npm install\n    npx now-sdk build\n    npx now-sdk pack\n\n\
         Install the zip file in `target/` with `npx now-sdk install`, or give it to the team that installs\n\
         applications.\n\n\
         If a file is removed from `{TABLES}`, the SDK deletes that table with its rows from an\n\
         instance at the next installation.\n\n"
    );
    products(text, application);
}

fn products(text: &mut String, application: &Application) {
    let existing: Vec<(&Table, &str)> = application.tables.iter().filter_map(|table| Some((table, table.product()?))).collect();
    if existing.is_empty() {
        return;
    }
    text.push_str(
        "The application adds columns to tables of the instance. The products that bring them must be\n\
         active first:\n\n| table | comes with |\n|---|---|\n",
    );
    for (table, product) in &existing {
        let _ = writeln!(text, "| `{}` | {product} |", table.name);
    }
    let mut staging = String::new();
    for (table, _) in &existing {
        for index in table.indexes.iter().filter(|index| !index.unique) {
            let _ = writeln!(staging, "- `{}`, column `{}`", table.name, index.column);
        }
    }
    if !staging.is_empty() {
        text.push_str("\nAn application cannot index tables of others. Create these indexes by hand, not unique:\n\n");
        text.push_str(&staging);
    }
    text.push('\n');
}

fn users(text: &mut String, application: &Application, scope: &Scope) {
    let of_others: Vec<&TableRights> =
        application.rights.iter().filter(|rights| application.table(&rights.table).is_none_or(|table| !table.is_own())).collect();
    let _ = write!(
        text,
        "Create a user for Tieline with *Web service access only*, and give it the role\n\
         `{}`. Give `{}` to people who read the records.\n\n",
        role_name(INTEGRATION, scope),
        role_name(VIEWER, scope)
    );
    if !of_others.is_empty() {
        text.push_str(
            "An application cannot give rights to tables of others. Give the user the roles of your instance\n\
             that allow this:\n\n",
        );
        rights(text, &of_others);
    }
    text.push_str(
        "`tieline doctor` compares columns and maps if the user may also read `sys_dictionary`,\n\
         `sys_db_object`, `sys_transform_map` and `sys_transform_entry`.\n\n",
    );
}

/// A table of rights, and who needs the right to delete.
fn rights(text: &mut String, all: &[&TableRights]) {
    text.push_str("| table | the user needs |\n|---|---|\n");
    let mut deletes = false;
    for rights in all {
        let is_lasting = |operation: &&Operation| **operation != TRIAL_ROW;
        let mut words: Vec<&str> = rights.operations.iter().filter(is_lasting).map(|operation| operation.word()).collect();
        if rights.operations.contains(&TRIAL_ROW) {
            deletes = true;
            words.push("(delete)");
        }
        let _ = writeln!(text, "| `{}` | {} |", rights.table, words.join(", "));
    }
    text.push('\n');
    if deletes {
        text.push_str(
            "(delete): only `tieline doctor` deletes, and only the row by which it tests the right to create.\n\
             Without this right, run `tieline doctor --read-only`.\n\n",
        );
    }
}

fn oauth(text: &mut String) {
    let _ = write!(
        text,
        "The SDK cannot create an OAuth registration, and a client secret does not belong in an\n\
         application. Do this on the instance:\n\n\
         1. Create the system property `glide.oauth.inbound.client.credential.grant_type.enabled`, type\n   \
         true | false, with the value `true`.\n\
         2. Under *System OAuth > Application Registry*, choose *New*, then *Create an OAuth API endpoint\n   \
         for external clients*. Set *Default Grant type* to *Client Credentials*.\n\
         3. Set *OAuth Application User* to the user of step {}. If the field is not on the form, add it.\n\
         4. If your release demands a *REST API Auth Scope*, allow the Table, Import Set, Batch and\n   \
         Aggregate APIs.\n\
         5. Save, and store client id and client secret in Tieline:\n\n    \
         tieline credential set servicenow --username CLIENT_ID\n\n",
        Step::Users.number()
    );
}

fn changes(text: &mut String, application: &Application) {
    if application.map_changes.is_empty() {
        text.push_str("Nothing to do: this profile writes to no staging table that ServiceNow ships.\n\n");
        return;
    }
    text.push_str(
        "ServiceNow ships these staging tables with their transform maps. A second map on the same\n\
         table would write a second row, so change the shipped maps:\n\n\
         1. Set *Copy empty fields*.\n\
         2. Add the field maps below, each from and to the column of the same name.\n\
         3. Set *Coalesce* and *Case sensitive* in the field map of the key, and remove *Coalesce* from all\n   \
         others. Otherwise two records share a row, or one record gets two.\n\n\
         | map | staging table | target table | key | other field maps |\n|---|---|---|---|---|\n",
    );
    for change in &application.map_changes {
        let of = |coalesce: bool| {
            let names = change.fields.iter().filter(|field| field.coalesce == coalesce).map(|field| format!("`{}`", field.column));
            names.collect::<Vec<_>>().join(", ")
        };
        let _ = writeln!(text, "| {} | `{}` | `{}` | {} | {} |", change.map, change.source, change.target, of(true), of(false));
    }
    text.push('\n');
}

fn settings(text: &mut String, profile: &str) {
    let _ = write!(
        text,
        "Copy `definitions/` to the machine of Tieline, for example to `/etc/tieline/definitions`, and set\n\
         in `tieline.toml`:\n\n    \
         [servicenow]\n    profile = \"{profile}\"\n\n    \
         [definitions]\n    directory = \"/etc/tieline/definitions\"\n\n\
         If records were delivered to other tables before, read *Definitions in force* in\n\
         `docs/definitions.md` first.\n\n"
    );
}

fn check(text: &mut String) {
    text.push_str(
        "    tieline check\n    tieline doctor\n\n\
         `tieline doctor` names each table and column that is missing or too short, and each map that is\n\
         missing or does not coalesce on the key.\n\n",
    );
}

fn hand(text: &mut String, by_hand: &Application, profile: &str) {
    let made = by_hand.tables.iter().filter(|table| table.is_own()).count();
    let count = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    let (made, changed) = (count(made, "table"), count(by_hand.tables.len() - made, "table"));
    let (maps, map_changes) = (count(by_hand.maps.len(), "map"), count(by_hand.map_changes.len(), "map"));
    let _ = write!(
        text,
        "## Without an application\n\n\
         If scoped applications are not wanted, leave out step {build} and make tables, columns and maps by\n\
         hand in the global scope. `without-scope/` lists them: {made} to create, {changed} that get\n\
         columns, {maps} to create, {map_changes} to change.\n\n\
         - `tables.csv`: tables, and the table that each one extends\n\
         - `columns.csv`: columns with type, length, decimals and index\n\
         - `maps.csv`: field maps, one row each\n\
         - `rights.csv`: what the user of step {users} needs; create access rules for it\n\n\
         The definitions with these names are in `without-scope/definitions/` (profile `{profile}`); use them\n\
         in step {profile_step}.\n\n",
        build = Step::Build.number(),
        users = Step::Users.number(),
        profile_step = Step::Profile.number(),
    );
    rights(text, &by_hand.rights.iter().collect::<Vec<_>>());
    text.truncate(text.trim_end().len());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_same_steps() {
        let page = include_str!("../../docs/servicenow.md");
        let numbered = |line: &&str| line.strip_prefix("## ").is_some_and(|title| title.starts_with(|c: char| c.is_ascii_digit()));
        let on_page: Vec<&str> = page.lines().filter(numbered).collect();
        let here: Vec<String> = Step::ALL.iter().map(|step| format!("## {}. {}", step.number(), step.title())).collect();
        assert_eq!(on_page, here);
    }
}
