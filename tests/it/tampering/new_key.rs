//! `verify.sh` on days that were signed by hand: who may sign the first day of a new key, and with which key.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::script;
use crate::binary::text;

const FIRST: &str = "2026-03-01";
const SECOND: &str = "2026-03-02";

/// An export of two days without their events. The first day is signed by the key `a`, the second one by `b`, and by `a` as the former key.
struct Export {
    place: tempfile::TempDir,
    directory: PathBuf,
}

impl Export {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("export");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("verify.sh"), include_str!("../../../src/evidence/verify.sh")).unwrap();
        let export = Self { place, directory };
        let mut signers = String::new();
        for key in ["a", "b", "c"] {
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(export.key(key)).output().unwrap();
            assert!(made.status.success(), "{}", text(&made));
            let public = fs::read_to_string(export.key(key).with_extension("pub")).unwrap();
            signers.push_str(&format!("tieline namespaces=\"audit@tieline\" {}\n", public.trim()));
        }
        export.write("allowed_signers", &signers);
        export.day(FIRST, "a", 1, None);
        export.day(SECOND, "b", 11, Some(FIRST));
        export.sign(FIRST, "a", "sig");
        export.sign(SECOND, "b", "sig");
        export.sign(SECOND, "a", "former.sig");
        export
    }

    fn key(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.join(name)).unwrap()
    }

    fn fingerprint(&self, key: &str) -> String {
        let out = Command::new("ssh-keygen").args(["-l", "-f"]).arg(self.key(key)).output().unwrap();
        text(&out).split(' ').nth(1).unwrap().to_owned()
    }

    /// The manifest of a day that names this key.
    fn day(&self, day: &str, key: &str, first: i64, previous: Option<&str>) {
        let previous = previous.map(|day| sha256(&self.directory.join(format!("{day}.manifest")))).unwrap_or_default();
        let (key, last) = (self.fingerprint(key), first + 9);
        let manifest = format!(
            "day {day}\nstate final\nkey {key}\nlines 10\nsha256 {}\nprevious {previous}\nfirst-leaf {first}\nlast-leaf {last}\n",
            "0".repeat(64)
        );
        self.write(&format!("{day}.manifest"), &manifest);
    }

    fn sign(&self, day: &str, key: &str, ending: &str) {
        let manifest = fs::File::open(self.directory.join(format!("{day}.manifest"))).unwrap();
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-Y", "sign", "-n", "audit@tieline", "-f"]).arg(self.key(key));
        let out = command.stdin(Stdio::from(manifest)).output().unwrap();
        assert!(out.status.success(), "{}", text(&out));
        fs::write(self.directory.join(format!("{day}.manifest.{ending}")), out.stdout).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.directory.join(name)).unwrap();
    }
}

fn sha256(file: &Path) -> String {
    let out = Command::new("sha256sum").arg(file).output().unwrap();
    text(&out).split(' ').next().unwrap().to_owned()
}

#[test]
fn the_script_wants_the_former_key_for_a_new_one_and_no_other() {
    let (good, said) = script(&Export::new().directory);
    assert!(good && said.contains("2 days up to 2026-03-02, leaf 20") && !said.contains("ask why"), "{said}");

    // each is one change to a good export, and what the script says of it
    let former = "the signature of the former key";
    let changes: [(&str, &str, &dyn Fn(&Export)); 6] = [
        ("the new key signs for itself", former, &|export| export.sign(SECOND, "b", "former.sig")),
        ("a third key signs for the new one", former, &|export| export.sign(SECOND, "c", "former.sig")),
        ("the same, without the day before", "of the same key", &|export| {
            export.sign(SECOND, "b", "former.sig");
            for ending in ["manifest", "manifest.sig"] {
                export.remove(&format!("{FIRST}.{ending}"));
            }
        }),
        ("the former key signs another day", former, &|export| {
            fs::copy(
                export.directory.join(format!("{FIRST}.manifest.sig")),
                export.directory.join(format!("{SECOND}.manifest.former.sig")),
            )
            .unwrap();
        }),
        ("the manifest names another key than the one that signed", "the signature is not valid", &|export| {
            export.day(SECOND, "c", 11, Some(FIRST));
            export.sign(SECOND, "b", "sig");
            export.sign(SECOND, "a", "former.sig");
        }),
        ("a key signs that may not", "the signature is not valid", &|export| {
            let fewer: Vec<String> =
                export.read("allowed_signers").lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line.to_owned()).collect();
            export.write("allowed_signers", &(fewer.join("\n") + "\n"));
        }),
    ];
    for (what, expected, change) in changes {
        let export = Export::new();
        change(&export);
        let (good, said) = script(&export.directory);
        assert!(!good && said.contains(expected), "{what}: {said}");
    }

    // nobody signed for it: no proof of a fault, and said
    let export = Export::new();
    export.remove(&format!("{SECOND}.manifest.former.sig"));
    let (good, said) = script(&export.directory);
    assert!(good && said.contains("2026-03-02: another key signs from here on") && said.contains("ask why"), "{said}");
}
