//! Another key signs the audit: the former one signs the first day of the new one too, and no later day.

use std::fs;

use super::{Signed, offline, script, verify};

#[test]
fn a_new_key_is_signed_for_by_the_former_one() {
    let signed = Signed::start();
    let first = signed.json(0, &["audit", "head"])["keys"][0].as_str().unwrap().to_owned();
    // as if yesterday had not been signed yet
    signed.psql(&format!(
        "CREATE TABLE days AS SELECT * FROM audit_day WHERE day < (SELECT max(day) FROM audit_day); {}; {}",
        super::NO_SEALS,
        super::NO_NOTES
    ));
    signed.seal();
    signed.psql("INSERT INTO audit_day SELECT * FROM days; DROP TABLE days");
    let changed = signed.json(0, &["audit", "rotate-key", "--why", "the yearly change"]);
    assert_eq!(changed["former"], first.as_str());
    let second = changed["key"].as_str().unwrap().to_owned();
    let again = signed.said(1, &["audit", "rotate-key", "--why", "once more"]);
    assert!(again.contains("was changed already") && again.contains("midnight UTC"), "{again}");
    assert!(signed.said(0, &["credential", "list"]).contains("audit-signing-former"));

    signed.seal();
    fs::remove_dir_all(&signed.kept).unwrap();
    let to = signed.kept.to_str().unwrap();
    signed.said(0, &["audit", "export", "--to", to]);
    signed.seal();
    let (yesterday, before) = {
        let days = signed.psql("SELECT day FROM audit_day ORDER BY day DESC LIMIT 2");
        let (yesterday, before) = days.split_once('\n').unwrap();
        (yesterday.to_owned(), before.to_owned())
    };
    assert!(!signed.said(0, &["credential", "list"]).contains("audit-signing-former"), "it is not needed any more");
    let read = |name: &str| fs::read_to_string(signed.kept.join(name)).unwrap();
    assert!(read(&format!("{yesterday}.manifest")).contains(&second) && read(&format!("{before}.manifest")).contains(&first));
    assert!(signed.kept.join(format!("{yesterday}.manifest.former.sig")).exists());
    let signers = read("allowed_signers");
    let today = signed.psql("SELECT to_char(current_date, 'YYYYMMDD')");
    let bare = yesterday.replace('-', "");
    assert!(signers.contains(&format!("valid-before=\"{today}\"")) && signers.contains(&format!("valid-after=\"{bare}\"")), "{signers}");
    for (good, said) in [script(&signed.kept), offline(&signed.kept)] {
        assert!(good && !said.contains("ask why"), "{said}");
    }
    let whole = verify(signed.database(), signed.heads());
    assert!(whole.problem.is_none() && whole.unsigned_changes.is_empty() && whole.known_heads == 4, "{whole:?}");
    let events = signed.said(0, &["audit", "--kind", "action"]);
    assert!(events.contains("the yearly change") && events.contains("audit key change"), "{events}");

    // without the signature of the former key, everybody says that it is missing
    let former = signed.kept.join(format!("{yesterday}.manifest.former.sig"));
    let whole = fs::read(&former).unwrap();
    fs::remove_file(&former).unwrap();
    for (good, said) in [script(&signed.kept), offline(&signed.kept)] {
        assert!(good && said.contains("ask why"), "{said}");
    }
    // and one that is not of this day is refused
    fs::copy(signed.kept.join(format!("{before}.manifest.sig")), &former).unwrap();
    for (good, said) in [script(&signed.kept), offline(&signed.kept)] {
        assert!(!good && said.contains("former key"), "{said}");
    }
    fs::write(&former, whole).unwrap();

    // a manifest of the former key after its end is refused
    fs::write(
        signed.kept.join("allowed_signers"),
        signers.replace(&format!("valid-before=\"{today}\""), &format!("valid-before=\"{}\"", before.replace('-', ""))),
    )
    .unwrap();
    for (good, said) in [script(&signed.kept), offline(&signed.kept)] {
        assert!(!good && said.contains(&format!("{before}.manifest")), "{said}");
    }
    let copy = signed.database().copy();
    copy.psql("UPDATE audit_key SET last_day = last_day - 2 WHERE last_day IS NOT NULL");
    let problem = verify(&copy, Vec::new()).problem.unwrap();
    assert!(problem.contains("may sign until"), "{problem}");
    // and so is an end that no event names
    let copy = signed.database().copy();
    copy.psql("UPDATE audit_key SET last_day = last_day + 2 WHERE last_day IS NOT NULL");
    let problem = verify(&copy, Vec::new()).problem.unwrap();
    assert!(problem.contains("and the audit says from"), "{problem}");
}
