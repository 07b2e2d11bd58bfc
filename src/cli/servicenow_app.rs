//! `tieline servicenow-app`: writes the ServiceNow side of a profile as an application.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Arg, ArgMatches, Command, FromArgMatches};

use super::OutputForm;
use super::failure::{Exit, Failure};
use super::output;
use crate::definition::{self, Currencies, Definitions, Problem};
use crate::servicenow_app::output::NotWritten;
use crate::servicenow_app::scope::Scope;
use crate::servicenow_app::{self, BY_HAND, DEFINITIONS};

/// The options of the command.
#[derive(Debug, clap::Args)]
pub struct ServicenowAppArgs {
    /// The profile that says what Tieline writes: apo, s2p or one of your own
    #[arg(long, value_name = "PROFILE")]
    profile: String,
    /// The scope of the application: the prefix of your company and a name, such as x_acme_tieline
    #[arg(long, value_name = "SCOPE")]
    scope: Scope,
    /// Where to write the files
    #[command(flatten)]
    directory: OutputDirectory,
    /// Your own definition files, as in `[definitions] directory`; without it the shipped ones are used
    #[arg(long, value_name = "DIR")]
    definitions: Option<PathBuf>,
    /// Replace the generated files of an earlier run; other files in the directory stay, except in src/fluent/tables
    #[arg(long)]
    force: bool,
}

/// `--output DIR`. It takes the place of the option of the same name that all commands have: this one lists nothing.
#[derive(Debug)]
struct OutputDirectory(PathBuf);

/// The name that the option has in every command.
const OUTPUT: &str = "output";

impl clap::Args for OutputDirectory {
    fn augment_args(command: Command) -> Command {
        // every command's value of this option has the type `OutputForm`; the path is read as it was typed
        let form = OsStringValueParser::new().map(|_: OsString| OutputForm::Table);
        let help = "The directory to write to; it is created, or must be empty";
        command.arg(Arg::new(OUTPUT).long(OUTPUT).value_name("DIR").required(true).value_parser(form).help(help))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for OutputDirectory {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let path = matches.get_raw(OUTPUT).and_then(|mut values| values.next()).map(PathBuf::from);
        path.map(Self).ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingRequiredArgument))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A profile that is always there.
const SHIPPED_PROFILE: &str = "apo";

/// Runs the command.
pub(super) fn servicenow_app(args: &ServicenowAppArgs) -> Result<Exit, Failure> {
    let directory = args.directory.0.as_path();
    if directory.as_os_str().is_empty() {
        return Err(Failure::new(Exit::Usage, "`--output` is empty; name the directory to write to"));
    }
    let definitions = inspected(args.definitions.as_deref(), &args.profile)?;
    // a profile of the site's own has shipped entities and code lists too
    let shipped = inspected(None, &args.profile).or_else(|_| inspected(None, SHIPPED_PROFILE))?.set.files;
    let site: BTreeMap<String, String> = definitions
        .set
        .files
        .iter()
        .filter(|(path, text)| shipped.get(*path) != Some(*text))
        .map(|(p, t)| (p.clone(), t.clone()))
        .collect();
    let files = servicenow_app::files(&definitions, &args.scope, &site).map_err(|problem| Failure::new(Exit::Configuration, problem))?;
    files.write(directory, args.force).map_err(|error| {
        let exit = if matches!(error, NotWritten::Io { .. }) { Exit::Failed } else { Exit::Usage };
        Failure::new(exit, error.to_string())
    })?;
    // what was written is what Tieline will read
    for written in [DEFINITIONS.to_owned(), format!("{BY_HAND}/{DEFINITIONS}")] {
        inspected(Some(&directory.join(written)), &args.profile)?;
    }
    let shown = directory.display();
    output::line(&format!("{} files for the profile {} in scope {} are in {shown}.", files.0.len(), args.profile, args.scope))?;
    output::line(&format!("Next: read {shown}/STEPS.md, then build with `npm install && npx now-sdk build` in {shown}."))?;
    Ok(Exit::Done)
}

/// The definitions of a profile, without companies.
fn inspected(site: Option<&Path>, profile: &str) -> Result<Definitions, Failure> {
    let companies = BTreeMap::new();
    let inspected = definition::inspect(site, profile, &[], Currencies::Of(&companies));
    if inspected.problems.is_empty() {
        return Ok(inspected.definitions);
    }
    let no_profile = |problem: &Problem| problem.key == "servicenow.profile";
    if let Some(problem) = inspected.problems.iter().find(|problem| no_profile(problem)) {
        return Err(Failure::new(Exit::Usage, format!("`--profile`: {}", problem.text)));
    }
    let lines: Vec<String> = inspected.problems.iter().map(|problem| format!("  {problem}")).collect();
    Err(Failure::new(Exit::Configuration, format!("the definitions have mistakes; correct them first\n{}", lines.join("\n"))))
}
