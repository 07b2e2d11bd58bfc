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
use crate::servicenow_app::directory::{Directory, NotWritten, Written};
use crate::servicenow_app::output::TABLES;
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
    /// Write into a directory that has files which this command did not write; those files stay
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
        let help = "The directory to write to: a new one, an empty one, or that of an earlier run";
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
    let found = Directory::open(directory, &args.scope, args.force).map_err(refused)?;
    let files = servicenow_app::files(&definitions, &args.scope, &site, found.keys())
        .map_err(|problem| Failure::new(Exit::Configuration, problem))?;
    let written = found.write(&files).map_err(refused)?;
    // what was written is what Tieline will read
    for definitions in [DEFINITIONS.to_owned(), format!("{BY_HAND}/{DEFINITIONS}")] {
        inspected(Some(&directory.join(definitions)), &args.profile)?;
    }
    let shown = directory.display();
    output::line(&format!("{} files for the profile {} in scope {} are in {shown}.", files.0.len(), args.profile, args.scope))?;
    if found.is_used() {
        again(&written)?;
    }
    output::line(&format!("Next: read {shown}/STEPS.md, then build with `npm install && npx now-sdk build` in {shown}."))?;
    match by_hand(&written) {
        None => Ok(Exit::Done),
        Some(text) => Err(Failure::new(Exit::Failed, text)),
    }
}

fn refused(error: NotWritten) -> Failure {
    let exit = match error {
        NotWritten::Io { .. } | NotWritten::Malformed { .. } => Exit::Failed,
        NotWritten::NoDirectory { .. } | NotWritten::NotEmpty { .. } | NotWritten::OtherScope { .. } => Exit::Usage,
    };
    Failure::new(exit, error.to_string())
}

/// What a run did in the directory of an earlier one.
fn again(written: &Written) -> Result<(), Failure> {
    let version = match &written.earlier_version {
        Some(earlier) => format!("the version is {} (it was {earlier})", written.version),
        None => format!("the version is still {}", written.version),
    };
    let Written { written: changed, unchanged, removed, .. } = written;
    output::line(&format!("Written: {changed}, unchanged: {unchanged}, removed: {}; {version}.", removed.len()))?;
    for path in removed {
        let note =
            if path.starts_with(TABLES) { "; the next installation deletes what it made on the instance, with its data" } else { "" };
        output::line(&format!("Removed: {path}{note}"))?;
    }
    Ok(())
}

/// What a person must do with files that were changed since the command wrote them.
fn by_hand(written: &Written) -> Option<String> {
    let list = |paths: &[String]| paths.iter().map(|path| format!("\n  {path}")).collect::<String>();
    let mut texts = Vec::new();
    if !written.kept.is_empty() {
        texts.push(format!(
            "these files were changed since the command wrote them, and stay as they are. Merge what is in the file of the same name with \
             `.new`, and delete that file:{}",
            list(&written.kept)
        ));
    }
    if !written.left.is_empty() {
        texts.push(format!(
            "these files no longer belong to the application, and were changed since the command wrote them. Remove them, unless you need \
             them:{}",
            list(&written.left)
        ));
    }
    (!texts.is_empty()).then(|| texts.join("\n"))
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
