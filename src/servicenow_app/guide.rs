//! Writes `STEPS.md`: what an administrator does with the files, with the names of this application.

use std::fmt::Write as _;

use super::compose::{INTEGRATION, VIEWER};
use super::fluent::SDK;
use super::ids::role_name;
use super::model::{Application, Table, TableKind};
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

/// The text.
pub fn text(guide: Guide<'_>) -> String {
    let Guide { application, by_hand, scope } = guide;
    let profile = &application.profile;
    let mut text = format!(
        "# Steps\n\n\
         `tieline servicenow-app` wrote these files for the profile `{profile}` and the scope `{scope}`.\n\
         Tieline's page `docs/servicenow.md` explains each step.\n\n"
    );
    build(&mut text, scope);
    products(&mut text, application);
    users(&mut text, application, scope);
    oauth(&mut text);
    changes(&mut text, application);
    settings(&mut text, profile);
    hand(&mut text, by_hand, profile);
    text
}

fn build(text: &mut String, scope: &Scope) {
    let version = env!("CARGO_PKG_VERSION");
    let zip = format!("target/{scope}_{}.zip", version.replace('.', "_"));
    let _ = write!(
        text,
        "## 1. Build and install the application\n\n\
         You need Node.js 20.18 or newer. This installs ServiceNow's SDK {SDK} (340 MB) into this\n\
         directory:\n\n    \
         npm install\n    npx now-sdk build\n    npx now-sdk pack\n\n\
         Install `{zip}` with `npx now-sdk install`, or give it to the team that\n\
         installs applications. Keep `src/fluent/generated/keys.ts` in your version control: it holds\n\
         the `sys_id` of every record, and a later build updates these records.\n\n"
    );
}

fn products(text: &mut String, application: &Application) {
    let shipped: Vec<(&Table, &str)> = application
        .tables
        .iter()
        .filter_map(|table| match table.kind {
            TableKind::Shipped(shipped) => Some((table, shipped.product)),
            TableKind::Staging | TableKind::Target => None,
        })
        .collect();
    if shipped.is_empty() {
        return;
    }
    text.push_str(
        "The application adds columns to tables of ServiceNow. The products that bring them must be\n\
         active first:\n\n| table | comes with |\n|---|---|\n",
    );
    for (table, product) in &shipped {
        let _ = writeln!(text, "| `{}` | {product} |", table.name);
    }
    let mut staging = String::new();
    for (table, _) in &shipped {
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
    let written = application.tables.iter().filter(|table| matches!(table.kind, TableKind::Shipped(shipped) if shipped.map.is_none()));
    let written: Vec<String> = written.map(|table| format!("- `{}`\n", table.name)).collect();
    let _ = write!(
        text,
        "## 2. Roles\n\n\
         Create a user for Tieline with *Web service access only*, and give it the role\n\
         `{}`. Give `{}` to people who read the records.\n",
        role_name(INTEGRATION, scope),
        role_name(VIEWER, scope)
    );
    if !written.is_empty() {
        text.push_str(
            "\nAn application cannot give rights to tables of others. Give the user the roles of your instance\n\
             that read, create and change rows of these tables. Tieline needs only to read a table\n\
             that a transform map fills:\n\n",
        );
        text.extend(written);
    }
    text.push_str(
        "\n`tieline doctor` checks columns and maps if the user may also read `sys_dictionary`,\n\
         `sys_db_object`, `sys_transform_map` and `sys_transform_entry`.\n\n",
    );
}

fn oauth(text: &mut String) {
    text.push_str(
        "## 3. OAuth\n\n\
         The SDK cannot create an OAuth registration, and a client secret does not belong in an\n\
         application. Do this on the instance:\n\n\
         1. Create the system property `glide.oauth.inbound.client.credential.grant_type.enabled`, type\n   \
         true | false, with the value `true`.\n\
         2. Under *System OAuth > Application Registry*, choose *New*, then *Create an OAuth API endpoint\n   \
         for external clients*. Set *Default Grant type* to *Client Credentials*.\n\
         3. Set *OAuth Application User* to the user of step 2. If the field is not on the form, add it.\n\
         4. If your release demands a *REST API Auth Scope*, allow the Table, Import Set, Batch and\n   \
         Aggregate APIs.\n\
         5. Save, and store client id and client secret in Tieline:\n\n    \
         tieline credential set servicenow --username CLIENT_ID\n\n",
    );
}

fn changes(text: &mut String, application: &Application) {
    if application.map_changes.is_empty() {
        return;
    }
    text.push_str(
        "## 4. Transform maps of ServiceNow\n\n\
         ServiceNow ships these staging tables with their transform maps. A second map on the same\n\
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
        "## 5. Settings of Tieline\n\n\
         Copy `definitions/` to the machine of Tieline, for example to `/etc/tieline/definitions`, and set\n\
         in `tieline.toml`:\n\n    \
         [servicenow]\n    profile = \"{profile}\"\n\n    \
         [definitions]\n    directory = \"/etc/tieline/definitions\"\n\n\
         Then check both sides:\n\n    \
         tieline check\n    tieline doctor\n\n\
         `tieline doctor` names each column that is missing or too short, and each map that does not\n\
         coalesce on the key. If records were delivered to other tables before, read\n\
         *Definitions in force* in `docs/definitions.md` first.\n\n"
    );
}

fn hand(text: &mut String, by_hand: &Application, profile: &str) {
    let made = by_hand.tables.iter().filter(|table| table.is_own()).count();
    let changed = by_hand.tables.len() - made;
    let maps = by_hand.maps.len();
    let _ = write!(
        text,
        "## Without an application\n\n\
         If scoped applications are not wanted, leave out step 1 and make tables, columns and maps by hand\n\
         in the global scope. `without-scope/` lists them: {made} tables to create, {changed} tables that get\n\
         columns, {maps} maps to create.\n\n\
         - `tables.csv`: tables, and the table that each one extends\n\
         - `columns.csv`: columns with type, length, decimals and index\n\
         - `maps.csv`: field maps, one row each\n\n\
         Give the user roles that create and read rows of the staging tables, and read rows of the others.\n\
         The definitions with these names are in `without-scope/definitions/` (profile `{profile}`); use them\n\
         in step 5.\n"
    );
}
