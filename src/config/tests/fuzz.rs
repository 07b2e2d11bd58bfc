//! Arbitrary settings files.

use super::*;
use crate::fuzz::{Target, files, fuzz};

const WORDS: &[&str] = &[
    "[syspro]",
    "[servicenow]",
    "[company.EDU1]",
    "[http]",
    "[database]",
    "[flows]",
    "[notices]",
    "[retention]",
    "[schedule]",
    "[state]",
    "[log]",
    "[retry]",
    "[definitions]",
    "odata_url = ",
    "companies = [",
    "time_zone = ",
    "\"https://x\"",
    "\"http://u:p@h\"",
    "= true\n",
    "= 5\n",
    "= \"\"\n",
    "= []\n",
    "since = 2024-02-30\n",
    "\"* * * * *\"",
    "\n",
    "\"",
    "[",
    "]",
    "host_names = [",
    "webhook_urls = [",
    "url = \"postgres://u:hidden@h/d\"\n",
];

#[test]
fn settings_files() {
    let shipped = include_str!("../../../config/tieline.toml");
    // every key, as if a site had set it
    let set: String =
        shipped.lines().map(|line| format!("{}\n", line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))).collect();
    let seeds = [shipped.as_bytes().to_vec(), set.into_bytes()].into_iter().chain(files(&["deploy", "debian"])).collect();
    let target = Target { name: "settings", words: WORDS, seeds, tries: 60 };
    fuzz(target, |input| {
        let text = String::from_utf8_lossy(input);
        match (read(&text, &[]), read(&text, &[])) {
            (Ok(one), Ok(other)) => {
                assert_eq!(format!("{:?}", one.settings), format!("{:?}", other.settings));
                assert!(!format!("{:?}", one.settings).contains("hidden"), "a password is shown");
                format!("{:?}", one.warnings)
            }
            (Err(one), Err(other)) => {
                assert_eq!(one.to_string(), other.to_string());
                one.to_string().lines().nth(1).unwrap_or_default().to_owned()
            }
            _ => panic!("accepted once and refused once"),
        }
    });
}
