//! `tieline demo` as a newcomer sees it, through the binary.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use rust_decimal::Decimal;
use serde_json::Value;

use crate::binary::text;
use crate::cli::{json, said};

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
    command.arg("demo").args(arguments).env_remove("TIELINE_CONFIG").stdin(Stdio::null());
    command
}

/// Words of the code that a newcomer does not know, or that say something else to an accountant.
const NOT_SAID: &[&str] =
    &["parked", "confirmed", "stand-in", "set aside", "aside", "in hand", "goes on", "runs on", "in doubt", "made-up", "way back"];

#[test]
fn amounts_are_added_by_company_and_currency_and_never_over_them() {
    let out = demo(&["--once", "--documents", "120", "--output", "json"]).output().unwrap();
    let answer = json(&out, 0);
    assert_eq!(answer["ties_out"], true, "{answer}");
    let totals = answer["summary"]["totals"].as_array().unwrap();
    let amount = |total: &Value, side: &str| total[side].as_str().unwrap().parse::<Decimal>().unwrap();
    let of = |company: &str, what: &str| -> Vec<(&str, Decimal)> {
        let these = totals.iter().filter(|total| total["company"] == company && total["amounts_of"] == what);
        these.map(|total| (total["currency"].as_str().unwrap(), amount(total, "syspro"))).collect()
    };
    for total in totals {
        assert!(["ZAR", "USD", "EUR", "JPY", "KWD"].contains(&total["currency"].as_str().unwrap()), "{total}");
        assert_eq!(amount(total, "syspro"), amount(total, "servicenow"), "{total}");
        assert_eq!((amount(total, "undelivered"), amount(total, "difference")), (Decimal::ZERO, Decimal::ZERO), "{total}");
    }
    let currencies = |all: &[(&str, Decimal)]| all.iter().map(|(currency, _)| (*currency).to_owned()).collect::<Vec<_>>();
    assert_eq!(currencies(&of("EDU1", "Invoices")), ["EUR", "USD", "ZAR"]);
    assert_eq!(currencies(&of("ODD", "Invoices")), ["EUR", "JPY", "KWD", "USD", "ZAR"]);
    // the books are kept in one currency
    for what in ["Invoice lines", "GL debits"] {
        assert_eq!(currencies(&of("EDU1", what)), ["ZAR"], "{what}");
    }
    // the largest value is in the awkward company alone
    let most = Decimal::from(20_000_000);
    let manufacturer = totals.iter().filter(|total| total["company"] == "EDU1");
    for total in manufacturer {
        assert!(amount(total, "syspro") < most, "no plausible total of 120 invoices: {total}");
    }
    let odd = of("ODD", "Invoices");
    assert!(odd.iter().any(|(currency, sum)| *currency == "ZAR" && *sum > Decimal::from(99_999_999_999_i64)), "{odd:?}");
}

#[test]
fn the_summary_fits_a_terminal_of_80_columns_and_names_the_awkward_company() {
    let out = demo(&["--once", "--documents", "120"]).output().unwrap();
    let words = said(&out, 0);
    for line in words.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
    assert!(words.contains("ODD: awkward values on purpose"), "{words}");
    for wanted in ["Starting simulators of SYSPRO and ServiceNow", "delivered", "agree to the cent", "ZAR", "USD", "EUR", "KWD"] {
        assert!(words.contains(wanted), "`{wanted}` is missing: {words}");
    }
    // of the manufacturer nothing is larger than a works could spend
    let (manufacturer, odd) = words.split_once("ODD: ").unwrap();
    assert!(!manufacturer.contains(",999,999.99") && odd.contains("100,") && odd.contains("KWD"), "{words}");
    for word in NOT_SAID {
        assert!(!words.contains(word), "`{word}` is said: {words}");
    }
}

#[test]
fn the_live_feed_says_when_the_next_run_comes() {
    let mut child = demo(&["--documents", "26"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let seen: Vec<String> = lines.by_ref().take_while(|line| !line.contains("invoices: SYSPRO")).collect();
    let feed = lines.next().unwrap_or_default();
    Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap();
    let rest: Vec<String> = lines.collect();
    let mut complaints = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    let status = child.wait().unwrap();
    let all = [seen, vec![feed.clone()], rest, vec![complaints]].concat().join("\n");
    assert_eq!(status.code(), Some(0), "{all}");
    assert!(feed.contains("new; next run at ") && feed.ends_with(" s"), "{feed}\n{all}");
    assert!(all.contains("Tieline reads it once a minute") && all.contains("console   http://127.0.0.1:"), "{all}");
    for word in NOT_SAID {
        assert!(!all.contains(word), "`{word}` is said: {all}");
    }
}

#[test]
fn its_help_uses_plain_words() {
    let words = text(&demo(&["--help"]).output().unwrap());
    for word in NOT_SAID {
        assert!(!words.contains(word), "`{word}` is said: {words}");
    }
}
